"""The merge: two to five customers become one, in one transaction, with a way back."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from django.contrib.auth import get_user_model
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F, Max
from django.utils import timezone

from crm.notices.services import notify
from crm.records import modules, search, services
from crm.records.custom import definitions
from crm.records.custom import values as custom_values
from crm.records.custom.definitions import Type
from crm.records.followups import services as followups
from crm.records.models import FollowUpLink
from crm.records.undoing import entries, packing
from crm.records.undoing.changes import Change, differences
from crm.records.undoing.entries import Line

from ..models import Contact, Customer
from ..relations import services as relations
from . import carrying, choices, contacts, preview, team
from .journal import Journal

FEWEST, MOST = 2, 5


class Changed(ValidationError):
    """Some of the customers were saved by somebody since the page was opened."""


@dataclass
class Merged:
    """What a merge did: the survivor and the undo entry."""

    survivor: Customer
    undo: int
    names: list[str] = field(default_factory=list)


def check_number(ids: Iterable[int]) -> list[int]:
    """The ids, each once; ValidationError unless they are two to five."""
    found = list(dict.fromkeys(ids))
    if len(found) < FEWEST:
        raise ValidationError("请选择要合并的客户，至少 2 个不同的客户。")
    if len(found) > MOST:
        raise ValidationError(f"一次最多合并 {MOST} 个客户，您选择了 {len(found):,} 个。")
    return found


def check_open(ids: list[int], *, by) -> None:
    """ValidationError in words where one of the customers is gone, or not the person's to merge."""
    may = set(Customer.objects.allowed(by, "merge").filter(pk__any=ids).values_list("pk", flat=True))
    if closed := [pk for pk in ids if pk not in may]:
        names = dict(Customer.objects.allowed(by, "view").filter(pk__any=closed).values_list("pk", "name"))
        shown = "、".join(f"“{names[pk]}”" if pk in names else f"编号 {pk}" for pk in closed)
        raise ValidationError(f"{shown} 不能合并：已被删除或合并，或不在您可以合并的范围内。公海中的客户请先领取。")


@transaction.atomic
def merge(ids: Iterable[int], survivor: int, picks: dict[str, int], *, versions: dict[int, int], by) -> Merged:
    """Make the customers `ids` (two to five, `survivor` among them) one. `picks` = {field: id of the customer whose value
    stays}, `versions` = {id: version the person saw}. The others go to the recycle bin with a mark; contacts (doubles folded),
    other children, follow-ups, files, tags, stars, teams and relations go over to the survivor. Raises Changed where somebody
    saved one of them since, ValidationError in words for everything else. Undone by the entry it answers."""
    ids = check_number(ids)
    if survivor not in ids:
        raise ValidationError("请选择保留哪个客户。")
    relations.lock_groups()
    locked = {one.pk: one for one in Customer.objects.filter(pk__any=ids).select_for_update().order_by("pk")}
    check_open(ids, by=by)
    stale = [locked[pk].name for pk in ids if versions.get(pk) != locked[pk].version]
    if stale:
        raise Changed(f"打开页面之后，{'、'.join(f'“{name}”' for name in stale)}被修改过，请核对后再合并。")
    customers = list(Customer.objects.filter(pk__any=ids).select_related("owner__department").order_by("pk"))
    by_pk = {one.pk: one for one in customers}
    module = modules.get("customer")
    with entries.entry(module, "merge", by=by, label=f"合并客户到“{by_pk[survivor].name}”") as entry:
        return _Merge(entry, by_pk[survivor], customers, picks, by=by).run()


def _kind() -> ContentType:
    return ContentType.objects.get_for_model(Customer)


