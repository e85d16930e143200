"""Custom fields in an import: targets, checks of their cells, values of new and changed records, unique ones."""

from django.apps import apps
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError

from .. import fieldset, services
from ..custom import types, values
from ..custom.definitions import Definition, Type
from ..fields import name_key, tidy
from ..models import UniqueValue
from . import cells, targets
from .upload import readable

EXAMPLES = {
    Type.NUMBER: "12.5",
    Type.MONEY: "12800.00",
    Type.PERCENT: "35",
    Type.DATE: "2026-01-31",
    Type.MOMENT: "2026-01-31 14:00",
    Type.MOBILE: "13800000000",
    Type.EMAIL: "name@example.com",
    Type.URL: "https://www.example.com",
    Type.AREA: "江苏省 苏州市",
}
NOTES = {
    Type.CHOICES: "多个值用、隔开",
    Type.PERSON: "手机号，或不重名的姓名",
    Type.DEPARTMENT: "不重名的部门名称",
    Type.CHECK: "是 或 否",
    Type.DATE: "格式 2026-01-31",
    Type.MOMENT: "格式 2026-01-31 14:00",
    Type.PERCENT: "写 35 或 35%",
    Type.AREA: "省，或省和市",
}


def targets_of(module, user) -> list:
    """The custom fields this person may fill by import."""
    company = fieldset.of(module, user)
    return [
        targets.Target(
            one.key,
            one.label,
            field="",
            custom=one,
            example=EXAMPLES.get(one.type, "") or next((label for _, label, on in one.options if on), ""),
            note="；".join(filter(None, [NOTES.get(one.type, ""), one.hint])),
            options=lambda one=one: (
                [label for _, label, on in one.options if on] or (["是", "否"] if one.type == Type.CHECK else [])
            ),
        )
        for one in company.custom.values()
        if types.of(one).importable and company.editable(one.key)
    ]


def column_for(one: Definition) -> cells.Column:
    """The check of one custom field's cells."""
    if one.type == Type.PERSON:
        return cells.Column(cells.people(get_user_model().objects.filter(is_active=True), empty=None))
    if one.type == Type.DEPARTMENT:
        return cells.Column(_department())
    kind = types.of(one)
    return cells.Column(lambda text: kind.clean(readable(text), one))


def _department():
    known: dict[str, list[int]] = {}
    for pk, name in apps.get_model("orgs", "Department").objects.values_list("pk", "name"):
        known.setdefault(name_key(name), []).append(pk)

    def check(text: str):
        text = tidy(text)
        found = known.get(name_key(text), []) if text else [None]
        if len(found) == 1:
            return found[0]
        raise ValidationError(
            f"有 {len(found)} 个名为“{text[:20]}”的部门" if found else f"没有“{text[:20]}”这个部门", code="invalid"
        )

    return check


def extras(chunk, rows) -> list[dict]:
    """`extra` of new records: the cells, and the defaults of fields the file does not have."""
    plan = chunk.plan
    company = fieldset.of(plan.module, plan.user)
    defaults = {
        one.key: one.default
        for one in company.custom.values()
        if one.default is not None and one.key not in chunk.values
    }
    columns = [(target.key, chunk.values[target.key]) for target in plan.targets if target.custom]
    return [defaults | {key: column[row] for key, column in columns if column[row] is not None} for row in rows]


def change(chunk, record, row) -> list[dict]:
    """Set the custom cells of a row on an existing record; answers the log's differences."""
    moved, extra = [], dict(record.extra)
    for target in chunk.plan.targets:
        if target.custom:
            new, old = chunk.values[target.key][row], extra.get(target.key)
            if new is not None and new != old and not (chunk.plan.mode == "fill" and old is not None):
                extra[target.key] = new
                moved.append((target.custom, old, new))
    record.extra = extra
    return services.custom_changes(moved) if moved else []


def check_unique(chunk, rows, owners: dict[int, int] | None = None) -> None:
    """Fail rows whose unique value an earlier row or another live record holds; `owners` = {row: id of the record it
    changes}."""
    owners = owners or {}
    for target in chunk.plan.targets:
        one = target.custom
        if one is None or not one.unique:
            continue
        column, seen = chunk.values[target.key], set()
        signs = {row: values.digest(column[row]) for row in rows if column[row] is not None}
        taken = dict(
            UniqueValue.objects.filter(field_id=one.pk, digest__in=set(signs.values())).values_list(
                "digest", "object_id"
            )
        )
        for row, sign in signs.items():
            if sign in seen or (sign in taken and taken[sign] != owners.get(row)):
                chunk.fail(row, target.label, f"“{values.text(one, column[row])[:60]}”已被使用")
            seen.add(sign)


def claim(chunk, pairs) -> None:
    """Note the unique values of created records: (row, id) each."""
    rows = [
        UniqueValue(field_id=target.custom.pk, digest=values.digest(chunk.values[target.key][row]), object_id=pk)
        for target in chunk.plan.targets
        if target.custom and target.custom.unique
        for row, pk in pairs
        if chunk.values[target.key][row] is not None
    ]
    UniqueValue.objects.bulk_create(rows, batch_size=1000)
