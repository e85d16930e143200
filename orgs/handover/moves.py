"""Giving: a bounded number of rows at a time, each call inside one transaction of the job. Statements do not depend on how
many rows there are."""

from collections import Counter

from django.core.exceptions import ValidationError
from django.db.models import Count, F

from crm.records import services
from crm.records.undoing import entries
from crm.records.undoing.packing import pack

from ..models import Employee
from .models import HandoverLine, HandoverPiece
from .pieces import Piece

AT_ONCE = 1000  # rows of the piece itself
ROWS = 2000  # with what goes along


def text_for(to) -> str:
    """What the log of a record says."""
    return f"交接给{to.name}（离职交接）"


def receivers_of(piece: HandoverPiece) -> list[Employee]:
    """The people a piece goes to, locked so that nobody disables them meanwhile; ValidationError when somebody was."""
    rows = Employee.objects.filter(pk__any=piece.receivers).order_by("pk")
    people = list(rows.select_for_update(no_key=True))
    if gone := [person.name for person in people if not person.is_active]:
        raise ValidationError(f"{'、'.join(gone)}已停用，不能接手，剩下的没有交接。")
    return people


def step(declared: Piece, piece: HandoverPiece, *, by, now) -> int:
    """Give the next rows and note it on `piece` (saved by the caller); answers how many rows of its own went. ValidationError
    where they cannot go."""
    people = receivers_of(piece)
    if declared.is_records:
        return _records(declared.module, piece, people, by=by, now=now)
    if declared.module is not None:
        return _grants(declared.module, piece, people, by=by)
    return _part(declared.part, piece, people, by=by)


def _turn(rows: list, piece: HandoverPiece, people: list) -> dict:
    """{receiver: rows}: they take turns in id order."""
    groups: dict = {}
    for number, row in enumerate(rows, piece.place):
        groups.setdefault(people[number % len(people)], []).append(row)
    return groups


def _note(piece: HandoverPiece, person, number: int) -> None:
    key = str(person.pk) if person else ""
    piece.moved[key] = piece.moved.get(key, 0) + number


def _records(module, piece, people, *, by, now) -> int:
    handover = piece.handover
    leaver, key = handover.employee, f"{module.name}_id"
    children = [child for child in module.children if child.owned and child.name in handover.plan.get("along", ())]

    def theirs(child, parents):
        return child.model.objects.live().filter(owner=leaver, **{f"{key}__any": parents})

    mine = module.model.objects.live().filter(owner=leaver).order_by("pk")
    found = list(mine.select_for_update(of=("self",))[:AT_ONCE])
    sizes: Counter = Counter()
    for child in children:
        rows = theirs(child, [record.pk for record in found]).order_by().values_list(key).annotate(number=Count("pk"))
        sizes.update(dict(rows))
    found = _fitting(found, sizes)
    with entries.entry(
        module, "handover", by=by, label=f"离职交接：{leaver.name}的{module.label}", pk=piece.undo_id
    ) as entry:
        for to, records in _turn(found, piece, people).items():
            if module.quota and not handover.over_cap:
                module.quota.admit(to, records)
            for child in children:
                rows = theirs(child, [record.pk for record in records])
                follow = list(rows.select_for_update(of=("self",)).order_by("pk"))
                _give(child, follow, to, leaver=leaver, by=by, now=now, along=key)
                if follow:
                    along = piece.along.setdefault(child.name, {})
                    along[str(to.pk)] = along.get(str(to.pk), 0) + len(follow)
            _give(module, records, to, leaver=leaver, by=by, now=now)
            _note(piece, to, len(records))
    piece.undo_id = entry.pk
    return len(found)


def _give(module, records: list, to, *, leaver, by, now, along: str = "") -> None:
    for record in records:
        record.owner = leaver  # the row of all of them, so that none reads it again
    if records:
        services.set_owner(module, records, to, by=by, now=now, along=along, text=text_for(to))


def _fitting(records: list, sizes: Counter) -> list:
    """As many from the front as fit into one transaction with what goes along, at least one."""
    total = 0
    for place, record in enumerate(records):
        total += 1 + sizes[record.pk]
        if total > ROWS and place:
            return records[:place]
    return records


def _grants(module, piece, people, *, by) -> int:
    """Team memberships end or go on with a receiver; where the receiver owns the record or is a member already, they end."""
    handover, membership = piece.handover, module.grant_model
    mine = membership.objects.filter(user=handover.employee, source="team").order_by("pk")
    found = list(mine.select_for_update(of=("self",)).select_related("content_object")[:AT_ONCE])
    ids = [grant.content_object_id for grant in found]
    give = handover.teams == handover.Teams.GIVE
    there = set()
    if give:
        others = membership.objects.filter(content_object_id__any=ids, user__in=people, source="team")
        there = set(others.values_list("user_id", "content_object_id"))
    lines, logged, ended = [], [], []
    for to, grants in _turn(found, piece, people).items():
        goes = [
            grant
            for grant in grants
            if give and grant.content_object.owner_id != to.pk and (to.pk, grant.content_object_id) not in there
        ]
        membership.objects.filter(pk__any=[grant.pk for grant in goes]).update(user=to)
        kept = {grant.pk for grant in goes}
        ended += [grant.pk for grant in grants if grant.pk not in kept]
        for grant in grants:
            heir = to if grant.pk in kept else None
            before = {name: pack(getattr(grant, name)) for name in ("permission_id", "until", "granted_by_id")}
            lines.append(
                HandoverLine(
                    piece=piece,
                    object_id=grant.content_object_id,
                    to=heir,
                    before={**before, "created_at": pack(grant.created_at)},
                )
            )
            words = f"，转给{heir.name}" if heir else ""
            logged.append((grant.content_object_id, f"移除团队成员 {handover.employee.name}{words}（离职交接）", []))
        if goes:
            _note(piece, to, len(goes))
    if ended:
        membership.objects.filter(pk__any=ended).delete()
        _note(piece, None, len(ended))
    HandoverLine.objects.bulk_create(lines, batch_size=1000)
    services.write_log(module.model, logged, code=f"{module.name}.team_removed", by=by)
    return len(found)


def _part(part, piece, people, *, by) -> int:
    leaver = piece.handover.employee
    found = list(part.rows(leaver).order_by("pk").select_for_update(of=("self",))[:AT_ONCE])
    if part.choose is not None:
        chosen = part.choose(found, [person.pk for person in people], piece.handover)
    else:
        chosen = {row.pk: to.pk for to, rows in _turn(found, piece, people).items() for row in rows}
    named = Employee.objects.in_bulk(set(chosen.values()) - {None})
    model = found[0]._meta.model if found else None
    for pk in dict.fromkeys(chosen.values()):
        ids = [row.pk for row in found if chosen[row.pk] == pk]
        model._base_manager.filter(pk__any=ids).update(**{part.field: named.get(pk), **touched(model)})
        _note(piece, named.get(pk), len(ids))
    HandoverLine.objects.bulk_create(
        [HandoverLine(piece=piece, object_id=row.pk, to_id=chosen[row.pk]) for row in found], batch_size=1000
    )
    if part.written is not None and found:
        names = {pk: str(named.get(to) or "") for pk, to in chosen.items()}
        part.written(found, part.field, names, by, f"{leaver.name}离职交接")
    return len(found)


def touched(model) -> dict:
    """A row that counts its versions counts this one."""
    return {"version": F("version") + 1} if any(field.name == "version" for field in model._meta.fields) else {}
