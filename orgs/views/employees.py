"""Employees: list, one person, form."""

from urllib.parse import urlencode

from django import forms
from django.core.exceptions import ValidationError
from django.db import transaction
from django.shortcuts import get_object_or_404
from django.utils.html import format_html
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from crm.records import formatting, params
from crm.records.templatetags import kaihai
from crm.records.views.base import render_page

from .. import people, services, tree
from ..forms import DepartmentPicked, EmployeeForm
from ..models import Department, Employee, Role, SignIn
from .base import Pager, done, form_page, move_errors, needs, number

LIST = "/settings/employees/"
CRUMB = {"label": "员工", "list_url": LIST}
STATES = {"active": "在职", "disabled": "已停用", "all": "全部"}
SORTS = {"name": "姓名", "department": "部门", "last_login": "最近登录", "created_at": "创建时间"}
PARAMETERS = {"q", "state", "department", "role", "sort", "page", "size"}
COLUMNS = (
    ("name", "姓名", "k-w-136", "title"),
    ("phone", "手机号", "k-w-120", "sub"),
    ("department", "部门", "k-w-176", "sub"),
    ("position", "职位", "k-w-120", ""),
    ("supervisor", "直属上级", "k-w-104", ""),
    ("roles", "角色", "k-w-136", "wide"),
    ("state", "状态", "k-w-88", "side"),
    ("last_login", "最近登录", "k-w-120", "pair"),
)


class Search(forms.Form):
    """The search row above the list."""

    def __init__(self, data):
        super().__init__(data)
        self.fields["department"] = DepartmentPicked(label="部门（含下级）", required=False)
        self.fields["role"] = forms.ModelChoiceField(Role.objects.all(), label="角色", required=False)
        for field in self.fields.values():
            field.widget.attrs["form"] = "list-form"


class ListState:
    """What the URL asks for, and what of it was not understood."""

    def __init__(self, data):
        self.data, self.notices = data, []
        if unknown := sorted(set(data) - PARAMETERS):
            self.notices.append(f"忽略了无法识别的条件：{'、'.join(name[:40] for name in unknown[:5])}")
        self.state = data.get("state", "active")
        if self.state not in STATES:
            self.notices.append("忽略了无法识别的状态")
            self.state = "active"
        self.q = data.get("q", "").strip()[:100]
        self.department = self._row(Department, "department", "部门")
        self.role = self._row(Role, "role", "角色")
        self.sort = data.get("sort", "created_at")
        if self.sort.lstrip("-") not in SORTS:
            self.notices.append("忽略了无法识别的排序")
            self.sort = "created_at"

    def _row(self, model, name, label):
        text = self.data.get(name, "")
        found = model.objects.filter(pk=number(text)).first() if number(text) else None
        if text and found is None:
            self.notices.append(f"忽略了不存在的{label}")
        return found

    def matching(self):
        """Employees that fit everything but the state."""
        rows = people.find(Employee.objects.all(), self.q)
        if self.department:
            rows = rows.filter(department__path__startswith=self.department.path)
        if self.role:
            rows = rows.filter(roles=self.role)
        return rows

    def rows(self):
        rows = self.matching()
        if self.state != "all":
            rows = rows.filter(is_active=self.state == "active")
        field = {"name": "pinyin", "department": "department__path"}.get(self.sort.lstrip("-"), self.sort.lstrip("-"))
        sign = "-" if self.sort.startswith("-") else ""
        return rows.order_by(sign + field, sign + "pk")

    def url(self, **changes) -> str:
        pairs = {
            key: value for key, value in self.data.items() if key in PARAMETERS - {"page"} and value != ""
        } | changes
        query = urlencode({key: value for key, value in pairs.items() if value is not None})
        return f"{LIST}?{query}" if query else LIST


