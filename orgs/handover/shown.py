"""Looking at handovers: the list, one of them (under way it asks for itself), and /handovers/<pk>/, what a receiver sees."""

from django.http import Http404
from django.shortcuts import get_object_or_404
from django.utils.html import format_html
from django.views.decorators.http import require_safe

from crm.records import formatting, params
from crm.records.templatetags import kaihai
from crm.records.views.base import render_page
from crm.records.views.jobs import Shown

from .. import people as found_people
from ..models import Employee
from ..views.base import Pager, needs
from . import job, pieces, preview, services
from .models import Handover
from .services import State

LIST = "/settings/handovers/"
CRUMB = {"label": "离职交接", "list_url": LIST}
STEPS = ("选人", "分配", "预览", "完成")
NAMED = 200  # rows that did not go back are named up to this number
DOTS = {
    State.SCHEDULED: "info",
    State.RUNNING: "accent",
    State.UNDOING: "accent",
    State.DONE: "success",
    State.PARTLY: "warning",
    State.STOPPED: "danger",
}
COLUMNS = (
    ("employee", "员工", "k-w-136", "title"),
    ("to", "交给", "k-w-176", "wide"),
    ("count", "已交接", "k-w-88", "pair"),
    ("state", "状态", "k-w-96", "side"),
    ("starts_at", "生效时间", "k-w-136", "pair"),
    ("created_by", "发起人", "k-w-104", "sub"),
    ("created_at", "创建时间", "k-w-120", ""),
)


def steps(now: int) -> list[dict]:
    """The steps of the wizard; `now` from 1."""
    return [
        {"no": no, "label": label, "state": "done" if no < now else "now" if no == now else ""}
        for no, label in enumerate(STEPS, 1)
    ]


def state_html(handover):
    """The state as a dot and a word; of one whose job ended early, what became of it."""
    state = handover.state
    under_way = handover.current_job
    if state in (State.RUNNING, State.UNDOING) and under_way is not None and not under_way.is_active:
        state = State.STOPPED
    dot = f"k-dot-{DOTS[state]}" if state in DOTS else ""
    return format_html('<span class="k-state"><span class="k-dot {}"></span>{}</span>', dot, State(state).label)


def find(pk: int) -> Handover:
    """The handover with what its page shows, else 404."""
    return get_object_or_404(
        Handover.objects.select_related(
            "employee__department", "employee__supervisor", "created_by", "job", "undo_job", "undone_by"
        ),
        pk=pk,
    )


@require_safe
@needs("admin.org")
def index(request):
    """/settings/handovers/: newest first, found by the name of the employee."""
    q = request.GET.get("q", "").strip()[:100]
    found = Handover.objects.order_by("-pk")
    if q:
        found = found.filter(employee__in=found_people.find(Employee.objects.all(), q))
    pager = Pager(request, found, size=params.get("page_size"))
    shown = list(pager.rows.select_related("employee", "created_by", "job", "undo_job").prefetch_related("pieces"))
    names = dict(
        Employee.objects.filter(pk__in={pk for one in shown for pk in services.receivers(one.plan)}).values_list(
            "pk", "name"
        )
    )
    return render_page(
        request,
        "records/list.html",
        {
            "module": {"label": "离职交接", "name": "handover", "icon": "transfer", "list_url": LIST},
            "nav_active": "settings",
            "title": "离职交接",
            "actions": [{"label": "选择员工", "url": "/settings/employees/", "icon": "team", "primary": True}],
            "q": q,
            "search_placeholder": "姓名、手机号、拼音首字母",
            "hidden": [("size", request.GET["size"])] if request.GET.get("size") else [],
            "columns": [
                {"key": key, "label": label, "css": css, "numeric": key == "count", "sort_url": None, "sorted": ""}
                for key, label, css, _ in COLUMNS
            ],
            "rows": [_row(one, names) for one in shown],
            "pager": pager.context(),
            "bulk": {"actions": []},
            "empty": {
                "title": "没有符合条件的交接" if q else "还没有交接",
                "text": "在员工的页面上点“交接”，把名下的记录交给同事。",
                "actions": [{"label": "选择员工", "url": "/settings/employees/", "icon": "team"}],
            },
        },
    )


