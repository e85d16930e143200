"""P15 and P16: statements of a page, and what a page costs beyond its template."""

import statistics
import time
from contextlib import contextmanager

from django.conf import settings
from django.db import connection, transaction
from django.template.loader import render_to_string
from django.test import Client, RequestFactory, override_settings

from crm.records import context, modules, scope
from crm.records.views.listing import ListView
from customers.models import Customer
from orgs.models import Employee, Role

from . import NotMeasured, Options, Result, need_customers, target
from .scopes import busiest

LIMITS = {"list": 12, "detail": 20, "form": 15, "board": 16}
FEW, MANY = 15, 100


@contextmanager
def signed_in(employee: Employee, reach: str | None = None):
    """A browser of this employee, optionally with a role that has every function of the modules and this reach; nothing of it is
    kept."""
    storages = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }
    with override_settings(STORAGES=storages, ALLOWED_HOSTS=["*"]), transaction.atomic():
        if reach:
            role = Role.objects.create(
                name="bench",
                reach=reach,
                permissions=sorted(code for code in modules.all_functions() if not code.startswith("admin.")),
            )
            employee.roles.set([role])
        client = Client()
        client.force_login(employee)
        yield client
        transaction.set_rollback(True)


def statements(client: Client, url: str) -> list[str]:
    """The SQL of one GET, sessions and all, once the process is warm."""
    seen: list[str] = []

    def watch(execute, sql, values, many, context):
        seen.append(sql)
        return execute(sql, values, many, context)

    client.get(url)
    with connection.execute_wrapper(watch):
        answer = client.get(url)
    if answer.status_code != 200:
        raise NotMeasured(f"{url} answered {answer.status_code}")
    return seen


def urls_of(module, user: Employee) -> dict[str, tuple[str, ...]]:
    """{label: addresses that must cost the same}, of one module for one person."""
    rows = module.model.objects.allowed(user, "view").order_by("-pk")
    pk = rows.values_list("pk", flat=True).first()
    order = _mixed_order(module, user)
    found = {
        f"list {module.name}": tuple(f"{module.list_url}?sort={order}&size={size}" for size in (FEW, MANY)),
        f"form {module.name} new": (module.new_url,),
    }
    for face in module.faces:
        found[f"board {module.name} {face.page}"] = (module.url(face.page),)
    editable = module.model.objects.allowed(user, "edit").order_by("-pk").values_list("pk", flat=True).first()
    if editable is not None:
        found[f"form {module.name} edit"] = (module.url("edit", editable),)
    if pk is not None:
        found[f"detail {module.name}"] = (module.url(pk=pk),)
        for tab in ("fields", "team", "files", "log", *(child.prefix for child in module.children)):
            found[f"detail {module.name} {tab}"] = (f"{module.url(pk=pk)}?tab={tab}",)
    return found


def _mixed_order(module, user: Employee) -> str:
    """A sort order whose first rows are not all the person's own, where there is one: team rows cost a statement for their
    rights, however many they are."""
    orders = [
        module.default_order,
        *(sign + column.sort for column in module.columns if column.sort for sign in ("-", "")),
    ]
    if not module.owned:
        return orders[0]
    reach, rows = user.scope_for(f"{module.name}.edit"), module.model.objects.allowed(user, "view")
    for order in orders:
        ids = scope.top_ids(rows, field=order.lstrip("-"), descending=order.startswith("-"), limit=FEW)
        owners = module.model.objects.filter(pk__in=ids).values_list("owner", flat=True)
        if any(not reach.includes(owner) for owner in owners):
            return order
    return orders[0]


@target("P15")
def p15(options: Options) -> Result:
    need_customers(options, 1000)
    employee = Employee.objects.get(pk=busiest())
    counts: dict[str, tuple[int, ...]] = {}
    with signed_in(employee, Role.Reach.DEPARTMENT_BELOW) as client:
        for module in modules.ordered():
            employee.forget_rights()
            for label, urls in urls_of(module, employee).items():
                counts[label] = tuple(len(statements(client, url)) for url in urls)
    constant = all(len(set(found)) == 1 for found in counts.values())
    shares = {label: max(found) / LIMITS[label.split()[0]] for label, found in counts.items()}
    worst = {
        kind: max((max(found), label) for label, found in counts.items() if label.startswith(kind)) for kind in LIMITS
    }
    changing = [f"{label} {found}" for label, found in counts.items() if len(set(found)) > 1]
    return Result(
        "P15",
        max(shares.values()),
        "<= 1",
        "of the limit",
        "statements over HTTP with session: "
        + ", ".join(f"{kind} {number} of {LIMITS[kind]} ({label})" for kind, (number, label) in worst.items())
        + f"; {FEW} and {MANY} rows: {'the same' if constant else 'DIFFERENT: ' + '; '.join(changing)}; {len(counts)} pages",
        also=constant,
    )


class _Kept(ListView):
    """The list view, keeping its template context."""

    def page(self, template, found, status=200):
        self.kept = {"module": self.module, "nav_active": self.module.name, **found, "layout": "base.html"}
        return super().page(template, found, status)


def cpu(work) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


@target("P16")
def p16(options: Options) -> Result:
    need_customers(options, 1000)
    employee = Employee.objects.get(pk=busiest())
    with signed_in(employee, Role.Reach.DEPARTMENT_BELOW) as client:
        seen = client.get("/customers/").wsgi_request
        view = _Kept(module_name="customer")
        view.setup(seen)
        view.dispatch(seen)
        page = {**view.kept, "frame": context.build(seen, seen.user)}
        request = RequestFactory().get("/customers/")
        request.user, request.session, request.htmx, request._messages = (
            seen.user,
            seen.session,
            seen.htmx,
            seen._messages,
        )
        sides: tuple[list[float], list[float]] = ([], [])
        works = (
            lambda: client.get("/customers/"),
            lambda: render_to_string("records/list.html", page, request=request),
        )
        for round_ in range(31):
            for work, found in zip(works, sides, strict=True):
                spent = cpu(work)
                if round_:
                    found.append(spent)
    whole, template = (statistics.median(found) for found in sides)
    return Result(
        "P16",
        whole / template,
        "<= 2",
        "×",
        f"CPU of GET /customers/ with session ({whole * 1000:.1f} ms) against its template with {len(page['rows'])} rows in memory ({template * 1000:.1f} ms), "
        f"{Customer.objects.count():,} customers, SQL in the database's own process not counted",
    )