@require_safe
@needs("admin.org")
def index(request):
    """/settings/employees/: search, filters, selection, batch actions."""
    state = ListState(request.GET)
    pager = Pager(request, state.rows(), size=params.get("page_size"))
    ways = tree.ways()
    found = pager.rows.select_related("department", "supervisor").prefetch_related("roles")
    chips = []
    if state.department:
        chips.append({"label": "部门", "value": ways[state.department.pk], "remove_url": state.url(department=None)})
    if state.role:
        chips.append({"label": "角色", "value": state.role.name, "remove_url": state.url(role=None)})
    return render_page(
        request,
        "records/list.html",
        {
            "module": {
                "label": "员工",
                "name": "employee",
                "icon": "team",
                "list_url": LIST,
                "select_first": "请先选择员工。",
            },
            "nav_active": "settings",
            "title": "员工",
            "ops_css": "k-w-136",
            "actions": header_actions(),
            "q": state.q,
            "search_placeholder": "姓名、手机号、拼音首字母",
            "filters": Search(request.GET),
            "chips": chips,
            "clear_url": LIST,
            "hidden": [(key, state.data[key]) for key in ("state", "sort", "size") if state.data.get(key)],
            "notices": state.notices,
            "views": [
                {
                    "label": label,
                    "url": state.url(state=None if key == "active" else key),
                    "active": key == state.state,
                    "count": None,
                }
                for key, label in STATES.items()
            ],
            "columns": [head(state, *column) for column in COLUMNS],
            "rows": [row(person, ways) for person in found],
            "pager": pager.context(),
            "bulk": {"actions": bulk_actions(request.user), "total_text": "", "filter_token": ""},
            "empty": {
                "title": "没有符合条件的员工",
                "text": "换个条件试试，或清除筛选。",
                "actions": [{"label": "清除筛选", "url": LIST, "icon": "x"}],
            },
        },
    )


def header_actions() -> list[dict]:
    return [
        {"label": "导入", "url": f"{LIST}import/", "icon": "upload"},
        {"label": "导出", "url": f"{LIST}export/", "icon": "download", "dialog": True},
        {"label": "新建员工", "url": f"{LIST}new/", "icon": "plus", "primary": True},
    ]


def bulk_actions(user) -> list[dict]:
    from .batch import ACTIONS

    return [
        {"key": key, "label": action.label, "icon": action.icon, "danger": action.danger, "url": f"{LIST}batch/{key}/"}
        for key, action in ACTIONS.items()
        if user.has_function(action.function)
    ]


def head(state, key, label, css, place) -> dict:
    mine = state.sort.lstrip("-") == key
    down = state.sort.startswith("-")
    flipped = key if mine and down else f"-{key}" if mine or key in ("last_login", "created_at") else key
    return {
        "key": key,
        "label": label,
        "css": css,
        "numeric": False,
        "sort_url": state.url(sort=flipped) if key in SORTS else None,
        "sorted": ("desc" if down else "asc") if mine else "",
    }


def state_html(person):
    """启用 or 停用 as a dot and a word."""
    css, word = ("success", "在职") if person.is_active else ("warning", "已停用")
    return format_html('<span class="k-state"><span class="k-dot k-dot-{}"></span>{}</span>', css, word)


def row(person, ways) -> dict:
    roles = "、".join(role.name for role in person.roles.all())
    values = {
        "name": (person.name, person.name),
        "phone": (person.phone, person.phone),
        "department": (ways[person.department_id], ways[person.department_id]),
        "position": (person.position, person.position),
        "supervisor": (kaihai.person_html(person.supervisor), str(person.supervisor or "")),
        "roles": (roles, roles),
        "state": (state_html(person), ""),
        "last_login": (kaihai.near_html(person.last_login), ""),
    }
    cells = [
        {"html": values[key][0], "title": values[key][1], "css": "", "m": place, "label": label}
        for key, label, _, place in COLUMNS
    ]
    return {
        "pk": person.pk,
        "url": f"{LIST}{person.pk}/",
        "edit_url": f"{LIST}{person.pk}/edit/",
        "more": [{"label": "交接", "url": f"{LIST}{person.pk}/handover/"}],
        "title": person.name,
        "cells": cells,
        "tel": person.phone,
        "locked": False,
    }


