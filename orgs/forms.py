"""Forms of departments, employees and batch actions."""

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Q

from crm.records.formfields import Picked
from crm.records.forms import HouseForm

from . import services, tree
from .models import Department, Employee, Role


class DepartmentPicked(Picked):
    """A department, shown with the way down to it."""

    def __init__(self, **kwargs):
        super().__init__(Department.objects.all(), kind="department", **kwargs)
        self.widget.attrs["placeholder"] = "选择或输入部门名称"

    def label_from_instance(self, department):
        return tree.name_of(department)


def person_field(label: str, *, required: bool = False) -> Picked:
    """Any active employee."""
    field = Picked(
        Employee.objects.filter(is_active=True),
        kind="employee",
        query={"for": "admin.org"},
        label=label,
        required=required,
        error_messages={"required": f"请选择{label}"},
    )
    field.widget.attrs["placeholder"] = "输入姓名、手机号或拼音首字母"
    return field


class DepartmentForm(HouseForm):
    sections = (("", "", ("name", "parent", "manager", "order")),)

    class Meta:
        model = Department
        fields = ["name", "parent", "manager", "order"]

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        top = self.instance.pk is not None and self.instance.parent_id is None
        if top:
            del self.fields["parent"]
        else:
            self.fields["parent"] = DepartmentPicked(label="上级部门", error_messages={"required": "请选择上级部门"})
        self.fields["manager"] = person_field("负责人")
        keep_choice(self, "manager")
        self.fields["order"].help_text = "数字小的排在前面"
        self.fields["order"].error_messages.update(
            invalid="请输入整数", min_value="请输入 0 以上的整数", max_value="数字太大"
        )
        self.fields["order"].required, self.fields["order"].max_value = False, 1_000_000

    def clean_order(self):
        order = self.cleaned_data["order"] or 0
        if order > 1_000_000:
            raise ValidationError("请输入 0 到 1,000,000 的整数")
        return order


def keep_choice(form, name: str) -> None:
    """A disabled colleague who already stands in the field stays choosable there."""
    current = getattr(form.instance, f"{name}_id", None)
    if current:
        field = form.fields[name]
        field.queryset = Employee.objects.filter(Q(is_active=True) | Q(pk=current))


class RoleBoxes(forms.CheckboxSelectMultiple):
    """Roles beyond what the granter may give are shown, but cannot be ticked; a role that is held can be taken away."""

    locked: frozenset = frozenset()

    def create_option(self, name, value, label, selected, index, subindex=None, attrs=None):
        option = super().create_option(name, value, label, selected, index, subindex, attrs)
        if not selected and int(str(value)) in self.locked:
            option["attrs"]["disabled"] = True
            option["attrs"]["title"] = "超出您可以授予的范围"
        return option


class RolesField(forms.ModelMultipleChoiceField):
    """Roles to give to somebody; personal roles only for their person."""

    def __init__(self, *, by, person=None, **kwargs):
        offered = Role.objects.filter(person=None)
        if person is not None and person.pk:
            offered = Role.objects.filter(Q(person=None) | Q(person=person))
        kwargs.setdefault("label", "角色")
        super().__init__(
            offered,
            widget=RoleBoxes(attrs={"data-wide": ""}),
            error_messages={
                "required": "请选择角色",
                "invalid_choice": "请选择列表中的角色",
                "invalid_pk_value": "请选择列表中的角色",
            },
            **kwargs,
        )
        self.widget.locked = frozenset(
            role.pk for role in offered.select_related("person") if not services.grantable(role, by=by)
        )


class EmployeeForm(HouseForm):
    sections = (
        ("账号", "", ("name", "phone", "email", "password")),
        ("组织", "", ("department", "position", "supervisor", "gender")),
        ("角色", "决定能做什么、看到谁的数据；多个角色取并集", ("roles",)),
    )

    class Meta:
        model = Employee
        fields = ["name", "phone", "email", "department", "position", "supervisor", "gender"]

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["phone"].help_text = "登录名，不能重复"
        self.fields["email"].help_text = "也可以用来登录"
        self.fields["department"] = DepartmentPicked(label="部门", error_messages={"required": "请选择部门"})
        self.fields["supervisor"] = person_field("直属上级")
        keep_choice(self, "supervisor")
        if self.instance.pk is None:
            self.fields["password"] = forms.CharField(
                label="初始密码",
                required=False,
                max_length=128,
                strip=False,
                help_text="不填则自动生成；第一次登录后须修改",
                widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
                error_messages={"max_length": "最多 128 个字符"},
            )
        if self.user.has_function("admin.roles") and self.user.pk != self.instance.pk:
            held = list(self.instance.roles.values_list("pk", flat=True)) if self.instance.pk else []
            self.fields["roles"] = RolesField(by=self.user, person=self.instance, required=False, initial=held)

    def changed(self) -> dict:
        """{model field: new value} of what was changed on the form."""
        return {
            name: self.cleaned_data[name]
            for name in self.Meta.fields
            if name in self.changed_data and name in self.cleaned_data
        }


class MoveForm(forms.Form):
    def __init__(self, *args, by, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["department"] = DepartmentPicked(label="新部门", error_messages={"required": "请选择新部门"})


class SetRolesForm(forms.Form):
    """Roles for several people at once."""

    mode = forms.ChoiceField(
        label="方式",
        choices=(("add", "增加"), ("replace", "替换"), ("remove", "取消")),
        initial="add",
        widget=forms.RadioSelect,
        error_messages={"required": "请选择方式", "invalid_choice": "请选择方式"},
    )

    def __init__(self, *args, by, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["roles"] = RolesField(by=by, required=True)


class UploadForm(forms.Form):
    """A table of employees."""

    file = forms.FileField(
        label="文件",
        error_messages={"required": "请选择文件", "empty": "文件是空的"},
        widget=forms.FileInput(attrs={"accept": ".xls,.xlsx,.csv"}),
    )
