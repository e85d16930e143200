"""试一试: who would approve a document of these values, by what stands on the screen; nothing is stored."""

import json

from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_POST

from crm.records.formfields import is_id
from orgs.models import Department, Employee
from orgs.views.base import needs, render_page

from .. import conditions, flows, services, shape
from ..models import Flow
from . import offers, typed
from .forms import FlowForm, TryForm
from .views import FUNCTION, kind_of
from .words import MODES

MOST = 10_000  # characters of the values


@require_POST
@needs(FUNCTION)
def attempt(request, kind: str):
    """POST /settings/flows/try/<kind>/: the flow of the form (flow = its id, if it has one), the submitter, `values` as JSON."""
    document = kind_of(kind).key
    asked = request.POST.get("flow", "")
    flow = get_object_or_404(Flow, pk=int(asked), document=document) if is_id(asked) else Flow(document=document)
    form, problems = TryForm(request.POST), []
    try:
        definition, faults = shape.clean(wanted := typed.read(request.POST.get("definition")), document)
    except typed.Broken:
        definition, faults, wanted = dict(shape.EMPTY), {"": [FlowForm.broken]}, {}
    problems += [f"{one['label']}：{one['text']}" for one in offers.located(document, wanted, faults)]
    values, wrong = _values(request.POST.get("values", ""), document)
    problems += wrong
    if not form.is_valid():
        problems += [text for some in form.errors.values() for text in some]
    context = {"problems": problems, "kind": kind_of(kind)}
    if not problems:
        context |= _answer(flow, definition, form.cleaned_data["submitter"], values, request.POST)
    return render_page(request, "approvals/flow_try.html", context)


def _values(text: str, document: str) -> tuple[dict, list[str]]:
    """({fact key: value}, what is wrong with them)."""
    try:
        raw = json.loads(text[: MOST + 1] or "{}", parse_constant=lambda name: None)
    except (ValueError, RecursionError):
        raw = {}
    found, wrong = {}, []
    for fact in flows.facts_of(document):
        value = typed.scalar(raw.get(fact.key)) if isinstance(raw, dict) else None
        if fact.kind == "check":
            found[fact.key] = value == "yes"
        elif value is not None and value != "":
            if fact.kind in ("choice", "employee", "department") or conditions.read(fact.kind, value) is not None:
                found[fact.key] = value
            else:
                wrong.append(f"“{fact.label}”请填写{'日期' if fact.kind == 'date' else '数字'}")
    return found, wrong


def _answer(flow: Flow, definition: dict, submitter: Employee, values: dict, data) -> dict:
    """Whether the flow on the screen is the one, and who decides in each of its steps."""
    document = flow.document
    values = {**values, "submitter": submitter.pk, "department": submitter.department_id}
    serves = _serves(submitter, data)
    holds = conditions.holds(definition["condition"], flows.facts_of(document), values)
    taken = flows.choose(document, submitter=submitter, values=values)
    first = taken.flow if taken and taken.flow_id != flow.pk else None
    if first and flow.pk and serves and holds and (flow.order, flow.pk) < (first.order, first.pk):
        first = None  # this one is asked earlier
    administrator = data.get("administrator", "")
    named = Employee.objects.filter(pk=int(administrator), is_active=True).first() if is_id(administrator) else None
    seen = services.preview_definition(definition, submitter=submitter, administrator=named)
    return {
        "submitter": submitter,
        "serves": serves,
        "holds": holds,
        "first": first,
        "earlier": first is not None,
        "steps": [_step(one) for one in seen.steps] if serves and holds else [],
        "copies": [one.name for one in seen.copies],
    }


def _serves(submitter: Employee, data) -> bool:
    """Whether the flow is for this person, by what the form says."""
    departments = [int(one) for one in data.getlist("departments")[:200] if is_id(one)]
    employees = [int(one) for one in data.getlist("employees")[:200] if is_id(one)]
    if not departments and not employees:
        return True
    paths = Department.objects.filter(pk__in=departments).values_list("path", flat=True)
    return submitter.pk in employees or any(submitter.department.path.startswith(path) for path in paths)


def _step(laid) -> dict:
    """A step of the preview as it is shown."""
    names = "、".join(seat.person.name for seat in laid.seats)
    notes = "；".join(seat.note for seat in laid.seats if seat.note)
    return {
        "name": laid.name,
        "mode": MODES[laid.mode] if len(laid.seats) > 1 else "",
        "who": "提交时由发起人选择" if laid.choose else names or ("跳过" if laid.skipped else "没有人可以审批"),
        "skipped": laid.skipped,
        "note": notes or laid.note,
    }
