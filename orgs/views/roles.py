"""Roles: the matrix of functions and reach, administration functions, people, copies."""

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Count, Q
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_http_methods, require_safe

from crm.records import modules, scope
from crm.records.fields import tidy
from crm.records.modules import BASE_FUNCTIONS
from crm.records.views.base import render_page

from .. import fieldrights, services
from ..forms import person_field
from ..matrix import Matrix
from ..models import Employee, Role
from .base import done, form_page, move_errors, needs, number

LIST = "/settings/roles/"
CRUMB = {"label": "角色", "list_url": LIST}
TABS = (("matrix", "操作与数据权限"), ("fields", "字段权限"), ("admin", "管理功能"), ("people", "人员"))
ADMIN_NOTES = {
    "admin.org": "部门和员工：新建、编辑、停用、重置密码、导入导出",
    "admin.roles": "角色：新建、编辑、授予；查看任何人的权限",
    "admin.dictionary": "数据字典的值，各模块的标签",
    "admin.fields": "各模块的字段：新增、改名、必填、隐藏、顺序、索引",
    "admin.pools": "公海和线索池：成员、回收规则、领取限制、拥有上限",
    "admin.log": "登录日志和系统日志",
    "admin.settings": "系统参数",
    "admin.jobs": "所有人的后台任务",
    "admin.recycle": "彻底删除回收站里的记录",
}


def role_url(role, tab: str = "matrix") -> str:
    return f"{LIST}{role.pk}/" + ("" if tab == "matrix" else f"?tab={tab}")


@require_safe
@needs("admin.roles")
def index(request):
    """/settings/roles/: opens the first role that can be edited."""
    role = (
        Role.objects.exclude(code=Role.SUPER).filter(person=None).order_by("order", "pk").first()
        or Role.objects.order_by("order", "pk").first()
    )
    return show(request, role)


@require_http_methods(["GET", "HEAD", "POST"])
@needs("admin.roles")
def detail(request, pk: int):
    """/settings/roles/<pk>/?tab=: POST saves the shown tab."""
    role = get_object_or_404(Role.objects.select_related("person"), pk=pk)
    if request.method != "POST":
        return show(request, role)
    part = request.POST.get("part") if request.POST.get("part") in SAVED else "matrix"
    values = SAVED[part](role, request.POST)
    error = None
    if number(request.POST.get("version")) != role.version:
        error = "这个角色刚被别人修改过。您的选择还在，请核对后再保存一次。"
    else:
        try:
            services.update_role(role, values, by=request.user)
            more = f"&module={request.POST.get('module', '')}" if part == "fields" else ""
            return done(request, role_url(role, part) + more, "保存成功")
        except ValidationError as refused:
            error = "；".join(refused.messages)
    for name, value in values.items():
        setattr(role, name, value)
    return show(request, role, tab=part, error=error, status=422)


def admin_values(role, data) -> dict:
    """The role's functions with the administration functions of the form in place of its own."""
    chosen = {code for code in data.getlist("f") if code in modules.ADMIN_FUNCTIONS}
    return {"permissions": [code for code in role.permissions if code not in modules.ADMIN_FUNCTIONS] + sorted(chosen)}


SAVED = {"matrix": Matrix.values_of, "admin": admin_values, "fields": fieldrights.values_of}


def show(request, role, *, tab: str = "", error: str | None = None, status: int = 200):
    """The page of one role beside the list of all."""
    user = request.user
    tab = tab or request.GET.get("tab", "matrix")
    tab = tab if tab in dict(TABS) else "matrix"
    stored = role if error is None else Role.objects.get(pk=role.pk)
    locked = services.why_locked(stored, by=user)
    holders = list(
        Employee.objects.filter(roles=role, is_active=True).select_related("department").order_by("pk")[:100]
    )
    own = any(held.pk == role.pk for held in user.role_list()) and not user.is_super
    held = (
        sum(code in role.permissions for code in modules.ADMIN_FUNCTIONS)
        if not role.is_super
        else len(modules.ADMIN_FUNCTIONS)
    )
    counts = {"admin": held, "people": Employee.objects.filter(roles=role, is_active=True).count()}
    context = {
        "role": role,
        "roles": roles_beside(),
        "tab": tab,
        "locked": locked,
        "own": own,
        "error": error,
        "holders": holders,
        "faces": holders[:4],
        "nav_active": "settings",
        "tabs": [
            {"key": key, "label": label, "url": role_url(role, key), "active": key == tab, "count": counts.get(key)}
            for key, label in TABS
        ],
        "people": counts["people"],
        "may_org": user.has_function("admin.org"),
    }
    if tab == "matrix":
        context["matrix"] = Matrix(role)
        context["base_functions"] = BASE_FUNCTIONS
        context["preview"] = preview(holders)
    elif tab == "fields":
        context |= fieldrights.context(role, request.GET.get("module", ""), user)
    elif tab == "admin":
        granted = user.functions()
        context["functions"] = [
            {
                "code": code,
                "label": label,
                "note": ADMIN_NOTES.get(code, ""),
                "on": role.is_super or code in role.permissions,
                "barred": code not in granted and code not in role.permissions,
            }
            for code, label in modules.ADMIN_FUNCTIONS.items()
        ]
    return render_page(request, "orgs/role.html", context, status=status)


def roles_beside() -> list:
    """Every role with `people` (active holders); personal ones last."""
    active = Count("employees", filter=Q(employees__is_active=True), distinct=True)
    rows = Role.objects.select_related("person").annotate(people=active).order_by("order", "pk")
    return sorted(rows, key=lambda role: role.person_id is not None)


