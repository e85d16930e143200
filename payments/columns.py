"""Columns of plans and payments that are made of other things."""

import copy

from django.db.models import Case, DecimalField, F, When
from django.utils.html import format_html

from crm.records.columns import Column

from . import states
from .figures import ZERO
from .models import PaymentAllocation


class KeptColumn(Column):
    """What the verbs write of their own accord: no import can fill it."""

    computed = True


class StateColumn(Column):
    """未回, 部分, 已回, 逾期 N 天, out of the figures and the date."""

    computed = True

    def __init__(self):
        super().__init__(
            "state", "回款状态", paths=states.PATHS, combine=states.words, css="k-w-88", m="side", default=True
        )

    @property
    def depends(self):
        return frozenset({"state", "amount", "received", "due_on"})

    def html(self, record, value):
        if not value or self.masked:
            return super().html(record, value)
        state = states.of(record)
        text = "k-danger-text" if state == "overdue" else ""
        return format_html(
            '<span class="k-state"><span class="k-dot {}"></span><span class="{}">{}</span></span>',
            states.DOTS.get(state, ""),
            text,
            value,
        )


class LackColumn(Column):
    """未回金额: what is still to be paid of a plan."""

    computed = True
    expression = Case(When(states.UNPAID, then=F("amount") - F("received")), output_field=DecimalField())

    def __init__(self):
        super().__init__(
            "lacks",
            "未回金额",
            paths=("amount", "received"),
            combine=lambda amount, received: None if amount is None else max(amount - received, ZERO),
            kind="money",
            css="k-w-104",
            m="pair",
            default=True,
        )


class PlansColumn(Column):
    """期次: the plans a payment is allotted to, read for the page or a block of an export in one statement."""

    computed = True

    def __init__(self):
        super().__init__("plans", "期次", paths=("pk",), kind="text", css="k-w-104", m="sub", default=True)
        self.known: dict[int, list[int]] = {}
        self.combine = self.periods

    def fresh(self):
        one = copy.copy(self)
        one.known, one.combine = {}, one.periods
        return one

    @property
    def depends(self):
        return frozenset({self.key})

    def load(self, pks) -> None:
        missing = [pk for pk in pks if pk not in self.known]
        if not missing:
            return
        self.known |= {pk: [] for pk in missing}
        rows = PaymentAllocation.objects.filter(payment_id__any=missing).order_by("plan__period")
        for payment, period in rows.values_list("payment_id", "plan__period"):
            self.known[payment].append(period)

    def periods(self, pk) -> str:
        self.load([pk])
        return "、".join(f"第 {period} 期" for period in self.known[pk])