def _row(handover, names: dict[int, str]) -> dict:
    to = "、".join(names[pk] for pk in sorted(services.receivers(handover.plan)) if pk in names)
    count = f"{moved(handover.pieces.all()):,}"
    values = {
        "employee": (handover.employee.name, handover.employee.name),
        "to": (to, to),
        "count": (count, count),
        "state": (state_html(handover), ""),
        "starts_at": (formatting.moment(handover.starts_at), ""),
        "created_by": (kaihai.person_html(handover.created_by), handover.created_by.name),
        "created_at": (kaihai.near_html(handover.created_at), ""),
    }
    return {
        "pk": handover.pk,
        "url": job.handover_url(handover),
        "title": str(handover),
        "cells": [
            {
                "html": values[key][0],
                "title": values[key][1],
                "css": "k-num" if key == "count" else "",
                "m": place,
                "label": label,
            }
            for key, label, _, place in COLUMNS
        ],
        "tel": "",
        "locked": False,
    }


def moved(laid) -> int:
    """How many rows went, with what went along."""
    return sum(sum(numbers.values()) for piece in laid for numbers in (piece.moved, *piece.along.values()))


@require_safe
@needs("admin.org")
def detail(request, pk: int):
    """/settings/handovers/<pk>/: what is planned or done, piece by piece; under way it asks for itself."""
    handover = find(pk)
    person, state, under_way = handover.employee, handover.state, handover.current_job
    active = under_way is not None and under_way.is_active
    stopped = under_way is not None and under_way.state in ("failed", "cancelled")
    actions = []
    if state == State.SCHEDULED:
        actions = [
            {"label": "修改", "url": f"/settings/employees/{person.pk}/handover/", "icon": "edit", "primary": True},
            {"label": "取消交接", "url": f"{LIST}{pk}/cancel/", "icon": "x", "dialog": True, "danger": True},
        ]
    elif not services.undo_refusal(handover) and not active:
        actions = [{"label": "撤销", "url": f"{LIST}{pk}/undo/", "icon": "undo", "dialog": True, "danger": True}]
    if stopped and under_way.user_id == request.user.pk or stopped and request.user.has_function("admin.jobs"):
        actions.insert(0, {"label": "继续", "url": f"/jobs/{under_way.pk}/retry/", "post": True, "icon": "undo"})
    counts = pieces.counts(person) if state == State.SCHEDULED else {}
    return render_page(
        request,
        "orgs/handover.html",
        {
            "module": CRUMB,
            "nav_active": "settings",
            "handover": handover,
            "person": person,
            "state": state_html(handover),
            "actions": actions,
            "active": active,
            "job": Shown(under_way, request.user) if active else None,
            "stopped": under_way.error or "任务已取消，交接过的部分保留。" if stopped else "",
            "steps": steps(4) if state not in (State.SCHEDULED, State.CANCELLED) else [],
            "rows": preview.rows(handover, counts, by=request.user) if counts else [],
            "pieces": _pieces(handover, mine=handover.undone_by_id == request.user.pk),
            "moved": moved(handover.pieces.all()),
            "until": services.undo_until(handover) if not services.undo_refusal(handover) else None,
        },
    )


def _pieces(handover, *, mine: bool) -> list[dict]:
    """What happened to each piece; titles of what did not go back are for who took it back."""
    known = {piece.key: piece for piece in pieces.ordered()}
    laid = [piece for piece in handover.pieces.all() if piece.moved or piece.reason]
    names = Employee.objects.in_bulk({int(key) for piece in laid for key in piece.moved if key})
    found = []
    for piece in laid:
        declared = known.get(piece.key)
        along = [
            f"{known[key].label if key in known else key} {sum(numbers.values()):,}"
            for key, numbers in piece.along.items()
        ]
        found.append(
            {
                "label": declared.label if declared else piece.key,
                "count": sum(piece.moved.values()),
                "shares": [(names.get(int(key)) if key else None, number) for key, number in piece.moved.items()],
                "along": f"另有随同的{'、'.join(along)}" if along else "",
                "reason": piece.reason,
                "restored": piece.restored,
                "refused_count": piece.refused_count,
                "refused": [
                    {"title": title if mine else "", "reason": reason} for title, reason in piece.refused[:NAMED]
                ]
                if mine
                else [],
            }
        )
    return found


@require_safe
def received(request, pk: int):
    """/handovers/<pk>/: what a receiver got, with the ways there; 404 for everybody else."""
    handover = find(pk)
    got = job.words_of(list(handover.pieces.all()), request.user.pk)
    if not got:
        raise Http404
    rows = [
        {
            "label": piece.label,
            "icon": piece.icon,
            "number": number,
            "url": f"{piece.module.list_url}?view={'mine' if piece.is_records else 'team'}"
            if piece.module is not None and piece.module.may(request.user, "view")
            else "",
        }
        for piece, number in got
    ]
    return render_page(
        request,
        "orgs/handover_received.html",
        {
            "handover": handover,
            "rows": rows,
            "undone": handover.state == State.UNDONE,
        },
    )
