"""Verbs of roles, and what bounds them: nobody grants more reach or more administration than they hold."""

from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.db import transaction

from crm.records import fieldset, modules

from .. import fieldrights, reach
from ..models import Department, Employee, Role
from .oplog import differences, record

_RANK = {Role.Reach.SELF: 0, Role.Reach.SUBORDINATES: 1, Role.Reach.DEPARTMENT: 2, Role.Reach.DEPARTMENT_BELOW: 3}


@dataclass(frozen=True)
class Bound:
    """How far a granter's own roles reach in one module, whether or not they hold 查看 there: somebody who only
    administers may hand out functions, but no wider reach than their own roles say."""

    everything: bool
    rank: int
    paths: tuple[str, ...]
    owners: frozenset[int]


def bound_of(by, module: str) -> Bound:
    """The bound of a granter in a module."""
    kinds = reach.kinds_of(by, module, viewing=False)
    rows = reach.resolve(by, kinds)
    chosen = [pk for kind, departments in kinds if kind == Role.Reach.CUSTOM for pk in departments]
    paths = list(Department.objects.filter(pk__in=chosen).values_list("path", flat=True)) if chosen else []
    if any(kind == Role.Reach.DEPARTMENT_BELOW for kind, _ in kinds):
        paths.append(by.department.path)
    rank = max((_RANK.get(kind, 0) for kind, _ in kinds), default=0)
    return Bound(rows.everything, rank, tuple(paths), frozenset(rows.owners))


def describe(kind: str, departments=()) -> str:
    """A reach in words: 本部门, 自定义（苏州组、杭州组）."""
    label = str(Role.Reach(kind).label)
    if kind == Role.Reach.CUSTOM:
        names = list(Department.objects.filter(pk__in=departments).values_list("name", flat=True))
        return f"{label}（{'、'.join(names) or '未选部门'}）"
    return label


def _viewed_modules(role) -> list:
    return [module for module in modules.ordered() if module.owned and f"{module.name}.view" in role.permissions]


def _admin_excess(role, by) -> None:
    held = by.functions()
    more = [label for code, label in modules.ADMIN_FUNCTIONS.items() if code in role.permissions and code not in held]
    if more:
        raise ValidationError(f"角色“{role.name}”包含您没有的管理功能：{'、'.join(more)}。您只能授予自己有的管理功能。")


def check_grant(role, person, *, by) -> None:
    """ValidationError when `by` may not give this role to this person."""
    if role.person_id and role.person_id != person.pk:
        raise ValidationError(f"角色“{role.name}”是个人角色，只能用于{role.person.name}。")
    if by is None or by.is_super:
        return
    if role.is_super:
        raise ValidationError("只有超级管理员可以授予超级管理员。")
    _admin_excess(role, by)
    for module in _viewed_modules(role):
        pair = role.reach_for(module.name)
        limit = bound_of(by, module.name)
        if limit.everything:
            continue
        gained = reach.resolve(person, {pair})
        if not _covers(limit, *pair, person, by=by) or not set(gained.owners) <= limit.owners | {person.pk}:
            words = describe(*pair)
            raise ValidationError(
                f"角色“{role.name}”在“{module.label}”的数据权限是“{words}”，{person.name}会看到您数据权限以外的数据，不能由您授予。"
            )


def why_locked(role, *, by) -> str:
    """Why `by` may not edit the role, "" when they may."""
    try:
        _check_content(role, by=by)
    except ValidationError as error:
        return error.messages[0]
    return ""


def _inside(path: str, paths) -> bool:
    return any(path.startswith(own) for own in paths)


def _covers(limit: Bound, kind: str, departments, person, *, by) -> bool:
    """Whether a reach of this person lies within the bound, also when colleagues join or move later."""
    if kind == Role.Reach.SELF or limit.everything:
        return True
    if kind == Role.Reach.CUSTOM:
        return all(
            _inside(path, limit.paths)
            for path in Department.objects.filter(pk__in=departments).values_list("path", flat=True)
        )
    if kind == Role.Reach.SUBORDINATES:
        return limit.rank >= _RANK[kind] and person.pk in limit.owners
    if kind == Role.Reach.DEPARTMENT and limit.rank >= _RANK[kind] and person.department_id == by.department_id:
        return True
    return kind != Role.Reach.ALL and _inside(person.department.path, limit.paths)


def grantable(role, *, by) -> bool:
    """Whether the role is within what `by` may grant at all, before a person is known (for showing choices)."""
    return by.is_super or not why_locked(role, by=by)


