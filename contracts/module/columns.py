"""The columns of contracts."""

from django.utils.html import format_html

from crm.records.columns import Column


class Number(Column):
    """The number; a draft has none yet."""

    def html(self, record, value):
        return super().html(record, value) if value else format_html('<span class="k-muted">{}</span>', "提交后生成")


class Computed(Column):
    """Written by the services of contracts, payments and invoices: shown and exported, never imported."""

    computed = True


class Linked(Computed):
    """Another record or document: its text, nothing where there is none."""


def _rest(amount, received):
    return None if amount is None or received is None else max(amount - received, 0)


COLUMNS = [
    Column("name", sort="name", css="k-w-name", m="title", default=True),
    Number("number", css="k-w-120", m="sub", default=True),
    Column("customer", paths=("customer__name",), css="k-w-name", m="sub", default=True),
    Column("status", css="k-w-72", m="side", default=True),
    Column("execution", css="k-w-72", default=True),
    Column("amount", css="k-w-120", m="pair", default=True),
    Computed("received", kind="money", css="k-w-120", m="pair", default=True),
    Computed("outstanding", "未回款", paths=("amount", "received"), combine=_rest, kind="money", css="k-w-120"),
    Computed("overdue", css="k-w-104", default=True),
    Column("signed_on", sort="signed_on", css="k-w-104", default=True),
    Column("ends_on", css="k-w-104"),
    Column("owner", css="k-w-96", m="sub", default=True),
    Computed("pending", kind="money", css="k-w-104"),
    Computed("planned", css="k-w-104"),
    Computed("invoiced", css="k-w-104"),
    Computed("invoicing", css="k-w-104"),
    Column("created_by", css="k-w-88"),
    Column("created_at", sort="created_at", css="k-w-104"),
    Column("updated_at", sort="updated_at", css="k-w-104"),
    Column("opportunity", paths=("opportunity__name",), css="k-w-name"),
    Column("customer_signer", paths=("customer_signer__name",), css="k-w-96"),
    Column("company_signer", paths=("company_signer__name",), css="k-w-96"),
    Linked("renewed_from", paths=("renewed_from__name",), css="k-w-name"),
    Linked("quotation", paths=("quotation__number",), css="k-w-120"),
    Computed("edition", css="k-w-72"),
    *[
        Column(key, css="k-w-104")
        for key in (
            "kind",
            "starts_on",
            "discount",
            "remind_days",
            "submitted_at",
            "approved_at",
            "ended_at",
            "end_reason",
            "voided_at",
            "void_reason",
            "next_contact_at",
            "last_followed_at",
            "remark",
        )
    ],
]
