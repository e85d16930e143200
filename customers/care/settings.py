"""/settings/care/: the rules of 客户关怀."""

from django.core.exceptions import ValidationError
from django.http import Http404
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from orgs.views.base import done, form_page, move_errors, needs, render_page

from ..models import CareKind, CareRule
from . import making, services
from .forms import RuleForm

RULES = "/settings/care/"
CRUMB = {"label": "客户关怀", "list_url": RULES}


def _rules():
    return CareRule.objects.select_related("plan_type").prefetch_related("levels__level")


@require_safe
@needs("admin.settings")
def index(request):
    """/settings/care/: the rules, each with what it will make in the next days."""
    today = timezone.localdate()
    rows = [
        {
            "rule": rule,
            "when": _when(rule),
            "whom": _whom(rule),
            "coming": making.preview(rule, today) if rule.active else None,
        }
        for rule in _rules()
    ]
    context = {
        "rows": rows,
        "days": making.PREVIEW,
        "total": sum(row["coming"] or 0 for row in rows),
        "nav_active": "settings",
    }
    return render_page(request, "customers/care_rules.html", context)


def _when(rule: CareRule) -> str:
    early = f"，提前 {rule.days_before} 天" if rule.days_before else ""
    if rule.kind == CareKind.CONTACT:
        return "、".join(f"{one.level.label} 每 {one.days} 天" for one in rule.levels.all() if one.days)
    if rule.kind == CareKind.HOLIDAY:
        named = {CareRule.Holiday.YEARLY: f"每年 {rule.month_day}", CareRule.Holiday.DATES: "、".join(rule.dates[-2:])}
        return named.get(rule.holiday, rule.get_holiday_display()) + early
    return {CareKind.BIRTHDAY: "生日当天", CareKind.RENEWAL: "合同到期日"}[rule.kind] + early


def _whom(rule: CareRule) -> str:
    levels = "、".join(one.level.label for one in rule.levels.all()) or "所有级别"
    return f"{rule.get_audience_display()}（{levels}）"


def _edited(request, rule: CareRule, *, heading: str):
    form = RuleForm(request.POST or None, instance=rule, user=request.user)
    if request.method == "POST" and form.is_valid():
        try:
            services.keep_rule(form.rule(), form.levels_wanted(), by=request.user)
        except ValidationError as error:
            move_errors(form, error)
        else:
            return done(request, RULES, "保存成功")
    return form_page(request, form, heading=heading, sections=form.laid_out_sections(), crumb=CRUMB, back_url=RULES)


@require_http_methods(["GET", "HEAD", "POST"])
@needs("admin.settings")
def create(request):
    """/settings/care/new/"""
    return _edited(request, CareRule(), heading="新增关怀规则")


@require_http_methods(["GET", "HEAD", "POST"])
@needs("admin.settings")
def edit(request, pk: int):
    """/settings/care/<pk>/edit/"""
    rule = get_object_or_404(CareRule, pk=pk)
    return _edited(request, rule, heading=f"修改规则“{rule.name}”")


@require_POST
@needs("admin.settings")
def switch(request, pk: int, key: str):
    """POST /settings/care/<pk>/<on or off>/"""
    rule = get_object_or_404(CareRule, pk=pk)
    if key not in ("on", "off"):
        raise Http404
    services.switch_rule(rule, key == "on", by=request.user)
    return done(request, RULES, "操作成功")


@require_http_methods(["GET", "HEAD", "POST"])
@needs("admin.settings")
def delete(request, pk: int):
    """/settings/care/<pk>/delete/"""
    rule, trouble = get_object_or_404(CareRule, pk=pk), ""
    if request.method == "POST":
        try:
            services.delete_rule(rule, by=request.user)
            return done(request, RULES, "删除成功")
        except ValidationError as error:
            trouble = "；".join(error.messages)
    context = {
        "heading": f"删除规则“{rule.name}”？",
        "body": trouble or "它给客户建的联系计划一并删除。产生过关怀的规则只能停用。",
        "submit_label": "删除",
        "danger": True,
        "module": CRUMB,
        "back_url": RULES,
        "nav_active": "settings",
    }
    return render_page(request, "records/confirm.html", context, status=422 if trouble else 200)
