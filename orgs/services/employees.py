"""Verbs of employees. Nobody is ever deleted; nobody changes their own roles; the last 超级管理员 stays."""

from collections.abc import Callable, Iterable

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from crm.records import modules, search

from .. import reach
from ..models import Employee, Role
from .accounts import check_password, end_sessions, new_password
from .oplog import differences, record
from .roles import check_grant

# after(person, by=...): called in the transaction that disables somebody. Modules above register what becomes of what waits for them.
DISABLED: list[Callable] = []
_OWN_FIELDS = {"department": "部门", "supervisor": "直属上级"}


def check_manageable(person, *, by) -> None:
    """ValidationError when `by` may not touch this account: it holds administration functions that `by` lacks."""
    if by is None or by.pk == person.pk or by.is_super:
        return
    if person.is_super:
        raise ValidationError("只有超级管理员可以修改超级管理员的账号。")
    more = [label for code, label in modules.ADMIN_FUNCTIONS.items() if code in person.functions() - by.functions()]
    if more:
        raise ValidationError(f"{person.name}有您没有的管理功能（{'、'.join(more)}），请由权限更大的管理员修改。")


@transaction.atomic
def create_employee(employee, *, roles: Iterable[Role] = (), by, password: str = "", trial: bool = False) -> str:
    """Save a new employee; returns the initial password, which must be changed at the first sign-in. With `trial` the
    caller rolls back: every check runs, only the slow password hash is left out."""
    if password:
        try:
            check_password(password, employee)
        except ValidationError as error:
            raise ValidationError({"password": error.messages}) from None
    password = password or new_password()
    employee.set_password(None if trial else password)
    employee.must_change_password = True
    employee.full_clean(exclude=["password"])
    employee.pinyin = search.initials(employee.name)
    employee.save()
    roles = list(roles)
    if roles:
        _check_roles(employee, added=roles, removed=[], by=by)
        employee.roles.set(roles)
        employee.forget_rights()
    names = "、".join(role.name for role in roles)
    rows = differences([("手机号", "", employee.phone), ("部门", "", employee.department), ("角色", "", names)])
    record("employee.created", employee, by=by, text="新建员工", changes=rows)
    return password


@transaction.atomic
def update_employee(employee, values: dict, *, by) -> Employee:
    """Set fields ({name: value}) of an employee, never roles or state. ValidationError names what may not be."""
    check_manageable(employee, by=by)
    if "supervisor" in values:
        # Everybody on the way up is locked, so that two changes at once cannot close a ring.
        chain = {employee.pk} | (reach.above(values["supervisor"].pk) if values["supervisor"] else set())
        list(Employee.objects.select_for_update().filter(pk__in=chain).order_by("pk").values_list("pk", flat=True))
    current = (
        Employee.objects.select_for_update(of=("self",)).select_related("department", "supervisor").get(pk=employee.pk)
    )
    rows = []
    for name, value in values.items():
        field = Employee._meta.get_field(name)
        old = getattr(current, name)
        if old == value:
            continue
        if name in _OWN_FIELDS and by is not None and by.pk == current.pk and not by.is_super:
            raise ValidationError({name: f"不能修改自己的{_OWN_FIELDS[name]}，请由其他管理员修改。"})
        rows.append((str(field.verbose_name), _shown(field, old), _shown(field, value)))
        setattr(current, name, value)
    if not rows:
        return current
    current.full_clean(exclude=["password"])
    current.pinyin = search.initials(current.name)
    current.save()
    record("employee.updated", current, by=by, text="编辑员工", changes=differences(rows))
    return current


def _shown(field, value):
    return dict(field.flatchoices).get(value, value) if field.choices else value


@transaction.atomic
def set_roles(employee, roles: Iterable[Role], *, by) -> None:
    """Replace the roles of an employee; what is added and taken away is checked against what `by` may grant."""
    wanted, held = set(roles), set(Role.objects.filter(employees=employee))
    added, removed = wanted - held, held - wanted
    if not added and not removed:
        return
    _check_roles(employee, added=added, removed=removed, by=by)
    employee.roles.set(wanted)
    employee.forget_rights()
    shown = [
        "、".join(role.name for role in sorted(some, key=lambda role: (role.order, role.pk))) for some in (held, wanted)
    ]
    record(
        "employee.roles",
        employee,
        by=by,
        text="设置角色",
        changes=[{"label": "角色", "old": shown[0], "new": shown[1]}],
    )
    if any(role.is_super for role in removed):
        end_sessions(employee)


def _check_roles(employee, *, added, removed, by) -> None:
    if by is not None and by.pk == employee.pk:
        raise ValidationError("不能修改自己的角色，请由其他管理员修改。")
    if any(role.is_super for role in removed):
        if by is not None and not by.is_super:
            raise ValidationError("只有超级管理员可以取消超级管理员。")
        check_last_super(employee)
    check_manageable(employee, by=by)
    for role in sorted(added, key=lambda role: (role.order, role.pk)):
        check_grant(role, employee, by=by)


def check_last_super(employee) -> None:
    """ValidationError when no other active employee holds 超级管理员; the role is locked until the transaction ends."""
    Role.objects.select_for_update().get(code=Role.SUPER)
    if not Employee.objects.filter(is_active=True, roles__code=Role.SUPER).exclude(pk=employee.pk).exists():
        raise ValidationError(f"{employee.name}是最后一个启用的超级管理员，不能停用或取消。")


@transaction.atomic
def disable_employee(employee, *, by) -> None:
    """停用: cannot sign in from the next request on; everything that was theirs stays."""
    if by is not None and by.pk == employee.pk:
        raise ValidationError("不能停用自己的账号。")
    check_manageable(employee, by=by)
    if not employee.is_active:
        raise ValidationError(f"{employee.name}已经停用。")
    if employee.is_super:
        check_last_super(employee)
    employee.is_active, employee.disabled_at = False, timezone.now()
    employee.save(update_fields=["is_active", "disabled_at"])
    end_sessions(employee)
    record("employee.disabled", employee, by=by, text="停用员工")
    for after in DISABLED:
        after(employee, by=by)


@transaction.atomic
def enable_employee(employee, *, by) -> None:
    """启用 again, with the roles held before."""
    check_manageable(employee, by=by)
    if employee.is_active:
        raise ValidationError(f"{employee.name}已经启用。")
    employee.is_active, employee.disabled_at = True, None
    employee.save(update_fields=["is_active", "disabled_at"])
    record("employee.enabled", employee, by=by, text="启用员工")


def for_each(people: Iterable[Employee], verb: Callable) -> tuple[list, list]:
    """Run `verb(person)` on each in a transaction of its own: ([(person, result)], [(person, reason)])."""
    done, failed = [], []
    for person in people:
        try:
            with transaction.atomic():
                done.append((person, verb(person)))
        except ValidationError as error:
            failed.append((person, "；".join(error.messages)))
    return done, failed
