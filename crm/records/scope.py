"""The gate. A function permission AND (reach OR grant OR visible parent) decides rows; everything asks `narrow`.

A module's functions are named "<module>.<action>" (customer.export). `user.scope_for("customer.export")` answers None
(function not held) or a Reach. Which rows an action covers:

- READ actions: owner in reach, or a grant, or the parent record is visible, or "created by me" where the option is on
- CHANGE actions: owner in reach, or a read-write grant
- all others: owner in reach

A module may declare states of its records (`Module.closed`): there the gate leaves only the actions they name.
"""

from dataclasses import dataclass

from django.core.exceptions import EmptyResultSet
from django.db import connections, models
from django.db.models import F, Q
from django.db.models.expressions import RawSQL

from . import modules, params

READ = frozenset({"view", "export", "print"})
CHANGE = frozenset({"edit", "follow", "attach"})
CANDIDATES_FROM = 50  # owners; the rows of fewer are looked through sooner than many hits of a search
LATERAL_UP_TO = 5000  # owners; more than that are nearly everybody, and one scan over all rows is cheaper
COUNT_CAP = 10_000


@dataclass(frozen=True)
class Reach:
    """Whose rows: everybody's, or those of the employees in `owners`."""

    everything: bool = False
    owners: tuple[int, ...] = ()

    def includes(self, employee_id: int | None) -> bool:
        return self.everything or employee_id in self.owners


@dataclass(frozen=True)
class Branch:
    """One part of a scope that an index can serve; `owners` is set where the part is "owner is one of these", `keys` (a query
    of ids) where it is "`key` is one of these", `ids` where few keys are known and the rows are filtered by them already."""

    condition: Q
    owners: tuple[int, ...] = ()
    by_owner: bool = False
    everything: bool = False
    keys: models.QuerySet | None = None
    ids: tuple[int, ...] | None = None
    key: str = "pk"
    candidates: models.QuerySet | None = None  # keys among which the rows are (hits of a search), where a count begins

    @property
    def known(self) -> bool:
        return self.keys is not None or self.ids is not None


def narrow(rows, user, action: str):
    """`rows` reduced to those on which `user` may do `action`; without the function: none."""
    module = modules.of_model(rows.model)
    reach = user.scope_for(f"{module.name}.{module.function_for(action)}")
    if reach is None:
        return rows.none()
    for closed in module.closings:
        if closed.binds(user, action):
            rows = closed.narrow(rows, user)
    if not module.owned:
        return rows
    owned = Q(owner_id__isnull=False)
    if reach.everything:
        narrowed = rows.filter(owned)
        narrowed.branches = (Branch(owned, everything=True),)
        return narrowed
    branches = [Branch(Q(owner_id__any=reach.owners), reach.owners, by_owner=True)]
    if action in READ or action in CHANGE:
        keys = _granted(module, user, action)
        branches.append(Branch(Q(pk__in=keys) & owned, keys=keys))
    if action in READ:
        if params.get("created_by_me_visible"):
            branches.append(Branch(Q(created_by=user) & owned))
        for parent in module.parents:
            branches += _below(parent, user, owned)
    narrowed = rows.filter(_condition(module, user, action, reach))
    narrowed.branches = tuple(branches)
    return narrowed


def _condition(module, user, action: str, reach: Reach, path: str = "") -> Q:
    """What a row must meet, as one condition; `path` leads from the rows asked for to the module's records, so that a child's
    condition on its parent is a plain join (a sub-select in an OR is either built whole or run for every row)."""
    owned = Q(**{f"{path}owner_id__isnull": False})
    if reach.everything:
        return owned
    condition = Q(**{f"{path}owner_id__among": reach.owners})
    if action in READ or action in CHANGE:
        condition |= Q(**{f"{path}pk__in": _granted(module, user, action)}) & owned
    if action in READ:
        if params.get("created_by_me_visible"):
            condition |= Q(**{f"{path}created_by": user}) & owned
        for name in module.parents:
            parent = modules.get(name)
            theirs = user.scope_for(f"{name}.view")
            if theirs is None:
                continue
            above = f"{path}{name}__"
            visible = Q(**{f"{above}deleted_at": None}) & _condition(parent, user, "view", theirs, above)
            if not params.get("children_follow_parent"):
                visible &= Q(**{f"{above}owner": user})
            condition |= visible & owned
    return condition


def _granted(module, user, action: str):
    """Ids of the records on which the person holds a grant that covers the action."""
    grants = module.grant_model.objects.current().filter(user=user)
    if action in CHANGE:
        grants = grants.filter(permission__codename=f"change_{module.model._meta.model_name}")
    return grants.values("content_object_id")


def _below(name: str, user, owned: Q) -> list[Branch]:
    """Children of the records of a parent module that the person may view, by the parts of that scope; with the company
    option off, only the parent's owner sees them."""
    visible = modules.get(name).model.objects.allowed(user, "view").order_by()
    if not params.get("children_follow_parent"):
        visible = visible.filter(owner=user)
    if visible.query.is_empty():
        return []
    return [
        Branch(
            Q(**{f"{name}_id__in": visible.filter(part.condition).values("pk")}) & owned,
            keys=part.keys if part.key == "pk" else None,
            key=f"{name}_id",
        )
        for part in visible.branches or [Branch(Q())]
    ]


