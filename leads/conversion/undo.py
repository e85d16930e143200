"""撤销转化: what was made goes away as if it had never been, what was added to others is taken off, the lead is what it was. A
lead whose customer, contact or opportunity somebody built upon stays converted, and the reason is said."""

from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.utils import timezone

from crm.records import modules, search, services
from crm.records.custom import definitions
from crm.records.custom import values as custom_values
from crm.records.followups import services as followups
from crm.records.models import Attachment, FollowUp, FollowUpLink, TagLink
from crm.records.undoing import entries, handlers, packing
from opportunities.models import StageEntry

from ..models import Lead
from . import carrying

ORDER = ("opportunity", "contact", "customer")  # what stands on others goes first
LABELS = {"opportunity": "转化出的商机", "contact": "转化出的联系人", "customer": "转化出的客户"}
PARTS = {StageEntry}  # every opportunity has them; a second one shows in its version


def _more(line) -> dict:
    return line.before.get("more", {})


def _made(lines, name: str) -> dict[int, tuple[int, int]]:
    """{lead: (id, version)} of the records of a kind that the conversion made."""
    return {line.object_id: tuple(_more(line)["made"][name]) for line in lines if name in _more(line).get("made", {})}


def _rows(module, user, own: bool):
    """Whoever converted may have lost sight of the lead and can still take it back; others need it in their reach."""
    if not module.may(user, "convert"):
        return module.model.objects.none()
    return module.model.objects.live() if own else module.model.objects.allowed(user, "transfer")


def refuse(lines, *, lock: bool) -> dict[int, str]:
    """{lead: reason} of those whose records were changed or built upon since."""
    reasons: dict[int, str] = {}
    made = {name: _made(lines, name) for name in ORDER}
    ours = {(modules.get(name).model, pk) for name, found in made.items() for pk, _ in found.values()}
    for name in reversed(ORDER):
        model, lead_of = modules.get(name).model, {pk: lead for lead, (pk, _) in made[name].items()}
        rows = model.objects.live().filter(pk__any=list(lead_of)).order_by("pk")
        rows = rows.select_for_update() if lock else rows
        versions = dict(rows.values_list("pk", "version"))
        for lead, (pk, version) in made[name].items():
            if pk not in versions:
                reasons.setdefault(lead, f"{LABELS[name]}之后被删除或合并")
            elif versions[pk] != version:
                reasons.setdefault(lead, f"{LABELS[name]}之后被修改过")
        for pk in _built_upon(model, lead_of, ours) | _hung_upon(model, lead_of, lines):
            reasons.setdefault(lead_of[pk], f"{LABELS[name]}已有新的内容")
    return reasons


def _built_upon(model, lead_of: dict[int, int], ours: set) -> set[int]:
    """Those of these records something points at that the conversion did not make itself."""
    found: set[int] = set()
    for relation in model._meta.related_objects if lead_of else ():
        other, name = relation.related_model, relation.field.attname
        if other in PARTS:
            continue
        rows = other._base_manager.filter(**{f"{name}__any": list(lead_of)}).values_list("pk", name)
        for pk, target in rows:
            own = (other, pk) in ours or (other is Lead and pk == lead_of[target])
            if not own:
                found.add(target)
    return found


def _hung_upon(model, lead_of: dict[int, int], lines) -> set[int]:
    """Those with follow-ups, files or tags of their own."""
    kept: dict[type, set[int]] = {FollowUp: set(), FollowUpLink: set(), Attachment: set(), TagLink: set()}
    for line in lines:
        carried = _more(line).get("carried", {})
        kept[FollowUp] |= set(carried.get("followups", ()))
        kept[FollowUpLink] |= set(carried.get("links", ())) | set(carried.get("raised", ()))
        kept[Attachment] |= set(carried.get("files", ()))
        kept[TagLink] |= set(carried.get("tags", ()))
    kind, found = ContentType.objects.get_for_model(model), set()
    for table, own in kept.items() if lead_of else ():
        rows = table.objects.filter(content_type=kind, object_id__any=list(lead_of)).values_list("pk", "object_id")
        found |= {target for pk, target in rows if pk not in own}
    return found


def _after(entry, lines, *, by) -> None:
    """The leads stand as before; now what they had become goes."""
    carrying.take_back({line.object_id: _more(line).get("carried", {}) for line in lines})
    gone = {name: [pk for pk, _ in _made(lines, name).values()] for name in ORDER}
    for line in lines:
        for name, filled in _more(line).get("filled", {}).items():
            _empty(modules.get(name), filled, by=by)
    for name in ORDER:
        _remove(modules.get(name), gone[name], by=by)
    kind = carrying.kinds()[1].pk
    stood = {_more(line)["customer"] for line in lines if _more(line).get("carried", {}).get("followups")}
    followups.keep_dates([(kind, pk) for pk in sorted(stood - set(gone["customer"]))])


def _remove(module, ids: list[int], *, by) -> None:
    if ids:
        with entries.unnoted(module, by=by):
            module.verb("delete")(module.model.objects.filter(pk__any=ids), by=by)
        module.verb("purge")(module.model.objects.trashed().filter(pk__any=ids), by=by)


def _empty(module, filled: dict, *, by) -> None:
    """Take values off a record again where they still are as the conversion put them."""
    record = module.model.objects.select_for_update().filter(pk=filled["pk"], deleted_at=None).first()
    if record is None:
        return
    names = {one.name: one for one in record._meta.concrete_fields}
    known, changes, emptied = definitions.custom(module.name), [], {}
    for name, stored in filled["set"].items():
        if name not in names:
            if record.extra.get(name) == stored and name in known:
                emptied[name] = None
            continue
        field = names[name]
        now = getattr(record, field.attname)
        if packing.pack(now) != stored:
            continue
        empty = None if field.null else False if isinstance(field, models.BooleanField) else ""
        old = services.display(field, getattr(record, name))
        changes.append({"key": name, "label": str(field.verbose_name), "old": old, "new": ""})
        setattr(record, field.attname, empty)
    moved = custom_values.put(record, emptied, known)
    if not changes and not moved:
        return
    record.clean()
    record.version, record.updated_at = record.version + 1, timezone.now()
    record.save()
    custom_values.claim(module, [record])
    search.index(module, [record])
    changes += services.custom_changes(moved)
    services.log(record, code=f"{module.name}.convert_undone", by=by, text="撤销线索转化", changes=changes)


handlers.register("convert", "转化", icon="undo", rows=_rows, after=_after, refuse=refuse)
