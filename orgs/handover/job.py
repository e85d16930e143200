"""The handover as a job: piece by piece, a bounded number of rows in each transaction together with the progress, so that a
killed worker loses nothing and repeats nothing."""

from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.utils import timezone

from crm.notices.services import notify
from crm.records import jobs

from .. import services as organisation
from ..models import Employee
from . import moves, pieces, services
from .models import Handover, HandoverPiece
from .services import State

MEMBER = "admin.org"


@jobs.kind("handover", "离职交接", rows=lambda result: [("已交接", result.get("moved", 0)), *result.get("rows", [])])
def run(run: jobs.Run) -> None:
    """Give what is left, piece by piece; a piece that cannot go stays with its reason."""
    handover = _open(run)
    while (piece := _next(handover)) is not None:
        declared = pieces.get(piece.key)
        try:
            with run.step() as job:
                went = moves.step(declared, piece, by=run.user, now=timezone.now()) if declared else 0
                piece.place += went
                piece.finished = went == 0
                piece.save()
                job.done += went
                job.result["moved"] = job.result.get("moved", 0) + went
                job.total = max(job.total, job.done)
        except ValidationError as error:
            with run.step():
                HandoverPiece.objects.filter(pk=piece.pk).update(reason="；".join(error.messages)[:500], finished=True)
    with run.step() as job:
        _close(handover, by=run.user)
        stayed = handover.pieces.exclude(reason="").count()
        job.result["rows"] = [["没有交接的类型", stayed]] if stayed else []
    run.quiet = True  # the message of the handover says more


def _open(run: jobs.Run) -> Handover:
    """The handover, with its pieces laid out at the first start."""
    if not run.user.has_function(MEMBER):
        raise jobs.Refused("发起人不再有“组织”管理功能。")
    found = Handover.objects.select_related("employee").filter(pk=run.job.params["handover"]).first()
    if found is None or found.state not in (State.RUNNING, State.STOPPED) or found.undo_job_id:
        raise jobs.Refused("这次交接已经结束。")
    if services.receivers_busy(found.plan):
        raise jobs.Refused("接手人自己的交接正在进行，请等它结束后重试。")
    try:
        with run.step():
            Handover.objects.filter(pk=found.pk).update(state=State.RUNNING, finished_at=None)
            if not found.pieces.exists():
                HandoverPiece.objects.bulk_create(
                    [
                        HandoverPiece(
                            handover=found,
                            order=order,
                            key=piece.key,
                            receivers=services.receivers_for(found.plan, piece),
                        )
                        for order, piece in enumerate(pieces.ordered())
                    ]
                )
            # What did not go in an earlier start is tried again.
            found.pieces.exclude(reason="").update(reason="", finished=False)
    except IntegrityError:
        raise jobs.Refused("这名员工已有另一次交接。") from None
    return found


def _next(handover) -> HandoverPiece | None:
    piece = handover.pieces.filter(finished=False).order_by("order").first()
    if piece is not None:
        piece.handover = handover
    return piece


def _close(handover, *, by) -> None:
    """Disable the account if that was asked for, end, tell everybody once."""
    person = Employee.objects.select_related("department").get(pk=handover.employee_id)
    disabled, note = False, ""
    if handover.account == Handover.Account.DISABLE and person.is_active:
        try:
            organisation.disable_employee(person, by=by)
            disabled = True
        except ValidationError as error:
            note = "；".join(error.messages)
    laid = list(handover.pieces.exclude(moved={}, reason=""))
    partly = bool(note) or any(piece.reason for piece in laid)
    Handover.objects.filter(pk=handover.pk).update(
        state=State.PARTLY if partly else State.DONE,
        finished_at=timezone.now(),
        disabled=disabled,
        account_note=note[:300],
    )
    _tell(handover, laid, person, by=by, partly=partly)


def words_of(laid: list[HandoverPiece], person_id: int) -> list[tuple[pieces.Piece, int]]:
    """[(piece, how many)] of what one receiver got; what went along with other records counts where it belongs."""
    got: dict[str, int] = {}
    for piece in laid:
        for key, numbers in {piece.key: piece.moved, **piece.along}.items():
            got[key] = got.get(key, 0) + numbers.get(str(person_id), 0)
    return [(piece, number) for piece in pieces.ordered() if (number := got.get(piece.key))]


def _tell(handover, laid, person, *, by, partly: bool) -> None:
    receivers = {int(key) for piece in laid for key in piece.moved if key}
    for pk in sorted(receivers - {by.pk}):
        got = words_of(laid, pk)
        lines = [f"{piece.label} {number:,} {'个' if piece.is_records else '项'}" for piece, number in got]
        body = "\n".join([*lines, *([f"说明：{handover.note}"] if handover.note else [])])
        title = f"{person.name}的工作已交接给您：{'、'.join(lines)}"
        notify([pk], kind="handover", title=title, body=body, url=f"/handovers/{handover.pk}/")
    names = "、".join(Employee.objects.filter(pk__in=receivers).order_by("pk").values_list("name", flat=True))
    if person.is_active and person.pk != by.pk:
        notify([person.pk], kind="handover", title=f"您名下的记录已交接给{names or '同事'}", url="/customers/")
    outcome = "部分完成，请查看没有交接的类型" if partly else "已完成"
    title = f"{person.name}的离职交接{outcome}"
    notify([by.pk], kind="handover", title=title, body=f"交给{names}" if names else "", url=handover_url(handover))


def handover_url(handover) -> str:
    return f"/settings/handovers/{handover.pk}/"
