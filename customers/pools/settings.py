"""/settings/pools/: the rules of every pool, what they would take, and what is done to a pool as a whole."""

import hashlib

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from crm.records import jobs, periodic, scope
from crm.records.models import Job
from orgs import pages
from orgs.views.base import done, errors_of, form_page, move_errors, needs, number, render_page

from ..models import Pool
from . import advice, kinds, previews, rules
from . import setting_services as verbs
from .setting_forms import MoveAllForm, NewPoolForm, PoolForm
from .wording import last_change

ROOT = "/settings/pools/"
CRUMB = {"label": "公海规则", "list_url": ROOT}

pages.PAGES.append(
    pages.Page("admin.pools", "公海规则", ROOT, "pool", "什么时候回收、谁能领取、隐藏哪些字段、拥有上限")
)


def url_of(pool: Pool, page: str = "") -> str:
    return f"{ROOT}{pool.pk}/" + (f"{page}/" if page else "")


def pool_of(pk: int) -> Pool:
    return get_object_or_404(Pool, pk=pk, kind__in=list(kinds.ALL), removed_at=None)


def beside() -> list[dict]:
    """Every pool in its order, under a heading for each kind."""
    rows: dict[str, list] = {}
    for pool in Pool.objects.filter(removed_at=None):
        rows.setdefault(pool.kind, []).append(pool)
    return [{"kind": kind, "pools": rows.get(kind.module, [])} for kind in kinds.ALL.values()]


@require_safe
@needs("admin.pools")
def index(request):
    """/settings/pools/: opens the first pool."""
    return show(request, beside()[0]["pools"][0])


@require_http_methods(["GET", "HEAD", "POST"])
@needs("admin.pools")
def detail(request, pk: int):
    """/settings/pools/<pk>/: the form of one pool; what contradicts itself is asked about once before it is saved."""
    pool = pool_of(pk)
    if request.method != "POST":
        return show(request, pool)
    form = PoolForm(request.POST, pool=pool)
    if not form.is_valid():
        return show(request, pool, form=form, status=422)
    conflict = f"{last_change(pool)}，在您打开这一页之后。您填的内容还在，请核对后再保存一次。"
    version = number(request.POST.get("version"), default=0)
    if version != pool.version:
        return show(request, pool, form=form, conflict=conflict, status=409)
    warnings = advice.warnings(form.kind, form.facts())
    seal = hashlib.sha256("\n".join(warnings).encode()).hexdigest()[:16]
    if warnings and request.POST.get("anyway") != seal:
        return show(request, pool, form=form, warnings=warnings, seal=seal, status=422)
    try:
        verbs.update_pool(pool, form.values(), version=version, by=request.user)
    except verbs.Stale:
        pool = pool_of(pk)
        return show(request, pool, form=form, conflict=f"{last_change(pool)}。请核对后再保存一次。", status=409)
    except ValidationError as error:
        move_errors(form, error)
        return show(request, pool, form=form, status=422)
    return done(request, url_of(pool), "保存成功")


def show(request, pool: Pool, *, form: PoolForm | None = None, status: int = 200, **context):
    """The page of one pool beside the list of all."""
    kind, sides = kinds.get(pool.kind), beside()
    mine = next(side["pools"] for side in sides if side["kind"] is kind)
    place = next((n for n, one in enumerate(mine) if one.pk == pool.pk), 0)
    form = form or PoolForm(pool=pool)
    lying = scope.capped_count(kind.model.objects.filter(pool_id=pool.pk, owner=None, deleted_at=None))
    page = {
        "pool": pool,
        "kind": kind,
        "sides": sides,
        "form": form,
        "errors": errors_of(form) if form.is_bound else [],
        "lying": f"{lying:,}" if lying <= scope.COUNT_CAP else f"{scope.COUNT_CAP:,}+",
        "first": place == 0,
        "last": place == len(mine) - 1,
        "page_url": url_of(pool),
        "nav_active": "settings",
        **context,
    }
    return render_page(request, "pools/settings.html", page, status=status)


