"""抬头: whom a customer's invoices are made out to. Whoever edits the customer keeps them; the customer's log tells."""

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F

from crm.records import services
from customers.models import Customer

from ..models import InvoiceTitle

FIELDS = ("name", "tax_number", "bank", "account", "address", "phone")
MOST = 50
_DIGITS = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_WEIGHTS = [pow(3, place, 31) for place in range(17)]


class Stale(Exception):
    """The title was saved by somebody since its form was opened."""


def doubtful(number: str) -> bool:
    """Whether an 18-place 统一社会信用代码 has a check digit that does not fit: a hint, old numbers exist."""
    if len(number) != 18:
        return False
    if any(char not in _DIGITS for char in number):
        return True
    total = sum(_DIGITS.index(char) * weight for char, weight in zip(number, _WEIGHTS, strict=False))
    return _DIGITS[(31 - total % 31) % 31] != number[17]


def _lock(customer_id: int) -> Customer:
    found = Customer.objects.live().select_for_update(of=("self",)).filter(pk=customer_id).first()
    if found is None:
        raise ValidationError("该客户已被删除或合并。")
    return found


def _others(title: InvoiceTitle):
    return InvoiceTitle.objects.filter(customer=title.customer_id).exclude(pk=title.pk)


def _log(customer: Customer, code: str, text: str, *, by, changes: list | None = None) -> None:
    services.log(customer, code=f"customer.title_{code}", by=by, text=text, changes=changes)


@transaction.atomic
def keep(title: InvoiceTitle, *, default: bool, version: int | None = None, by) -> InvoiceTitle:
    """Save a new title or a changed one (`version` = what the form was opened at); a customer's first one is the default."""
    customer, before = _lock(title.customer_id), None
    if title.pk is None:
        if _others(title).count() >= MOST:
            raise ValidationError(f"一个客户最多 {MOST} 个抬头。")
    else:
        before = InvoiceTitle.objects.filter(pk=title.pk, customer=customer).first()
        if before is None:
            raise ValidationError("这个抬头刚被删除了。")
        if before.version != version:
            raise Stale
        title.version = before.version + 1
    default = default or not _others(title).filter(is_default=True).exists()
    title.is_default = default
    title.full_clean(exclude=["is_default"], validate_constraints=False)
    if _others(title).filter(name=title.name).exists():
        raise ValidationError({"name": "该客户已有这个抬头"})
    if default:
        _others(title).filter(is_default=True).update(is_default=False, version=F("version") + 1)
    title.save()
    changes = [
        {"label": str(field.verbose_name), "old": old, "new": new}
        for field in (InvoiceTitle._meta.get_field(name) for name in FIELDS)
        if (old := getattr(before, field.name, "")) != (new := getattr(title, field.name))
    ]
    code, text = ("updated", "修改") if before else ("created", "添加")
    _log(customer, code, f"{text}发票抬头“{title.name}”", by=by, changes=changes)
    return title


@transaction.atomic
def make_default(title: InvoiceTitle, *, by) -> None:
    """It is filled in first from now on."""
    customer = _lock(title.customer_id)
    if not InvoiceTitle.objects.filter(pk=title.pk).exists():
        raise ValidationError("这个抬头刚被删除了。")
    _others(title).filter(is_default=True).update(is_default=False, version=F("version") + 1)
    InvoiceTitle.objects.filter(pk=title.pk).update(is_default=True, version=F("version") + 1)
    _log(customer, "default", f"把“{title.name}”设为默认抬头", by=by)


@transaction.atomic
def drop(title: InvoiceTitle, *, by) -> None:
    """Delete a title; invoices made out to it keep what they say. The oldest of the others becomes the default."""
    customer = _lock(title.customer_id)
    if not InvoiceTitle.objects.filter(pk=title.pk).delete()[0]:
        raise ValidationError("这个抬头刚被删除了。")
    rest = InvoiceTitle.objects.filter(customer=customer)
    if not rest.filter(is_default=True).exists() and (first := rest.order_by("pk").first()):
        InvoiceTitle.objects.filter(pk=first.pk).update(is_default=True, version=F("version") + 1)
    _log(customer, "deleted", f"删除发票抬头“{title.name}”", by=by)


def keep_from(invoice, *, by) -> None:
    """存为抬头: what stands on an application, as a title of its customer; one of that name is changed. Inside the transaction of
    the application. ValidationError where the person may not edit the customer."""
    if not Customer.objects.allowed(by, "edit").filter(pk=invoice.customer_id).exists():
        raise ValidationError({"save_title": "您没有编辑该客户的权限，不能存为抬头"})
    values = {name: getattr(invoice, "title" if name == "name" else name) for name in FIELDS}
    title = InvoiceTitle.objects.filter(customer=invoice.customer_id, name=invoice.title).first()
    if title is not None and all(getattr(title, name) == value for name, value in values.items()):
        return
    title = title or InvoiceTitle(customer_id=invoice.customer_id)
    for name, value in values.items():
        setattr(title, name, value)
    keep(title, default=title.is_default, version=title.version, by=by)


def of(customer_id: int) -> list[dict]:
    """A customer's titles as the form fills them in."""
    rows = InvoiceTitle.objects.filter(customer=customer_id).order_by("-is_default", "pk")
    return [{"id": one.pk, **{name: getattr(one, name) for name in FIELDS}} for one in rows]