def preview(holders) -> dict | None:
    """What the first holder sees, in figures."""
    person = next((one for one in holders if one.is_active), None)
    if person is None:
        return None
    figures = []
    for module in modules.ordered():
        if module.owned and module.may(person, "view"):
            count = scope.capped_count(module.model.objects.allowed(person, "view"))
            figures.append(
                {"label": module.label, "text": f"{count:,}" if count <= scope.COUNT_CAP else f"{scope.COUNT_CAP:,}+"}
            )
    return {"person": person, "figures": figures} if figures else None


class RoleForm(forms.Form):
    """Name and description."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        for name in ("name", "description"):
            field = Role._meta.get_field(name)
            self.fields[name] = field.formfield()
        self.fields["name"].help_text = "最多 50 个字，如“渠道专员”"


class NewRoleForm(RoleForm):
    source = forms.ModelChoiceField(
        Role.objects.none(),
        label="权限取自",
        required=False,
        empty_label="从空白开始",
        error_messages={"invalid_choice": "请选择列表中的角色"},
    )

    def __init__(self, *args, by, **kwargs):
        super().__init__(*args, **kwargs)
        rows = [
            role
            for role in Role.objects.exclude(code=Role.SUPER).filter(person=None)
            if services.grantable(role, by=by)
        ]
        self.fields["source"].queryset = Role.objects.filter(pk__in=[role.pk for role in rows])


class CopyForm(forms.Form):
    """A copy as a role of its own, or for one person only."""

    kind = forms.ChoiceField(
        label="复制成",
        choices=(("role", "新角色"), ("person", "某一个人的角色")),
        initial="role",
        widget=forms.RadioSelect,
        error_messages={"required": "请选择", "invalid_choice": "请选择"},
    )

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["name"] = forms.CharField(
            label="新角色的名称", required=False, max_length=50, error_messages={"max_length": "最多 50 个字"}
        )
        self.fields["person"] = person_field("员工")
        self.fields["person"].queryset = Employee.objects.filter(is_active=True)
        self.fields["person"].widget.attrs["data-picker"] = "/pick/employee/?for=admin.roles"
        self.fields["person"].help_text = "只给一个人用时选择；他原来的这个角色会换成这份复制，再单独调整"

    def clean(self):
        data = super().clean()
        data["name"] = tidy(data.get("name"))
        if data.get("kind") == "role" and not data["name"] and "name" not in self.errors:
            self.add_error("name", "请填写新角色的名称")
        if data.get("kind") == "person" and not data.get("person") and "person" not in self.errors:
            self.add_error("person", "请选择员工")
        return data


@require_http_methods(["GET", "HEAD", "POST"])
@needs("admin.roles")
def create(request):
    """/settings/roles/new/"""
    form = NewRoleForm(request.POST or None, by=request.user)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        role, source = Role(name=data["name"], description=data["description"]), data["source"]
        if source:
            role.permissions, role.reach, role.departments, role.overrides = (
                source.permissions,
                source.reach,
                source.departments,
                source.overrides,
            )
        try:
            role = services.create_role(role, by=request.user)
            return done(request, role_url(role), f"已新建角色“{role.name}”")
        except ValidationError as error:
            move_errors(form, error)
    return form_page(
        request,
        form,
        heading="新建角色",
        sections=[("", "", ("name", "description", "source"))],
        crumb=CRUMB,
        back_url=LIST,
    )


@require_http_methods(["GET", "HEAD", "POST"])
@needs("admin.roles")
def rename(request, pk: int):
    """/settings/roles/<pk>/rename/: name and description."""
    role = get_object_or_404(Role, pk=pk)
    form = RoleForm(request.POST or None, initial={"name": role.name, "description": role.description})
    if request.method == "POST" and form.is_valid():
        try:
            services.update_role(role, form.cleaned_data, by=request.user)
            return done(request, role_url(role), "保存成功")
        except ValidationError as error:
            move_errors(form, error)
    return form_page(
        request,
        form,
        heading=f"角色“{role.name}”的名称和说明",
        sections=[("", "", ("name", "description"))],
        crumb=CRUMB,
        back_url=role_url(role),
    )


@require_http_methods(["GET", "HEAD", "POST"])
@needs("admin.roles")
def copy(request, pk: int):
    """/settings/roles/<pk>/copy/"""
    role = get_object_or_404(Role, pk=pk)
    form = CopyForm(request.POST or None, initial={"name": f"{role.name}（副本）"[:50]})
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            if data["kind"] == "person":
                made = services.copy_for_person(role, data["person"], by=request.user)
            else:
                made = services.copy_role(role, data["name"], by=request.user)
            return done(request, role_url(made), f"已复制为“{made.name}”")
        except ValidationError as error:
            move_errors(form, error)
    return form_page(
        request,
        form,
        heading=f"复制角色“{role.name}”",
        sections=[("", "", ("kind", "name", "person"))],
        crumb=CRUMB,
        back_url=role_url(role),
        save_label="复制",
    )


@require_http_methods(["GET", "HEAD", "POST"])
@needs("admin.roles")
def delete(request, pk: int):
    """/settings/roles/<pk>/delete/"""
    role = get_object_or_404(Role, pk=pk)
    context = {
        "heading": f"删除角色“{role.name}”？",
        "body": "删除后不能恢复；有人使用的角色不能删除。",
        "submit_label": "删除角色",
        "danger": True,
        "module": CRUMB,
        "back_url": role_url(role),
        "nav_active": "settings",
    }
    if request.method == "POST":
        try:
            services.delete_role(role, by=request.user)
            return done(request, LIST, "删除成功")
        except ValidationError as error:
            return render_page(
                request,
                "orgs/refused.html",
                {**context, "heading": f"角色“{role.name}”不能删除", "reasons": error.messages},
                status=422,
            )
    return render_page(request, "records/confirm.html", context)
