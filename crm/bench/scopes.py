"""P5 to P7: does a list cost the same whatever the size of the table, the age of the rows, the way rows became visible?"""

import statistics
from datetime import timedelta

from django.db import connection
from django.db.models import Count, Max
from django.utils import timezone

from crm.records import modules, scope
from customers.models import Customer, CustomerGrant
from orgs.models import Department, Employee, Role

from . import NotMeasured, Options, Result, interleaved, medians, ms, need_customers, target
from .baselines import explain, page_by_id
from .databases import need_postgresql, on_database, small_twin

PEOPLE = 20
SMALL = 10_000
OLD_DAYS = 1000
# Scope -> (reach of the role, action). "transfer" is decided by the owner alone, "view" adds the team.
SCOPES = {
    "self": (Role.Reach.SELF, "transfer"),
    "subordinates": (Role.Reach.SUBORDINATES, "transfer"),
    "department and below": (Role.Reach.DEPARTMENT_BELOW, "transfer"),
    "self with team": (Role.Reach.SELF, "view"),
    "department and below with team": (Role.Reach.DEPARTMENT_BELOW, "view"),
}


def with_role(employee: Employee, reach: str, departments=()) -> Employee:
    """The employee as if they held one role with this reach; nothing is stored."""
    employee.forget_rights()
    functions = sorted(modules.all_functions())
    employee._roles = [Role(name="bench", reach=reach, departments=list(departments), permissions=functions)]
    return employee


def busiest() -> int:
    """The employee with most live customers."""
    owned = Customer.objects.live().filter(owner__isnull=False).values("owner").annotate(number=Count("pk"))
    return owned.order_by("-number", "owner").values_list("owner", flat=True)[0]


