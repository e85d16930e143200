"""The system log: one row per change of the organisation, rights, dictionaries and parameters."""

from ..models import OrgLog


def record(code: str, target, *, by, text: str = "", changes: list | None = None) -> OrgLog:
    """Write one row; `changes` = [{"label", "old", "new"}] in display values."""
    return OrgLog.objects.create(actor=by, code=code, target=str(target)[:200], text=text[:500], changes=changes or [])


def differences(rows) -> list[dict]:
    """[{"label", "old", "new"}] of the (label, old, new) triples whose values differ; None counts as empty."""
    shown = ((label, _text(old), _text(new)) for label, old, new in rows)
    return [{"label": label, "old": old, "new": new} for label, old, new in shown if old != new]


def _text(value) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "是" if value else "否"
    return str(value)