@require_POST
@needs("admin.pools")
def preview(request, pk: int):
    """POST /settings/pools/<pk>/preview/: what the rules on the screen take tomorrow; nothing is saved."""
    pool = pool_of(pk)
    form = PoolForm(request.POST, pool=pool)
    context = {"pool": pool, "kind": form.kind}
    if form.is_valid():
        facts = form.facts()
        context |= {
            "preview": previews.preview(form.kind, facts, form.switched_on(), user=request.user),
            "advice": advice.warnings(form.kind, facts),
        }
    else:
        context["errors"] = [text for found in form.errors.values() for text in found]
    return render_page(request, "pools/settings_preview.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@needs("admin.pools")
def create(request, name: str):
    """/settings/pools/new/<kind>/"""
    kind = kinds.find(name)
    if kind is None:
        raise Http404
    form = NewPoolForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            pool = verbs.create_pool(kind, form.cleaned_data["name"], by=request.user)
            return done(request, url_of(pool), f"已新建“{pool.name}”，请设置成员和规则")
        except ValidationError as error:
            move_errors(form, error)
    heading = f"新建{kind.label}"
    return form_page(
        request, form, heading=heading, sections=[("", "", ("name",))], crumb=CRUMB, back_url=ROOT, save_label="新建"
    )


ACTS = {
    "up": (lambda pool, by: verbs.shift(pool, -1, by=by), ""),
    "down": (lambda pool, by: verbs.shift(pool, 1, by=by), ""),
    "default": (lambda pool, by: verbs.make_default(pool, by=by), "已设为默认"),
    "enable": (lambda pool, by: verbs.set_enabled(pool, True, by=by), "已启用"),
}


@require_POST
@needs("admin.pools")
def act(request, pk: int, key: str):
    """POST /settings/pools/<pk>/do/<up, down, default or enable>/"""
    pool = pool_of(pk)
    if key not in ACTS:
        raise Http404
    run, text = ACTS[key]
    try:
        run(pool, request.user)
    except ValidationError as error:
        messages.error(request, "；".join(error.messages))
        text = ""
    return done(request, url_of(pool), text)


def confirm(request, pool: Pool, context: dict, *, status: int = 200):
    place = {"module": CRUMB, "back_url": url_of(pool), "nav_active": "settings"}
    return render_page(request, "records/confirm.html", {**context, **place}, status=status)


def refused(request, pool: Pool, verb: str, reason: str):
    """Why a pool stays as it is, with the way to empty it."""
    move_url = "" if pool.is_default else url_of(pool, "move")
    return render_page(
        request,
        "pools/refusal.html",
        {
            "heading": f"“{pool.name}”不能{verb}",
            "reason": reason,
            "label": kinds.get(pool.kind).label,
            "move_url": move_url if verbs.held(kinds.get(pool.kind), pool).total else "",
            "module": CRUMB,
            "back_url": url_of(pool),
            "nav_active": "settings",
        },
        status=422 if request.method == "POST" else 200,
    )


@require_http_methods(["GET", "HEAD", "POST"])
@needs("admin.pools")
def disable(request, pk: int):
    """/settings/pools/<pk>/disable/"""
    pool = pool_of(pk)
    if request.method == "POST":
        try:
            verbs.set_enabled(pool, False, by=request.user)
            return done(request, url_of(pool), "已停用")
        except ValidationError as error:
            return refused(request, pool, "停用", "；".join(error.messages))
    if reason := verbs.why_not_free(kinds.get(pool.kind), pool, "停用"):
        return refused(request, pool, "停用", reason)
    body = "停用后它的规则不再回收，成员看不到它；设置和进出记录都保留，可以再启用。"
    return confirm(
        request, pool, {"heading": f"停用“{pool.name}”？", "body": body, "submit_label": "停用", "danger": True}
    )


@require_http_methods(["GET", "HEAD", "POST"])
@needs("admin.pools")
def delete(request, pk: int):
    """/settings/pools/<pk>/delete/"""
    pool = pool_of(pk)
    if request.method == "POST":
        try:
            verbs.delete_pool(pool, by=request.user)
            return done(request, ROOT, "删除成功")
        except ValidationError as error:
            return refused(request, pool, "删除", "；".join(error.messages))
    reason = verbs.why_not_free(kinds.get(pool.kind), pool, "删除")
    if reason or pool.enabled:
        return refused(request, pool, "删除", reason or f"“{pool.name}”还在使用，请先停用再删除。")
    body = "它的规则、成员和上限一起删除，不能恢复；进出记录保留。"
    return confirm(
        request, pool, {"heading": f"删除“{pool.name}”？", "body": body, "submit_label": "删除", "danger": True}
    )


@require_http_methods(["GET", "HEAD", "POST"])
@needs("admin.pools")
def move(request, pk: int):
    """/settings/pools/<pk>/move/: everything that lies in the pool goes to another one."""
    pool = pool_of(pk)
    kind = kinds.get(pool.kind)
    form = MoveAllForm(request.POST or None, pool=pool)
    if request.method == "POST" and form.is_valid():
        to = form.cleaned_data["to"]
        try:
            moved = verbs.move_all(pool, to, by=request.user)
            if isinstance(moved, Job):
                return done(request, f"/jobs/{moved.pk}/")
            return done(request, url_of(pool), f"已把 {moved:,} 个{kind.of.label}移动到“{to.name}”")
        except ValidationError as error:
            move_errors(form, error)
    found = verbs.held(kind, pool)
    context = {
        "heading": f"把“{pool.name}”里的{kind.of.label}移动到别的{kind.label}",
        "body": f"共 {found.words(kind)}。入池时间和前负责人不变；能看到它们的人换成那个{kind.label}的成员。",
        "submit_label": f"移动（{found.total:,} 个）",
        "fields": form,
    }
    return confirm(request, pool, context, status=422 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@needs("admin.pools")
def run_now(request):
    """/settings/pools/run/: the nightly run by hand, after saying how much it takes."""
    if request.method == "POST":
        name = "pool_reclaim"
        job = jobs.start("periodic", user=request.user, label=periodic.ALL[name].label, params={"name": name})
        return done(request, f"/jobs/{job.pk}/")
    day = timezone.localdate()
    parts = [
        f"{kind.model.objects.filter(rules.due(kind, day)).count():,} 个{kind.of.label}" for kind in kinds.ALL.values()
    ]
    return render_page(
        request,
        "records/confirm.html",
        {
            "heading": "立即回收？",
            "body": f"按已保存的规则，今天到期的 {'、'.join(parts)}将马上被回收，每位负责人收到一条消息。",
            "details": ["平时每天 00:30 自动运行；手动运行不影响当晚的一次", "在后台进行，可以离开页面"],
            "submit_label": "立即回收",
            "danger": True,
            "module": CRUMB,
            "back_url": ROOT,
            "nav_active": "settings",
        },
    )