class _Merge:
    """One merge under way: every row it touches is locked or below a locked customer."""

    def __init__(self, entry, survivor: Customer, customers: list[Customer], picks: dict[str, int], *, by):
        self.entry, self.survivor, self.by = entry, survivor, by
        self.others = [one for one in customers if one.pk != survivor.pk]
        self.new = choices.values(customers, survivor, picks, by)
        self.files = choices.joined_files(customers, survivor, by)
        self.owner = self.new["owner"] if "owner" in self.new else survivor.owner
        self.formers = preview.formers(customers, self.owner)
        self.module, self.contact = modules.get("customer"), modules.get("contact")
        self.custom = definitions.custom(self.contact.name)
        self.now = timezone.now()
        self.changed: dict[int, Change] = {}  # contacts, each once however many customers touch it
        self.roots: dict[int, int] = {}
        self.more: dict[int, dict] = {}
        self.folded: list[tuple[Line, Contact]] = []

    def run(self) -> Merged:
        outlook = preview.outlook(self.survivor, self.others, owner=self.owner, by=self.by)
        before = self._columns()
        newest = self._newest()
        self._to_the_bin()
        saved = services.update(
            self.survivor, self.new, version=self.survivor.version, by=self.by, text="合并时选用的值"
        )
        self.final = saved
        for other in self.others:
            self._take_over(other)
        self._save_contacts()
        self._finish_survivor(newest)
        # the lines come last: they keep the versions the merge leaves behind
        self._keep_lines(before, newest)
        self._logs(outlook)
        self._tell()
        services.check_kept(self.module, [self.survivor.pk], by=self.by)
        return Merged(self.final, self.entry.pk, [one.name for one in self.others])

    # The customers ----------------------------------------------------------------------------------------------------
    def _columns(self) -> dict:
        return Customer.objects.filter(pk=self.survivor.pk).values().get()

    def _newest(self) -> int | None:
        """The newest follow-up on the survivor's timeline: its dates are the customer's."""
        links = FollowUpLink.objects.filter(content_type=_kind(), object_id=self.survivor.pk)
        return links.aggregate(newest=Max("followup_id"))["newest"]

    def _to_the_bin(self) -> None:
        ids = [one.pk for one in self.others]
        Customer.objects.filter(pk__any=ids).update(
            deleted_at=self.now, deleted_by=self.by, merged_into=self.survivor, version=F("version") + 1
        )
        custom_values.release(self.module, ids)

    def _take_over(self, other: Customer) -> None:
        journal = Journal()
        for child in self.module.children:
            self._take_children(child, other)
        tags = preview.may_tag(self.by)
        carrying.carry(journal, Customer, other.pk, self.survivor.pk, tags=tags, files=list(self.files))
        relations.carry_links(journal, other.pk, self.survivor.pk)
        relations.carry_relations(journal, other.pk, self.survivor.pk, by=self.by)
        formers = {pk for pk in self.formers if pk == other.owner_id}
        owner = self.owner.pk if self.owner else None
        team.join(journal, self.module, self.survivor.pk, [other.pk], owner=owner, formers=formers, by=self.by)
        for carrier in carrying.CARRIERS:
            carrier.move(journal, other.pk, self.survivor.pk)
        self.more[other.pk] = {"steps": journal.steps, "survivor": self.survivor.pk}

    def _finish_survivor(self, newest: int | None) -> None:
        """Files of united fields, the former owner's place in the team, dates, and a new version: a form opened before must
        not be saved over it unseen."""
        pk, extra = self.survivor.pk, dict(self.final.extra)
        extra |= self.files
        journal = Journal()
        formers = {one for one in self.formers if one == self.survivor.owner_id}
        owner = self.owner.pk if self.owner else None
        team.join(journal, self.module, pk, [], owner=owner, formers=formers, by=self.by)
        self.more[pk] = {"steps": journal.steps, "survivor": pk}
        rows = Customer.objects.filter(pk=pk)
        rows.update(extra=extra, updated_at=self.now, version=F("version") + 1, **self._facts())
        if self._newest() != newest:
            followups.keep_dates([(_kind().pk, pk)])
        elif self.final.next_contact_at is None:
            planned = [one.next_contact_at for one in self.others if one.next_contact_at is not None]
            rows.update(next_contact_at=min(planned, default=None))
        self.final = rows.select_related("owner").get()

    def _facts(self) -> dict:
        """What the rules of the pool read, of all of them together; a new owner's clock starts now."""
        everyone, found = [self.survivor, *self.others], {}
        for name in ("last_opportunity_at", "last_deal_at", "contract_ends_on"):
            found[name] = max((value for one in everyone if (value := getattr(one, name))), default=None)
        found["open_opportunities"] = sum(one.open_opportunities for one in everyone)
        if self.owner is not None and self.owner.pk != self.survivor.owner_id:
            found["received_at"] = self.now
        return found

    # Their children -----------------------------------------------------------------------------------------------------
    def _take_children(self, child, other: Customer) -> None:
        rows = child.model.objects.live().filter(customer=other.pk).select_for_update().order_by("pk")
        if child.name == "contact":
            return self._take_contacts(list(rows), other)
        records = list(rows)
        before = [Change(record, {"customer_id": other.pk}) for record in records]
        for record in records:
            record.customer_id = self.survivor.pk
        if records:
            services.save_many(child, records, {"customer_id"}, now=self.now)
            self._note(child, before, {record.pk: other.pk for record in records}, f"随客户合并到{self.called}")
        return None

    def _take_contacts(self, came: list[Contact], other: Customer) -> None:
        there = list(Contact.objects.live().filter(customer=self.survivor.pk).select_for_update().order_by("pk"))
        held = {pk: change.record for pk, change in self.changed.items()}
        there = [held.get(one.pk, one) for one in there]
        twice = contacts.doubles(there, came)
        owners = {one.owner_id for one in came if one.pk in twice} - {None}
        working = set(get_user_model().objects.filter(pk__in=owners, is_active=True).values_list("pk", flat=True))
        grants = self.contact.grant_model.objects.filter(content_object_id__any=list(twice))
        heavy = carrying.hanging(Contact, list(twice)) | relations.working_elsewhere(twice)
        heavy |= set(grants.values_list("content_object_id", flat=True))
        heavy |= {pk for naming in carrying.NAMINGS for pk in naming.named(list(twice))}
        first = next((one for one in there if one.is_primary), None)
        for contact in came:
            if contact.pk in twice:
                kept = twice[contact.pk]
                former = {contact.owner_id} & working - {kept.owner_id}
                self._fold(contact, kept, other, former, heavy=contact.pk in heavy)
                if contact.is_primary and first is None:
                    first = twice[contact.pk]
                    self._set(first, other.pk, is_primary=True)
                continue
            self._set(contact, other.pk, customer_id=self.survivor.pk)
            if contact.is_primary and first is not None:
                self._set(contact, other.pk, is_primary=False)
            elif contact.is_primary:
                first = contact
        Contact.objects.filter(pk__any=list(twice)).update(
            deleted_at=self.now, deleted_by=self.by, version=F("version") + 1
        )
        custom_values.release(self.contact, list(twice))
        moved = [contact for contact in came if contact.pk not in twice]
        # at once, for the next customer compares with them; their version and time go up with what else changes
        Contact.objects.filter(pk__any=[one.pk for one in moved if not one.is_primary]).update(is_primary=False)
        Contact.objects.filter(pk__any=[one.pk for one in moved]).update(customer=self.survivor.pk)

    def _set(self, contact: Contact, root: int, **new) -> None:
        """Change attributes of a contact, noting what stood there first."""
        change = self.changed.setdefault(contact.pk, Change(contact, {}))
        self.roots.setdefault(contact.pk, root)
        for name, value in new.items():
            change.before.setdefault(name, getattr(change.record, name))
            setattr(change.record, name, value)

    def _fold(self, double: Contact, kept: Contact, other: Customer, former: set[int], *, heavy: bool) -> None:
        """The kept contact gets what it lacks and everything that hangs on its double, which goes to the recycle bin; whoever
        owned the double may go on editing."""
        journal = Journal()
        plain, extra = contacts.missing(kept, double)
        custom = self.custom
        extra = {key: value for key, value in extra.items() if key in custom}
        files = [key for key in extra if custom[key].type == Type.FILES]
        if plain or extra:
            self._set(kept, other.pk, **plain)
            change = self.changed[kept.pk]
            change.moved += custom_values.put(change.record, extra, custom)
        if heavy or files:
            carrying.carry(journal, Contact, double.pk, kept.pk, files=files)
            relations.carry_contact(journal, double.pk, kept.pk, self.survivor.pk)
            for naming in carrying.NAMINGS:
                naming.move(journal, double.pk, kept.pk)
        if heavy or former:
            team.join(journal, self.contact, kept.pk, [double.pk], owner=kept.owner_id, formers=former, by=self.by)
        line = Line.of_deleted({"pk": double.pk, "version": double.version, "updated_at": double.updated_at}, "")
        line.root, line.more = other.pk, {"steps": journal.steps, "survivor": kept.pk}
        self.folded.append((line, kept))

    def _save_contacts(self) -> None:
        changes = list(self.changed.values())
        if not changes:
            return
        records = [change.record for change in changes]
        names = {name for change in changes for name in change.before}
        names |= {"extra"} if any(change.moved for change in changes) else set()
        services.save_many(self.contact, records, names, now=self.now)
        if any(definition.unique for change in changes for definition, _, _ in change.moved):
            custom_values.claim(self.contact, records)
        search.index(self.contact, records)

    # What is written down -------------------------------------------------------------------------------------------------
    def _keep_lines(self, before: dict, newest: int | None) -> None:
        after = self._columns()
        fields = {
            name: packing.pack(old)
            for name, old in before.items()
            if old != after[name] and name not in ("version", "extra", "updated_at")
        }
        fields["updated_at"] = packing.pack(before["updated_at"])
        keys = before["extra"].keys() | after["extra"].keys()
        extra = {key: before["extra"].get(key) for key in keys if before["extra"].get(key) != after["extra"].get(key)}
        pk = self.survivor.pk
        lines = [Line(pk, after["version"], fields, extra, more={**self.more[pk], "newest": newest})]
        for other in self.others:
            row = {"pk": other.pk, "version": other.version, "updated_at": other.updated_at}
            line = Line.of_deleted(row, "")
            line.fields["merged_into_id"], line.more = None, self.more[other.pk]
            lines.append(line)
        self.entry.keep(Customer, lines)
        kept = []
        for pk, change in self.changed.items():
            line = change.line()
            line.root = self.roots[pk]
            kept.append(line)
        self.entry.keep(Contact, [*kept, *(line for line, _ in self.folded)])

    def _note(self, child, changes: list[Change], roots: dict[int, int], text: str) -> None:
        """Undo lines and log rows of children that went over."""
        lines = [change.line() for change in changes]
        for line in lines:
            line.root = roots[line.pk]
        self.entry.keep(child.model, lines)
        rows = zip(changes, differences(child, changes), strict=True)
        services.write_log(
            child.model,
            ((change.record.pk, text, difference) for change, difference in rows),
            code=f"{child.name}.merged",
            by=self.by,
            undo=self.entry.pk,
        )

    def _logs(self, outlook) -> None:
        """Both sides say what became of them: the merged ones with the values that did not stay, the survivor with what came."""
        final = self.final
        compared = [Change(final, self._given_up(other)) for other in self.others]
        services.write_log(
            Customer,
            (
                (other.pk, f"合并到{self.called}（编号 {final.pk}）", difference)
                for other, difference in zip(self.others, differences(self.module, compared), strict=True)
            ),
            code="customer.merged_away",
            by=self.by,
            undo=self.entry.pk,
        )
        came = "、".join(f"{label} {text}" for label, text in outlook.came)
        people = [{"label": f"团队 {name}", "old": old, "new": new} for name, old, new in outlook.people]
        custom = definitions.custom(self.module.name)
        had = self.survivor.extra
        files = services.custom_changes([(custom[key], had.get(key), ids) for key, ids in self.files.items()])
        names = "、".join(f"“{one.name}”（编号 {one.pk}）" for one in self.others)
        text = f"合并了{names}" + (f"，移来{came}" if came else "")
        services.write_log(
            Customer, [(final.pk, text, people + files)], code="customer.merged", by=self.by, undo=self.entry.pk
        )
        changes = list(self.changed.values())
        services.write_log(
            Contact,
            (
                (change.record.pk, f"随客户合并到{self.called}", difference)
                for change, difference in zip(changes, differences(self.contact, changes), strict=True)
            ),
            code="contact.merged",
            by=self.by,
            undo=self.entry.pk,
        )
        gone = "与同名同号的联系人合为一位（编号 {}），移入回收站"
        rows = ((line.pk, gone.format(kept.pk), []) for line, kept in self.folded)
        services.write_log(Contact, rows, code="contact.merged_away", by=self.by, undo=self.entry.pk)

    def _given_up(self, other: Customer) -> dict:
        """{attribute: value} of a merged customer where the survivor ends up with another one."""
        return {
            field.attname: value
            for field in Customer._meta.concrete_fields
            if field.editable and not field.primary_key
            if (value := getattr(other, field.attname)) not in (None, "")
            if value != getattr(self.final, field.attname)
        }

    @property
    def called(self) -> str:
        """The survivor by the name people knew it by, with the one it took."""
        old, new = self.survivor.name, self.final.name
        return f"“{old}”" + (f"（现名“{new}”）" if new != old else "")

    def _tell(self) -> None:
        """The owners concerned, one message each."""
        names = "、".join(f"“{one.name}”" for one in self.others)
        owners = {one.owner for one in [self.survivor, *self.others] if one.owner is not None}
        if self.owner is not None:
            owners.add(self.owner)
        for person in owners:
            if person.pk == self.by.pk or not person.is_active:
                continue
            mine = self.final.owner_id == person.pk
            where = "现在由您负责。" if mine else "您在它的团队里，可以继续读写。"
            title = f"{self.by.name}把{names}合并到了{self.called}"
            notify([person.pk], kind="merge", title=title, body=where, url=self.module.url(pk=self.final.pk))
