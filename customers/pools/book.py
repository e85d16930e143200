"""The pools as plain facts, read once for all and kept in the cache until one of them changes."""

from dataclasses import dataclass

from django.contrib.auth import get_user_model
from django.core.cache import cache
from django.db import transaction
from django.db.models import Q

from ..models import Pool

KEPT = 300  # seconds
OFF = {"on": False, "days": None, "levels": {}}


@dataclass(frozen=True)
class Facts:
    """One pool. `rules` = {rule: (days, {level id: days})} of those switched on; None as days means never."""

    pk: int
    kind: str
    name: str
    enabled: bool
    is_default: bool
    everyone: bool
    departments: frozenset[int]
    members: frozenset[int]
    admins: frozenset[int]
    rules: dict
    exempt: tuple[str, ...]
    reminders: tuple[int, ...]
    claim_limit: int | None
    view_limit: int | None
    former_days: int
    freeze_days: int
    hidden: tuple[str, ...]

    def serves(self, person) -> bool:
        """Whether this employee is a member: by name, by department or because everybody is."""
        if self.everyone or person.pk in self.members:
            return True
        if not self.departments:
            return False
        above = {int(part) for part in person.department.path.split("/") if part}
        return bool(above & self.departments)

    def administers(self, person) -> bool:
        return person.pk in self.admins

    def owners(self) -> list[int] | None:
        """Ids of the employees it serves, None for everybody; one statement."""
        if self.everyone:
            return None
        people = get_user_model().objects.filter(pk__any=list(self.members)).values_list("pk", flat=True)
        if not self.departments:
            return list(people)
        below = Q()
        for pk in self.departments:
            below |= Q(department__path__contains=f"/{pk}/")
        return list(get_user_model().objects.filter(Q(pk__any=list(self.members)) | below).values_list("pk", flat=True))


def facts_of(pool: Pool, **given) -> Facts:
    """The facts of a stored pool, or of one as a form would have it (`given` replaces what is stored)."""
    rules = given.get("rules", pool.rules)
    return Facts(
        pk=pool.pk or 0,
        kind=pool.kind,
        name=pool.name,
        enabled=pool.enabled,
        is_default=pool.is_default,
        everyone=given.get("everyone", pool.everyone),
        departments=frozenset(
            given["departments"] if "departments" in given else (one.pk for one in pool.departments.all())
        ),
        members=frozenset(given["members"] if "members" in given else (one.pk for one in pool.members.all())),
        admins=frozenset(given["admins"] if "admins" in given else (one.pk for one in pool.admins.all())),
        rules={
            key: (rule.get("days"), {int(level): days for level, days in (rule.get("levels") or {}).items()})
            for key, rule in rules.items()
            if rule.get("on")
        },
        exempt=tuple(given.get("exempt", pool.exempt)),
        reminders=tuple(sorted(set(given.get("reminders", pool.reminders)))),
        claim_limit=pool.claim_limit,
        view_limit=pool.view_limit,
        former_days=pool.former_days,
        freeze_days=pool.freeze_days,
        hidden=tuple(pool.hidden),
    )


def of(kind: str) -> list[Facts]:
    """Every enabled pool of a kind in its order."""
    return [pool for pool in every(kind) if pool.enabled]


def every(kind: str) -> list[Facts]:
    """Every pool of a kind, the disabled ones too."""
    key = f"pools:{kind}"
    found = cache.get(key)
    if found is None:
        rows = Pool.objects.filter(kind=kind, removed_at=None).prefetch_related("departments", "members", "admins")
        found = [facts_of(pool) for pool in rows]
        cache.set(key, found, KEPT)
    return found


def get(kind: str, pk: int) -> Facts | None:
    return next((pool for pool in every(kind) if pool.pk == pk), None)


def default(kind: str) -> Facts:
    return next(pool for pool in every(kind) if pool.is_default)


def touch(kind: str) -> None:
    """Forget the kept facts, now and again at the commit: a reader in between kept the old ones."""
    cache.delete(f"pools:{kind}")
    transaction.on_commit(lambda: cache.delete(f"pools:{kind}"))
