"""/settings/pipelines/: 商机组 and their stages."""

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db.models import Count
from django.http import Http404
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from orgs import pages, tree
from orgs.views.base import done, form_page, move_errors, needs, render_page

from . import setting_services as verbs
from .models import Opportunity, Pipeline, Stage
from .setting_forms import MoveAllForm, PipelineForm, StageForm

ROOT = "/settings/pipelines/"
CRUMB = {"label": "商机组", "list_url": ROOT}
PLACE = {"module": CRUMB, "back_url": ROOT, "nav_active": "settings"}

pages.PAGES.append(
    pages.Page("admin.sales", "商机组", ROOT, "opportunity", "销售流程的阶段、赢率、必填字段、建议动作和停滞规则")
)


def pipeline_of(pk: int) -> Pipeline:
    return get_object_or_404(Pipeline, pk=pk)


def stage_of(pk: int) -> Stage:
    return get_object_or_404(Stage.objects.select_related("pipeline"), pk=pk)


@require_safe
@needs("admin.sales")
def index(request):
    """/settings/pipelines/: every pipeline with its stages and how many opportunities stand in each."""
    rows, ways = list(Pipeline.objects.prefetch_related("departments", "stages")), tree.ways()
    counts = dict(
        Opportunity.objects.live().filter(state="open").order_by().values_list("stage").annotate(n=Count("pk"))
    )
    labels = dict(verbs.demandable())
    found = [
        {
            "pipeline": one,
            "served": "、".join(ways.get(d.pk, d.name) for d in one.departments.all()) or "所有部门",
            "stages": [
                {
                    "stage": stage,
                    "count": counts.get(stage.pk, 0),
                    "required": "、".join(labels[key] for key in stage.required if key in labels),
                    "first": n == 0,
                    "last": n == len(one.stages.all()) - 1,
                }
                for n, stage in enumerate(one.stages.all())
            ],
            "first": place == 0,
            "last": place == len(rows) - 1,
        }
        for place, one in enumerate(rows)
    ]
    return render_page(request, "opportunities/settings.html", {"rows": found, "nav_active": "settings"})


def _form_page(request, form, heading: str):
    return form_page(request, form, heading=heading, sections=form.sections, crumb=CRUMB, back_url=ROOT)


@require_http_methods(["GET", "HEAD", "POST"])
@needs("admin.sales")
def create(request):
    """/settings/pipelines/new/"""
    form = PipelineForm(request.POST or None, pipeline=Pipeline())
    if request.method == "POST" and form.is_valid():
        try:
            made = verbs.create_pipeline(form.values(), by=request.user)
            return done(request, ROOT, f"已新建“{made.name}”，请添加阶段")
        except ValidationError as error:
            move_errors(form, error)
    return _form_page(request, form, "新建商机组")


@require_http_methods(["GET", "HEAD", "POST"])
@needs("admin.sales")
def edit(request, pk: int):
    """/settings/pipelines/<pk>/"""
    pipeline = pipeline_of(pk)
    form = PipelineForm(request.POST or None, pipeline=pipeline)
    if request.method == "POST" and form.is_valid():
        try:
            verbs.update_pipeline(pipeline, form.values(), version=form.cleaned_data["version"], by=request.user)
            return done(request, ROOT, "保存成功")
        except verbs.Stale:
            form.add_error(None, "这个商机组刚被别人修改过。您填的内容还在，请返回核对后再改。")
        except ValidationError as error:
            move_errors(form, error)
    return _form_page(request, form, f"修改商机组“{pipeline.name}”")


ACTS = {
    "up": (lambda one, by: verbs.shift_pipeline(one, -1, by=by), ""),
    "down": (lambda one, by: verbs.shift_pipeline(one, 1, by=by), ""),
    "default": (lambda one, by: verbs.make_default(one, by=by), "已设为默认商机组"),
    "enable": (lambda one, by: verbs.set_enabled(one, True, by=by), "已启用"),
    "disable": (lambda one, by: verbs.set_enabled(one, False, by=by), "已停用，新商机不能再选它"),
}
STAGE_ACTS = {
    "up": (lambda one, by: verbs.shift_stage(one, -1, by=by), ""),
    "down": (lambda one, by: verbs.shift_stage(one, 1, by=by), ""),
}


