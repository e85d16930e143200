"""The form around the editor: what a flow is called, whom it is for, who looks after it. The definition comes as text."""

from django import forms
from django.db.models import Q

from crm.records.formfields import Cleaned, Picked, SeveralPicked
from orgs.models import Department, Employee

from ..models import Flow
from . import typed

ASK = "输入姓名、手机号或拼音首字母"


class Departments(SeveralPicked):
    """Departments, each shown with the way down to it."""

    def __init__(self, ways: dict[int, str], **kwargs):
        super().__init__(Department.objects.all(), kind="department", **kwargs)
        self.ways = ways

    def label_from_instance(self, department):
        return self.ways.get(department.pk, department.name)


def people(current: list[int]):
    """Who may be chosen: active employees, and disabled ones who already stand there."""
    return Employee.objects.filter(Q(is_active=True) | Q(pk__in=current))


class FlowForm(forms.Form):
    """One flow. `stored` = its present definition; `shown()` = the one the page shows."""

    broken = "流程内容没有收到，请刷新页面再试；填写的内容会自动恢复"

    def __init__(self, data=None, *, flow: Flow, stored: dict, ways: dict[int, str]):
        super().__init__(data, auto_id="id_%s")
        served = ([], [])
        if flow.pk:
            served = (
                list(flow.departments.values_list("pk", flat=True)),
                list(flow.employees.values_list("pk", flat=True)),
            )
        self.stored = stored
        self.fields["name"] = Cleaned(
            label="流程名称",
            model_field=Flow._meta.get_field("name"),
            initial=flow.name,
            required=True,
            error_messages={"required": "请填写流程名称"},
        )
        self.fields["administrator"] = Picked(
            people([flow.administrator_id] if flow.administrator_id else []),
            kind="colleague",
            label="审批管理员",
            initial=flow.administrator_id,
            help_text="找不到审批人、审批人停用又没有交接时，由他审批",
            error_messages={"required": "请选择审批管理员", "invalid_choice": "请选择列表中的选项"},
        )
        self.fields["departments"] = Departments(
            ways,
            label="适用部门",
            required=False,
            initial=served[0],
            help_text="含下级部门；部门和员工都不选，就是所有人",
        )
        self.fields["employees"] = SeveralPicked(
            people(served[1]),
            kind="colleague",
            label="适用员工",
            required=False,
            initial=served[1],
            help_text="在部门之外再加上的人",
        )
        self.fields["note"] = Cleaned(
            label="说明",
            model_field=Flow._meta.get_field("note"),
            initial=flow.note,
            required=False,
            help_text="写给以后看这个流程的人",
        )
        for name in ("administrator", "employees"):
            self.fields[name].widget.attrs["placeholder"] = ASK
        self.fields["version"] = forms.IntegerField(
            widget=forms.HiddenInput, initial=flow.version, min_value=0, max_value=10**9, error_messages={}
        )
        self.fields["definition"] = forms.CharField(
            widget=forms.Textarea, strip=False, error_messages={"required": self.broken}
        )

    def clean_definition(self):
        try:
            return typed.read(self.cleaned_data["definition"])
        except typed.Broken:
            raise forms.ValidationError(self.broken) from None

    def shown(self) -> dict:
        """The definition the page shows: the sent one where it can be read, else the stored one."""
        if not self.is_bound:
            return self.stored
        try:
            return typed.read(self.data.get("definition"))
        except typed.Broken:
            return self.stored

    def values(self) -> dict:
        """What save_flow takes."""
        return {name: self.cleaned_data[name] for name in ("name", "note", "administrator", "departments", "employees")}


class TryForm(forms.Form):
    """Who is supposed to submit a document."""

    def __init__(self, data=None):
        super().__init__(data)
        self.fields["submitter"] = Picked(
            Employee.objects.filter(is_active=True).select_related("department"),
            kind="colleague",
            label="提交人",
            error_messages={"required": "请选择提交人", "invalid_choice": "请选择在职的员工"},
        )
