"""The verbs of a handover: ask for it (or change it before it begins), cancel, begin, take back. What goes is done by jobs."""

from collections.abc import Iterable
from datetime import timedelta

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from crm.records import formatting, jobs, params
from crm.records.models import Job, Undo
from crm.records.undoing import services as undoing

from .. import services
from ..models import Employee
from . import pieces
from .models import Handover, HandoverLine, HandoverPiece

State = Handover.State
OPEN = (State.SCHEDULED, State.RUNNING, State.UNDOING)
MOVING = (State.RUNNING, State.UNDOING)
ENDED = (State.DONE, State.PARTLY, State.STOPPED)
RECEIVERS = 5
DAYS = "handover_undo_days"
WISHES = ("plan", "teams", "reports", "account", "over_cap", "note")


def open_of(person) -> Handover | None:
    """The handover of this employee that is still to come or under way."""
    return Handover.objects.filter(employee=person, state__in=OPEN).select_related("job", "undo_job").first()


def receivers(plan: dict) -> set[int]:
    """Everybody a plan names."""
    return {pk for ids in [plan.get("all", []), *plan.get("own", {}).values()] for pk in ids}


def receivers_busy(plan: dict) -> bool:
    """Whether records of somebody who is to receive are on the move themselves."""
    return Handover.objects.filter(employee__in=receivers(plan), state__in=MOVING).exists()


def receivers_for(plan: dict, piece: pieces.Piece) -> list[int]:
    """Who gets a piece, in the order in which they take turns."""
    ids = sorted(plan.get("own", {}).get(piece.key) or plan["all"])
    return ids[:1] if piece.single else ids


def _check(person, plan: dict, account: str, starts_at, *, by) -> None:
    services.check_manageable(person, by=by)
    ids = receivers(plan)
    if not plan.get("all"):
        raise ValidationError("请选择接手人。")
    if any(len(some) > RECEIVERS for some in [plan["all"], *plan.get("own", {}).values()]):
        raise ValidationError(f"最多交给 {RECEIVERS} 个人。")
    if person.pk in ids:
        raise ValidationError(f"不能把{person.name}的记录交给本人。")
    people = Employee.objects.in_bulk(ids)
    if len(people) != len(ids):
        raise ValidationError("接手人不存在。")
    if gone := [found.name for found in people.values() if not found.is_active]:
        raise ValidationError(f"{'、'.join(gone)}已停用，不能接手。")
    if account == Handover.Account.DISABLE and person.is_active:
        if person.pk == by.pk:
            raise ValidationError("不能停用自己的账号，请选择“继续使用”。")
        if person.is_super:
            services.check_last_super(person)
    if starts_at is not None and starts_at <= timezone.now():
        raise ValidationError({"starts_at": "生效时间应在现在之后。"})


@transaction.atomic
def ask(person, *, by, plan: dict, starts_at=None, **wishes) -> Handover:
    """Hand over what `person` has, now or at `starts_at`; a handover that waits for its time is changed. `wishes` = teams,
    reports, account, over_cap, note. ValidationError where it cannot be, or one is under way."""
    person = _lock(person.pk, plan)
    settle(person)
    _check(person, plan, wishes.get("account", Handover.Account.DISABLE), starts_at, by=by)
    found = Handover.objects.select_for_update(of=("self",)).filter(employee=person, state__in=OPEN).first()
    if found is not None and found.state != State.SCHEDULED:
        raise ValidationError(f"{person.name}的交接{found.get_state_display()}，请等它结束。")
    if not pieces.counts(person):
        raise ValidationError(f"{person.name}名下没有可以交接的记录。")
    handover = found or Handover(employee=person, created_by=by)
    for name in WISHES:
        setattr(handover, name, {"plan": plan, **wishes}.get(name, Handover._meta.get_field(name).get_default()))
    handover.created_by, handover.starts_at = by, starts_at or timezone.now()
    handover.clean_fields(
        exclude={field.name for field in Handover._meta.fields} - {"teams", "reports", "account", "note"}
    )
    try:
        with transaction.atomic():
            handover.save()
    except IntegrityError:
        raise ValidationError(f"{person.name}已有未完成的交接。") from None
    names = "、".join(Employee.objects.filter(pk__in=receivers(plan)).order_by("pk").values_list("name", flat=True))
    when = formatting.moment(starts_at) if starts_at else "现在"
    text = f"{'修改离职交接' if found else '离职交接'}：交给{names}，{when}生效"
    services.record("handover.planned", person, by=by, text=text)
    if starts_at is None and begin(handover) is None:
        raise ValidationError("接手人自己的交接正在进行，请等它结束。")
    return handover


def _lock(pk: int, plan: dict) -> Employee:
    """The leaver and everybody who receives, in id order, so that two handovers are asked for and begun one after the other."""
    people = Employee.objects.filter(pk__any=sorted({pk, *receivers(plan)})).order_by("pk")
    return next(one for one in people.select_for_update(of=("self",), no_key=True) if one.pk == pk)


