"""Departments five deep and employees: a manager in each, sellers below, how many customers each of them owns."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random

from django.contrib.auth.hashers import make_password

from crm.loading import load, next_id
from crm.records.search import initials
from orgs.models import Department, Employee, Role

from .names import People, tail

LEVELS = (0.03, 0.12, 0.30, 0.55)  # share of the departments on each level below the top one
TITLES = ("大区", "分公司", "办事处", "组")
STALE = 0.1  # share of the lowest departments whose customers nobody has touched for years
FIRST_PHONE = 19_900_000_000


@dataclass
class Company:
    ids: list[int]
    departments: int
    stale: set[int] = field(default_factory=set)  # employees of stale departments
    sellers: list[int] = field(default_factory=list)


def make(size, pick: Random, now: int, password: str) -> Company:
    """Load departments and employees; every account signs in with `password`."""
    top = Department.objects.get(parent=None)
    rows, levels = _departments(size, top, pick)
    boss = next_id(
        Employee
    )  # the first employees manage the departments, in their order; the keys are checked at the end
    managed = [(*row, boss + place if place < size.employees else None) for place, row in enumerate(rows)]
    load(Department, ["id", "name", "parent_id", "path", "order", "manager_id"], managed)
    lowest = [row[0] for row in levels[-1]]
    stale = set(pick.sample(lowest, max(1, round(len(lowest) * STALE))))
    company = _employees(size, rows, stale, lowest, pick, now, password)
    company.departments = len(rows) + 1
    return company


def _departments(size, top, pick: Random):
    first, number = next_id(Department), size.departments - 1
    counts = [max(1, round(number * share)) for share in LEVELS]
    counts[-1] = max(1, number - sum(counts[:-1]))
    rows, levels, above = [], [], [(top.pk, top.path)]
    for level, count in enumerate(counts):
        here = []
        for place in range(count):
            # The first ones fill every parent once, so that no branch ends early.
            parent, path = above[place] if place < len(above) else pick.choice(above)
            pk = first + len(rows)
            rows.append((pk, f"{TITLES[level]} {pk}", parent, f"{path}{pk}/", place * 10))
            here.append((pk, f"{path}{pk}/"))
        levels.append(here)
        above = here
    return rows, levels


def _employees(size, departments, stale: set, lowest: list, pick: Random, now: int, password: str) -> Company:
    first = next_id(Employee)
    parent_of = {row[0]: row[2] for row in departments}
    phone = max(
        FIRST_PHONE,
        int(
            Employee.objects.filter(phone__startswith="199").order_by("-phone").values_list("phone", flat=True).first()
            or 0
        )
        + 1,
    )
    hashed, started = make_password(password), datetime.fromtimestamp(now - 4 * 365 * 86400, UTC)
    names = People(pick).next(size.employees)
    managers = {row[0]: first + place for place, row in enumerate(departments[: size.employees])}
    found, rows, company = [], [], Company(ids=[], departments=0)
    for place, (name, gender) in enumerate(names):
        pk = first + place
        if place < len(managers):
            department = departments[place][0]
            superior, role = managers.get(parent_of[department]), "sales_manager"
        else:
            department = (
                pick.choice(lowest) if pick.random() < 0.85 else departments[pick.randrange(len(departments))][0]
            )
            superior, role = managers.get(department), "seller"
        found.append((pk, role))
        rows.append(
            (
                pk,
                hashed,
                None,
                str(phone + place),
                name,
                gender,
                "",
                department,
                "客户经理" if role == "seller" else "销售经理",
                superior,
                True,
                False,
                initials(name),
                started,
                None,
            )
        )
        if department in stale:
            company.stale.add(pk)
        company.ids.append(pk)
        if role == "seller":
            company.sellers.append(pk)
    columns = [
        "id",
        "password",
        "last_login",
        "phone",
        "name",
        "gender",
        "email",
        "department_id",
        "position",
        "supervisor_id",
        "is_active",
        "must_change_password",
        "pinyin",
        "created_at",
        "disabled_at",
    ]
    load(Employee, columns, rows)
    roles = {role.code: role.pk for role in Role.objects.exclude(code="")}
    load(Employee.roles.through, ["employee_id", "role_id"], [(pk, roles[role]) for pk, role in found])
    return company


def shares(company: Company, owned: int, busiest: int, pick: Random) -> dict[int, int]:
    """{employee: live customers}: one owns `busiest`, the rest a long tail that sums to `owned`."""
    people = list(company.ids)
    pick.shuffle(people)
    # The busiest is an ordinary seller of a department that is at work.
    first = next((pk for pk in people if pk in set(company.sellers) and pk not in company.stale), people[0])
    people.remove(first)
    weights = [(place + 2) ** -0.6 for place in range(len(people))]
    rest, total = owned - busiest, sum(weights) or 1
    found = {pk: int(rest * weight / total) for pk, weight in zip(people, weights, strict=True)}
    for pk in people[: max(0, rest - sum(found.values()))]:
        found[pk] += 1
    found[first] = owned - sum(found.values())
    return found


def helper_weights(number: int) -> list[float]:
    """Cumulative weights of how often each employee is in somebody's team."""
    return tail(number, 0.4)
