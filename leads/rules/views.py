"""/settings/lead-rules/: the rules of 线索分配, what they gave to whom, and what would become of a lead."""

from datetime import timedelta

from django.core.exceptions import ValidationError
from django.db.models import Count, Q
from django.http import Http404
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from crm.records import formatting
from orgs.views.base import done, errors_of, form_page, move_errors, needs, render_page

from ..models import AssignmentRule, LeadGift
from . import matching, services, setting_services, wording
from .forms import RuleForm, TryForm

ROOT = "/settings/lead-rules/"
CRUMB = {"label": "线索分配", "list_url": ROOT}
MONTH = timedelta(days=30)
ACTS = ("on", "off", "up", "down")


def _rules():
    return AssignmentRule.objects.select_related("person", "fallback_person", "fallback_pool").prefetch_related(
        "people", "departments"
    )


def rule_of(pk: int) -> AssignmentRule:
    return get_object_or_404(_rules(), pk=pk)


@require_safe
@needs("admin.sales")
def index(request):
    """/settings/lead-rules/: every rule in its order, in words, with what it gave."""
    now, rules = timezone.now(), list(_rules())
    words, groups = wording.Words.of(rules), matching.groups(rules)
    counts = given(now)
    rows = [
        {
            "rule": rule,
            "first": place == 0,
            "last": place == len(rules) - 1,
            "conditions": words.conditions(rule),
            "group": words.group(rule),
            "people": len(groups[rule.pk]),
            "hours": wording.hours(rule),
            "open": rule.works_at(now),
            "caps": wording.caps(rule),
            "fallback": wording.fallback(rule),
            "counts": counts.get(rule.pk, (0, 0)),
        }
        for place, rule in enumerate(rules)
    ]
    context = {"rows": rows, "waiting": services.waiting().count(), "nav_active": "settings"}
    return render_page(request, "leads/rules.html", context)


def given(now) -> dict[int, tuple[int, int]]:
    """{rule: (leads it gave today, in 30 days)}."""
    today = Count("pk", filter=Q(created_at__gte=matching.start_of_day(now)))
    rows = LeadGift.objects.filter(created_at__gte=now - MONTH).order_by().values("rule_id")
    return {row["rule_id"]: (row["today"], row["month"]) for row in rows.annotate(today=today, month=Count("pk"))}


@require_safe
@needs("admin.sales")
def detail(request, pk: int):
    """/settings/lead-rules/<pk>/: the rule in words, and each of its people with their figures and whether they can take one."""
    rule, now = rule_of(pk), timezone.now()
    group = matching.groups([rule])[rule.pk]
    start = matching.start_of_day(now)
    counts = services.given_counts(rule, (start, start - timedelta(days=6), start - timedelta(days=29)))
    seats = matching.Seats.of([rule], [person.pk for person in group], now=now)
    turn = matching.next_of(rule, group, seats)
    rows = [
        {
            "person": person,
            "counts": counts.get(person.pk, [0, 0, 0]),
            "trouble": seats.refuses(rule, person),
            "next": turn is not None and turn.pk == person.pk and rule.enabled,
        }
        for person in group
    ]
    inside = {person.pk for person in group}
    others = [sum(numbers) for numbers in zip(*(counts[pk] for pk in counts if pk not in inside), strict=True)]
    words = wording.Words.of([rule])
    context = {
        "rule": rule,
        "rows": rows,
        "others": others or None,
        "conditions": words.conditions(rule),
        "group": words.group(rule),
        "hours": wording.hours(rule),
        "when": wording.when(rule, now),
        "open": rule.works_at(now),
        "caps": wording.caps(rule),
        "fallback": wording.fallback(rule),
        "nav_active": "settings",
    }
    return render_page(request, "leads/rule.html", context)