@transaction.atomic
def cancel(handover, *, by) -> None:
    """Give up one that has not begun (ValidationError when it has)."""
    services.check_manageable(handover.employee, by=by)
    if not Handover.objects.filter(pk=handover.pk, state=State.SCHEDULED).update(
        state=State.CANCELLED, finished_at=timezone.now()
    ):
        raise ValidationError("交接已经开始，不能取消。")
    services.record("handover.cancelled", handover.employee, by=by, text="取消离职交接")


@transaction.atomic
def begin(handover) -> Job | None:
    """Start the job of one whose time has come; None when somebody else did, it was changed meanwhile, or a receiver's own
    handover is under way: the two would pass records back and forth."""
    now = timezone.now()
    _lock(handover.employee_id, handover.plan)
    if receivers_busy(handover.plan):
        return None
    waiting = Handover.objects.filter(pk=handover.pk, state=State.SCHEDULED, starts_at__lte=now)
    if not waiting.update(state=State.RUNNING, started_at=now):
        return None
    handover = Handover.objects.select_related("employee", "created_by").get(pk=handover.pk)
    total = sum(pieces.counts(handover.employee).values())
    label = f"离职交接：{handover.employee.name}"
    job = jobs.start("handover", user=handover.created_by, label=label, params={"handover": handover.pk}, total=total)
    Handover.objects.filter(pk=handover.pk).update(job=job)
    return job


def begin_due(now=None) -> int:
    """Start every handover whose time has come; returns how many."""
    due = Handover.objects.filter(state=State.SCHEDULED, starts_at__lte=now or timezone.now()).order_by("starts_at")
    return sum(begin(handover) is not None for handover in due)


@transaction.atomic
def settle(person=None) -> int:
    """Close handovers whose job ended without doing so (cancelled, failed, its asker disabled); returns how many."""
    ended = [Job.State.FAILED, Job.State.CANCELLED]
    rows = Handover.objects.filter(employee=person) if person is not None else Handover.objects.all()
    stopped = rows.filter(state=State.RUNNING, job__state__in=ended)
    number = stopped.update(state=State.STOPPED, finished_at=timezone.now())
    return number + rows.filter(state=State.UNDOING, undo_job__state__in=ended).update(state=State.STOPPED)


# Taking back ----------------------------------------------------------------------------------------------------------


def undo_until(handover):
    """The last moment for taking it back."""
    return handover.started_at + timedelta(days=params.get(DAYS)) if handover.started_at else None


def undo_refusal(handover) -> str:
    """Why it cannot be taken back, "" when it can."""
    if handover.state == State.UNDONE:
        return "这次交接已经撤销过了。"
    if handover.state not in ENDED:
        return "交接还没有结束，不能撤销。"
    return "" if undo_until(handover) >= timezone.now() else f"已超过 {params.get(DAYS)} 天，不能撤销。"


@transaction.atomic
def take_back(handover, *, enable: bool, by) -> Job:
    """Start giving everything back that nobody changed since; `enable` = the account works again. ValidationError where it
    cannot be; of two at once one gets it."""
    person = Employee.objects.select_for_update(of=("self",), no_key=True).get(pk=handover.employee_id)
    handover = Handover.objects.select_for_update(of=("self",)).get(pk=handover.pk)
    services.check_manageable(person, by=by)
    if reason := undo_refusal(handover):
        raise ValidationError(reason)
    if open_of(person) is not None:
        raise ValidationError(f"{person.name}有另一次未完成的交接，请先取消它。")
    for entry in entries_of(handover):
        undoing.claim(entry, by=by)
    job = jobs.start(
        "handover_undo",
        user=by,
        label=f"撤销离职交接：{person.name}",
        params={"handover": handover.pk, "enable": enable},
        total=lines_count(handover),
    )
    Handover.objects.filter(pk=handover.pk).update(
        state=State.UNDOING, undo_job=job, undone_by=by, undone_at=timezone.now()
    )
    services.record("handover.undone", person, by=by, text="撤销离职交接")
    return job


def entries_of(handover) -> Iterable[Undo]:
    """Undo entries of its records that are open."""
    return Undo.objects.filter(pk__in=handover.pieces.values("undo_id"), undone_at=None)


def lines_count(handover) -> int:
    """How many rows would go back."""
    records = sum(entry.records.count() for entry in Undo.objects.filter(pk__in=handover.pieces.values("undo_id")))
    return records + HandoverLine.objects.filter(piece__handover=handover).count()


def forget(now) -> int:
    """Remove the lines of handovers that can no longer be taken back; returns how many."""
    old = Handover.objects.filter(started_at__lt=now - timedelta(days=params.get(DAYS))).exclude(state__in=OPEN)
    gone, _ = HandoverLine.objects.filter(piece__in=HandoverPiece.objects.filter(handover__in=old)).delete()
    return gone
