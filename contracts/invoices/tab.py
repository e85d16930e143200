"""The 发票抬头 tab of a customer."""

from crm.records.modules import Tab

from ..models import InvoiceTitle
from . import titles


def _rows(customer):
    return InvoiceTitle.objects.filter(customer=customer)


def build(request, customer, rights) -> dict:
    may = "edit" in rights
    base = f"/customers/{customer.pk}/titles/"
    return {
        "rows": [
            {
                "title": one,
                "doubtful": titles.doubtful(one.tax_number),
                "edit_url": f"{base}{one.pk}/" if may else "",
                "default_url": f"{base}{one.pk}/default/" if may and not one.is_default else "",
                "remove_url": f"{base}{one.pk}/remove/" if may else "",
            }
            for one in _rows(customer).order_by("-is_default", "pk")
        ],
        "add_url": f"{base}new/" if may else "",
    }


TAB = Tab("titles", "发票抬头", "contracts/titles.html", build, lambda customer, user: _rows(customer), order=62)
