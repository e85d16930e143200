"""Fields of the modules as the company wants them: custom ones, and what it changed on built-in ones."""

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Max

from crm.records import jobs, modules
from crm.records.custom import definitions, indexes, types, values
from crm.records.custom.definitions import Type
from crm.records.fields import name_key
from crm.records.models import FieldDefinition, UniqueValue

from .oplog import differences, record

MAX_FIELDS = 200
UNIQUE_TYPES = frozenset({Type.LINE, Type.NUMBER, Type.MOBILE, Type.EMAIL, Type.URL})
NO_DEFAULT = frozenset({Type.PERSON, Type.DEPARTMENT, Type.FILES})
_SHOWN = ("label", "section", "hint", "required", "unique", "in_form", "in_list", "in_filter")


def _target(row) -> str:
    return f"{modules.get(row.module).label}：{row}"


def _check_label(row) -> None:
    """A name that nothing else of the module has."""
    module, wanted = modules.get(row.module), name_key(row.label)
    others = [one for one in definitions.of(row.module) if one.pk != row.pk and not one.retired and one.label]
    renamed = {one.key for one in others if one.builtin}
    names = {name_key(one.label) for one in others}
    names |= {name_key(c.label) for c in module.columns if c.key not in renamed and c.key != row.name}
    if wanted and wanted in names:
        raise ValidationError({"label": [f"已有名为“{row.label}”的字段"]})


def _clean(row) -> None:
    if not row.name and not row.label:
        raise ValidationError({"label": ["请填写名称"]})
    row.full_clean()
    _check_label(row)
    if row.unique and row.type not in UNIQUE_TYPES:
        raise ValidationError({"unique": ["这种类型的字段不能设为不允许重复"]})
    if row.type in (Type.CHOICE, Type.CHOICES):
        _check_options(row)
    if row.type:
        _check_default(row)


def _check_options(row) -> None:
    labels = [name_key(one["label"]) for one in row.options]
    if not any(not one.get("off") for one in row.options):
        raise ValidationError({"new_options": ["请至少填写一个选项"]})
    if len(set(labels)) != len(labels):
        raise ValidationError({"new_options": ["选项不能重名"]})
    if len(row.options) > types.MAX_CHOICES:
        raise ValidationError({"new_options": [f"最多 {types.MAX_CHOICES} 个选项"]})
    if any(len(one["label"]) > 50 for one in row.options):
        raise ValidationError({"new_options": ["每个选项最多 50 个字"]})


def _check_default(row) -> None:
    """`default` comes as typed and is kept in its stored form."""
    if row.default in (None, ""):
        row.default = None
        return
    if row.type in NO_DEFAULT:
        raise ValidationError({"default": ["这种类型的字段没有默认值"]})
    try:
        row.default = types.TYPES[row.type].clean(row.default, definitions.of_row(row))
    except ValidationError as error:
        raise ValidationError({"default": error.messages}) from None


def merged_options(row, labels: dict[int, str], off: set[int], added: list[str]) -> list[dict]:
    """The options of a field after an edit: renamed ones keep their id, removed ones are switched off, new ones follow."""
    found = [
        {"id": one["id"], "label": labels.get(one["id"], one["label"]), "off": one["id"] in off} for one in row.options
    ]
    last = max((one["id"] for one in row.options), default=0)
    return found + [{"id": last + n, "label": label, "off": False} for n, label in enumerate(added, 1)]


@transaction.atomic
def create_field(module: str, changes: dict, *, by) -> FieldDefinition:
    """Add a custom field at the end of its section; it shows everywhere on the next request."""
    rows = FieldDefinition.objects.select_for_update().filter(module=module)
    if sum(1 for row in rows if row.type and not row.retired) >= MAX_FIELDS:
        raise ValidationError(f"每个模块最多 {MAX_FIELDS} 个自定义字段")
    row = FieldDefinition(module=module, **changes)
    row.order = 10_000 + (rows.aggregate(last=Max("pk"))["last"] or 0)
    _clean(row)
    row.save()
    definitions.touch()
    record("field.created", _target(row), by=by, text=f"新建自定义字段（{row.get_type_display()}）")
    return row


