"""/settings/numbering/: how documents are numbered."""

from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.http import Http404
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from crm.records import numbering

from ..services import numbering as verbs
from .base import done, needs, number, render_page

ROOT = "/settings/numbering/"
KINDS = (("text", "文字"), ("date", "日期"), ("field", "字段"))
STALE = "这条规则刚被别人修改过。您填的内容还在，请核对后再保存，或返回查看对方的修改。"


def _kind(key: str) -> numbering.Numbering:
    if key not in numbering.ALL:
        raise Http404
    return numbering.ALL[key]


@require_safe
@needs("admin.sales")
def index(request):
    """/settings/numbering/: every kind with its rule and the number that comes next."""
    rows = []
    for key, kind in numbering.ALL.items():
        rule = numbering.rule_of(key)
        rows.append(
            {
                "url": f"{ROOT}{key}/",
                "label": kind.label,
                "parts": verbs.described(key, rule),
                "restart": numbering.Restart(rule.restart).label,
                "next": next(iter(numbering.samples(key, rule, count=1)), ""),
                "own": bool(rule.version),
            }
        )
    return render_page(request, "orgs/numbering.html", {"rows": rows, "nav_active": "settings"})


def _typed(data) -> numbering.Rule:
    rule = verbs.typed(
        data.getlist("kind"), data.getlist("value"), data.get("restart", ""), data.get("start", "").strip()
    )
    place = number(data.get("drop"))
    parts = [part for n, part in enumerate(rule.parts, 1) if n != place]
    if data.get("add") in dict(KINDS):
        parts.append({data["add"]: ""})
    return numbering.Rule(tuple(parts), rule.restart, rule.start)


def _page(request, key: str, rule: numbering.Rule, *, version: int, errors=(), status=200):
    kind = _kind(key)
    faults = verbs.faults(key, rule)
    fresh = any(value == "" for part in rule.parts for value in part.values())  # a part that is still to be filled in
    context = {
        "kind": kind,
        "heading": kind.label,
        "url": f"{ROOT}{key}/",
        "back_url": ROOT,
        "version": version,
        "parts": [{"kind": name, "value": value} for part in rule.parts for name, value in part.items()],
        "names": dict((*KINDS, ("seq", "流水号"))),
        "dates": verbs.DATES.items(),
        "widths": range(1, 10),
        "addable": KINDS if kind.fields else KINDS[:2],
        "restarts": [pair for pair in numbering.Restart.choices if kind.fields or pair[0] != numbering.Restart.FIELD],
        "restart": rule.restart,
        "start": rule.start or "",
        "errors": errors,
        "faults": faults,
        "fresh": fresh,
        "hints": verbs.hints(rule) if not faults else (),
        "samples": numbering.samples(key, rule) if not faults else (),
        "nav_active": "settings",
    }
    return render_page(request, "orgs/numbering_rule.html", context, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@needs("admin.sales")
def edit(request, key: str):
    """/settings/numbering/<key>/: the parts of a rule as cards."""
    _kind(key)
    if request.method != "POST":
        rule = numbering.rule_of(key)
        return _page(request, key, rule, version=rule.version)
    rule, version = _typed(request.POST), number(request.POST.get("version"), default=0)
    try:
        verbs.save(key, rule, version=version, by=request.user)
    except ValidationError as error:
        return _page(request, key, rule, version=version, errors=error.messages, status=422)
    except (verbs.Stale, IntegrityError):
        present = numbering.rule_of(key).version
        return _page(request, key, rule, version=present, errors=[STALE], status=409)
    return done(request, ROOT, "保存成功，之后提交的按新规则编号")


@require_POST
@needs("admin.sales")
def draft(request, key: str):
    """POST /settings/numbering/<key>/draft/: the page with what is typed (a part added or taken away), nothing saved."""
    _kind(key)
    version = number(request.POST.get("version"), default=0)
    return _page(request, key, _typed(request.POST), version=version)
