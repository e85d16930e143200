"""Verbs of 客户流失. Each locks the customers, changes them as a set and writes a log row for every one of them. The gate
refuses everything else on a confirmed one (Module.closed); the nightly job and a new contract stand beside the gate."""

import calendar
from collections.abc import Iterable
from datetime import date, datetime, time

from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Coalesce
from django.utils import timezone

from crm.notices.services import notify
from crm.records import formatting, modules, params, services

from ..models import ChurnRecord, ChurnState, Customer

HOLD_DAYS, HOLD_AT_MOST = 30, 180  # 暂缓: unless said otherwise, and at most
AT_ONCE = 1000  # customers of one transaction where there is no owner to go by
SHOWN = 20  # names in a message
Refused = list[tuple[str, str]]


# Who is to be warned --------------------------------------------------------------------------------------------------
def last_deal(rows):
    """`rows` with `last_deal`: the moment the clock of churn starts at, the last deal or, without one, the creation."""
    return rows.annotate(last_deal=Coalesce("last_deal_at", "created_at"))


def months_before(day: date, months: int) -> date:
    """The same day so many months earlier, the month's last day where it has no such day."""
    year, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def _quiet(day: date, months: int) -> Q:
    """Owned, live, and no deal for `months` months on `day`; needs last_deal()."""
    since = timezone.make_aware(datetime.combine(months_before(day, months), time.min))
    return Q(deleted_at=None, owner__isnull=False, last_deal__lt=since)


def due(day: date, months: int):
    """Customers to be warned on `day`: normal ones without a deal, unless put off until that day or a later one."""
    rows = last_deal(Customer.objects.filter(churn_state=""))
    return rows.filter(_quiet(day, months)).filter(Q(churn_hold=None) | Q(churn_hold__lt=day))


def recovered(day: date, months: int):
    """Warned customers no warning fits any more: a deal came, nobody owns them, the rule is off."""
    rows = Customer.objects.filter(churn_state=ChurnState.WARNED)
    return last_deal(rows).exclude(_quiet(day, months)) if months else rows


def run(day: date) -> tuple[int, int]:
    """The night of `day`: warn, and take back warnings. One transaction and one message an owner; safe to run twice and twice
    at once. Returns how many were warned and how many went back."""
    months, warned, cleared = params.get("churn_months"), 0, 0
    if months:
        owners = due(day, months).order_by("owner_id").values_list("owner_id", flat=True).distinct()
        warned = sum(_warn(owner, day, months) for owner in list(owners))
    while count := _take_back(day, months):
        cleared += count
    return warned, cleared


@transaction.atomic
def _warn(owner: int, day: date, months: int) -> int:
    rows = due(day, months).filter(owner_id=owner).select_for_update().order_by("pk")
    found = dict(rows.values_list("pk", "name"))
    if not found:
        return 0
    # No new version: a form opened yesterday evening must still save this morning.
    _live(found).update(churn_state=ChurnState.WARNED, churn_since=timezone.now(), churn_hold=None)
    text = f"{months} 个月没有成交，进入流失预警"
    _log(dict.fromkeys(found, ""), ChurnState.WARNED, code="churn_warned", by=None, text=text)
    title = f"您有 {len(found):,} 个客户进入流失预警"
    body = f"超过 {months} 个月没有成交：{_names(found.values())}\n请暂缓流失并写明措施，或确定流失。"
    notify([owner], kind="churn", title=title, body=body, url="/customers/?view=churn")
    return len(found)


@transaction.atomic
def _take_back(day: date, months: int) -> int:
    found = list(recovered(day, months).select_for_update().order_by("pk").values_list("pk", flat=True)[:AT_ONCE])
    _live(found).update(churn_state="", churn_since=timezone.now())
    _log(dict.fromkeys(found, ChurnState.WARNED), "", code="churn_cleared", by=None, text="流失预警解除")
    return len(found)


# What people decide ---------------------------------------------------------------------------------------------------
@transaction.atomic
def postpone(rows, *, by, measures: str, until: date) -> tuple[int, Refused]:
    """暂缓流失: no warning up to `until` (a local date, at most HOLD_AT_MOST days away); `measures` say what is done about it.
    Returns how many of the allowed rows, and (name, reason) of those that are not warned."""
    found, refused = _locked(rows, ChurnState.WARNED, "没有流失预警")
    text = f"暂缓流失至 {formatting.day(until)}"
    made = ChurnRecord(kind=ChurnRecord.Kind.POSTPONED, text=measures, until=until, by=by)
    _decide(found, "", made, code="churn_postponed", text=text, hold=until)
    return len(found), refused