def _edited(request, rule: AssignmentRule, *, heading: str, back: str):
    form, status = RuleForm(request.POST or None, instance=rule, user=request.user), None
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            saved = setting_services.save_rule(
                rule,
                form.values(),
                data["people"],
                data["departments"],
                version=data["version"] or 0,
                by=request.user,
            )
        except setting_services.Stale as stale:
            form.data = form.data.copy()
            form.data["version"] = stale.current.version
            form.add_error(None, "刚刚有人修改了这条规则。您填的内容还在，再保存一次就以您的为准。")
            status = 409
        except setting_services.Gone:
            return done(request, ROOT, f"规则“{rule.name}”刚被删除了，没有保存")
        except ValidationError as error:
            move_errors(form, error)
        else:
            return done(request, f"{ROOT}{saved.pk}/", "保存成功")
    return form_page(request, form, heading=heading, sections=form.sections, crumb=CRUMB, back_url=back, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@needs("admin.sales")
def create(request):
    """/settings/lead-rules/new/"""
    return _edited(request, AssignmentRule(), heading="新增分配规则", back=ROOT)


@require_http_methods(["GET", "HEAD", "POST"])
@needs("admin.sales")
def edit(request, pk: int):
    """/settings/lead-rules/<pk>/edit/"""
    rule = rule_of(pk)
    return _edited(request, rule, heading=f"修改规则“{rule.name}”", back=f"{ROOT}{pk}/")


@require_POST
@needs("admin.sales")
def act(request, pk: int, key: str):
    """POST /settings/lead-rules/<pk>/do/<on, off, up or down>/"""
    rule = rule_of(pk)
    if key not in ACTS:
        raise Http404
    try:
        if key in ("on", "off"):
            setting_services.set_enabled(rule, key == "on", by=request.user)
        else:
            setting_services.shift(rule, -1 if key == "up" else 1, by=request.user)
    except setting_services.Gone:
        raise Http404 from None
    return done(request, ROOT, "操作成功")


@require_http_methods(["GET", "HEAD", "POST"])
@needs("admin.sales")
def delete(request, pk: int):
    """/settings/lead-rules/<pk>/delete/"""
    rule = rule_of(pk)
    if request.method == "POST":
        try:
            setting_services.delete_rule(rule, by=request.user)
        except setting_services.Gone:
            raise Http404 from None
        return done(request, ROOT, "删除成功")
    context = {
        "heading": f"删除规则“{rule.name}”？",
        "body": "已经分配的线索不变，这条规则的统计一并删除。只是暂时不用时可以停用。",
        "submit_label": "删除规则",
        "danger": True,
        "module": CRUMB,
        "back_url": ROOT,
        "nav_active": "settings",
    }
    return render_page(request, "records/confirm.html", context)


@require_safe
@needs("admin.sales")
def attempt(request):
    """/settings/lead-rules/try/?source=: 这条线索会分给谁, for a lead one only thinks of."""
    asked = any(key in request.GET for key, _ in wording.CONDITIONS)
    form = TryForm(request.GET if asked else None)
    answer = None
    if asked and form.is_valid():
        now, outcome = timezone.now(), form.outcome()
        if outcome.given:
            _, person, rule, spare = outcome.given[0]
            answer = {"to": person, "rule": rule, "why": "没有别人可以接收" if spare else "现在轮到"}
        elif outcome.pooled:
            _, pool, rule = outcome.pooled[0]
            answer = {"text": f"放入“{pool.name}”", "rule": rule, "why": "没有人可以接收"}
        elif outcome.waiting:
            _, rule, why = outcome.waiting[0]
            at = rule.works_from(now)
            later = f"，{formatting.moment(at)} 起分配" if at is not None and at > now else ""
            answer = {"text": "在线索池里等待", "rule": rule, "why": f"{why}{later}"}
        else:
            answer = {"text": "留在线索池里", "rule": None, "why": "没有规则适用"}
    errors = errors_of(form) if form.is_bound else []
    context = {"form": form, "answer": answer, "errors": errors, "nav_active": "settings"}
    return render_page(request, "leads/rule_try.html", context, status=422 if errors else 200)
