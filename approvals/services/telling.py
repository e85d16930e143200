"""Who hears of an approval, and who may look at its document meanwhile."""

from datetime import timedelta

from django.utils import timezone

from crm.notices.services import notify
from crm.records import modules, params, teams
from crm.records.models.grants import Grant

from .. import reach
from ..models import Approval, Assignment, Copy
from .course import LIVE, Course

VIEW_DAYS = "approval_view_days"
OUTCOMES = {"approved": "已通过", "rejected": "被拒绝", "withdrawn": "已撤回", "stopped": "被管理员终止"}


def url(approval: Approval) -> str:
    return f"/approvals/{approval.pk}/"


def tell(course: Course, ids, *, kind: str, title: str, body: str = "", sender=None) -> None:
    """One message to each of these, nobody about what they did themselves."""
    skip = sender.pk if sender is not None else None
    notify([pk for pk in ids if pk != skip], kind=kind, title=title, body=body, url=url(course.approval))


def waiting_for(course: Course, assignments, *, by=None, body: str = "") -> None:
    """Tell those whose turn it is, and let them see the document."""
    people = [one.employee for one in assignments]
    grant(course, people)
    name = course.approval.submitter.name
    title = f"{name}提交的{course.label}“{course.approval.title}”等您审批"
    tell(course, [one.pk for one in people], kind="approval", title=title, body=body, sender=by)


def ended(course: Course, outcome: str, *, by, comment: str = "") -> None:
    """Tell the submitter how it ended, and on approval those copied in."""
    approval = course.approval
    line = f"{course.label}“{approval.title}”{OUTCOMES[outcome]}"
    body = f"{by.name}：{comment}" if comment and by is not None else ""
    tell(course, [approval.submitter_id], kind="approval_done", title=f"您提交的{line}", body=body, sender=by)
    if outcome == "approved":
        others = Copy.objects.filter(approval=approval).exclude(employee=approval.submitter_id)
        tell(course, others.values_list("employee", flat=True), kind="approval_copy", title=line, sender=by)


def copy_in(course: Course, people) -> None:
    """Copy these people in; they may look at the document."""
    there = set(Copy.objects.filter(approval=course.approval).values_list("employee", flat=True))
    fresh = [one for one in people if one.pk not in there]
    Copy.objects.bulk_create([Copy(approval=course.approval, employee=one) for one in fresh])
    grant(course, fresh)
    approval = course.approval
    title = f"{approval.submitter.name}提交的{course.label}“{approval.title}”抄送给您"
    tell(course, [one.pk for one in fresh], kind="approval_copy", title=title, sender=approval.submitter)


# The temporary right to look ---------------------------------------------------------------------------------------------
def _grants(module):
    return module.grant_model.objects.filter(source=Grant.Source.APPROVAL)


def _home(approval: Approval) -> tuple:
    """(module, id) of the record approvers may look at; (None, None) for a class without grants."""
    found = reach.home_of(approval)
    try:
        module = modules.of_model(found[0]) if found is not None else None
    except LookupError:
        module = None
    return (module, found[1]) if module is not None and module.grant_model is not None else (None, None)


def grant(course: Course, people) -> None:
    """Let these people look at the document until the approval has ended; it widens rows, never functions."""
    approval = course.approval
    module, pk = _home(approval)
    if module is None or not people:
        return
    ids = {one.pk for one in people}
    if module.owned:
        owner = module.model.objects.filter(pk=pk).values_list("owner", flat=True).first()
        ids.discard(owner)
    mine = _grants(module).filter(content_object=pk, user__in=ids)
    mine.update(until=None)
    missing = ids - set(mine.values_list("user", flat=True))
    permission = teams.permission_for(module.model, write=False) if missing else None
    module.grant_model.objects.bulk_create(
        [
            module.grant_model(
                user_id=person,
                permission=permission,
                content_object_id=pk,
                source=Grant.Source.APPROVAL,
                granted_by_id=approval.submitter_id,
            )
            for person in sorted(missing)
        ],
        ignore_conflicts=True,
    )


def end_grants(course: Course) -> None:
    """From now on the right to look lasts so many days, except of those who take part in another approval of the document."""
    approval = course.approval
    module, pk = _home(approval)
    if module is None:
        return
    others = Approval.objects.filter(
        content_type=approval.content_type, object_id__in=reach.beside(approval), state=Approval.State.PENDING
    ).exclude(pk=approval.pk)
    staying = set(
        Assignment.objects.filter(step__approval__in=others, state__in=LIVE).values_list("employee", flat=True)
    )
    staying |= set(Copy.objects.filter(approval__in=others).values_list("employee", flat=True))
    until = timezone.localdate() + timedelta(days=params.get(VIEW_DAYS))
    rows = _grants(module).filter(content_object=pk, until=None)
    rows.exclude(user__in=staying).update(until=until)


def forget_grants(today) -> int:
    """Remove rights to look that have ended; returns how many."""
    gone = 0
    for module in modules.ordered():
        if module.grant_model:
            gone += _grants(module).filter(until__lt=today).delete()[0]
    return gone
