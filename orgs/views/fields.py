"""自定义字段: the fields of every module, built-in and custom."""

from django import forms
from django.core.exceptions import ValidationError
from django.http import Http404
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from crm.records import fieldset, modules
from crm.records.custom import definitions, indexes, types
from crm.records.custom.definitions import Type
from crm.records.fields import DictionaryField, Scale
from crm.records.formfields import Cleaned
from crm.records.models import FieldDefinition
from crm.records.views.base import render_page

from ..services import fields as verbs
from .base import done, form_page, move_errors, needs

LIST = "/settings/fields/"
KINDS = {
    "text": "文本",
    "phone": "电话",
    "int": "数字",
    "money": "金额",
    "date": "日期",
    "datetime": "日期时间",
    "bool": "是否",
    "person": "员工",
    "stars": "评分",
}
SHOWN = (("in_form", "表单"), ("in_list", "列表"), ("in_filter", "筛选"))


def module_of(name: str):
    if name not in modules.ALL:
        raise Http404
    return modules.get(name)


@require_safe
@needs("admin.fields")
def index(request):
    """/settings/fields/: opens the first module."""
    return page(request, modules.ordered()[0])


@require_safe
@needs("admin.fields")
def of_module(request, name: str):
    """/settings/fields/<module>/"""
    return page(request, module_of(name))


def page(request, module):
    everything = {one.key: one for one in definitions.of(module.name)}
    sections = arranged(module, request.user)
    groups = []
    for title, keys in sections:
        rows = [row_of(module, key, everything.get(key)) for key in keys]
        groups.append({"title": title, "rows": rows, "keys": ",".join(keys)})
    retired = [row_of(module, one.key, one) for one in everything.values() if one.retired]
    return render_page(
        request,
        "orgs/fields.html",
        {
            "module": module,
            "modules": modules.ordered(),
            "groups": groups,
            "retired": retired,
            "count": sum(len(group["rows"]) for group in groups),
            "indexable": indexes.possible(),
            "nav_active": "settings",
        },
    )


def arranged(module, user) -> list[tuple[str, list[str]]]:
    """Every field of the module's form in its section, hidden ones included."""
    company = fieldset.of(module, user)
    declared = [(title, list(names)) for title, _, names in module.form_class.sections]
    columns = {key for _, keys in module.sections for key in keys}
    own = set(module.form_class.Meta.fields) | columns
    return [
        (title, kept)
        for title, keys in company.arrange(declared)
        if (kept := [key for key in keys if key in own or key in company.custom])
    ]


def row_of(module, key: str, one) -> dict:
    column = module.by_key.get(key)
    declared = (
        column.label
        if column is not None
        else str(module.model._meta.get_field(key).verbose_name)
        if not (one and one.type)
        else ""
    )
    row = {
        "key": key,
        "label": one.label if one and one.label else declared,
        "declared": declared if one and one.label and one.label != declared else "",
        "custom": bool(one and one.type),
        "type": "",
        "url": f"{LIST}{module.name}/{key}/",
        "required": bool(one and one.required) or builtin_required(module, key),
        "unique": bool(one and one.unique),
        "shown": [(label, one is None or getattr(one, name)) for name, label in SHOWN],
    }
    if row["custom"]:
        row["type"] = dict(FieldDefinition.Type.choices)[one.type]
        row["pk"], row["index"] = one.pk, dict(FieldDefinition.Index.choices)[one.index]
        row["indexable"] = types.TYPES[one.type].storage != "list" and one.type != Type.TEXT
        row["index_on"] = one.index != FieldDefinition.Index.OFF
    else:
        row["type"] = kind_of(module, key, column)
    return row


def kind_of(module, key: str, column) -> str:
    """The type of a built-in field in words."""
    field = next((one for one in module.model._meta.fields if one.name == key), None)
    if isinstance(field, DictionaryField):
        return "数据字典"
    if field is not None and field.choices and not isinstance(field, Scale):
        return "单选"
    return KINDS.get(column.kind if column is not None else "text", "文本")