@transaction.atomic
def confirm(rows, *, by, reason, words: str = "") -> tuple[int, Refused]:
    """确定流失: the customers can be looked at and followed up only, until they are restored. `reason` = a value of the
    dictionary customer.churn_reason. Returns how many, and (name, reason) of those that are not warned."""
    found, refused = _locked(rows, ChurnState.WARNED, "没有流失预警")
    made = ChurnRecord(kind=ChurnRecord.Kind.CONFIRMED, reason=reason, text=words, by=by)
    _decide(found, ChurnState.LOST, made, code="churn_confirmed", text=f"确定流失（{reason.label}）")
    return len(found), refused


@transaction.atomic
def restore(rows, *, by, words: str) -> tuple[int, Refused]:
    """恢复正常 of lost customers; they are not warned again for as many months as the rule says. The owners are told. Returns how
    many, and (name, reason) of those that are not lost."""
    found, refused = _locked(rows, ChurnState.LOST, "没有确定流失")
    made = ChurnRecord(kind=ChurnRecord.Kind.RESTORED, text=words, by=by)
    hold = months_before(timezone.localdate(), -params.get("churn_months"))
    _decide(found, "", made, code="churn_restored", text="恢复正常", hold=hold)
    owners: dict[int, list[str]] = {}
    for customer in found:
        owners.setdefault(customer.owner_id, []).append(customer.name)
    for owner, names in owners.items():
        if owner != by.pk:
            url = "/customers/?view=mine"
            notify(
                [owner],
                kind="churn",
                title=f"{by.name}把您的 {len(names):,} 个客户恢复正常",
                body=_names(names),
                url=url,
            )
    return len(found), refused


@transaction.atomic
def clear(customers: Iterable[int], *, by) -> int:
    """A new contract of these customers (ids) was approved: warned, postponed and lost ones are normal again, whoever may
    see them. For the contracts module, which has set last_deal_at before. Returns how many changed."""
    rows = Customer.objects.live().filter(pk__any=list(customers)).exclude(churn_state="", churn_hold=None)
    found = list(rows.select_for_update().order_by("pk"))
    lost = [customer for customer in found if customer.churn_state == ChurnState.LOST]
    rest = [customer for customer in found if customer.churn_state != ChurnState.LOST]
    text = "新合同审批通过，恢复正常"
    _decide(lost, "", ChurnRecord(kind=ChurnRecord.Kind.RESTORED, text=text, by=by), code="churn_restored", text=text)
    _decide(rest, "", None, code="churn_cleared", text="新合同审批通过，流失预警解除", by=by)
    return len(found)


def _locked(rows, state: str, reason: str) -> tuple[list, Refused]:
    """The rows under lock that are in this state, and (name, reason) of the others."""
    found = list(Customer.objects.filter(pk__in=rows.order_by().values("pk")).select_for_update().order_by("pk"))
    refused = [(customer.name, reason) for customer in found if customer.churn_state != state]
    return [customer for customer in found if customer.churn_state == state], refused


def _decide(found: list, state: str, made: ChurnRecord | None, *, code: str, text: str, by=None, hold=None):
    """Put locked customers into a state: a copy of `made` and a log row for each."""
    by = made.by if made else by
    if made:
        copies = [
            ChurnRecord(
                customer=customer,
                kind=made.kind,
                reason=made.reason,
                text=made.text,
                until=made.until,
                by=made.by,
                at=made.at,
            )
            for customer in found
        ]
        ChurnRecord.objects.bulk_create(copies, batch_size=1000)
    _live([customer.pk for customer in found]).update(
        churn_state=state,
        churn_since=timezone.now(),
        churn_hold=hold,
        version=F("version") + 1,
        updated_at=timezone.now(),
    )
    _log({customer.pk: customer.churn_state for customer in found}, state, code=code, by=by, text=text)


def _live(ids: Iterable[int]):
    return Customer.objects.filter(pk__any=list(ids))


def _log(before: dict[int, str], after: str, *, code: str, by, text: str) -> None:
    """`before` = {id: state}."""
    label, words = str(Customer._meta.get_field("churn_state").verbose_name), dict(ChurnState.choices)

    def change(old: str) -> list[dict]:
        if old == after:
            return []
        return [{"key": "churn_state", "label": label, "old": words.get(old, ""), "new": words.get(after, "")}]

    rows = ((pk, text, change(old)) for pk, old in before.items())
    services.write_log(Customer, rows, code=f"{modules.of_model(Customer).name}.{code}", by=by)


def _names(names: Iterable[str]) -> str:
    names = list(names)
    return "、".join(names[:SHOWN]) + (f" 等 {len(names):,} 个" if len(names) > SHOWN else "")
