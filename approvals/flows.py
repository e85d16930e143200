"""Flows: which one a document takes, and the verbs of the settings page. Each verb runs in one transaction under the lock of the
flow and leaves a row in the system log."""

from django.core.exceptions import ValidationError
from django.db import IntegrityError, models, transaction
from django.db.models import Max, Q

from orgs.models import Department, Employee
from orgs.services import oplog

from . import conditions, documents, shape
from .models import Approval, Flow, FlowVersion

FIELDS = ("name", "note", "administrator")


class Stale(Exception):
    """The flow was changed since its form was opened; `current` is its present state."""

    def __init__(self, current: Flow):
        super().__init__("stale version")
        self.current = current


# Choosing ---------------------------------------------------------------------------------------------------------------
def facts_of(document: str) -> list[documents.Fact]:
    """What conditions of this kind of document may ask."""
    return [conditions.SUBMITTER, conditions.DEPARTMENT, *documents.ALL[document].facts()]


def choose(document: str, *, submitter: Employee, values: dict) -> FlowVersion | None:
    """The newest version of the first enabled flow whose people and condition hold; None where there is none."""
    path = submitter.department.path
    above = [int(pk) for pk in path.strip("/").split("/")]
    everybody = Q(limited=False, employees=None, departments=None)
    theirs = everybody | Q(employees=submitter.pk) | Q(departments__in=above)
    flows = Flow.objects.filter(theirs, document=document, enabled=True).distinct().order_by("order", "pk")
    newest = models.Subquery(
        FlowVersion.objects.filter(flow=models.OuterRef("pk"), number=models.OuterRef("version")).values("pk")[:1]
    )
    found = list(flows.annotate(newest=newest))
    if not found:
        return None
    versions = FlowVersion.objects.select_related("flow__administrator__department").in_bulk([f.newest for f in found])
    asked = facts_of(document)
    values = {**values, "submitter": submitter.pk, "department": submitter.department_id}
    for flow in found:
        version = versions.get(flow.newest)
        if version and conditions.holds(version.definition.get("condition"), asked, values):
            return version
    return None


# Editing ----------------------------------------------------------------------------------------------------------------
def _name(flow: Flow) -> str:
    kind = documents.ALL.get(flow.document)
    return f"审批流程“{flow.name}”（{kind.label if kind else flow.document}）"


def _record(flow: Flow, code: str, *, by, text: str, changes: list | None = None) -> None:
    oplog.record(f"approval_flow.{code}", _name(flow), by=by, text=text, changes=changes)


def _locked(flow: Flow) -> Flow:
    found = Flow.objects.select_for_update(of=("self",)).filter(pk=flow.pk).first()
    if found is None:
        raise ValidationError(f"“{flow.name}”刚被删除了。")
    return found


def newest(flow: Flow) -> FlowVersion | None:
    """What the flow says now."""
    return FlowVersion.objects.filter(flow=flow.pk, number=flow.version).first()


def described(flow: Flow, found: dict | None) -> list[tuple[str, str]]:
    """(label, text) of a flow, for the system log."""
    departments = "、".join(sorted(one.name for one in flow.departments.all()))
    employees = "、".join(sorted(one.name for one in flow.employees.all()))
    steps = (found or {}).get("steps", [])
    return [
        ("名称", flow.name),
        ("说明", flow.note),
        ("审批管理员", str(flow.administrator) if flow.administrator_id else ""),
        ("适用部门", departments or ("" if flow.limited else "全部")),
        ("适用员工", employees or ("" if flow.limited else "全部")),
        ("步骤", " → ".join(step["name"] for step in steps)),
    ]


@transaction.atomic
def save_flow(flow: Flow, *, values: dict, definition: dict, version: int, by) -> Flow:
    """Store a flow and make a new version of it. `flow` may be a new one (Flow(document=...), version 0). `values` = {"name",
    "note", "administrator", "departments", "employees"}; without departments and employees it is for everybody. Stale where
    `version` is not the present one; ValidationError keyed by field or by place of the definition ("steps.0.who")."""
    fresh = flow.pk is None
    if not fresh:
        flow = _locked(flow)
    if flow.version != version:
        raise Stale(flow)
    if flow.document not in documents.ALL:
        raise ValidationError("这种单据已不存在。")
    before = [] if fresh else described(flow, old.definition if (old := newest(flow)) else None)
    old_definition = None if fresh or not (last := newest(flow)) else last.definition
    for name in FIELDS:
        setattr(flow, name, values.get(name, "") if name != "administrator" else values.get(name))
    departments, employees = list(values.get("departments") or []), list(values.get("employees") or [])
    cleaned = _checked(flow, definition)
    flow.limited = bool(departments or employees)
    if fresh:
        last_order = Flow.objects.filter(document=flow.document).aggregate(last=Max("order"))["last"] or 0
        flow.order = last_order + 10
    flow.version += 1
    try:
        with transaction.atomic():
            flow.save()
    except IntegrityError:  # somebody took the name in this moment
        raise ValidationError({"name": ["该单据下已有同名流程"]}) from None
    flow.departments.set(departments)
    flow.employees.set(employees)
    FlowVersion.objects.create(flow=flow, number=flow.version, definition=cleaned, by=by)
    if fresh:
        _record(flow, "created", by=by, text="新建审批流程")
    else:
        changes = _differences(before, described(flow, cleaned))
        text = f"保存为第 {flow.version} 版" + ("" if cleaned == old_definition else "，修改了流程内容")
        _record(flow, "updated", by=by, text=text, changes=changes)
    return flow