def builtin_required(module, key: str) -> bool:
    field = module.form_class.base_fields.get(key)
    return bool(field and field.required)


class FieldForm(forms.Form):
    """A custom field, or with `row.name` what the company changes on a built-in one."""

    def __init__(self, *args, row: FieldDefinition, module, **kwargs):
        super().__init__(*args, **kwargs)
        self.row, self.module = row, module
        meta = FieldDefinition._meta
        custom = not row.name
        self.fields["label"] = Cleaned(
            model_field=meta.get_field("label"),
            label="名称",
            required=custom,
            help_text="" if custom else "空着则用原来的名称",
            error_messages={"required": "请填写名称"},
        )
        if custom and row.pk is None:
            self.fields["type"] = forms.ChoiceField(
                label="类型",
                choices=FieldDefinition.Type.choices,
                widget=forms.Select(attrs={"data-search": ""}),
                help_text="保存后类型不能再改",
            )
        self.fields["section"] = forms.ChoiceField(
            label="分组", required=False, choices=[("", "其他信息" if custom else "原来的分组"), *self.sections()]
        )
        self.fields["new_section"] = Cleaned(
            model_field=meta.get_field("section"), label="新分组", required=False, help_text="填写后放入这个新的分组"
        )
        self.fields["hint"] = Cleaned(model_field=meta.get_field("hint"), label="填写说明", required=False)
        self.fields["required"] = forms.BooleanField(label="必填", required=False)
        if custom:
            self.fields["unique"] = forms.BooleanField(label="不允许重复", required=False)
            self.fields["default"] = forms.CharField(
                label="默认值", required=False, max_length=2000, help_text="新建时先填好；单选和多选写选项的名称"
            )
        for name, label in SHOWN:
            self.fields[name] = forms.BooleanField(
                label=f"在{label}显示" if name != "in_filter" else "可筛选", required=False
            )
        self.options = list(row.options) if row.type in (Type.CHOICE, Type.CHOICES) else []
        for one in self.options:
            self.fields[f"option_{one['id']}"] = forms.CharField(label=f"选项 {one['id']}", max_length=50)
            self.fields[f"off_{one['id']}"] = forms.BooleanField(label=f"停用“{one['label']}”", required=False)
        if custom and (row.pk is None or row.type in (Type.CHOICE, Type.CHOICES)):
            self.fields["new_options"] = forms.CharField(
                label="新增选项",
                required=False,
                widget=forms.Textarea(attrs={"rows": 4}),
                help_text="单选和多选用，每行一个；正在使用的选项停用后保留在原记录上",
            )

    def sections(self) -> list[tuple[str, str]]:
        titles = [title for title, _, _ in self.module.form_class.sections]
        titles += [one.section for one in definitions.of(self.module.name) if one.section]
        return [(title, title) for title in dict.fromkeys(titles)]

    def changes(self) -> dict:
        data = self.cleaned_data
        found = {name: data[name] for name in ("label", "hint", "required", *[name for name, _ in SHOWN])}
        found["section"] = data["new_section"] or data["section"]
        if not self.row.name:
            found["unique"] = data["unique"]
            found["default"] = data["default"].strip() or None
            kind = data.get("type") or self.row.type
            if "type" in data:
                found["type"] = kind
            if kind in (Type.CHOICE, Type.CHOICES):
                added = [line.strip()[:60] for line in data.get("new_options", "").splitlines() if line.strip()]
                labels = {one["id"]: data[f"option_{one['id']}"] for one in self.options}
                off = {one["id"] for one in self.options if data[f"off_{one['id']}"]}
                found["options"] = verbs.merged_options(self.row, labels, off, added)
        return found

    @classmethod
    def initial_of(cls, row: FieldDefinition) -> dict:
        found = {name: getattr(row, name) for name in ("label", "section", "hint", "required", "unique")}
        found |= {name: getattr(row, name) for name, _ in SHOWN}
        if row.type and row.default is not None:
            one = definitions.of_row(row)
            kind = types.TYPES[row.type]
            raw = kind.raw(row.default, one, None) if row.type in (Type.CHOICE, Type.CHOICES) else None
            found["default"] = "是" if row.type == Type.CHECK else raw or kind.shown(row.default, one)
        for one in row.options:
            found |= {f"option_{one['id']}": one["label"], f"off_{one['id']}": bool(one.get("off"))}
        return found

    def laid_out(self):
        options = [name for one in self.options for name in (f"option_{one['id']}", f"off_{one['id']}")]
        return [
            ("", "", ("label", "type", "section", "new_section", "hint", "default", "required", "unique")),
            ("选项", "", (*options, "new_options")),
            ("显示在", "", tuple(name for name, _ in SHOWN)),
        ]


