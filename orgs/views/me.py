"""个人设置, 我的权限, 为什么能看到."""

import re

from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from crm.records import modules
from crm.records.forms import HouseForm
from crm.records.views.base import render_page

from .. import explain, services, tree
from ..forms import person_field
from ..models import Employee, SignIn
from .base import done, move_errors, whole


class MeForm(HouseForm):
    """What people change about themselves; name and sign-in phone are the administrators'."""

    class Meta:
        model = Employee
        fields = ["email"]


@require_http_methods(["GET", "HEAD", "POST"])
def me(request):
    """/me/: own data, own sessions."""
    person = Employee.objects.select_related("department", "supervisor").get(pk=request.user.pk)
    form = MeForm(request.POST or None, instance=Employee.objects.get(pk=person.pk), user=request.user)
    form.fields["email"].help_text = "也可以用来登录；忘记密码时收重置链接"
    if request.method == "POST" and form.is_valid():
        try:
            services.change_email(person, form.cleaned_data["email"], by=person)
            return done(request, "/me/", "保存成功")
        except ValidationError as error:
            move_errors(form, error)
    key = request.session.session_key
    facts = [
        ("姓名", person.name),
        ("登录手机号", person.phone),
        ("部门", tree.name_of(person.department)),
        ("职位", person.position),
        ("直属上级", str(person.supervisor or "")),
        ("角色", "、".join(role.name for role in person.role_list())),
    ]
    sessions = [{"row": row, "here": row.session_key == key} for row in live_sessions(person)]
    return render_page(
        request,
        "orgs/me.html",
        {"form": form, "facts": facts, "sessions": sessions},
        status=422 if form.errors else 200,
    )


def live_sessions(person):
    """The sign-ins whose session still stands, the latest activity first."""
    from django.contrib.sessions.models import Session

    rows = list(SignIn.objects.filter(employee=person)[:100])
    standing = set(
        Session.objects.filter(
            session_key__in=[row.session_key for row in rows], expire_date__gt=timezone.now()
        ).values_list("session_key", flat=True)
    )
    return [row for row in rows if row.session_key in standing]


@require_POST
def end_session(request, pk: int):
    """POST /me/sessions/<pk>/end/: 下线 of one of one's own sessions."""
    row = get_object_or_404(SignIn, pk=pk, employee=request.user)
    if row.session_key == request.session.session_key:
        raise PermissionDenied("这是当前的登录，请用“退出”。")
    services.end_session(row, by=request.user)
    return done(request, "/me/", "已下线")


@require_safe
def my_rights(request):
    """/me/rights/"""
    return rights_page(request, request.user)


@require_safe
def rights(request, pk: int):
    """/people/<pk>/rights/: anyone's for administrators, one's own for everybody."""
    if pk != request.user.pk and not request.user.has_function("admin.roles"):
        raise PermissionDenied("您的角色没有“角色”管理功能，只能查看自己的权限。")
    return rights_page(request, get_object_or_404(Employee.objects.select_related("department"), pk=pk))


def rights_page(request, person):
    own = person.pk == request.user.pk
    heading = "我的权限" if own else f"{person.name}的权限"
    may_ask = own or request.user.has_function("admin.roles")
    return render_page(
        request,
        "orgs/rights.html",
        {
            **explain.rights_of(person),
            "person": person,
            "own": own,
            "heading": heading,
            "department": tree.name_of(person.department),
            "may_ask": may_ask,
        },
    )


@require_safe
def why(request):
    """/rights/why/?employee=&module=&id=: which role, team entry or parent lets an employee see a record. The asker must
    be allowed to see the record. `record` may also be the address of its page."""
    data = request.GET
    field = person_field("员工", required=True)
    field.widget = type(field.widget)(kind="colleague")
    field.queryset = Employee.objects.all()
    field.widget.choices = field.choices
    person = (
        get_object_or_404(Employee.objects.select_related("department"), pk=whole(data["employee"]))
        if data.get("employee")
        else None
    )
    context = {
        "person": person,
        "picker": field.widget.render("employee", person.pk if person else "", {"id": "id_employee"}),
        "address": data.get("record", "")[:300],
        "module": data.get("module", ""),
        "choices": [module for module in modules.ordered() if module.may(request.user, "view")],
    }
    module, pk = asked_record(data)
    if data.get("record") and module is None:
        context["problem"] = "请粘贴记录页面的地址，例如 /customers/123/。"
    if module is None or pk is None:
        return render_page(request, "orgs/why.html", context)
    if not module.may(request.user, "view"):
        raise PermissionDenied(f"您的角色没有“{module.label}”的“查看”权限。")
    record = module.model.objects.allowed(request.user, "view").filter(pk=pk).first()
    if record is None:
        raise Http404
    context |= {
        "module": module.name,
        "record_title": module.title_of(record),
        "record_url": module.url(pk=pk),
        "record_module": module,
        "address": module.url(pk=pk),
    }
    if person is not None:
        context["answer"] = explain.why(person, module, record, asker=request.user)
    return render_page(request, "orgs/why.html", context)


def asked_record(data):
    """(module, id) out of `module` and `id`, or out of the address of a record's page; 404 for a module that is none."""
    if data.get("record"):
        found = re.search(r"(?:^|/)([a-z-]+)/(\d{1,18})(?:/|$)", data["record"])
        prefixes = {module.prefix: module for module in modules.ALL.values()}
        return (prefixes.get(found[1]), int(found[2])) if found and found[1] in prefixes else (None, None)
    if not data.get("module"):
        return None, None
    if data["module"] not in modules.ALL:
        raise Http404
    return modules.get(data["module"]), (whole(data["id"]) if data.get("id") else None)