def _check_content(role, *, by) -> None:
    """ValidationError when functions or reach of the role exceed those of `by`."""
    if role.is_super:
        raise ValidationError("超级管理员不能编辑。" if by.is_super else "只有超级管理员可以授予超级管理员。")
    if by.is_super:
        return
    _admin_excess(role, by)
    for module in _viewed_modules(role):
        kind, departments = role.reach_for(module.name)
        limit = bound_of(by, module.name)
        if limit.everything:
            continue
        if kind == Role.Reach.CUSTOM:
            too_wide = not _covers(limit, kind, departments, None, by=by)
        else:
            too_wide = kind == Role.Reach.ALL or _RANK[kind] > limit.rank
        if too_wide:
            words = describe(kind, departments)
            raise ValidationError(f"角色“{role.name}”在“{module.label}”的数据权限是“{words}”，超出您自己的数据权限。")
        for person in (
            Employee.objects.filter(roles=role).select_related("department")
            if role.pk and kind != Role.Reach.SELF
            else ()
        ):
            if not _covers(limit, kind, departments, person, by=by):
                raise ValidationError(
                    f"{person.name}使用角色“{role.name}”，而他不在您的数据权限内，请由数据权限更大的管理员修改。"
                )


def _check_own(role, before, *, by) -> None:
    """A role that `by` holds may lose rights by their hand, never gain any."""
    if by.is_super or not any(held.pk == role.pk for held in by.role_list()):
        return
    if set(role.permissions) - set(before.permissions):
        raise ValidationError("您自己使用这个角色，不能给它增加权限，请由其他管理员修改。")
    for name in set(before.field_rights) | set(role.field_rights):
        new, old = (one.field_rights.get(name) or {} for one in (role, before))
        if any(new.get(key, fieldset.EDIT) > level for key, level in old.items()):
            raise ValidationError("您自己使用这个角色，不能放宽它的字段权限，请由其他管理员修改。")
    for module in _viewed_modules(role):
        new, old = (reach.resolve(by, {one.reach_for(module.name)}) for one in (role, before))
        if not old.everything and (new.everything or set(new.owners) - set(old.owners)):
            raise ValidationError(f"您自己使用这个角色，不能扩大它在“{module.label}”的数据权限，请由其他管理员修改。")


def _clean(role) -> None:
    """Bring functions and reaches into their stored form; ValidationError on what does not exist."""
    unknown = set(role.permissions) - modules.all_functions()
    if unknown:
        raise ValidationError("包含不存在的权限，请刷新页面后重试。")
    functions = set(role.permissions)
    for code in role.permissions:
        module = code.split(".")[0]
        if module != "admin":
            functions.add(f"{module}.view")
    role.permissions = sorted(functions)
    kinds = {"": {"reach": role.reach, "departments": role.departments}, **role.overrides}
    existing = set(Department.objects.values_list("pk", flat=True))
    for name, own in kinds.items():
        label = modules.get(name).label if name in modules.ALL else "默认"
        if name and (name not in modules.ALL or not modules.get(name).owned):
            raise ValidationError("包含不存在的模块，请刷新页面后重试。")
        if own["reach"] not in Role.Reach.values:
            raise ValidationError(f"请选择{label}的数据权限。")
        if own["reach"] != Role.Reach.CUSTOM:
            own["departments"] = []
        elif not own["departments"]:
            raise ValidationError(f"{label}的数据权限是“自定义”，请选择至少一个部门。")
        elif set(own["departments"]) - existing:
            raise ValidationError("所选的部门已不存在，请刷新页面后重试。")
        own["departments"] = sorted(own["departments"])
    role.departments = kinds[""]["departments"]
    role.overrides = {name: own for name, own in kinds.items() if name}


def _function_labels(codes) -> str:
    """Functions in words: 客户：查看、新建；管理：组织."""
    groups = []
    for module in modules.ordered():
        found = [label for key, label in module.permissions if f"{module.name}.{key}" in codes]
        if found:
            groups.append(f"{module.label}：{'、'.join(found)}")
    if found := [label for code, label in modules.ADMIN_FUNCTIONS.items() if code in codes]:
        groups.append(f"管理功能：{'、'.join(found)}")
    return "；".join(groups)