def of_owners(rows, owners):
    """Those of allowed rows that these employees own, found by them alone."""
    return _by(rows.filter(owner_id__among=owners), Branch(Q(owner_id__any=owners), tuple(owners), by_owner=True))


def within(rows, keys):
    """Those of allowed rows whose id stands in `keys` (a query of ids), found by them alone."""
    return _by(rows.filter(pk__in=keys), Branch(Q(pk__in=keys), keys=keys))


def known_ids(module, user, at_most: int) -> list[int] | None:
    """The ids of the rows `user` may view, found part by part of the scope, each by its index: a condition over all parts at
    once looks at every row of the table, which is what sums over them would pay. None where they are more than so many or
    everybody's, and on SQLite."""
    rows = module.model.objects.allowed(user, "view")
    if connections[rows.db].vendor != "postgresql" or not rows.branches or rows.branches[0].everything:
        return None
    first, *others = [module.model.objects.live().filter(part.condition).values("pk") for part in rows.branches]
    found = list(first.union(*others).values_list("pk", flat=True)[: at_most + 1])
    return found if len(found) <= at_most else None


def _by(rows, branch: Branch):
    """Rows that one branch covers, unless a few of them are known by id already."""
    if not any(part.ids is not None for part in rows.branches):
        rows.branches = (branch,)
    return rows


def may(user, action: str, record) -> bool:
    """Whether `user` may do `action` on this one record."""
    return (
        type(record).objects.allowed(user, action, trashed=record.deleted_at is not None).filter(pk=record.pk).exists()
    )


# The list's fast path -------------------------------------------------------------------------------------------------


def _order(field: str, descending: bool):
    return [f"-{field}", "-pk"] if descending else [field, "pk"]


def after(rows, field: str, descending: bool, value, pk: int):
    """Rows that come behind (value, pk) in the order; the first condition is what an index can start at."""
    less = "lt" if descending else "gt"
    return rows.filter(
        Q(**{f"{field}__{less}e": value}) & (Q(**{f"{field}__{less}": value}) | Q(**{f"pk__{less}": pk}))
    )


def top_ids(rows, *, field: str, descending: bool, limit: int, offset: int = 0) -> list[int]:
    """Primary keys of `limit` rows of an allowed() query in the order (field, pk), skipping `offset`.

    On PostgreSQL each branch of the scope contributes its own top rows by an index (per owner by LATERAL) and the union
    is cut again; the whole condition still stands in every branch, so a branch can only narrow it.
    """
    order = _order(field, descending)
    plain = rows.order_by(*order).values_list("pk", flat=True)
    branches = rows.branches
    if connections[rows.db].vendor != "postgresql" or not branches or branches[0].everything or offset > 1000:
        if len(branches) == 1:
            plain = plain.filter(branches[0].condition)
        return list(plain[offset : offset + limit])
    parts, values = [], []
    for branch in branches:
        try:
            sql, bound = _branch_sql(rows, branch, order, field, limit + offset)
        except EmptyResultSet:
            continue
        parts.append(f"({sql})")
        values += bound
    if not parts:
        return []
    direction = "DESC" if descending else "ASC"
    sql = f"SELECT pk FROM ({' UNION '.join(parts)}) AS found ORDER BY sort_key {direction}, pk {direction} LIMIT %s OFFSET %s"
    with connections[rows.db].cursor() as cursor:
        cursor.execute(sql, [*values, limit, offset])
        return [row[0] for row in cursor.fetchall()]


def _branch_sql(rows, branch, order, field, limit):
    if branch.by_owner and 0 < len(branch.owners) <= LATERAL_UP_TO:
        return _per_owner_sql(rows, branch.owners, order, field, limit)
    if branch.known:
        return _per_key_sql(rows, branch, order, field, limit)
    sql, bound = _top_sql(rows.filter(branch.condition), order, field, limit)
    return f"SELECT top.pk, top.sort_key FROM ({sql}) AS top(pk, sort_key)", list(bound)


def _top_sql(rows, order, field, limit):
    return rows.order_by(*order).annotate(sort_key=F(field)).values("pk", "sort_key")[:limit].query.sql_with_params()


def _per_owner_sql(rows, owners, order, field, limit):
    """The top rows of each owner, one short index scan an owner. Where there are more owners than rows wanted, the best row
    of each decides first which owners can have a row on the page at all."""
    theirs = rows.filter(owner_id=RawSQL("scope.owner", ()))
    source, values = "unnest(%s::bigint[]) AS scope(owner)", [list(owners)]
    if len(owners) > limit:
        sql, bound = _top_sql(theirs, order, field, 1)
        direction = "DESC" if order[0].startswith("-") else "ASC"
        source = (
            f"(SELECT scope.owner FROM {source} CROSS JOIN LATERAL ({sql}) AS best(pk, sort_key) "
            f"ORDER BY best.sort_key {direction}, best.pk {direction} LIMIT %s) AS scope(owner)"
        )
        values += [*bound, limit]
    sql, bound = _top_sql(theirs, order, field, limit)
    lateral = f"SELECT top.pk, top.sort_key FROM {source} CROSS JOIN LATERAL ({sql}) AS top(pk, sort_key)"
    return lateral, [*values, *bound]