def spread(ids: list[int], number: int) -> list[int]:
    """`number` of the ids at even distances, the first one among them."""
    return ids if len(ids) <= number else [ids[place * len(ids) // number] for place in range(number)]


def people(reach: str) -> list[Employee]:
    """Twenty employees a scope is measured for: sellers, the busiest and the one with most grants among them; managers, the
    one with the widest scope among them."""
    if reach == Role.Reach.SELF:
        helper = (
            CustomerGrant.objects.values("user")
            .annotate(number=Count("pk"))
            .order_by("-number", "user")
            .values_list("user", flat=True)[:1]
        )
        first = list(dict.fromkeys([busiest(), *helper]))
        rest = list(
            Employee.objects.filter(roles__code="seller")
            .exclude(pk__in=first)
            .order_by("pk")
            .values_list("pk", flat=True)
        )
        ids = [*first, *spread(rest, PEOPLE - len(first))]
    else:
        managers = Department.objects.filter(manager__isnull=False, parent__isnull=False)
        ids = spread(list(managers.order_by("path").values_list("manager", flat=True)), PEOPLE)
    return list(Employee.objects.select_related("department").filter(pk__in=ids).order_by("pk"))


def statements_of(work) -> list[tuple]:
    """[(sql, values)] that `work` ran."""
    seen = []

    def watch(execute, sql, values, many, context):
        seen.append((sql, values))
        return execute(sql, values, many, context)

    with connection.execute_wrapper(watch):
        work()
    return seen


def touched(statement) -> int:
    """Buffers a statement touched."""
    plan = explain(*statement)["Plan"]
    return plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]


def buffers() -> dict[tuple[str, str], tuple[int, int]]:
    """{(scope, order): most buffers (of the whole list SQL, of its ids alone) for one of twenty employees}, here."""
    orders = [column.sort for column in modules.get("customer").columns if column.sort]
    found: dict[tuple[str, str], tuple[int, int]] = {}
    for name, (reach, action) in SCOPES.items():
        for employee in people(reach):
            rows = Customer.objects.allowed(with_role(employee, reach), action)
            for field in orders:
                for descending in (True, False):
                    ids, *rest = statements_of(
                        lambda rows=rows, f=field, d=descending: list_page(rows, f, descending=d)
                    )
                    alone = touched(ids)
                    whole = alone + sum(touched(statement) for statement in rest)
                    key = (name, f"{'-' if descending else ''}{field}")
                    before = found.get(key, (0, 0))
                    found[key] = (max(before[0], whole), max(before[1], alone))
    return found


@target("P5")
def p5(options: Options) -> Result:
    need_postgresql()
    need_customers(options, 1_000_000)
    few = min(SMALL, options.wanted(SMALL))
    large = buffers()
    with on_database(small_twin(few)):
        small = buffers()
    ratios = {key: large[key][0] / max(1, small[key][0]) for key in large}
    worst = max(ratios, key=ratios.get)
    by_scope = {name: max((key for key in ratios if key[0] == name), key=ratios.get) for name in SCOPES}
    counts = "; ".join(
        f"{name} {small[key][0]:,} -> {large[key][0]:,} (ids alone {small[key][1]:,} -> {large[key][1]:,})"
        for name, key in by_scope.items()
    )
    return Result(
        "P5",
        ratios[worst],
        "<= 1.5",
        "×",
        f"buffers of the list SQL (ids, then their rows), worst of {PEOPLE} employees and every sort order, "
        f"{Customer.objects.count():,} customers against a twin company with {few:,}: {counts}; worst: {worst[0]} by {worst[1]}",
    )


def list_page(rows, field: str, *, descending: bool = True) -> list:
    """What a list runs for its rows: ids, then the rows of these ids."""
    return page_by_id(scope.top_ids(rows, field=field, descending=descending, limit=15), Customer)


def p95(times: list[float]) -> float:
    return statistics.quantiles(times, n=20)[-1]


def _stale_and_fresh() -> tuple[list[Department], list[Department]]:
    """Lowest departments whose newest customer is that old, and others that are at work; most people first."""
    newest = dict(
        Customer.objects.live()
        .filter(owner__isnull=False)
        .values_list("owner__department")
        .annotate(at=Max("updated_at"))
        .values_list("owner__department", "at")
    )
    limit = timezone.now() - timedelta(days=OLD_DAYS)
    lowest = (
        Department.objects.filter(children=None, pk__in=newest)
        .annotate(size=Count("employees"))
        .order_by("-size", "pk")
    )
    stale = [department for department in lowest if newest[department.pk] < limit]
    fresh = [department for department in lowest if newest[department.pk] >= limit]
    return stale, fresh


@target("P6")
def p6(options: Options) -> Result:
    need_postgresql()
    need_customers(options, 1_000_000)
    stale, fresh = _stale_and_fresh()
    if not stale:
        raise NotMeasured("no department with old rows only: manage.py seed makes them")
    viewer = Employee.objects.select_related("department").order_by("pk").first()

    def scope_of(departments):
        return Customer.objects.allowed(with_role(viewer, Role.Reach.CUSTOM, [d.pk for d in departments]), "transfer")

    # Each stale department alone against one of its size, and all of them at once against as many.
    partners = [min(fresh, key=lambda other, one=one: abs(other.size - one.size)) for one in stale[:5]]
    pairs = [(scope_of([old]), scope_of([new])) for old, new in zip(stale, partners, strict=False)] + [
        (scope_of(stale), scope_of(fresh[: len(stale)]))
    ]
    times: tuple[list, list] = ([], [])
    for old, new in pairs:
        for field in ("updated_at", "created_at"):
            for side, found in zip(
                times,
                interleaved(
                    lambda old=old, f=field: list_page(old, f), lambda new=new, f=field: list_page(new, f), rounds=9
                ),
                strict=True,
            ):
                side.extend(found)
    slow, fast = p95(times[0]), p95(times[1])
    return Result(
        "P6",
        slow / fast,
        "<= 2",
        "×",
        f"p95 of the list of departments whose rows are older than {OLD_DAYS} days ({ms(slow)}) against departments at work ({ms(fast)}); {len(pairs)} pairs, "
        f"two orders, {Customer.objects.count():,} customers",
    )


@target("P7")
def p7(options: Options) -> Result:
    need_postgresql()
    need_customers(options, 1_000_000)
    sellers = [person for person in people(Role.Reach.SELF) if Customer.objects.live().filter(owner=person).exists()][
        :12
    ]
    found = []
    for person in sellers:
        with_role(person, Role.Reach.SELF)
        team, own = Customer.objects.allowed(person, "view"), Customer.objects.allowed(person, "transfer")
        found.append(
            medians(lambda rows=team: list_page(rows, "created_at"), lambda rows=own: list_page(rows, "created_at"))
        )
    ratios = [team / own for team, own in found]
    typical = statistics.median(ratios)
    return Result(
        "P7",
        max(ratios),
        "<= 8",
        "×",
        f"list of own and team customers against own only, ids and rows, worst of {len(sellers)} sellers (median {typical:.1f} ×); busiest and most grants "
        f"among them; {ms(max(team for team, _ in found))} against {ms(max(own for _, own in found))} at most",
    )