@require_safe
@needs("admin.org")
def detail(request, pk: int):
    """/settings/employees/<pk>/: one person, what may be done, live sessions."""
    from .batch import ACTIONS

    person = get_object_or_404(
        Employee.objects.select_related("department", "supervisor").prefetch_related("roles"), pk=pk
    )
    user = request.user
    facts = [
        ("手机号", person.phone),
        ("邮箱", person.email),
        ("部门", tree.name_of(person.department)),
        ("职位", person.position),
        ("直属上级", kaihai.person_html(person.supervisor)),
        ("性别", person.get_gender_display()),
        ("创建时间", formatting.moment(person.created_at)),
        ("最近登录", formatting.moment(person.last_login)),
    ]
    if person.disabled_at:
        facts.append(("停用时间", formatting.moment(person.disabled_at)))
    offered = [
        key
        for key in ("roles", "move", "reset", "disable" if person.is_active else "enable")
        if user.has_function(ACTIONS[key].function) and not (person.pk == user.pk)
    ]
    actions = [
        {"label": "编辑", "url": f"{LIST}{pk}/edit/", "icon": "edit", "primary": True},
        {"label": "交接", "url": f"{LIST}{pk}/handover/", "icon": "transfer"},
    ] + [
        {
            "label": ACTIONS[key].label,
            "url": f"{LIST}{pk}/{key}/",
            "icon": ACTIONS[key].icon,
            "danger": ACTIONS[key].danger,
            "dialog": True,
        }
        for key in offered
    ]
    return render_page(
        request,
        "orgs/employee.html",
        {
            "person": person,
            "facts": facts,
            "actions": actions,
            "roles": list(person.roles.all()),
            "nav_active": "settings",
            "sessions": SignIn.objects.filter(employee=person)[:20],
            "may_roles": user.has_function("admin.roles"),
            "state": state_html(person),
        },
    )


@never_cache
@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
@needs("admin.org")
def create(request):
    """/settings/employees/new/: the answer shows the initial password once."""
    form = EmployeeForm(
        request.POST or None,
        instance=Employee(),
        user=request.user,
        initial={"department": number(request.GET.get("department"))},
    )
    if request.method == "POST" and form.is_valid():
        person = form.instance
        try:
            password = services.create_employee(
                person,
                roles=form.cleaned_data.get("roles", ()),
                by=request.user,
                password=form.cleaned_data["password"],
            )
        except ValidationError as error:
            move_errors(form, error)
        else:
            return passwords_page(request, [(person, password)], heading=f"已新建员工“{person.name}”")
    note = "" if "roles" in form.fields else "角色由有“角色”管理功能的管理员设置。"
    return form_page(request, form, heading="新建员工", sections=form.sections, crumb=CRUMB, back_url=LIST, notice=note)


def passwords_page(request, rows, *, heading: str, failures=(), back_url: str = LIST):
    """New passwords, shown this once."""
    return render_page(
        request,
        "orgs/passwords.html",
        {
            "heading": heading,
            "rows": [{"person": person, "password": password} for person, password in rows],
            "back_url": back_url,
            "module": CRUMB,
            "failures": [{"title": person.name, "reason": reason} for person, reason in failures],
            "nav_active": "settings",
        },
    )


@require_http_methods(["GET", "HEAD", "POST"])
@needs("admin.org")
def edit(request, pk: int):
    """/settings/employees/<pk>/edit/"""
    person = get_object_or_404(Employee, pk=pk)
    url = f"{LIST}{pk}/"
    form = EmployeeForm(
        request.POST or None,
        instance=get_object_or_404(Employee.objects.select_related("department", "supervisor"), pk=pk),
        user=request.user,
    )
    if request.method == "POST" and form.is_valid():
        try:
            save(person, form, by=request.user)
            return done(request, url, "保存成功")
        except ValidationError as error:
            move_errors(form, error)
    return form_page(
        request, form, heading=f"编辑员工“{person.name}”", sections=form.sections, crumb=CRUMB, back_url=url
    )


def save(person, form, *, by) -> None:
    """Fields and roles of the form in one transaction."""
    with transaction.atomic():
        current = services.update_employee(person, form.changed(), by=by)
        if "roles" in form.fields and "roles" in form.changed_data:
            services.set_roles(current, form.cleaned_data["roles"], by=by)