def _differences(before, after) -> list[dict]:
    return oplog.differences((label, old, new) for (label, old), (_, new) in zip(before, after, strict=True))


def _checked(flow: Flow, wanted: dict) -> dict:
    """The cleaned definition, every fault of it and of the flow's fields at once as a ValidationError."""
    faults: dict[str, list[str]] = {}
    if flow.administrator_id is None:
        faults["administrator"] = ["请选择审批管理员"]
    elif not flow.administrator.is_active:
        faults["administrator"] = [f"{flow.administrator.name}已停用，请选择在职的员工"]
    try:
        flow.full_clean(exclude=["administrator"])
    except ValidationError as error:
        for key, sentences in error.message_dict.items():
            faults.setdefault("name" if key == "__all__" else key, []).extend(sentences)
    cleaned, wrong = shape.clean(wanted, flow.document)
    faults |= wrong
    if faults:
        raise ValidationError(faults)
    return cleaned


def validate_definition(wanted, document: str) -> dict[str, list[str]]:
    """{place: [sentences]} of what is wrong with a definition; places: "condition", "steps", "steps.<n>.name|who|mode|hours|
    late|nobody|key", "copies", "resume", "after", "after.<n>"."""
    return shape.clean(wanted, document)[1]


@transaction.atomic
def set_enabled(flow: Flow, enabled: bool, *, by) -> Flow:
    """启用 or 停用: new submissions take it or no longer do; what runs on it goes on."""
    flow = _locked(flow)
    if flow.enabled == enabled:
        return flow
    if enabled:
        version = newest(flow)
        if version is None:
            raise ValidationError("这个流程还没有内容，请先编辑保存。")
        if faults := validate_definition(version.definition, flow.document):
            sentences = dict.fromkeys(one for some in faults.values() for one in some)
            raise ValidationError(["流程还不能启用：" + "；".join(sentences)])
        if not flow.administrator.is_active:
            raise ValidationError(f"审批管理员{flow.administrator.name}已停用，请先换人。")
    flow.enabled = enabled
    flow.save(update_fields=["enabled"])
    _record(flow, "enabled" if enabled else "disabled", by=by, text="启用" if enabled else "停用")
    return flow


def enable(flow: Flow, *, by) -> Flow:
    return set_enabled(flow, True, by=by)


def disable(flow: Flow, *, by) -> Flow:
    return set_enabled(flow, False, by=by)


@transaction.atomic
def reorder(document: str, ids: list[int], *, by) -> None:
    """Put the flows of a kind of document in this order; `ids` are all of them (ValidationError where they are not)."""
    rows = {
        one.pk: one for one in Flow.objects.select_for_update(of=("self",)).filter(document=document).order_by("pk")
    }
    if sorted(ids) != sorted(rows):
        raise ValidationError("流程刚被别人增加或删除了，请刷新后再排序。")
    before = [one.name for one in sorted(rows.values(), key=lambda one: (one.order, one.pk))]
    for place, pk in enumerate(ids, 1):
        rows[pk].order = place * 10
    Flow.objects.bulk_update(rows.values(), ["order"])
    after = [rows[pk].name for pk in ids]
    if before != after:
        kind = documents.ALL.get(document)
        changes = oplog.differences([("优先级", " → ".join(before), " → ".join(after))])
        target = f"{kind.label if kind else document}的审批流程"
        oplog.record("approval_flow.reordered", target, by=by, text="调整优先级", changes=changes)


def why_not_deleted(flow: Flow) -> str:
    """Why a flow cannot be deleted; "" where it can."""
    count = Approval.objects.filter(flow_version__flow=flow.pk).count()
    return f"“{flow.name}”已用于 {count:,} 次审批，不能删除，可以停用它。" if count else ""


@transaction.atomic
def delete(flow: Flow, *, by) -> None:
    """Delete a flow no document ever took."""
    flow = _locked(flow)
    if reason := why_not_deleted(flow):
        raise ValidationError(reason)
    flow.versions.all().delete()
    flow.delete()
    _record(flow, "deleted", by=by, text="删除审批流程")


def served(flow: Flow) -> tuple[list[Department], list[Employee]]:
    """Whom a flow is for; two empty lists: everybody, unless it is `limited` (its departments are gone: nobody)."""
    return list(flow.departments.all()), list(flow.employees.all())
