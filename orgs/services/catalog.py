"""Values of data dictionaries and system parameters, changed on the settings pages."""

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Count, Max

from crm.records import dictionaries, params
from crm.records.models import DictionaryItem

from .oplog import record


def _target(item) -> str:
    declared = dictionaries.ALL.get(item.dictionary)
    return f"{declared.label if declared else item.dictionary}：{item.label}"


def _check_free(item, label: str) -> None:
    """ValidationError for a value the system itself knows by its words."""
    declared = dictionaries.ALL.get(item.dictionary)
    if declared is not None and label in declared.fixed:
        raise ValidationError(f"“{label}”是系统使用的值，不能改名或删除，可以停用。")


def usage_counts(code: str) -> dict[int, int]:
    """{item id: records that hold it, the recycle bin included}: one query per field that uses the dictionary."""
    counts: dict[int, int] = {}
    for field in dictionaries.fields_using(code):
        rows = field.model.objects.filter(**{f"{field.name}__isnull": False}).order_by()
        for pk, number in rows.values_list(field.attname).annotate(number=Count("pk")):
            counts[pk] = counts.get(pk, 0) + number
    return counts


@transaction.atomic
def add_item(code: str, label: str, *, by) -> DictionaryItem:
    """Add a value at the end of a declared dictionary."""
    last = DictionaryItem.objects.filter(dictionary=code).aggregate(last=Max("order"))["last"] or 0
    item = DictionaryItem(dictionary=code, label=label, order=last + 10)
    item.full_clean()
    item.save()
    record("dictionary.created", _target(item), by=by, text="新增字典值")
    return item


@transaction.atomic
def rename_item(item, label: str, *, by) -> None:
    """Rename a value everywhere it is used."""
    old, item.label = item.label, label
    item.full_clean()
    if item.label == old:
        return
    _check_free(item, old)
    item.save(update_fields=["label"])
    record(
        "dictionary.updated",
        _target(item),
        by=by,
        text="字典值改名",
        changes=[{"label": "名称", "old": old, "new": item.label}],
    )


@transaction.atomic
def set_item_active(item, active: bool, *, by) -> None:
    """Retire a value (records keep it, nobody can choose it anew) or bring it back."""
    if item.active == active:
        return
    item.active = active
    item.is_default = item.is_default and active
    item.save(update_fields=["active", "is_default"])
    record("dictionary.updated", _target(item), by=by, text="启用字典值" if active else "停用字典值")


@transaction.atomic
def make_default(item, default: bool, *, by) -> None:
    """The value new records start with; at most one per dictionary."""
    if default and not item.active:
        raise ValidationError("停用的值不能设为默认。")
    DictionaryItem.objects.filter(dictionary=item.dictionary, is_default=True).update(is_default=False)
    item.is_default = default
    item.save(update_fields=["is_default"])
    record("dictionary.updated", _target(item), by=by, text="设为默认值" if default else "取消默认值")


@transaction.atomic
def move_item(item, step: int, *, by) -> None:
    """Move a value one place up (-1) or down (+1)."""
    items = list(DictionaryItem.objects.select_for_update().filter(dictionary=item.dictionary))
    place = next(place for place, other in enumerate(items) if other.pk == item.pk)
    to = place + step
    if not 0 <= to < len(items):
        return
    items.insert(to, items.pop(place))
    for order, other in enumerate(items, 1):
        other.order = order * 10
    DictionaryItem.objects.bulk_update(items, ["order"])
    record("dictionary.moved", _target(item), by=by, text="调整字典值顺序")


@transaction.atomic
def delete_item(item, *, by) -> None:
    """Delete a value nothing uses."""
    _check_free(item, item.label)
    used = dictionaries.usage(item)
    if used:
        raise ValidationError(f"“{item.label}”有 {used:,} 条记录在使用，不能删除，可以停用。")
    target = _target(item)
    item.delete()
    record("dictionary.deleted", target, by=by, text="删除字典值")


@transaction.atomic
def change_parameters(values: dict, *, by) -> list[str]:
    """Store checked values ({key: value}); answers the labels of those that changed. A hook of params may refuse."""
    changed = []
    for key, value in values.items():
        param, old = params.PARAMS[key], params.get(key)
        if value == old:
            continue
        params.store(key, value)
        shown = [_shown(param, one) for one in (old, value)]
        record(
            "parameter.updated",
            param.label,
            by=by,
            text="修改系统参数",
            changes=[{"label": param.label, "old": shown[0], "new": shown[1]}],
        )
        changed.append(param.label)
    return changed


def _shown(param, value) -> str:
    if param.kind == "choice":
        return str(dict(param.choices).get(value, value))
    return ("开" if value else "关") if param.kind == "bool" else str(value)
