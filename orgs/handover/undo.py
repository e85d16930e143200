"""Taking a handover back, as a job: records through the undo entries of their modules, the rest by its lines. What somebody
changed since stays and is listed with the reason."""

from django.core.exceptions import ValidationError
from django.db.models import BooleanField, Case, When
from django.utils import timezone

from crm.notices.services import notify
from crm.records import jobs, services, teams
from crm.records.models import Undo
from crm.records.undoing import services as undoing

from .. import services as organisation
from ..models import Employee
from . import pieces
from .job import MEMBER, handover_url
from .models import Handover, HandoverLine, HandoverPiece
from .moves import AT_ONCE, touched
from .services import State

SHOWN = 200  # rows of a piece that did not go back are named up to this number


@jobs.kind(
    "handover_undo",
    "撤销离职交接",
    rows=lambda result: [("已恢复", result.get("restored", 0)), ("没有恢复", result.get("refused", 0))],
)
def run(run: jobs.Run) -> None:
    """Go on from the checkpoint {"piece", "place", "owners"}; the account first, so that it is there to receive."""
    if not run.user.has_function(MEMBER):
        raise jobs.Refused("发起人不再有“组织”管理功能。")
    found = Handover.objects.select_related("employee").filter(pk=run.job.params["handover"]).first()
    if found is None or found.state not in (State.UNDOING, State.STOPPED) or found.undo_job_id != run.job.pk:
        raise jobs.Refused("这次交接没有在撤销。")
    if "piece" not in run.job.checkpoint:
        with run.step() as job:
            Handover.objects.filter(pk=found.pk).update(state=State.UNDOING)
            found.pieces.update(restored=None, refused=[], refused_count=0)
            if job.params["enable"]:
                _enable(found.employee_id, by=run.user)
            job.checkpoint = {"piece": -1, "place": 0, "owners": {}}
    for piece in found.pieces.filter(order__gt=run.job.checkpoint["piece"]).order_by("order"):
        piece.handover = found
        (_records if piece.undo_id else _lines)(run, piece)
    with run.step() as job:
        _close(found, job, by=run.user)
    run.quiet = True


def _enable(pk: int, *, by) -> None:
    person = Employee.objects.select_for_update(of=("self",)).get(pk=pk)
    if not person.is_active:
        try:
            organisation.enable_employee(person, by=by)
        except ValidationError as error:
            raise jobs.Refused("；".join(error.messages)) from None


def _count(piece: HandoverPiece, job, back: int, refused: list) -> None:
    piece.restored = (piece.restored or 0) + back
    piece.refused = (piece.refused + [list(pair) for pair in refused])[:SHOWN]
    piece.refused_count += len(refused)
    piece.save(update_fields=["restored", "refused", "refused_count"])
    job.done += back + len(refused)
    job.result["restored"] = job.result.get("restored", 0) + back
    job.result["refused"] = job.result.get("refused", 0) + len(refused)


def _records(run: jobs.Run, piece: HandoverPiece) -> None:
    entry = Undo.objects.filter(pk=piece.undo_id).first()
    keys = undoing.lines_of(entry)
    while (start := run.job.checkpoint["place"]) < len(keys):
        piece.refresh_from_db(fields=["restored", "refused", "refused_count"])
        with run.step() as job:
            chunk = keys[start : start + undoing.CHUNK]
            left = list(entry.records.filter(pk__any=chunk, back=False).values_list("pk", flat=True))
            lost: dict = {}
            _, refused = undoing.put_back(entry, left, by=run.user, owners=lost)
            _count(piece, job, len(left) - len(refused), refused)
            owners = dict(job.checkpoint["owners"])
            for key, number in lost.items():
                owners[key] = owners.get(key, 0) + number
            job.checkpoint = {"piece": job.checkpoint["piece"], "place": start + len(chunk), "owners": owners}
    with run.step() as job:
        undoing.finish(entry, piece.restored or 0, by=run.user, owners={})
        job.checkpoint = {**job.checkpoint, "piece": piece.order, "place": 0}


