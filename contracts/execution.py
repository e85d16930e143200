"""How contracts are carried out: 完成, 关闭, taking either back; what the dates say every night; who hears that one ends."""

from datetime import timedelta

from django.db import transaction
from django.db.models import F, Max, Q
from django.utils import timezone

from approvals.models import Status
from crm.notices import kinds as messages
from crm.notices.services import notify
from crm.records import formatting, params
from crm.records import services as records
from crm.records.params import Param
from crm.records.periodic import periodic

from . import hooks, outcomes
from .models import Contract, Execution
from .services import execution_of, hold

AT_ONCE = 1000
SHOWN = 20  # names in a message
ENDED = (Execution.FINISHED, Execution.SHUT)
Refused = list[tuple[str, str]]

params.declare(
    Param(
        "contract_remind_days",
        "合同到期提醒（天）",
        30,
        "合同结束前这么多天给负责人发一条消息；合同上可以另外填写，0 表示不提醒。",
        high=365,
    )
)
messages.register("contract", "合同到期提醒", "合同", icon="contract", mail=True, order=35)


# What people decide -----------------------------------------------------------------------------------------------------
def _refusal(contract: Contract) -> str:
    if contract.status != Status.APPROVED:
        return "只有已通过的合同可以完成或关闭。"
    if contract.changing:
        return f"合同{contract.get_changing_display()}，请先处理完。"
    return f"合同{contract.get_execution_display()}。" if contract.execution in ENDED else ""


def _end(rows, execution: str, *, by, reason: str = "") -> tuple[int, Refused]:
    found = hold(rows.order_by().values_list("pk", flat=True))
    objections = hooks.blocked([contract.pk for contract in found], "finish")
    ready, refused = [], []
    for contract in found:
        words = _refusal(contract) or objections.get(contract.pk, "")
        if words:
            refused.append((contract.name, words))
        else:
            ready.append(contract)
    _write(ready, execution, by=by, reason=reason, ended_at=timezone.now())
    return len(ready), refused


@transaction.atomic
def finish(rows, *, by) -> tuple[int, Refused]:
    """完成: carried out on both sides. Returns how many of the allowed rows, and (name, reason) of those it cannot be."""
    return _end(rows, Execution.FINISHED, by=by)


@transaction.atomic
def shut(rows, *, by, reason: str) -> tuple[int, Refused]:
    """关闭 before its time: no more plans or payments. Answers like `finish`."""
    return _end(rows, Execution.SHUT, by=by, reason=reason)


@transaction.atomic
def resume(rows, *, by) -> tuple[int, Refused]:
    """A finished or shut contract goes on, as its dates say. Answers like `finish`."""
    ready, refused = [], []
    for contract in hold(rows.order_by().values_list("pk", flat=True)):
        if contract.status == Status.APPROVED and contract.execution in ENDED:
            ready.append(contract)
        else:
            refused.append((contract.name, "合同没有完成或关闭。"))
    by_dates: dict[str, list[Contract]] = {}
    for contract in ready:
        by_dates.setdefault(_by_dates(contract), []).append(contract)
    for execution, some in by_dates.items():
        _write(some, execution, by=by, reason="", ended_at=None)
    return len(ready), refused


def _by_dates(contract: Contract, today=None) -> str:
    bare = Contract(status=contract.status, starts_on=contract.starts_on, ends_on=contract.ends_on)
    return execution_of(bare, today)


def _write(contracts: list[Contract], execution: str, *, by, reason: str, ended_at) -> None:
    if not contracts:
        return
    ids, ended = [contract.pk for contract in contracts], ended_at is not None
    Contract.objects.filter(pk__any=ids).update(
        execution=execution,
        ended_at=ended_at,
        end_reason=reason,
        updated_at=timezone.now(),
        version=F("version") + 1,
    )
    text = {Execution.FINISHED: "完成", Execution.SHUT: "关闭"}.get(execution, "重新执行")
    _log(contracts, execution, text=text, code="ended" if ended else "resumed", by=by, reason=reason)
    hooks.tell(ids, "ended" if ended else "reopened", by=by)


def _log(contracts, execution: str, *, text: str, code: str, by, reason: str = "") -> None:
    rows = []
    for contract in contracts:
        old, new = contract.get_execution_display(), Execution(execution).label
        changes = [{"key": "execution", "label": "执行状态", "old": old, "new": new}]
        if contract.end_reason != reason:
            changes.append({"key": "end_reason", "label": "关闭原因", "old": contract.end_reason, "new": reason})
        rows.append((contract.pk, text, changes))
    records.write_log(Contract, rows, code=f"contract.{code}", by=by)


