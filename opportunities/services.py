"""Verbs of opportunities beyond those every record has. Each keeps what the pool's rules read of the customer."""

import re
from collections.abc import Callable, Iterable

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from crm.records import fieldset, modules, services
from customers.models import Customer
from customers.services import check_customers_live

from . import counting, stages
from .models import Competitor, Opportunity, StageEntry, Stakeholder

# Modules above that stand on an opportunity: stands(id) -> the sentence why it cannot go to another customer, or "".
STANDING: list[Callable] = []
_SEPARATORS = re.compile(r"[、,，;；/\n]+")


def rivals_in(text: str) -> list[str]:
    """The names of competitors written in one line, each once."""
    limit = Competitor._meta.get_field("name").max_length
    names = [part.strip()[:limit] for part in _SEPARATORS.split(text or "")]
    return list(dict.fromkeys(filter(None, names)))


def _hold(customer_id: int) -> None:
    """Lock the customer an opportunity goes to; ValidationError where it went to the recycle bin meanwhile."""
    counting.lock([customer_id])
    if not Customer.objects.live().filter(pk=customer_id).exists():
        raise ValidationError({"customer": "该客户已被删除或合并，请重新选择"})


@transaction.atomic
def create_opportunity(opportunity: Opportunity, *, by, complete: bool = True) -> Opportunity:
    """Save an opportunity; its first stay in a stage begins. With `complete` what the company and its stage demand must be
    filled (ValidationError at the fields)."""
    if opportunity.customer_id:
        _hold(opportunity.customer_id)
    if complete and opportunity.stage_id and (keys := stages.lacking(opportunity, opportunity.stage)):
        words = f"“{opportunity.stage.name}”阶段必须填写"
        raise ValidationError(dict.fromkeys(keys, words))
    names = rivals_in(opportunity.competitors)
    opportunity.competitors = one_line(names)
    services.create(opportunity, by=by, complete=complete)
    StageEntry.objects.create(
        opportunity=opportunity,
        stage=opportunity.stage,
        stage_name=opportunity.stage.name,
        entered_at=opportunity.stage_since,
        by=by,
    )
    Competitor.objects.bulk_create([Competitor(opportunity=opportunity, name=name) for name in names])
    counting.recount([opportunity.customer_id])
    return opportunity


@transaction.atomic
def update_opportunity(opportunity: Opportunity, values: dict, *, version: int, by) -> Opportunity:
    """Save changed fields of an opportunity; with another customer both are counted anew."""
    customer, former = values.get("customer"), opportunity.customer_id
    if customer is None or customer.pk == former:
        return services.update(opportunity, values, version=version, by=by)
    counting.lock([customer.pk, former])
    _hold(customer.pk)
    if sentence := next(filter(None, (stands(opportunity.pk) for stands in STANDING)), ""):
        raise ValidationError({"customer": sentence})
    saved = services.update(opportunity, values, version=version, by=by)
    Stakeholder.objects.filter(opportunity=saved).exclude(contact__customer=customer.pk).delete()
    counting.recount([customer.pk, former])
    return saved


def _customers(rows) -> list[int]:
    """Lock the customers of these opportunities; their ids."""
    ids = sorted(set(rows.order_by().values_list("customer_id", flat=True)))
    counting.lock(ids)
    return ids


@transaction.atomic
def delete_opportunities(rows, *, by, now=None, along: str = "") -> int:
    """Move opportunities to the recycle bin (see services.delete). Returns how many."""
    customers = _customers(rows)
    moved = services.delete(rows, by=by, now=now, along=along)
    counting.recount(customers)
    return moved


@transaction.atomic
def restore_opportunities(rows, *, by) -> int:
    """Take opportunities out of the recycle bin; their customer must be live."""
    customers = _customers(rows)
    check_customers_live(rows)
    moved = services.restore(rows, by=by)
    counting.recount(customers)
    return moved


# Who decides, who competes ------------------------------------------------------------------------------------------
def _touched(opportunity: Opportunity, *, by, code: str, text: str, changes: list | None = None, **new) -> None:
    """A new version and a log row of a locked opportunity."""
    rows = Opportunity.objects.filter(pk=opportunity.pk)
    rows.update(version=F("version") + 1, updated_at=timezone.now(), **new)
    services.log(opportunity, code=f"opportunity.{code}", by=by, text=text, changes=changes)


def _locked(opportunity: Opportunity) -> Opportunity:
    current = Opportunity.objects.live().select_for_update(of=("self",)).filter(pk=opportunity.pk).first()
    if current is None:
        raise ValidationError("商机已被删除。")
    if current.state != Opportunity.State.OPEN:
        raise ValidationError(stages.CLOSED)
    return current


def _still(row) -> None:
    """ValidationError where somebody removed the row before the opportunity was locked: saving would bring it back."""
    if row.pk is not None and not type(row).objects.filter(pk=row.pk).exists():
        raise ValidationError("这一行刚被移除了。")


@transaction.atomic
def keep_stakeholder(row: Stakeholder, *, main: bool, by) -> Stakeholder:
    """Save who plays which part in the decision; `main` makes the contact the 决策人 of the opportunity."""
    current, fresh = _locked(row.opportunity), row.pk is None
    _still(row)
    row.opportunity = current
    row.full_clean()
    row.save()
    was, new = current.decider_id == row.contact_id, {}
    if main and not was:
        new = {"decider": row.contact}
    elif was and not main:
        new = {"decider": None}
    text = (
        f"{'添加' if fresh else '修改'}决策人{'' if not new else '，设为主要决策人' if main else '，不再是主要决策人'}"
    )
    _touched(current, by=by, code="stakeholder_kept", text=text, **new)
    return row


@transaction.atomic
def drop_stakeholder(row: Stakeholder, *, by) -> None:
    """Take somebody out of the decision; the contact itself stays, and stays the main one where `by` may not change who is."""
    current = _locked(row.opportunity)
    _still(row)
    main = current.decider_id == row.contact_id
    new = {"decider": None} if main and fieldset.of(modules.get("opportunity"), by).editable("decider") else {}
    row.delete()
    _touched(current, by=by, code="stakeholder_removed", text="移除决策人", **new)


@transaction.atomic
def keep_competitor(row: Competitor, *, by) -> Competitor:
    """Save a competitor; the opportunity's line of names follows."""
    current, fresh = _locked(row.opportunity), row.pk is None
    _still(row)
    row.opportunity = current
    row.full_clean()
    row.save()
    _name_rivals(current, by=by, code="competitor_kept", text="添加竞争对手" if fresh else "修改竞争对手")
    return row


@transaction.atomic
def drop_competitor(row: Competitor, *, by) -> None:
    """Take a competitor off the opportunity."""
    current = _locked(row.opportunity)
    _still(row)
    row.delete()
    _name_rivals(current, by=by, code="competitor_removed", text="移除竞争对手")


def _name_rivals(opportunity: Opportunity, *, by, code: str, text: str) -> None:
    names = one_line(opportunity.rivals.values_list("name", flat=True))
    old, changes = opportunity.competitors, []
    if old != names:
        changes = [{"key": "competitors", "label": "竞争对手", "old": old, "new": names}]
    _touched(opportunity, by=by, code=code, text=text, changes=changes, competitors=names)


def one_line(names: Iterable[str]) -> str:
    """Names as `Opportunity.competitors` keeps them, as many as fit."""
    limit, found = Opportunity._meta.get_field("competitors").max_length, ""
    for name in names:
        longer = f"{found}、{name}" if found else name
        if len(longer) > limit:
            break
        found = longer
    return found
