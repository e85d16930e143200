"""Verbs of departments. Moving rewrites the paths of the whole subtree in one statement."""

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Max, Value
from django.db.models.functions import Concat, Length, Substr

from ..models import Department
from .oplog import differences, record

_LIMIT = Department._meta.get_field("path").max_length


def _lock_tree() -> None:
    """Serialise changes of the tree: two moves at once could otherwise build a ring."""
    list(Department.objects.select_for_update().order_by("pk").values_list("pk", flat=True))


def _clean(department) -> None:
    department.full_clean(exclude=["path"])


@transaction.atomic
def create_department(department, *, by) -> Department:
    """Save a new department under its parent."""
    _lock_tree()
    if department.parent_id is None and Department.objects.exists():
        raise ValidationError({"parent": "请选择上级部门"})
    parent_path = Department.objects.get(pk=department.parent_id).path if department.parent_id else "/"
    _clean(department)
    if len(parent_path) > _LIMIT - 20:
        raise ValidationError({"parent": "部门层级太深。"})
    department.save()
    department.path = f"{parent_path}{department.pk}/"
    department.save(update_fields=["path"])
    record(
        "department.created",
        department,
        by=by,
        text="新建部门",
        changes=differences([("上级部门", "", department.parent)]),
    )
    return department


@transaction.atomic
def update_department(department, values: dict, *, by) -> Department:
    """Set name, parent, manager, order; moving under itself or below is refused."""
    _lock_tree()
    current = Department.objects.get(pk=department.pk)
    rows = []
    for name, value in values.items():
        field = Department._meta.get_field(name)
        old = getattr(current, name)
        if old != value:
            rows.append((str(field.verbose_name), old, value))
            setattr(current, name, value)
    if not rows:
        return current
    moved = "parent" in values and values["parent"] != Department.objects.get(pk=department.pk).parent
    if moved:
        _check_move(current)
    _clean(current)
    old_path = current.path
    if moved:
        current.path = f"{Department.objects.get(pk=current.parent_id).path}{current.pk}/"
        _move_subtree(old_path, current.path)
    current.save()
    record("department.updated", current, by=by, text="移动部门" if moved else "编辑部门", changes=differences(rows))
    return current


def _check_move(department) -> None:
    stored = Department.objects.get(pk=department.pk)
    if stored.parent_id is None:
        raise ValidationError({"parent": "顶级部门不能移动。"})
    if department.parent_id is None:
        raise ValidationError({"parent": "请选择上级部门"})
    target = Department.objects.get(pk=department.parent_id)
    if target.path.startswith(stored.path):
        raise ValidationError({"parent": "不能移到自己或自己的下级部门下面。"})


def _move_subtree(old: str, new: str) -> None:
    below = Department.objects.filter(path__startswith=old)
    longest = below.aggregate(most=Max(Length("path")))["most"] or 0
    if longest - len(old) + len(new) > _LIMIT:
        raise ValidationError({"parent": "部门层级太深。"})
    below.update(path=Concat(Value(new), Substr("path", len(old) + 1)))


@transaction.atomic
def delete_department(department, *, by) -> None:
    """Delete an empty department; ValidationError names what still stands in it."""
    _lock_tree()
    if department.parent_id is None:
        raise ValidationError("顶级部门不能删除。")
    children = list(department.children.values_list("name", flat=True)[:11])
    people = list(department.employees.values_list("name", flat=True)[:11])
    inside = []
    if children:
        inside.append(f"下级部门：{_listed(children)}")
    if people:
        inside.append(f"员工：{_listed(people)}")
    if inside:
        raise ValidationError(f"“{department.name}”还不能删除，请先移走{'；'.join(inside)}。")
    name = department.name
    department.delete()
    record("department.deleted", name, by=by, text="删除部门")


def _listed(names: list[str]) -> str:
    return "、".join(names[:10]) + (" 等" if len(names) > 10 else "")
