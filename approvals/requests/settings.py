"""/settings/requests/: the kinds of requests and the fields of their forms."""

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db.models import Count, Q
from django.http import Http404
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from crm.records import modules
from crm.records.custom import definitions
from crm.records.models import FieldDefinition
from orgs.views.base import done, form_page, move_errors, needs, number, render_page
from orgs.views.fields import FieldForm

from . import setting_services as verbs
from .forms import TypeForm
from .models import RequestType

ROOT = "/settings/requests/"
FUNCTION = "admin.approvals"
CRUMB = {"label": "通用审批", "list_url": ROOT}


def type_of(pk: int) -> RequestType:
    return get_object_or_404(RequestType, pk=pk)


@require_safe
@needs(FUNCTION)
def index(request):
    """GET /settings/requests/: every type with its fields."""
    used = Count("requests", filter=Q(requests__deleted_at=None))
    rows, known = list(RequestType.objects.annotate(used=used)), definitions.custom("request")
    kinds = dict(FieldDefinition.Type.choices)
    found = []
    for place, one in enumerate(rows):
        shown = [known[key] for key in one.keys if key in known and not known[key].retired]
        found.append(
            {
                "kind": one,
                "first": place == 0,
                "last": place == len(rows) - 1,
                "flow_url": "/settings/flows/",
                "fields": [
                    {
                        "field": field,
                        "type": kinds[field.type],
                        "first": n == 0,
                        "last": n == len(shown) - 1,
                        "edit_url": f"/settings/fields/request/{field.key}/",
                    }
                    for n, field in enumerate(shown)
                ],
            }
        )
    may_fields = request.user.has_function("admin.fields")
    return render_page(
        request, "approvals/request_types.html", {"rows": found, "may_fields": may_fields, "nav_active": "settings"}
    )


def _form(request, kind: RequestType, heading: str, save):
    form = TypeForm(request.POST or None, instance=kind, initial={"version": kind.version})
    if request.method == "POST" and form.is_valid():
        try:
            saved = save(form.cleaned_data)
            return done(request, ROOT, f"已保存“{saved.name}”")
        except ValidationError as error:
            move_errors(form, error)
    return form_page(request, form, heading=heading, sections=form.laid, crumb=CRUMB, back_url=ROOT)


@require_http_methods(["GET", "HEAD", "POST"])
@needs(FUNCTION)
def create(request):
    """/settings/requests/new/"""
    return _form(request, RequestType(), "新建审批类型", lambda values: verbs.create_type(values, by=request.user))


@require_http_methods(["GET", "HEAD", "POST"])
@needs(FUNCTION)
def edit(request, pk: int):
    """/settings/requests/<pk>/"""
    kind = type_of(pk)

    def save(values):
        return verbs.update_type(kind, values, version=values.get("version") or 0, by=request.user)

    return _form(request, kind, f"修改“{kind.name}”", save)


@require_http_methods(["GET", "HEAD", "POST"])
@needs(FUNCTION)
def delete(request, pk: int):
    """/settings/requests/<pk>/delete/"""
    kind = type_of(pk)
    if request.method == "POST":
        try:
            verbs.delete_type(kind, by=request.user)
            return done(request, ROOT, f"已删除“{kind.name}”")
        except ValidationError as error:
            messages.error(request, "；".join(error.messages))
            return done(request, ROOT)
    page = {
        "heading": f"删除审批类型“{kind.name}”？",
        "body": "没有人用过的类型才能删除，它的字段留在自定义字段里。",
        "submit_label": "删除",
        "danger": True,
        "hidden": [],
        "module": CRUMB,
        "back_url": ROOT,
        "nav_active": "settings",
    }
    return render_page(request, "records/confirm.html", page)


ACTS = {
    "enable": (lambda kind, by: verbs.set_enabled(kind, True, by=by), "已启用"),
    "disable": (lambda kind, by: verbs.set_enabled(kind, False, by=by), "已停用，不能再用它发起"),
    "up": (lambda kind, by: verbs.shift(kind, -1, by=by), ""),
    "down": (lambda kind, by: verbs.shift(kind, 1, by=by), ""),
}


@require_POST
@needs(FUNCTION)
def act(request, pk: int, key: str):
    """POST /settings/requests/<pk>/do/<enable, disable, up, down>/"""
    kind = type_of(pk)
    if key not in ACTS:
        raise Http404
    run, text = ACTS[key]
    return _run(request, lambda: run(kind, request.user), text)


def _run(request, run, text: str = ""):
    try:
        run()
    except ValidationError as error:
        messages.error(request, "；".join(error.messages))
        text = ""
    return done(request, ROOT, text)


@require_http_methods(["GET", "HEAD", "POST"])
@needs(FUNCTION)
def new_field(request, pk: int):
    """/settings/requests/<pk>/fields/new/: a new custom field on the form."""
    kind, module = type_of(pk), modules.get("request")
    row = FieldDefinition(module=module.name)
    form = FieldForm(request.POST or None, row=row, module=module, initial=FieldForm.initial_of(row))
    if request.method == "POST" and form.is_valid():
        try:
            verbs.add_field(kind, form.changes(), by=request.user)
            return done(request, ROOT, "已添加字段")
        except ValidationError as error:
            move_errors(form, error)
    return form_page(
        request, form, heading=f"“{kind.name}”的新字段", sections=form.laid_out(), crumb=CRUMB, back_url=ROOT
    )


class PickForm(forms.Form):
    """Which of the existing fields the form has."""

    def __init__(self, data=None, *, kind: RequestType):
        super().__init__(data)
        known = [one for one in definitions.custom("request").values() if not one.retired]
        self.fields["fields"] = forms.TypedMultipleChoiceField(
            label="字段",
            required=False,
            coerce=int,
            choices=[(one.pk, one.label) for one in known],
            initial=list(kind.fields),
            widget=forms.CheckboxSelectMultiple,
            help_text="同一个字段可以用在几种审批里",
        )


@require_http_methods(["GET", "HEAD", "POST"])
@needs(FUNCTION)
def pick_fields(request, pk: int):
    """/settings/requests/<pk>/fields/: which fields stand on the form."""
    kind = type_of(pk)
    form = PickForm(request.POST if request.method == "POST" else None, kind=kind)
    if form.is_bound and form.is_valid():
        chosen = form.cleaned_data["fields"]
        order = [one for one in kind.fields if one in chosen] + [one for one in chosen if one not in kind.fields]
        return _run(request, lambda: verbs.set_fields(kind, order, by=request.user), "保存成功")
    return form_page(
        request, form, heading=f"“{kind.name}”的字段", sections=[("", "", ("fields",))], crumb=CRUMB, back_url=ROOT
    )


@require_POST
@needs(FUNCTION)
def move_field(request, pk: int, field: int, key: str):
    """POST /settings/requests/<pk>/fields/<field>/<up, down>/"""
    kind, places = type_of(pk), {"up": -1, "down": 1}.get(key)
    if places is None or number(field) is None:
        raise Http404
    return _run(request, lambda: verbs.move_field(kind, field, places, by=request.user))