def _log_rows(before, after) -> list[dict]:
    gone, new = set(before.permissions) - set(after.permissions), set(after.permissions) - set(before.permissions)
    rows = [
        ("名称", before.name, after.name),
        ("说明", before.description, after.description),
        ("默认数据权限", describe(before.reach, before.departments), describe(after.reach, after.departments)),
    ]
    if gone or new:
        rows.append(
            (
                "操作权限",
                f"去掉 {_function_labels(gone)}" if gone else "",
                f"增加 {_function_labels(new)}" if new else "",
            )
        )
    for name in sorted(set(before.overrides) | set(after.overrides)):
        shown = [describe(**_pair(one.overrides[name])) if name in one.overrides else "默认" for one in (before, after)]
        rows.append((f"{modules.get(name).label if name in modules.ALL else name}的数据权限", *shown))
    for name in sorted(set(before.field_rights) | set(after.field_rights)):
        shown = [_field_words(name, one.field_rights.get(name) or {}) for one in (before, after)]
        rows.append((f"{modules.get(name).label if name in modules.ALL else name}的字段权限", *shown))
    return differences(rows)


def _field_words(name: str, levels: dict) -> str:
    """Field rights in words: 脱敏 电话；隐藏 备注."""
    labels = (
        {row["key"]: row["label"] for row in fieldrights.restrictable(modules.get(name))} if name in modules.ALL else {}
    )
    found = []
    for level, word in fieldset.LEVELS.items():
        keys = [labels.get(key, key) for key, own in levels.items() if own == level]
        if keys:
            found.append(f"{word} {'、'.join(keys)}")
    return "；".join(found)


def _pair(own: dict) -> dict:
    return {"kind": own["reach"], "departments": own.get("departments") or ()}


@transaction.atomic
def create_role(role, *, by) -> Role:
    """Save a new role within what `by` may grant."""
    _clean(role)
    role.full_clean()
    if by is not None:
        _check_content(role, by=by)
    role.save()
    record("role.created", role, by=by, text="新建角色", changes=_log_rows(Role(name=""), role))
    return role


@transaction.atomic
def update_role(role, values: dict, *, by) -> Role:
    """Set name, description, permissions, reach, departments, overrides. Acts on the next request of its holders."""
    before = Role.objects.select_for_update().get(pk=role.pk)
    if before.is_super:
        raise ValidationError("超级管理员不能编辑。")
    if by is not None:
        _check_content(before, by=by)
    after = Role.objects.get(pk=role.pk)
    for name, value in values.items():
        setattr(after, name, value)
    _clean(after)
    after.full_clean()
    if by is not None:
        _check_content(after, by=by)
        _check_own(after, before, by=by)
    rows = _log_rows(before, after)
    if not rows:
        return before
    after.version = before.version + 1
    after.save()
    record("role.updated", after, by=by, text="编辑角色", changes=rows)
    return after


def _copy_of(role, name: str) -> Role:
    if role.is_super:
        raise ValidationError("超级管理员不能复制。")
    return Role(
        name=name,
        description=role.description,
        permissions=list(role.permissions),
        reach=role.reach,
        departments=list(role.departments),
        overrides=dict(role.overrides),
        field_rights=dict(role.field_rights),
        order=role.order,
    )


@transaction.atomic
def copy_role(role, name: str, *, by) -> Role:
    """A new role with the rights of another."""
    return create_role(_copy_of(role, name), by=by)


@transaction.atomic
def copy_for_person(role, person, *, by) -> Role:
    """复制角色给一人: a role of the person's own with the same rights, which takes the place of the copied one."""
    from .employees import set_roles

    base = f"{role.name}（{person.name}）"[:46]
    taken = set(Role.objects.filter(name__startswith=base).values_list("name", flat=True))
    name = next(name for name in (base, *(f"{base}{n}" for n in range(2, 1000))) if name not in taken)
    copy = _copy_of(role, name)
    copy.person = person
    create_role(copy, by=by)
    held = list(Role.objects.filter(employees=person).exclude(pk=role.pk))
    set_roles(person, [*held, copy], by=by)
    return copy


@transaction.atomic
def delete_role(role, *, by) -> None:
    """Delete a role nobody has; ValidationError names who has it."""
    role = Role.objects.select_for_update().get(pk=role.pk)
    if role.is_super:
        raise ValidationError("超级管理员不能删除。")
    names = list(role.employees.values_list("name", flat=True)[:11])
    if names:
        raise ValidationError(
            f"角色“{role.name}”还有人使用：{'、'.join(names[:10])}{' 等' if len(names) > 10 else ''}。请先给他们换角色。"
        )
    if by is not None:
        _check_content(role, by=by)
    name = role.name
    role.delete()
    record("role.deleted", name, by=by, text="删除角色")
