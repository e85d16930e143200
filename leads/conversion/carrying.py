"""What hangs on leads shows at their customers: follow-ups are the customer's from now on and stay on the lead's timeline, files
are there twice (one stored file), tags by their names. On sets; noted so that it can be taken back."""

from dataclasses import dataclass, field

from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ValidationError
from django.db.models import F

from crm.records import fieldset, modules, uploads
from crm.records.importing import write
from crm.records.models import Attachment, FollowUp, FollowUpLink, TagLink
from crm.records.tagging import services as tagging
from customers.models import Customer

from ..models import Lead

Kind = FollowUpLink.Kind


@dataclass
class Carried:
    """Ids by what was done for one lead: `followups` moved, `links` made, `raised` = links of the customer's timeline that were
    there by a nearer mention, `files` and `tags` made."""

    followups: list[int] = field(default_factory=list)
    links: list[int] = field(default_factory=list)
    raised: list[int] = field(default_factory=list)
    files: list[int] = field(default_factory=list)
    tags: list[int] = field(default_factory=list)

    def noted(self) -> dict:
        """As the undo line keeps it."""
        return {name: ids for name, ids in vars(self).items() if ids}


def kinds() -> tuple[ContentType, ContentType]:
    """The content types of leads and customers."""
    return ContentType.objects.get_for_model(Lead), ContentType.objects.get_for_model(Customer)


def carry(customer_of: dict[int, int], *, by) -> dict[int, Carried]:
    """Take along what hangs on these leads {lead: customer}; a fixed number of statements."""
    found = {lead: Carried() for lead in customer_of}
    _followups(customer_of, found)
    _files(customer_of, found)
    _tags(customer_of, found, by)
    return found


def _followups(customer_of: dict[int, int], found: dict[int, Carried]) -> None:
    lead_kind, customer_kind = kinds()
    said = list(
        FollowUp.objects.filter(content_type=lead_kind, object_id__any=list(customer_of))
        .only("pk", "content_type", "object_id")
        .order_by("pk")
    )
    if not said:
        return
    lead_of = {one.pk: one.object_id for one in said}
    for one in said:
        found[one.object_id].followups.append(one.pk)
        one.content_type_id, one.object_id = customer_kind.pk, customer_of[one.object_id]
    write.update(said, ["content_type", "object_id"])
    links = FollowUpLink.objects.filter(followup_id__any=list(lead_of))
    # as of a parent: it shows on the lead's timeline and names the lead to nobody
    links.filter(content_type=lead_kind, kind=Kind.OWN).update(kind=Kind.PARENT)
    there = {
        (followup, pk): link
        for link, followup, pk in links.filter(content_type=customer_kind).values_list("pk", "followup_id", "object_id")
    }
    fresh = []
    for one in said:
        if (link := there.get((one.pk, one.object_id))) is not None:
            found[lead_of[one.pk]].raised.append(link)
        else:
            fresh.append(FollowUpLink(followup=one, content_type=customer_kind, object_id=one.object_id, kind=Kind.OWN))
    FollowUpLink.objects.filter(pk__any=[pk for one in found.values() for pk in one.raised]).update(kind=Kind.OWN)
    for link in FollowUpLink.objects.bulk_create(fresh, batch_size=1000):
        found[lead_of[link.followup_id]].links.append(link.pk)


def _files(customer_of: dict[int, int], found: dict[int, Carried]) -> None:
    lead_kind, customer_kind = kinds()
    files = list(
        Attachment.objects.filter(content_type=lead_kind, object_id__any=list(customer_of), purpose="file").order_by(
            "pk"
        )
    )
    if not files:
        return
    copies = [
        Attachment(
            content_type=customer_kind,
            object_id=customer_of[one.object_id],
            **{name: getattr(one, name) for name in ("file", "thumbnail", "name", "size", "mime", "sha256")},
            created_by_id=one.created_by_id,
        )
        for one in files
    ]
    copies = Attachment.objects.bulk_create(copies, batch_size=500)
    for one, copy in zip(files, copies, strict=True):
        copy.created_at = one.created_at
        found[one.object_id].files.append(copy.pk)
    write.update(copies, ["created_at"])


def _tags(customer_of: dict[int, int], found: dict[int, Carried], by) -> None:
    module = modules.get("customer")
    tags = tagging.loaded(Lead, list(customer_of))
    if not tags or not fieldset.of(module, by).editable("tags"):
        return
    names = tagging.once([tag.name for mine in tags.values() for tag in mine])
    try:
        ensured = tagging.ensure(module, names, by=by)
    except ValidationError:  # none may be made: those that exist
        gone = set(tagging.unknown(module, names))
        ensured = tagging.ensure(module, [name for name in names if name not in gone], by=by)
    known, have, fresh = {tag.key: tag for tag in ensured}, tagging.loaded(Customer, set(customer_of.values())), []
    lead_of: dict[tuple[int, int], int] = {}
    for lead, mine in tags.items():
        customer = customer_of[lead]
        there = have.setdefault(customer, [])
        for tag in mine:
            twin = known.get(tagging.key_of(tag.name))
            if twin is not None and twin not in there and len(there) < tagging.MOST:
                there.append(twin)
                fresh.append(TagLink(content_type=kinds()[1], object_id=customer, tag=twin))
                lead_of[customer, twin.pk] = lead
    for link in TagLink.objects.bulk_create(fresh, batch_size=1000):
        found[lead_of[link.object_id, link.tag_id]].tags.append(link.pk)


def take_back(lead_of: dict[int, dict]) -> None:
    """Undo `carry` for {lead: what was noted}: what is still there goes back."""
    lead_kind, customer_kind = kinds()

    def ids(name: str) -> list[int]:
        return [pk for noted in lead_of.values() for pk in noted.get(name, ())]

    home = {pk: lead for lead, noted in lead_of.items() for pk in noted.get("followups", ())}
    said = list(FollowUp.objects.filter(pk__any=list(home), content_type=customer_kind).only("pk", "object_id"))
    for one in said:
        one.content_type_id, one.object_id = lead_kind.pk, home[one.pk]
    write.update(said, ["content_type", "object_id"])
    stays = [one.pk for one in said]
    own = FollowUpLink.objects.filter(content_type=lead_kind, followup_id__any=stays, object_id__any=list(lead_of))
    own.filter(kind=Kind.PARENT, object_id=F("followup__object_id")).update(kind=Kind.OWN)
    FollowUpLink.objects.filter(pk__any=ids("links")).delete()
    FollowUpLink.objects.filter(pk__any=ids("raised")).update(kind=Kind.RELATED)
    uploads.forget(Attachment.objects.filter(pk__any=ids("files")))
    TagLink.objects.filter(pk__any=ids("tags")).delete()
