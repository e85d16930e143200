"""The verbs of 审批类型. Each keeps its change in the system log and makes every process read the types anew."""

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F, Max

from crm.records import numbering
from crm.records.custom import definitions
from orgs.services import fields, oplog

from ..models import Flow
from . import declared
from .models import Request, RequestType

MOST = 60  # types a company has
VALUES = ("name", "icon", "pattern", "note")
CHANGED = "这种审批刚被别人修改过。您填的内容还在，请返回核对后再改。"


def described(kind: RequestType) -> list[tuple[str, str]]:
    """A type as (label, text), for the system log."""
    known = definitions.custom("request")
    return [
        ("名称", kind.name),
        ("说明", kind.note),
        ("图标", kind.get_icon_display()),
        ("编号规则", kind.pattern),
        ("启用", "是" if kind.enabled else "否"),
        ("表单字段", "、".join(known[key].label for key in kind.keys if key in known)),
    ]


def _record(kind: RequestType, code: str, *, by, text: str, before=()) -> None:
    changes = oplog.differences(
        (label, old, new) for (label, old), (_, new) in zip(before, described(kind), strict=bool(before))
    )
    oplog.record(code, f"审批类型“{kind.name}”", by=by, text=text, changes=changes)
    declared.forget()


def _locked(kind: RequestType) -> RequestType:
    found = RequestType.objects.select_for_update().filter(pk=kind.pk).first()
    if found is None:
        raise ValidationError(f"“{kind.name}”刚被删除了。")
    return found


def _save(kind: RequestType, values: dict) -> None:
    for name in VALUES:
        setattr(kind, name, values[name])
    kind.full_clean()
    try:
        numbering.check(numbering.parsed(kind.pattern))
    except ValidationError as error:
        raise ValidationError({"pattern": error.messages}) from None
    kind.save()


@transaction.atomic
def create_type(values: dict, *, by) -> RequestType:
    """A new type without fields."""
    if RequestType.objects.count() >= MOST:
        raise ValidationError(f"最多 {MOST} 种审批类型")
    kind = RequestType(order=(RequestType.objects.aggregate(last=Max("order"))["last"] or 0) + 1)
    _save(kind, values)
    _record(kind, "request_type.created", by=by, text="新建审批类型")
    return kind


@transaction.atomic
def update_type(kind: RequestType, values: dict, *, version: int, by) -> RequestType:
    """Change a type; ValidationError where somebody else did since the form was opened."""
    found = _locked(kind)
    if found.version != version:
        raise ValidationError(CHANGED)
    before = described(found)
    found.version += 1
    _save(found, values)
    _record(found, "request_type.updated", by=by, text="修改审批类型", before=before)
    return found


@transaction.atomic
def set_enabled(kind: RequestType, on: bool, *, by) -> None:
    """Offer the type for new requests or not."""
    found = _locked(kind)
    if found.enabled == on:
        return
    before, found.enabled, found.version = described(found), on, found.version + 1
    found.save(update_fields=["enabled", "version"])
    _record(found, "request_type.switched", by=by, text="启用" if on else "停用", before=before)


@transaction.atomic
def shift(kind: RequestType, by_places: int, *, by) -> None:
    """Move the type up (-1) or down (1) in the order it is offered."""
    rows = list(RequestType.objects.select_for_update().order_by("order", "pk"))
    at = next((place for place, one in enumerate(rows) if one.pk == kind.pk), None)
    if at is None or not 0 <= at + by_places < len(rows):
        return
    rows[at], rows[at + by_places] = rows[at + by_places], rows[at]
    for place, one in enumerate(rows):
        RequestType.objects.filter(pk=one.pk).update(order=place)
    _record(kind, "request_type.moved", by=by, text="调整顺序")


@transaction.atomic
def delete_type(kind: RequestType, *, by) -> None:
    """Only one nobody has used yet; one that was used can be switched off."""
    found = _locked(kind)
    if Request.objects.filter(type=found).exists():
        raise ValidationError("已经有人用过这种审批，不能删除；可以停用。")
    if Flow.objects.filter(document=f"request:{found.pk}").exists():
        raise ValidationError("这种审批还有流程，请先删除它的流程；或者停用。")
    RequestType.objects.filter(pk=found.pk).delete()
    _record(found, "request_type.deleted", by=by, text="删除审批类型")


@transaction.atomic
def set_fields(kind: RequestType, ids: list[int], *, by) -> None:
    """Which custom fields the form has, in this order; ids the module has no field in use for are left out."""
    found, before = _locked(kind), described(kind)
    known = {one.pk for one in definitions.custom("request").values() if not one.retired}
    wanted = [pk for pk in dict.fromkeys(ids) if pk in known]
    if wanted != found.fields:
        RequestType.objects.filter(pk=found.pk).update(fields=wanted, version=F("version") + 1)
        found.fields = wanted
        _record(found, "request_type.fields", by=by, text="修改表单字段", before=before)


@transaction.atomic
def add_field(kind: RequestType, changes: dict, *, by) -> None:
    """A new custom field at the end of the form."""
    found = _locked(kind)
    made = fields.create_field("request", changes, by=by)
    set_fields(found, [*found.fields, made.pk], by=by)


@transaction.atomic
def move_field(kind: RequestType, pk: int, places: int, *, by) -> None:
    """Move a field of the form up (-1) or down (1)."""
    ids = list(_locked(kind).fields)
    at = ids.index(pk) if pk in ids else -1
    if at >= 0 and 0 <= at + places < len(ids):
        ids[at], ids[at + places] = ids[at + places], ids[at]
        set_fields(kind, ids, by=by)
