"""/settings/pools/caps/: how many records an employee may own or lock."""

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.http import Http404
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_http_methods, require_safe

from orgs.views.base import done, form_page, move_errors, needs, render_page

from ..models import OwnerCap
from . import kinds, quotas
from . import setting_services as verbs
from .setting_forms import CapForm

ROOT = "/settings/pools/caps/"
CRUMB = {"label": "拥有上限", "list_url": ROOT}


def cap_of(pk: int) -> OwnerCap:
    return get_object_or_404(OwnerCap.objects.select_related("role", "department"), pk=pk, kind__in=list(kinds.ALL))


@require_safe
@needs("admin.pools")
def index(request):
    """/settings/pools/caps/: every cap, with how many people are over it now."""
    caps: dict[str, list] = {}
    for cap in OwnerCap.objects.select_related("role", "department"):
        caps.setdefault(cap.kind, []).append(cap)
    sides = []
    for kind in kinds.ALL.values():
        mine = caps.get(kind.module, [])
        over = over_now(kind) if mine else {}
        spared = {one.key: one.label for one in kind.exemptions}
        rows = [
            {
                "cap": cap,
                "target": verbs.cap_target(cap),
                "uncounted": "、".join(spared[key] for key in cap.uncounted if key in spared),
                "people": over.get(cap.pk, (0, 0))[0],
                "over": over.get(cap.pk, (0, 0))[1],
            }
            for cap in mine
        ]
        sides.append({"kind": kind, "rows": rows})
    return render_page(request, "pools/caps.html", {"sides": sides, "nav_active": "settings"})


def over_now(kind: kinds.Kind) -> dict[int, tuple[int, int]]:
    """{cap: (active employees it decides about, how many of them have more than it allows)}."""
    ids = list(get_user_model().objects.filter(is_active=True).values_list("pk", flat=True))
    found: dict[int, tuple[int, int]] = {}
    for what in OwnerCap.What.values:
        for room in quotas.rooms(kind, ids, what=what).values():
            if room.cap is not None:
                people, over = found.get(room.cap, (0, 0))
                found[room.cap] = (people + 1, over + (room.used > room.limit))
    return found


@require_http_methods(["GET", "HEAD", "POST"])
@needs("admin.pools")
def create(request, name: str):
    """/settings/pools/caps/new/<kind>/"""
    kind = kinds.find(name)
    if kind is None:
        raise Http404
    return edited(request, OwnerCap(kind=name), heading=f"新增{kind.of.label}上限")


@require_http_methods(["GET", "HEAD", "POST"])
@needs("admin.pools")
def edit(request, pk: int):
    """/settings/pools/caps/<pk>/edit/"""
    cap = cap_of(pk)
    return edited(request, cap, heading=f"编辑上限：{verbs.cap_target(cap)}")


def edited(request, cap: OwnerCap, *, heading: str):
    form = CapForm(request.POST or None, cap=cap)
    if request.method == "POST" and form.is_valid():
        try:
            verbs.save_cap(cap, form.cleaned_data, by=request.user)
            return done(request, ROOT, "保存成功")
        except ValidationError as error:
            move_errors(form, error)
    return form_page(
        request, form, heading=heading, sections=[("", "", tuple(form.fields))], crumb=CRUMB, back_url=ROOT
    )


@require_http_methods(["GET", "HEAD", "POST"])
@needs("admin.pools")
def delete(request, pk: int):
    """/settings/pools/caps/<pk>/delete/"""
    cap = cap_of(pk)
    if request.method == "POST":
        verbs.delete_cap(cap, by=request.user)
        return done(request, ROOT, "删除成功")
    kind = kinds.get(cap.kind)
    return render_page(
        request,
        "records/confirm.html",
        {
            "heading": f"删除{verbs.cap_target(cap)}的上限？",
            "body": f"{quotas.cap_words(kind, cap)}。删除后只受其他上限限制；没有别的上限就不限。",
            "submit_label": "删除",
            "danger": True,
            "module": CRUMB,
            "back_url": ROOT,
            "nav_active": "settings",
        },
    )
