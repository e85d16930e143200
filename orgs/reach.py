"""From roles to rows: whose records a person reaches. Always computed, never stored."""

from django.db import connection
from django.db.models import Q

from crm.records import modules
from crm.records.scope import Reach


def functions_of(employee) -> frozenset[str]:
    """The union of the roles' functions; 超级管理员 holds every one there is."""
    if employee.is_super:
        return frozenset(modules.all_functions())
    return frozenset(code for role in employee.role_list() for code in role.permissions)


def below(employee_id: int) -> set[int]:
    """Ids of the employee and everybody under them by supervisor, recursively, in one statement."""
    with connection.cursor() as cursor:
        cursor.execute(
            "WITH RECURSIVE below(id) AS (SELECT CAST(%s AS bigint) UNION SELECT e.id FROM orgs_employee e JOIN below b ON e.supervisor_id = b.id) "
            "SELECT id FROM below",
            [employee_id],
        )
        return {row[0] for row in cursor.fetchall()}


def above(employee_id: int) -> set[int]:
    """Ids of the employee and all their supervisors up to the top, in one statement."""
    with connection.cursor() as cursor:
        cursor.execute(
            "WITH RECURSIVE above(id, up) AS (SELECT id, supervisor_id FROM orgs_employee WHERE id = %s "
            "UNION SELECT e.id, e.supervisor_id FROM orgs_employee e JOIN above a ON e.id = a.up) SELECT id FROM above",
            [employee_id],
        )
        return {row[0] for row in cursor.fetchall()}


def in_departments(paths: list[str]) -> set[int]:
    """Ids of the employees of the departments with these paths and of all below them."""
    from .models import Employee

    condition = Q()
    for path in paths:
        condition |= Q(department__path__startswith=path)
    return set(Employee.objects.filter(condition).values_list("pk", flat=True)) if paths else set()


def resolve(employee, kinds) -> Reach:
    """The rows of a person under a set of (reach, chosen departments) pairs."""
    from .models import Department, Employee, Role

    memo = employee.__dict__.setdefault("_reach", {})
    key = ("kinds", frozenset(kinds))
    if key not in memo:
        owners, everything = {employee.pk}, False
        for kind, departments in kinds:
            if kind == Role.Reach.ALL:
                everything = True
            elif kind == Role.Reach.SUBORDINATES:
                owners |= below(employee.pk)
            elif kind == Role.Reach.DEPARTMENT:
                owners |= set(
                    Employee.objects.filter(department_id=employee.department_id).values_list("pk", flat=True)
                )
            elif kind == Role.Reach.DEPARTMENT_BELOW:
                owners |= in_departments([employee.department.path])
            elif kind == Role.Reach.CUSTOM:
                owners |= in_departments(
                    list(Department.objects.filter(pk__in=departments).values_list("path", flat=True))
                )
        memo[key] = Reach(everything=True) if everything else Reach(owners=tuple(sorted(owners)))
    return memo[key]


def kinds_of(employee, module: str, *, viewing: bool = True) -> set:
    """(reach, departments) pairs of a person's roles in a module; with `viewing` only of roles that hold 查看 there."""
    from .models import Role

    if employee.is_super:
        return {(Role.Reach.ALL, ())}
    return {
        role.reach_for(module) for role in employee.role_list() if not viewing or f"{module}.view" in role.permissions
    }


def field_levels(employee, module: str) -> dict[str, int]:
    """The levels below 可编辑 that all roles with 查看 in the module agree on, each the highest any of them gives."""
    if employee.is_super:
        return {}
    rights = [
        role.field_rights.get(module) or {} for role in employee.role_list() if f"{module}.view" in role.permissions
    ]
    if not rights:
        return {}
    return {key: max(right[key] for right in rights) for key in set.intersection(*map(set, rights))}


def of(employee, module: str) -> Reach:
    """Reach in a module: the widest of all roles that may view it (roles without 查看 there add nothing)."""
    memo = employee.__dict__.setdefault("_reach", {})
    if module not in memo:
        memo[module] = resolve(employee, kinds_of(employee, module))
    return memo[module]
