"""Live hints of the customer form: who is already called that, or has that phone."""

import re

from django.db.models import Q
from django.urls import reverse

from crm.records import fields, search

from .models import Contact, Customer

_SUFFIXES = re.compile(r"(有限责任公司|股份有限公司|有限公司|集团公司|集团|股份|公司|\(.*?\)|（.*?）)")
AT_MOST = 10


def stem(name: str) -> str:
    """A company name without what companies share: width, case, spaces, brackets, legal form and group suffixes."""
    return _SUFFIXES.sub("", search.normal(name))


def hints(field: str, value: str, user, exclude: str = "") -> list[dict]:
    """At most ten likely duplicates by name or phone. What `user` may not see shows name, owner and department only."""
    rows = Customer.objects.live()
    if exclude.isdigit():
        rows = rows.exclude(pk=int(exclude))
    if field == "name":
        wanted = stem(value)
        if len(wanted) < 2:
            return []
        found = [
            row
            for row in search.narrow(rows, _module("customer"), wanted, keys=("name",), user=None)
            .select_related("owner__department")
            .order_by("pk")[:200]
            if stem(row.name) == wanted
        ]
    elif field in ("phone", "contact_mobile"):
        digits = "".join(filter(str.isdigit, fields.tidy(value)))
        if len(digits) < 7:
            return []
        people = Contact.objects.live().filter(pk__in=_same_number("contact", digits)).values("customer_id")
        own = _same_number("customer", digits)
        found = list(
            rows.filter(Q(pk__in=people) | Q(pk__in=own)).select_related("owner__department").order_by("pk")[:AT_MOST]
        )
    else:
        return []
    found = found[:AT_MOST]
    seen = (
        set(
            Customer.objects.allowed(user, "view").filter(pk__in=[row.pk for row in found]).values_list("pk", flat=True)
        )
        if user.has_function("customer.view")
        else set()
    )
    return [_hit(row, row.pk in seen) for row in found]


def _same_number(module: str, digits: str):
    """Ids of records with exactly this number: part of one would let people guess the numbers of hidden customers."""
    lines = search.hits([_module(module)], digits, keys=("phone",), user=None)
    return lines.filter(text=digits).values("object_id")


def _module(name: str):
    from crm.records import modules

    return modules.get(name)


def _hit(row, visible: bool) -> dict:
    department = row.owner.department_name if row.owner else ""
    owner = " · ".join(filter(None, [str(row.owner or "公海"), department]))
    return {
        "name": row.name,
        "type": "客户",
        "owner": owner,
        "url": reverse("customer-detail", args=[row.pk]) if visible else "",
        "created": row.created_at if visible else None,
    }