def _act(request, acts: dict, key: str, find):
    if key not in acts:
        raise Http404
    run, text = acts[key]
    try:
        run(find(), request.user)
    except ValidationError as error:
        messages.error(request, "；".join(error.messages))
        text = ""
    return done(request, ROOT, text)


@require_POST
@needs("admin.sales")
def act(request, pk: int, key: str):
    """POST /settings/pipelines/<pk>/do/<up, down, default, enable or disable>/"""
    return _act(request, ACTS, key, lambda: pipeline_of(pk))


@require_http_methods(["GET", "HEAD", "POST"])
@needs("admin.sales")
def delete(request, pk: int):
    """/settings/pipelines/<pk>/delete/"""
    pipeline, trouble = pipeline_of(pk), ""
    if request.method == "POST":
        try:
            verbs.delete_pipeline(pipeline, by=request.user)
            return done(request, ROOT, "删除成功")
        except ValidationError as error:
            trouble = "；".join(error.messages)
    trouble = trouble or verbs.why_not_deleted(pipeline)
    context = {
        "heading": f"删除商机组“{pipeline.name}”？",
        "body": trouble or "它的阶段一起删除，不能恢复。",
        "submit_label": "删除",
        "danger": True,
    }
    status = 422 if trouble and request.method == "POST" else 200
    return render_page(request, "records/confirm.html", {**context, **PLACE}, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@needs("admin.sales")
def create_stage(request, pk: int):
    """/settings/pipelines/<pk>/stages/new/"""
    pipeline = pipeline_of(pk)
    form = StageForm(request.POST or None, stage=Stage(pipeline=pipeline))
    if request.method == "POST" and form.is_valid():
        try:
            verbs.create_stage(pipeline, form.values(), by=request.user)
            return done(request, ROOT, "保存成功")
        except ValidationError as error:
            move_errors(form, error)
    return _form_page(request, form, f"给“{pipeline.name}”添加阶段")


@require_http_methods(["GET", "HEAD", "POST"])
@needs("admin.sales")
def edit_stage(request, pk: int):
    """/settings/stages/<pk>/"""
    stage = stage_of(pk)
    form = StageForm(request.POST or None, stage=stage)
    if request.method == "POST" and form.is_valid():
        try:
            verbs.update_stage(stage, form.values(), by=request.user)
            return done(request, ROOT, "保存成功")
        except ValidationError as error:
            move_errors(form, error)
    return _form_page(request, form, f"修改阶段“{stage.name}”")


@require_POST
@needs("admin.sales")
def act_on_stage(request, pk: int, key: str):
    """POST /settings/stages/<pk>/do/<up or down>/"""
    return _act(request, STAGE_ACTS, key, lambda: stage_of(pk))


@require_http_methods(["GET", "HEAD", "POST"])
@needs("admin.sales")
def delete_stage(request, pk: int):
    """/settings/stages/<pk>/delete/: asks where its opportunities go, if it has any."""
    stage = stage_of(pk)
    count, trouble = verbs.held(stage), ""
    form = MoveAllForm(request.POST if request.method == "POST" else None, stage=stage) if count else None
    if request.method == "POST" and (form is None or form.is_valid()):
        try:
            verbs.delete_stage(stage, form.to() if form else None, by=request.user)
            return done(request, ROOT, "删除成功")
        except ValidationError as error:
            if form is not None:
                move_errors(form, error)
            trouble = "；".join(error.messages)
    body = (
        f"有 {count:,} 个商机在这个阶段（含已关闭的和回收站里的），请选择移到哪里。"
        if count
        else "历史里仍留有它的名称。"
    )
    context = {
        "heading": f"删除阶段“{stage.name}”？",
        "body": trouble if trouble and form is None else body,
        "submit_label": f"移动并删除（{count:,} 个）" if count else "删除",
        "danger": True,
        "fields": form,
    }
    status = 422 if trouble or (form is not None and form.errors) else 200
    return render_page(request, "records/confirm.html", {**context, **PLACE}, status=status)
