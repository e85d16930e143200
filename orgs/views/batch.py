"""Actions on one or several employees: a question first, then the act, with a result per person."""

from collections.abc import Callable
from dataclasses import dataclass

from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.shortcuts import get_object_or_404
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from crm.records.views.base import render_page

from .. import services
from ..forms import MoveForm, SetRolesForm
from ..handover import pieces
from ..models import Employee
from .base import done, needs
from .employees import CRUMB, LIST, passwords_page

LIMIT = 1000
SHOWN = 8


@dataclass(frozen=True)
class Action:
    """`run(person, form, by)` acts on one person; what it answers is a new password where `secret`."""

    label: str
    icon: str
    heading: str
    submit: str
    done: str
    run: Callable
    body: str = ""
    form: type | None = None
    danger: bool = False
    secret: bool = False
    function: str = "admin.org"


def _move(person, form, by):
    services.update_employee(person, {"department": form.cleaned_data["department"]}, by=by)


def _roles(person, form, by):
    mode, chosen, held = form.cleaned_data["mode"], set(form.cleaned_data["roles"]), set(person.roles.all())
    wanted = {"add": held | chosen, "remove": held - chosen}.get(mode, chosen)
    services.set_roles(person, wanted, by=by)


ACTIONS = {
    "move": Action(
        "移动部门", "department", "把 {n} 名员工移到哪个部门？", "移动（{n} 人）", "移动部门", _move, form=MoveForm
    ),
    "roles": Action(
        "设置角色",
        "shield",
        "设置 {n} 名员工的角色",
        "设置（{n} 人）",
        "设置角色",
        _roles,
        form=SetRolesForm,
        function="admin.roles",
        body="在下一次操作时生效。",
    ),
    "reset": Action(
        "重置密码",
        "key",
        "重置 {n} 名员工的密码？",
        "重置密码（{n} 人）",
        "重置密码",
        lambda person, form, by: services.reset_password(person, by=by),
        secret=True,
        body="他们会立即退出登录，用新密码登录后须再改一次。新密码只显示一次。",
    ),
    "enable": Action(
        "启用",
        "check",
        "启用 {n} 名员工？",
        "启用（{n} 人）",
        "启用",
        lambda person, form, by: services.enable_employee(person, by=by),
        body="启用后可以登录，角色与停用前相同。",
    ),
    "disable": Action(
        "停用",
        "lock",
        "停用 {n} 名员工？",
        "停用（{n} 人）",
        "停用",
        lambda person, form, by: services.disable_employee(person, by=by),
        danger=True,
        body="停用后立即退出、不能再登录；名下的记录和历史都保留。",
    ),
}


def action_of(request, key: str) -> Action:
    if key not in ACTIONS:
        raise Http404
    action = ACTIONS[key]
    if not request.user.has_function(action.function):
        raise PermissionDenied("您的角色没有“角色”管理功能，需要时请联系系统管理员。")
    return action


@never_cache
@require_POST
@needs("admin.org")
def batch(request, key: str):
    """POST /settings/employees/batch/<key>/: `ids` = "1,2,3"; the first POST asks, the one with `confirm` acts."""
    action = action_of(request, key)
    ids = list(
        dict.fromkeys(
            int(part)
            for part in request.POST.get("ids", "").split(",")
            if part.strip().isascii() and part.strip().isdigit() and len(part.strip()) < 19
        )
    )
    people = list(Employee.objects.filter(pk__in=ids[:LIMIT]).select_related("department").order_by("pk"))
    if not people or len(ids) > LIMIT:
        reason = f"一次最多处理 {LIMIT:,} 人，请缩小范围。" if people else "请先选择员工。"
        return render_page(
            request,
            "orgs/refused.html",
            {"heading": action.label, "reasons": [reason], "module": CRUMB, "back_url": LIST},
            status=422,
        )
    return answer(request, action, people, back_url=LIST)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@needs("admin.org")
def one(request, pk: int, key: str):
    """/settings/employees/<pk>/<key>/: the same for one person."""
    action = action_of(request, key)
    return answer(
        request,
        action,
        [get_object_or_404(Employee.objects.select_related("department"), pk=pk)],
        back_url=f"{LIST}{pk}/",
    )


def answer(request, action, people, *, back_url: str):
    """The question, or the act and its result."""
    acting = request.method == "POST" and request.POST.get("confirm") == "1"
    form = action.form(request.POST if acting else None, by=request.user) if action.form else None
    if not acting or (form is not None and not form.is_valid()):
        return ask(request, action, people, form, back_url)
    done_for, failed = services.for_each(people, lambda person: action.run(person, form, request.user))
    if action.secret:
        return passwords_page(request, done_for, heading="新密码", failures=failed, back_url=back_url)
    if not failed:
        return done(request, back_url, f"{action.done}成功" + (f"（{len(done_for)} 人）" if len(people) > 1 else ""))
    return render_page(
        request,
        "records/result.html",
        {
            "heading": f"{action.label}的结果",
            "done": len(done_for),
            "failures": [{"title": person.name, "reason": reason} for person, reason in failed],
            "back_url": back_url,
            "module": CRUMB,
            "nav_active": "settings",
        },
    )


def _left(people, owned: dict[int, int]) -> str:
    """What stays behind when these people are disabled."""
    total = sum(owned.values())
    if not total:
        return ""
    whose = people[0].name if len(people) == 1 else f"其中 {len(owned)} 人"
    return f"{whose}名下还有 {total:,} 条记录，建议先交接给同事。"


def ask(request, action, people, form, back_url):
    owned = pieces.owned_by([person.pk for person in people]) if action is ACTIONS["disable"] else {}
    names = [
        f"{person.name}（{person.department.name}）"
        + (f"，名下 {owned[person.pk]:,} 条记录" if person.pk in owned else "")
        for person in people[:SHOWN]
    ]
    if len(people) > SHOWN:
        names.append(f"等 {len(people)} 人")
    heading = (
        action.heading.format(n=len(people))
        if len(people) > 1
        else action.heading.replace("{n} 名员工", people[0].name)
    )
    return render_page(
        request,
        "records/confirm.html",
        {
            "heading": heading,
            "body": _left(people, owned) + action.body,
            "instead": {
                "label": "先交接",
                "icon": "transfer",
                "url": f"{LIST}{people[0].pk}/handover/",
            }
            if owned and len(people) == 1
            else None,
            "details": names if len(people) > 1 else [],
            "fields": form,
            "danger": action.danger,
            "module": CRUMB,
            "back_url": back_url,
            "submit_label": action.submit.format(n=len(people)) if len(people) > 1 else action.label,
            "action": request.path,
            "nav_active": "settings",
            "hidden": [("ids", ",".join(str(person.pk) for person in people)), ("confirm", "1")],
        },
        status=422 if form is not None and form.errors else 200,
    )