# What happens by itself -------------------------------------------------------------------------------------------------
def _stale(day) -> list[tuple[str, Q]]:
    """[(what the dates say, the contracts that say otherwise)] on a day."""
    before, over = Q(starts_on__gt=day), Q(ends_on__lt=day)
    going = (Q(starts_on=None) | Q(starts_on__lte=day)) & (Q(ends_on=None) | Q(ends_on__gte=day))
    return [
        (Execution.NOT_STARTED, before & ~Q(execution=Execution.NOT_STARTED)),
        (Execution.EXPIRED, over & ~before & ~Q(execution=Execution.EXPIRED)),
        (Execution.RUNNING, going & ~Q(execution=Execution.RUNNING)),
    ]


WORDS = {
    Execution.NOT_STARTED: "还没有到开始日期",
    Execution.EXPIRED: "合同到期",
    Execution.RUNNING: "开始执行",
}


@periodic("contract_execution", "更新合同的执行状态", schedule="每天 00:15")
def follow_dates(now) -> str:
    """Approved contracts nobody finished or shut follow their dates; no new version, for nobody typed it."""
    day, total = timezone.localtime(now).date(), 0
    for execution, condition in _stale(day):
        while count := _follow(execution, condition):
            total += count
    return f"更新 {total:,} 个合同"


@transaction.atomic
def _follow(execution: str, condition: Q) -> int:
    rows = Contract.objects.live().filter(condition, status=Status.APPROVED).exclude(execution__in=ENDED)
    found = list(rows.select_for_update(of=("self",)).order_by("pk")[:AT_ONCE])
    Contract.objects.filter(pk__any=[contract.pk for contract in found]).update(execution=execution)
    _log(found, execution, text=WORDS[execution], code="followed_dates", by=None)
    return len(found)


@periodic("contract_reminders", "合同到期提醒", schedule="每天 08:25")
def remind(now) -> str:
    """Owners hear once of each end of a contract, as many days before as it or the company says."""
    day, usual = timezone.localtime(now).date(), params.get("contract_remind_days")
    rows = Contract.objects.live().filter(status=Status.APPROVED, ends_on__gte=day, owner__isnull=False)
    rows = rows.exclude(execution__in=ENDED).exclude(reminded_for=F("ends_on"))
    furthest = max(usual, rows.aggregate(most=Max("remind_days"))["most"] or 0)
    place, told, people = 0, 0, set()
    while True:
        some = rows.filter(pk__gt=place, ends_on__lte=day + timedelta(days=furthest)).order_by("pk")
        count, place, owners = _remind(some, day, usual)
        told, people = told + count, people | owners
        if place is None:
            return f"提醒 {len(people):,} 人，{told:,} 个合同"


@transaction.atomic
def _remind(rows, day, usual: int) -> tuple[int, int | None, set[int]]:
    """A chunk: (how many contracts, the last id or None at the end, who was told)."""
    found = list(rows.select_for_update(of=("self",))[:AT_ONCE])
    if not found:
        return 0, None, set()
    owners: dict[int, list[Contract]] = {}
    for contract in found:
        days = usual if contract.remind_days is None else contract.remind_days
        if days and contract.ends_on <= day + timedelta(days=days):
            owners.setdefault(contract.owner_id, []).append(contract)
    told = [contract.pk for some in owners.values() for contract in some]
    Contract.objects.filter(pk__any=told).update(reminded_for=F("ends_on"))
    for owner, some in owners.items():
        names = [f"{contract.name}（{formatting.day(contract.ends_on)}）" for contract in some[:SHOWN]]
        more = f" 等 {len(some):,} 个" if len(some) > SHOWN else ""
        body = f"{'、'.join(names)}{more}\n请确认是否续签。"
        url = f"/contracts/{some[0].pk}/" if len(some) == 1 else "/contracts/?view=ending"
        notify([owner], kind="contract", title=f"您有 {len(some):,} 个合同即将到期", body=body, url=url)
    return len(told), found[-1].pk, set(owners)


@periodic("contract_counts", "核对客户的成交日期", schedule="每天 03:25")
def recheck(now) -> str:
    """What the pool's rules and the churn read must be what the contracts say."""
    return f"更正 {outcomes.recheck():,} 个客户"