def _per_key_sql(rows, branch, order, field, limit):
    """The top rows of known records, each fetched by its key: left to itself the planner may read the whole table to find a
    hundred of them."""
    direction = "DESC" if order[0].startswith("-") else "ASC"
    if (
        branch.ids is not None
    ):  # OFFSET 0: fetch them first and sort then, instead of walking the order until they turn up
        found = rows.filter(branch.condition).order_by().annotate(sort_key=F(field)).values("pk", "sort_key")
        sql, bound = found.query.sql_with_params()
        top = f"SELECT top.pk, top.sort_key FROM ({sql} OFFSET 0) AS top(pk, sort_key)"
        return f"{top} ORDER BY top.sort_key {direction}, top.pk {direction} LIMIT %s", [*bound, limit]
    known, values = branch.keys.query.sql_with_params()
    sql, bound = _top_sql(
        rows.filter(**{branch.key: RawSQL("known.pk", ())}), order, field, 1 if branch.key == "pk" else limit
    )
    lateral = (
        f"SELECT top.pk, top.sort_key FROM (SELECT DISTINCT unnest(ARRAY({known}))) AS known(pk) CROSS JOIN LATERAL ({sql}) "
        f"AS top(pk, sort_key) ORDER BY top.sort_key {direction}, top.pk {direction} LIMIT %s"
    )
    return lateral, [*values, *bound, limit]


def capped_count(rows, cap: int = COUNT_CAP) -> int:
    """How many rows an allowed() query has, counted no further than cap + 1 (the caller shows "10,000+")."""
    if connections[rows.db].vendor != "postgresql":
        return rows.order_by().values("pk")[: cap + 1].count()
    parts, values = [], []
    for branch in rows.branches or [Branch(Q(), ids=())]:
        try:
            sql, bound = _count_sql(rows, branch, cap + 1)
        except EmptyResultSet:
            continue
        parts.append(f"({sql})")
        values += bound
    if not parts:
        return 0
    sql = f"SELECT count(*) FROM {parts[0]} AS found"
    if parts[1:]:  # looked at only while the first part (own rows) leaves room
        more = f"SELECT pk FROM ({' UNION '.join(parts[1:])}) AS more(pk) WHERE (SELECT count(*) FROM first) <= %s"
        sql = f"WITH first(pk) AS MATERIALIZED {parts[0]} SELECT count(*) FROM (SELECT pk FROM first UNION {more} LIMIT %s) AS found"
        values += [cap, cap + 1]
    with connections[rows.db].cursor() as cursor:
        cursor.execute(sql, values)
        return min(cursor.fetchone()[0], cap + 1)


def _count_sql(rows, branch, limit):
    if (
        branch.everything and branch.candidates is None or branch.ids is not None
    ):  # the rows meet the condition as they are
        return rows.order_by().values("pk")[:limit].query.sql_with_params()
    if branch.keys is not None:
        sql, bound = _per_key_sql(rows, branch, ["pk"], "pk", limit)
        return f"SELECT pk FROM ({sql}) AS known_rows", bound
    if branch.candidates is not None and (branch.everything or len(branch.owners) >= CANDIDATES_FROM):
        known, values = branch.candidates.query.sql_with_params()
        sql, bound = (
            rows.filter(branch.condition, pk=RawSQL("known.pk", ())).order_by().values("pk")[:1].query.sql_with_params()
        )
        # A record may be hit by two lines: twice as many are read before they are told apart.
        stream = (
            f"SELECT row.pk FROM ({known}) AS known(pk) CROSS JOIN LATERAL ({sql}) AS row(pk) LIMIT {2 * int(limit)}"
        )
        return f"SELECT DISTINCT pk FROM ({stream}) AS hits", [*values, *bound]
    return rows.filter(branch.condition).order_by().values("pk")[:limit].query.sql_with_params()


def rights(user, record) -> frozenset[str]:
    """Every action `user` may do on a visible record, out of one query for its grants: {"view", "edit", "delete", ...}."""
    module = modules.of_model(type(record))
    held = {action for action, _ in module.permissions if module.may(user, action)} | {
        alias for alias, function in modules.FUNCTION_OF.items() if module.may(user, function)
    }
    for closed in module.closings:
        if closed.bound(record, user):
            held = {action for action in held if not closed.forbids(action)}
    if not module.owned:
        return frozenset(held)
    if user.scope_for(f"{module.name}.view").includes(record.owner_id):
        return frozenset(held)
    grants = module.grant_model.objects.current().filter(user=user, content_object=record)
    write = any(name.startswith("change_") for name in grants.values_list("permission__codename", flat=True))
    return frozenset(held & (READ | CHANGE if write else READ))
