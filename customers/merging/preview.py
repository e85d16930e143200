"""What a merge will move and what stands afterwards, counted before anything is written."""

from dataclasses import dataclass, field

from django.contrib.auth import get_user_model
from django.contrib.contenttypes.models import ContentType
from django.db.models import Q

from crm.records import fieldset, modules
from crm.records.models import Attachment, FollowUpLink, TagLink
from crm.records.views.detail import counted

from ..models import Contact, ContactCustomer, Customer, CustomerRelation
from . import carrying, contacts, team


@dataclass
class Outlook:
    """`moves` = [(label, text)] of what goes over ("" where nothing does), `after` = [(label, before, after with its unit)],
    `people` = [(name, right before or "", right after)]."""

    moves: list[tuple[str, str]] = field(default_factory=list)
    after: list[tuple[str, int, str]] = field(default_factory=list)
    people: list[tuple[str, str, str]] = field(default_factory=list)

    @property
    def came(self) -> list[tuple[str, str]]:
        return [(label, text) for label, text in self.moves if text]

    def add(self, label: str, unit: str, had: int, comes: int, now: int, note: str = "") -> None:
        """One line on both sides."""
        self.moves.append((label, f"{comes:,} {unit}{note}" if comes else ""))
        if comes:
            self.after.append((label, had, f"{now:,} {unit}"))


def formers(customers: list[Customer], owner) -> set[int]:
    """Owners of these customers who are not the owner of the one that stays, and still work here."""
    found = {one.owner for one in customers if one.owner is not None and one.owner.is_active}
    return {person.pk for person in found if owner is None or person.pk != owner.pk}


def may_tag(user) -> bool:
    """Tags are united where the person may change them; else the survivor keeps its own."""
    return fieldset.of(modules.get("customer"), user).editable("tags")


def outlook(survivor: Customer, others: list[Customer], *, owner, by) -> Outlook:
    """Count what the merge of these customers would do; a fixed number of statements."""
    found = Outlook()
    target, ids = survivor.pk, [one.pk for one in others]
    everyone = [target, *ids]
    counts: dict = {}
    for child in modules.get("customer").children:
        rows = child.model.objects.live()
        if child.name == "contact":
            _contacts(found, list(rows.filter(customer__any=everyone).order_by("pk")), target, ids)
            continue
        counts |= {(child.label, "had"): rows.filter(customer=target)}
        counts |= {(child.label, "comes"): rows.filter(customer__any=ids)}
    kind = ContentType.objects.get_for_model(Customer)
    files = Attachment.objects.filter(content_type=kind, purpose="file")
    beside = {"had": files.filter(object_id=target), "comes": files.filter(object_id__any=ids)}
    figures = counted(survivor, {**counts, **beside})
    attached = [figures["had"], figures["comes"]]
    for label in dict.fromkeys(label for label, _ in counts):
        had, comes = figures[label, "had"], figures[label, "comes"]
        found.add(label, "个", had, comes, had + comes)
    talks = [
        set(FollowUpLink.objects.filter(content_type=kind, object_id__any=some).values_list("followup_id", flat=True))
        for some in ([target], ids)
    ]
    found.add("跟进记录", "条", len(talks[0]), len(talks[1] - talks[0]), len(talks[0] | talks[1]))
    found.add("附件", "个", *attached, sum(attached))
    if may_tag(by):
        tags = [
            set(TagLink.objects.filter(content_type=kind, object_id__any=some).values_list("tag_id", flat=True))
            for some in ([target], ids)
        ]
        found.add("标签", "个", len(tags[0]), len(tags[1] - tags[0]), len(tags[0] | tags[1]))
    _relations(found, target, ids)
    for carrier in carrying.CARRIERS:
        had, comes = carrier.count([target]), carrier.count(ids)
        found.add(carrier.label, carrier.unit, had, comes, had + comes)
    _people(found, survivor, others, owner)
    return found


def _contacts(found: Outlook, rows: list[Contact], target: int, ids: list[int]) -> None:
    there = [one for one in rows if one.customer_id == target]
    had, comes, twice = len(there), 0, 0
    for pk in ids:
        came = [one for one in rows if one.customer_id == pk]
        folded = contacts.doubles(there, came)
        comes, twice = comes + len(came), twice + len(folded)
        there += [one for one in came if one.pk not in folded]
    note = f"，{twice:,} 位重复，合为一位" if twice else ""
    found.add("联系人", "位", had, comes, len(there), note)
    links = ContactCustomer.objects.filter(customer__any=[target, *ids], contact__deleted_at=None)
    pairs = list(links.exclude(contact__customer__any=[target, *ids]).values_list("contact_id", "customer_id"))
    had = {contact for contact, customer in pairs if customer == target}
    new = {contact for contact, customer in pairs if customer != target} - had
    if new:
        found.add("兼任联系人", "位", len(had), len(new), len(had | new))


def _relations(found: Outlook, target: int, ids: list[int]) -> None:
    rows = CustomerRelation.objects.filter(Q(customer__any=[target, *ids]) | Q(other__any=[target, *ids]))
    had, new = set(), set()
    for a, b, kind, directed in rows.values_list("customer_id", "other_id", "kind_id", "directed"):
        ends = tuple(target if end in ids else end for end in (a, b))
        key = (ends if directed else tuple(sorted(ends)), kind)
        if ends[0] != ends[1]:
            (had if target in (a, b) else new).add(key)
    if new - had:
        found.add("关联客户", "个", len(had), len(new - had), len(had | new))


def _people(found: Outlook, survivor: Customer, others: list[Customer], owner) -> None:
    changes = team.changes(
        modules.get("customer"),
        survivor.pk,
        [one.pk for one in others],
        owner=owner.pk if owner else None,
        formers=formers([survivor, *others], owner),
    )
    names = dict(get_user_model().objects.filter(pk__in=[user for user, *_ in changes]).values_list("pk", "name"))
    found.people = [(names[user], before, after) for user, before, after in changes]
