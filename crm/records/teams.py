"""Teams (相关团队): per-record grants, 只读 or 读写, until a date."""

from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from crm.notices.services import notify

from . import formatting, modules, services
from .undoing.packing import pack, unpack

AT_ONCE = 10_000  # grants that end in one transaction; a person with fewer gets one message


def permission_for(model, write: bool) -> Permission:
    """The guardian permission behind 只读 (view_…) or 读写 (change_…)."""
    codename = f"{'change' if write else 'view'}_{model._meta.model_name}"
    return Permission.objects.get(content_type=ContentType.objects.get_for_model(model), codename=codename)


@transaction.atomic
def add(
    records: list, people: list, *, write: bool, until=None, by, source: str = "team", announce: bool = True
) -> int:
    """Give each of `people` a grant on each record (replacing an earlier one of the same source); owners are skipped.
    `until` is the last day it holds, or None. Returns how many grants stand now."""
    if not records:
        return 0
    if until and until < timezone.localdate():
        raise ValidationError("有效期不能早于今天。")
    if disabled := [person.name for person in people if not person.is_active]:
        raise ValidationError(f"{'、'.join(disabled)}已停用，不能加入团队。")
    module = modules.of_model(type(records[0]))
    grants, permission = module.grant_model, permission_for(module.model, write)
    pairs = [(record, person) for record in records for person in people if record.owner_id != person.pk]
    grants.objects.filter(
        content_object__in=[r.pk for r, _ in pairs], user__in=[p.pk for _, p in pairs], source=source
    ).delete()
    grants.objects.bulk_create(
        [
            grants(user=p, permission=permission, content_object=r, source=source, until=until, granted_by=by)
            for r, p in pairs
        ],
        batch_size=1000,
    )
    right = ("读写" if write else "只读") + (f"，至 {formatting.day(until)}" if until else "")
    services.write_log(
        module.model,
        ((r.pk, f"添加团队成员 {p.name}（{right}）", []) for r, p in pairs),
        code=f"{module.name}.team_added",
        by=by,
    )
    if announce:
        for person in people:
            mine = [record for record, other in pairs if other.pk == person.pk]
            if mine and person.pk != by.pk:
                notify(
                    [person.pk],
                    kind="team",
                    title=f"{by.name}把您加入 {len(mine)} 个{module.label}的团队（{right}）",
                    body="、".join(module.title_of(record) for record in mine[:20]),
                    url=module.url(pk=mine[0].pk) if len(mine) == 1 else f"{module.list_url}?view=team",
                )
    return len(pairs)


def kept_grants(module, pairs, *, source: str = "team") -> dict[int, dict]:
    """{record id: what `restore_grants` needs to give each of the (record id, employee id) pairs its grants of today back}."""
    if not module.grant_model:
        return {}
    people = {pk: person for pk, person in pairs if person is not None}
    found = {pk: {"user": person, "source": source, "rows": []} for pk, person in people.items()}
    rows = module.grant_model.objects.filter(content_object_id__any=list(people), source=source)
    for grant in rows.filter(user_id__any=list(set(people.values()))):
        if grant.user_id == people[grant.content_object_id]:
            found[grant.content_object_id]["rows"].append(
                [grant.permission_id, pack(grant.until), grant.granted_by_id, pack(grant.created_at)]
            )
    return found


def restore_grants(module, kept: dict[int, dict]) -> None:
    """Put back what `kept_grants` noted: these people's grants on these records become exactly those of then."""
    grants, made = module.grant_model, []
    if not kept:
        return
    (source,) = {one["source"] for one in kept.values()}
    by_person: dict[int, list[int]] = {}
    for pk, one in kept.items():
        by_person.setdefault(one["user"], []).append(pk)
        for permission, until, granted_by, created in one["rows"]:
            values = {"permission_id": permission, "until": unpack(grants, "until", until), "granted_by_id": granted_by}
            grant = grants(content_object_id=pk, user_id=one["user"], source=source, **values)
            made.append((grant, unpack(grants, "created_at", created)))
    for person, ids in by_person.items():
        grants.objects.filter(content_object_id__any=ids, user_id=person, source=source).delete()
    saved = grants.objects.bulk_create([grant for grant, _ in made], batch_size=1000)
    for grant, (_, created) in zip(saved, made, strict=True):
        grant.created_at = created  # given by the database field at first
    grants.objects.bulk_update(saved, ["created_at"], batch_size=500)


@transaction.atomic
def remove(record, person, *, by, source: str = "team") -> bool:
    """End a person's grants on a record; returns whether there were any."""
    module = modules.of_model(type(record))
    gone, _ = module.grant_model.objects.filter(content_object=record, user=person, source=source).delete()
    if gone:
        services.log(record, code=f"{module.name}.team_removed", by=by, text=f"移除团队成员 {person.name}")
    return bool(gone)


def members(record) -> list:
    """Grants on the record that hold today, newest first, with their people."""
    module = modules.of_model(type(record))
    return list(
        module.grant_model.objects.current()
        .filter(content_object=record)
        .select_related("user__department", "permission")
        .order_by("-pk")
    )


def expire(today) -> int:
    """Remove grants whose last day is before `today`, with a log row each and one message to each person that names the
    records; each batch in a transaction of its own. Returns how many ended."""
    ended = 0
    while found := [one for module in modules.ordered() if module.grant_model for one in _expired(module, today)]:
        with transaction.atomic():
            ended += _end(found)
    return ended


def _expired(module, today) -> list:
    """(module, grant) of at most AT_ONCE grants that ended."""
    rows = module.grant_model.objects.filter(until__lt=today, source="team").select_related(
        "content_object", "user", "permission"
    )
    return [(module, grant) for grant in rows.order_by("user_id", "pk")[:AT_ONCE]]


def _end(found: list) -> int:
    gone = 0
    told: dict[int, dict] = {}
    for name in dict.fromkeys(module.name for module, _ in found):
        module = modules.get(name)
        grants = [grant for one, grant in found if one is module]
        locked = set(
            module.grant_model.objects.filter(pk__in=[grant.pk for grant in grants])
            .select_for_update()
            .order_by("pk")
            .values_list("pk", flat=True)
        )
        grants = [grant for grant in grants if grant.pk in locked]
        module.grant_model.objects.filter(pk__in=locked).delete()
        services.write_log(
            module.model,
            (
                (one.content_object_id, f"团队成员 {one.user.name} 到期（{formatting.day(one.until)}）", [])
                for one in grants
            ),
            code=f"{module.name}.team_expired",
            by=None,
        )
        gone += len(grants)
        for one in grants:
            if one.user.is_active and one.content_object.deleted_at is None:
                told.setdefault(one.user_id, {}).setdefault(module.label, []).append(
                    module.title_of(one.content_object)
                )
    for person, records in told.items():
        count = sum(map(len, records.values()))
        lines = [
            f"{label}：{'、'.join(names[:50])}{' 等' if len(names) > 50 else ''}" for label, names in records.items()
        ]
        title = f"您在 {count} 条记录的团队中已到期，不再能通过团队看到它们"
        notify([person], kind="team_end", title=title, body="\n".join(lines))
    return gone
