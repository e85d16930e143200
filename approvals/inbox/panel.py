"""The step line on the page of a record, with what its reader may do."""

from .. import documents, line, reach
from ..models import Approval
from ..services.course import read
from . import verbs


def build(record, user) -> dict | None:
    """The panel of a record that is or was being approved; None for all others."""
    if not about(type(record)):
        return None
    approval = line.newest(record)
    if approval is None:
        return None
    return of(record, approval, user)


def of(record, approval, user) -> dict:
    """The panel of one approval of a record."""
    course = read(approval)
    return {
        "template": "approvals/line.html",
        **line.line(course, user),
        "actions": verbs.actions(course, user),
        "side": changes(record, approval, user),
    }


def about(model) -> bool:
    """Whether records of this class can be approved."""
    return any(kind.model is model for kind in documents.ALL.values())


def changes(record, approval, user) -> list[dict]:
    """本次变更: what an approval under way would change, as far as the reader may read it."""
    kind = reach.kind_of(approval)
    if kind is None or approval.state != Approval.State.PENDING:
        return []
    found = kind.changes(record, approval.payload, user)
    return [{"title": "本次变更", "template": "approvals/changes.html", "changes": found}] if found else []