@transaction.atomic
def update_field(row: FieldDefinition, changes: dict, *, by) -> FieldDefinition:
    """Change a field; the type stays. Switching 不允许重复 on is refused while values repeat."""
    before = FieldDefinition.objects.select_for_update().get(pk=row.pk)
    after = FieldDefinition.objects.get(pk=row.pk)
    for name, value in changes.items():
        setattr(after, name, value)
    _clean(after)
    rows = differences(
        (FieldDefinition._meta.get_field(name).verbose_name, getattr(before, name), getattr(after, name))
        for name in _SHOWN
    )
    rows += differences(
        [("选项", _options_text(before), _options_text(after)), ("默认值", before.default, after.default)]
    )
    if not rows:
        return before
    after.version += 1
    after.save()
    definitions.touch()
    if after.type and after.unique != before.unique:
        _switch_unique(after)
    record("field.updated", _target(after), by=by, text="修改字段", changes=rows)
    return after


def _options_text(row) -> str:
    return "、".join(one["label"] + ("（停用）" if one.get("off") else "") for one in row.options)


def _switch_unique(row) -> None:
    UniqueValue.objects.filter(field=row).delete()
    if not row.unique:
        return
    model, seen, clashes, rows = modules.get(row.module).model, {}, [], []
    live = model.objects.live().filter(extra__has_key=row.key).values_list("pk", "extra").order_by("pk")
    for pk, extra in live.iterator(chunk_size=5000):
        sign = values.digest(extra[row.key])
        if sign in seen:
            clashes.append(str(extra[row.key]))
        seen[sign] = pk
        rows.append(UniqueValue(field=row, digest=sign, object_id=pk))
    if clashes:
        shown = "、".join(dict.fromkeys(clashes[:10]))
        raise ValidationError({"unique": [f"已有重复的值，请先处理：{shown[:200]}"]})
    try:
        with transaction.atomic():
            UniqueValue.objects.bulk_create(rows, batch_size=1000)
    except IntegrityError:
        raise ValidationError({"unique": ["刚刚有人保存了重复的值，请重试"]}) from None


@transaction.atomic
def change_builtin(module: str, key: str, changes: dict, *, by) -> FieldDefinition:
    """Relabel, demand, move or hide a built-in field."""
    row, _ = FieldDefinition.objects.get_or_create(module=module, name=key, type="")
    if key == modules.get(module).title_field and not (changes.get("in_form", True) and changes.get("in_list", True)):
        raise ValidationError("名称字段不能隐藏。")
    return update_field(row, changes, by=by)


@transaction.atomic
def retire_field(row: FieldDefinition, retired: bool, *, by) -> None:
    """Take a custom field out of use (its values stay) or bring it back."""
    row = FieldDefinition.objects.select_for_update().get(pk=row.pk)
    if row.retired == retired or not row.type:
        return
    row.retired = retired
    if not retired:
        _check_label(row)
    row.save(update_fields=["retired"])
    definitions.touch()
    if row.unique:
        _switch_unique(row)
    record("field.updated", _target(row), by=by, text="停用字段" if retired else "启用字段")


@transaction.atomic
def move_field(module: str, keys: list[str], moved: str, step: int, *, by) -> None:
    """Move a field one place within its section; `keys` = the section's fields in their present order."""
    place = keys.index(moved)
    to = place + step
    if not 0 <= to < len(keys):
        return
    keys.insert(to, keys.pop(place))
    rows = {row.key: row for row in FieldDefinition.objects.select_for_update().filter(module=module)}
    for order, key in enumerate(keys, 1):
        row = rows.get(key) or FieldDefinition(module=module, name=key)
        row.order = order * 10
        row.save()
    definitions.touch()
    record("field.moved", f"{modules.get(module).label}：{moved}", by=by, text="调整字段顺序")


@transaction.atomic
def switch_index(row: FieldDefinition, *, by) -> None:
    """Have the database index of a custom field built (or dropped) by a background job."""
    indexes.check(row)
    building = row.index == FieldDefinition.Index.OFF
    FieldDefinition.objects.filter(pk=row.pk).update(
        index=FieldDefinition.Index.BUILDING if building else FieldDefinition.Index.OFF
    )
    definitions.touch()
    record("field.updated", _target(row), by=by, text="建立索引" if building else "删除索引")
    jobs.start("field_index", user=by, label=f"字段索引：{row}", module=row.module, params={"field": row.pk})