def _edit(request, module, row, heading: str, save):
    initial = FieldForm.initial_of(row)
    form = FieldForm(request.POST or None, row=row, module=module, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            save(form.changes())
            return done(request, f"{LIST}{module.name}/", "保存成功")
        except ValidationError as error:
            move_errors(form, error)
    return form_page(
        request,
        form,
        heading=heading,
        sections=form.laid_out(),
        crumb={"label": f"{module.label}字段", "list_url": f"{LIST}{module.name}/"},
        back_url=f"{LIST}{module.name}/",
    )


@require_http_methods(["GET", "HEAD", "POST"])
@needs("admin.fields")
def create(request, name: str):
    """/settings/fields/<module>/new/"""
    module = module_of(name)
    row = FieldDefinition(module=module.name)
    return _edit(
        request,
        module,
        row,
        f"新建{module.label}字段",
        lambda changes: verbs.create_field(module.name, changes, by=request.user),
    )


@require_http_methods(["GET", "HEAD", "POST"])
@needs("admin.fields")
def edit(request, name: str, key: str):
    """/settings/fields/<module>/<key>/: a custom field (f12) or a built-in one by its name."""
    module = module_of(name)
    row = found(module, key)
    if row.type:
        return _edit(
            request,
            module,
            row,
            f"编辑字段“{row.label}”",
            lambda changes: verbs.update_field(row, changes, by=request.user),
        )
    label = row_of(module, key, None)["label"]
    return _edit(
        request,
        module,
        row,
        f"编辑字段“{row.label or label}”",
        lambda changes: verbs.change_builtin(module.name, key, changes, by=request.user),
    )


def found(module, key: str) -> FieldDefinition:
    """The row of a field; a built-in one that nobody changed yet has an unsaved one. 404 for anything else."""
    if key.startswith("f") and key[1:].isdigit() and len(key) < 19:
        return get_object_or_404(FieldDefinition.objects.exclude(type=""), pk=int(key[1:]), module=module.name)
    known = {name for _, _, names in module.form_class.sections for name in names} | set(module.by_key)
    if key not in known:
        raise Http404
    row = FieldDefinition.objects.filter(module=module.name, name=key).first()
    return row or FieldDefinition(module=module.name, name=key)


@require_POST
@needs("admin.fields")
def act(request, name: str, key: str, verb: str):
    """POST /settings/fields/<module>/<key>/<verb>/: retire, restore, up, down, index."""
    module = module_of(name)
    row = found(module, key)
    back = f"{LIST}{module.name}/"
    try:
        if verb in ("retire", "restore") and row.type:
            verbs.retire_field(row, verb == "retire", by=request.user)
        elif verb in ("up", "down"):
            keys = next((keys for _, keys in arranged(module, request.user) if key in keys), None)
            if keys is None:
                raise Http404
            verbs.move_field(module.name, keys, key, -1 if verb == "up" else 1, by=request.user)
        elif verb == "index" and row.type:
            verbs.switch_index(row, by=request.user)
        else:
            raise Http404
    except ValidationError as error:
        return render_page(
            request,
            "orgs/refused.html",
            {
                "heading": "没有修改",
                "reasons": error.messages,
                "module": {"label": "自定义字段", "list_url": back},
                "back_url": back,
                "nav_active": "settings",
            },
            status=422,
        )
    return done(request, back, "操作成功")
