"""How many records an employee may own and lock, and how many claim a day. Every count is taken after the employee's row is
locked, so that two acts of one person count one after the other."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.contrib.auth import get_user_model
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ValidationError
from django.db.models import Count, Q
from django.utils import timezone

from ..models import OwnerCap, PoolEvent, PoolOpen
from . import book, kinds, rules


@dataclass(frozen=True)
class Room:
    """What a cap leaves an employee: `limit` None = no cap. `words` names the rule, `cap` is its id."""

    limit: int | None
    used: int = 0
    uncounted: tuple[str, ...] = ()
    words: str = ""
    cap: int | None = None

    @property
    def left(self) -> int | None:
        return None if self.limit is None else max(0, self.limit - self.used)


def lock(ids: Iterable[int]) -> None:
    """Lock these employees until the transaction ends, in id order; other tables may still point at them."""
    people = get_user_model().objects.filter(pk__any=sorted({pk for pk in ids if pk})).order_by("pk")
    list(people.select_for_update(no_key=True).values_list("pk", flat=True))


def uncounted(kind: kinds.Kind, keys: Iterable[str]) -> Q:
    """Records a cap does not count; of nothing: none."""
    condition = Q(pk__in=())
    for key in keys:
        exemption = kind.exemption(key)
        if exemption is not None:
            condition |= exemption.where(timezone.localdate())
    return condition


def counts(kind: kinds.Kind, room: Room, record) -> bool:
    """Whether a cap counts this record."""
    today = timezone.localdate()
    found = [kind.exemption(key) for key in room.uncounted]
    return not any(one.holds(record, today) for one in found if one is not None)


def rooms(kind: kinds.Kind, ids: Iterable[int], *, what: str = OwnerCap.What.OWN) -> dict[int, Room]:
    """What each of these employees has left; statements are few whatever their number. Without a cap: no counting."""
    ids = sorted({pk for pk in ids if pk})
    caps = list(OwnerCap.objects.filter(kind=kind.module, what=what).select_related("role", "department"))
    if not caps:
        return {pk: Room(None) for pk in ids}
    people = get_user_model().objects.filter(pk__any=ids).select_related("department").prefetch_related("roles")
    chosen: dict[int, OwnerCap] = {}
    for person in people:
        roles = {role.pk for role in person.roles.all()}
        mine = [cap for cap in caps if _concerns(cap, person, roles)]
        if mine:
            chosen[person.pk] = max(mine, key=lambda cap: (cap.limit, -cap.pk))
    used: dict[int, int] = {}
    groups: dict[tuple, list[int]] = {}
    for pk, cap in chosen.items():
        groups.setdefault(tuple(cap.uncounted), []).append(pk)
    for keys, some in groups.items():
        owned = kind.model.objects.live().filter(owner_id__any=some)
        if what == OwnerCap.What.LOCK:
            owned = owned.filter(locked=True)
        owned = owned.exclude(uncounted(kind, keys)) if keys else owned
        used |= dict(owned.order_by().values_list("owner_id").annotate(number=Count("pk")))
    return {
        pk: Room(
            chosen[pk].limit, used.get(pk, 0), tuple(chosen[pk].uncounted), cap_words(kind, chosen[pk]), chosen[pk].pk
        )
        if pk in chosen
        else Room(None)
        for pk in ids
    }


def _concerns(cap: OwnerCap, person, roles: set[int]) -> bool:
    if cap.role_id:
        return cap.role_id in roles
    return not cap.department_id or f"/{cap.department_id}/" in person.department.path


def cap_words(kind: kinds.Kind, cap: OwnerCap) -> str:
    """最多拥有 200 个客户（不计已成交）"""
    spared = "、".join(one.label for key in cap.uncounted if (one := kind.exemption(key)))
    return f"最多{cap.get_what_display()} {cap.limit:,} 个{kind.of.label}" + (f"（不计{spared}）" if spared else "")


def refusal(kind: kinds.Kind, person, room: Room, wanted: int, *, verb: str = "接收") -> str:
    """Why this many do not fit, with how many would."""
    have = f"现有 {room.used:,} 个"
    fits = f"还能{verb} {room.left:,} 个" if room.left else f"不能再{verb}"
    return f"{person.name}{room.words}，{have}，{fits}，这次要{verb} {wanted:,} 个。"


class Quota:
    """The owner cap as crm.records asks for it (Module.quota)."""

    def __init__(self, module: str):
        self.module = module

    @property
    def kind(self) -> kinds.Kind:
        return kinds.get(self.module)

    @staticmethod
    def lock(ids: Iterable[int]) -> None:
        """Lock these employees before the rows they are to get."""
        lock(ids)

    def admit(self, person, records: list) -> None:
        """Refuse in words when these records (rows or unsaved ones) would take `person` over their cap."""
        lock([person.pk])
        room = rooms(self.kind, [person.pk])[person.pk]
        if room.limit is None:
            return
        wanted = sum(counts(self.kind, room, record) for record in records)
        if wanted > room.left:
            raise ValidationError(refusal(self.kind, person, room, wanted))

    def rooms(self, ids: Iterable[int]) -> dict[int, tuple[int, str]]:
        """{employee: (how many more, the sentence for one too many)} of those who have a cap; locked until the transaction
        ends."""
        lock(ids)
        people = get_user_model().objects.in_bulk(list(ids))
        return {
            pk: (room.left, f"{people[pk].name}{room.words}，已经满了")
            for pk, room in rooms(self.kind, ids).items()
            if room.limit is not None
        }

    def weigh(self, ids: Iterable[int], rows) -> dict[int, tuple[int, int, int]]:
        """{employee: (records their cap counts, how many of `rows` it would count, the cap)} of those who have one."""
        found, sizes = {}, {}
        for pk, room in rooms(self.kind, ids).items():
            if room.limit is not None:
                if room.uncounted not in sizes:
                    counted = rows.exclude(uncounted(self.kind, room.uncounted)) if room.uncounted else rows
                    sizes[room.uncounted] = counted.order_by().count()
                found[pk] = (room.used, sizes[room.uncounted], room.limit)
        return found


# Claims and opens of a day -------------------------------------------------------------------------------------------


def claimed_today(kind: kinds.Kind, person, pool: book.Facts, *, now=None) -> int:
    """How many records this person claimed out of the pool today, whether they still have them or not."""
    start = rules.start_of(timezone.localtime(now or timezone.now()).date())
    return PoolEvent.objects.filter(actor=person, pool_id=pool.pk, action="claimed", created_at__gte=start).count()


def opened_today(person, pool: book.Facts) -> int:
    return PoolOpen.objects.filter(employee=person, pool_id=pool.pk, day=timezone.localdate()).count()


def may_open(person, pool: book.Facts, pk: int) -> bool:
    """Count that the person opens this record of the pool today; False where the daily cap is used up. Administrators of the
    pool are not counted."""
    if pool.view_limit is None or pool.administers(person):
        return True
    lock([person.pk])
    opened = PoolOpen.objects.filter(employee=person, pool_id=pool.pk, day=timezone.localdate())
    if opened.filter(object_id=pk).exists():
        return True
    if opened.count() >= pool.view_limit:
        return False
    PoolOpen.objects.create(employee=person, pool_id=pool.pk, day=timezone.localdate(), object_id=pk)
    return True


def content_type(kind: kinds.Kind) -> ContentType:
    return ContentType.objects.get_for_model(kind.model)