def _lines(run: jobs.Run, piece: HandoverPiece) -> None:
    declared = pieces.get(piece.key)
    while lines := list(piece.lines.filter(back=None).order_by("pk")[:AT_ONCE]):
        piece.refresh_from_db(fields=["restored", "refused", "refused_count"])
        with run.step() as job:
            if declared is None:
                back, refused = set(), [(f"编号 {line.object_id}", "已不存在") for line in lines]
            elif declared.module is not None:
                back, refused = _grants(declared.module, piece, lines, by=run.user)
            else:
                back, refused = _part(declared.part, piece, lines, by=run.user)
            rows = HandoverLine.objects.filter(pk__any=[line.pk for line in lines])
            rows.update(back=Case(When(pk__any=list(back), then=True), default=False, output_field=BooleanField()))
            _count(piece, job, len(back), refused)


def _grants(module, piece: HandoverPiece, lines: list, *, by) -> tuple[set[int], list]:
    """The leaver is in these teams again, with right, end and date of then; whoever got the place leaves it."""
    leaver, membership = piece.handover.employee, module.grant_model
    ids = [line.object_id for line in lines]
    there = set(module.model.objects.filter(pk__any=ids).values_list("pk", flat=True))
    grants = membership.objects.filter(content_object_id__any=ids, source="team")
    again = set(grants.filter(user=leaver).values_list("content_object_id", flat=True))
    heirs = {line.to_id for line in lines if line.to_id}
    held = {
        (grant.user_id, grant.content_object_id, grant.permission_id): grant.pk
        for grant in grants.filter(user_id__any=list(heirs)).select_for_update(of=("self",)).order_by("pk")
    }
    back, refused, kept, leave = set(), [], {}, []
    for line in lines:
        place = held.get((line.to_id, line.object_id, line.before["permission_id"]))
        if line.object_id not in there:
            refused.append((f"编号 {line.object_id}", "已被彻底删除"))
        elif line.object_id in again:
            refused.append((f"编号 {line.object_id}", "已重新加入团队"))
        elif line.to_id and place is None:
            refused.append((f"编号 {line.object_id}", "接手人已不在团队中"))
        else:
            back.add(line.pk)
            leave += [place] if line.to_id else []
            rows = kept.setdefault(line.object_id, {"user": leaver.pk, "source": "team", "rows": []})["rows"]
            rows.append([line.before[name] for name in ("permission_id", "until", "granted_by_id", "created_at")])
    membership.objects.filter(pk__any=leave).delete()
    teams.restore_grants(module, kept)
    text = f"团队成员恢复为 {leaver.name}（撤销离职交接）"
    services.write_log(module.model, ((pk, text, []) for pk in kept), code=f"{module.name}.team_added", by=by)
    return back, refused


def _part(part, piece: HandoverPiece, lines: list, *, by) -> tuple[set[int], list]:
    """Rows that still name who got them name the leaver again."""
    leaver = piece.handover.employee
    model = part.rows(leaver).model
    rows = model._base_manager.filter(pk__any=[line.object_id for line in lines]).select_related(part.field)
    found = {row.pk: row for row in rows.select_for_update(of=("self",)).order_by("pk")}
    barred = part.barred(list(found.values()), leaver) if part.barred else {}
    back, refused, ready = set(), [], []
    for line in lines:
        row = found.get(line.object_id)
        if row is None:
            refused.append((f"编号 {line.object_id}", "已被删除"))
        elif getattr(row, f"{part.field}_id") != line.to_id:
            refused.append((str(row), "之后被修改过"))
        elif row.pk in barred:
            refused.append((str(row), barred[row.pk]))
        else:
            back.add(line.pk)
            ready.append(row)
    if ready:
        rows = model._base_manager.filter(pk__any=[row.pk for row in ready])
        rows.update(**{part.field: leaver, **touched(model)})
        if part.written is not None:
            part.written(ready, part.field, {row.pk: leaver.name for row in ready}, by, "撤销离职交接")
    return back, refused


def _close(handover, job, *, by) -> None:
    restored = job.result.get("restored", 0)
    state = State.UNDONE if restored or job.params["enable"] else State.DONE
    Handover.objects.filter(pk=handover.pk).update(state=state, undone_at=timezone.now())
    leaver = handover.employee
    for key, number in job.checkpoint["owners"].items():
        if int(key) != by.pk:
            title = f"{leaver.name}的离职交接已撤销，{number:,} 条记录已不再由您负责"
            notify([int(key)], kind="handover", title=title, url=f"/handovers/{handover.pk}/")
    body = f"恢复 {restored:,} 条，没有恢复 {job.result.get('refused', 0):,} 条"
    notify(
        [by.pk], kind="handover", title=f"撤销{leaver.name}的离职交接：已完成", body=body, url=handover_url(handover)
    )
