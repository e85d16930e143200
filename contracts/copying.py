"""Contracts that begin as a copy: 续签 of one that ends, 转为合同 of a quotation, a contract for an opportunity with its lines."""

import calendar
from collections.abc import Iterable
from datetime import date, timedelta

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from approvals import states
from approvals.models import Status
from crm.records import services as records
from crm.records.custom import definitions
from crm.records.custom.definitions import Type
from crm.records.forms import people_in_reach
from customers.models import Customer
from opportunities.counting import lock
from opportunities.models import Opportunity, Quotation, QuotationState
from opportunities.quotes import approval
from opportunities.quotes.queries import sight
from products.lines import save_lines
from products.lines.services import Row, offered

from .models import Contract
from .services import create_contract, held
from .submitting import submit_sent

NO_LONGER = (QuotationState.VOID, QuotationState.REJECTED)


def copy_lines(contract: Contract, lines: Iterable, *, discount, by) -> list[str]:
    """Give a new draft these product lines: products as they are called and listed today, at the agreed price and quantity. Answers
    the names of those that cannot be picked any more; where none can, the draft keeps its amount."""
    lines = list(lines)
    known = offered(by, {line.product_id for line in lines})
    there = [line for line in lines if line.product_id in known and known[line.product_id].on_shelf]
    if there:
        rows = [Row(line.product_id, line.price, line.quantity, line.remark) for line in there]
        saved = save_lines(contract, rows, discount=discount, by=by, version=contract.version)
        contract.version, contract.amount = saved.record.version, saved.record.amount
    return [line.name for line in lines if line not in there]


def _owner(former, by):
    """Who gets the new draft: the former owner, where `by` may give it to them."""
    mine = people_in_reach(by, "contract.create")
    return former if former is not None and mine.filter(pk=former.pk).exists() else by


# 续签 -----------------------------------------------------------------------------------------------------------------------
def _months_on(day: date, months: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def next_period(starts: date | None, ends: date | None) -> tuple[date | None, date | None]:
    """The period behind this one, of the same length: whole months where it was whole months, else days. Empty where the calendar
    ends before it (9999-12-31 stands for "without an end")."""
    if ends is None:
        return None, None
    try:
        return _behind(starts, ends)
    except (OverflowError, ValueError):
        return None, None


def _behind(starts: date | None, ends: date) -> tuple[date, date | None]:
    after = ends + timedelta(days=1)
    if starts is None:
        return after, None
    months = (after.year - starts.year) * 12 + after.month - starts.month
    if months and _months_on(starts, months) == after:
        return after, _months_on(after, months) - timedelta(days=1)
    return after, after + (ends - starts)


@transaction.atomic
def renew(contract: Contract, *, by) -> tuple[Contract, list[str]]:
    """A new draft behind this contract: the same parties and lines, the dates moved on. A second click finds the draft of the first
    one. Returns it and the names of the products that could not be taken along."""
    current = held(contract.pk)
    if not states.allows(current.status, "renew"):
        raise ValidationError("只有已通过的合同可以续签。")
    open_ones = (Status.DRAFT, Status.REJECTED, Status.WITHDRAWN, Status.PENDING)
    if there := current.renewals.filter(deleted_at=None, status__in=open_ones).order_by("-pk").first():
        return there, []
    starts, ends = next_period(current.starts_on, current.ends_on)
    known = definitions.custom("contract")
    made = Contract(
        name=_renewed(current.name),
        customer=current.customer,
        kind=current.kind,
        signed_on=timezone.localdate(),
        starts_on=starts,
        ends_on=ends,
        amount=current.amount,
        customer_signer=current.customer_signer,
        company_signer=current.company_signer,
        remind_days=current.remind_days,
        remark=current.remark,
        renewed_from=current,
        owner=_owner(current.owner, by),
        extra={
            key: value
            for key, value in current.extra.items()
            if key in known and not known[key].unique and known[key].type != Type.FILES
        },
    )
    create_contract(made, by=by, complete=False)
    records.log(current, code="contract.renewed", by=by, text=f"续签为“{made.name}”（编号 {made.pk}）")
    return made, copy_lines(made, current.lines.all(), discount=current.discount, by=by)


def _renewed(name: str) -> str:
    return name if name.endswith("（续签）") else f"{name[:96]}（续签）"


# From what was offered ------------------------------------------------------------------------------------------------------
def may_become(quotation: Quotation) -> bool:
    """Whether a contract may be made of it."""
    return quotation.state not in NO_LONGER and quotation.opportunity.deleted_at is None


def may_contract(user, deal: Opportunity) -> bool:
    """Whether the person may write a contract for this opportunity, open or won: its customer is theirs to edit."""
    if not user.has_function("contract.create"):
        return False
    return Customer.objects.allowed(user, "edit").filter(pk=deal.customer_id).exists()


@transaction.atomic
def from_quotation(quotation: Quotation, *, by) -> tuple[Contract, list[str]]:
    """A draft of what the newest version of a quotation says. A second click finds the contract of the first one. Answers like
    `renew`."""
    lock(Opportunity.objects.filter(pk=quotation.opportunity_id).values_list("customer_id", flat=True))
    deal = Opportunity.objects.select_for_update(of=("self",)).get(pk=quotation.opportunity_id)
    current = Quotation.objects.select_for_update(of=("self",)).filter(pk=quotation.pk).first()
    if current is None or not may_become(current):
        raise ValidationError("这份报价单已作废、被拒绝或删除，不能转为合同。")
    live = Contract.objects.live().exclude(status=Status.VOID)
    if there := live.filter(quotation=current).order_by("-pk").first():
        return there, []
    if not sight(by).money:  # the contract would show what the quotation hides
        raise ValidationError("您不能查看报价单的金额，不能把它转为合同。")
    approval.check(current, "contract")
    version = current.current
    signer = version.contact
    made = Contract(
        name=version.title,
        customer=deal.customer,
        opportunity=deal,
        quotation=current,
        signed_on=timezone.localdate(),
        amount=version.total,
        customer_signer=signer if signer and signer.customer_id == deal.customer_id and not signer.deleted_at else None,
        owner=_owner(deal.owner, by),
    )
    create_contract(made, by=by, complete=False)
    records.log(deal, code="opportunity.contracted", by=by, text=f"报价单 {current.number} 转为合同“{made.name}”")
    return made, copy_lines(made, version.lines.all(), discount=version.discount, by=by)


@transaction.atomic
def create_from(form, *, by) -> Contract:
    """What the form of a new contract says: the draft, with the lines of its opportunity where they were asked for (`left_out` = the
    names of those that could not be taken), and submitted where that button was pressed."""
    made = create_contract(form.instance, by=by)
    made.left_out = []
    if form.cleaned_data.get("take_lines") and form.offered is not None:
        made.left_out = copy_lines(made, form.offered.lines.all(), discount=form.offered.discount, by=by)
    if "_submit" in form.data:
        submit_sent(made, form.data, by=by)
    return made
