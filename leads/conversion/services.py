"""The conversion itself. One way for one lead and for ten thousand: `convert_chunk`, a set of leads in one transaction, each of
them wholly or not at all."""

from collections.abc import Iterable
from copy import copy
from dataclasses import dataclass, field

from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.utils import timezone

from crm.records import modules, search, services
from crm.records.custom import values as custom_values
from crm.records.followups import services as followups
from crm.records.importing import write as writing
from crm.records.undoing import entries, packing
from crm.records.undoing.entries import Line
from customers.duplicates.finding import describe
from customers.models import Contact, Customer
from opportunities.services import create_opportunity

from ..models import Lead, Status
from . import carrying, making, mapping, matching
from .making import Wanted

CHUNK = 100  # leads of one transaction; the row of the mapping is locked that long
OPEN = (Status.NEW, Status.FOLLOWING)
INTO, NEW, SKIP = "into", "new", "skip"
CHOICES = ((INTO, "并入已有客户"), (NEW, "仍然新建客户"), (SKIP, "不转化，列在结果里"))
GONE, CHANGED, DONE = "已不在您可操作的范围内", "选择之后被修改过，没有处理", "已经转化过了"
Failures = list[tuple[int, str, str]]  # (lead, its title, reason)


@dataclass(frozen=True)
class Options:
    """How to convert: `found` = what to do where a customer looks the same (INTO, NEW, SKIP), `customer` = the id of the one the
    person chose (one lead), `contact` = make the contact, `opportunity` = the one asked for or None."""

    found: str = INTO
    customer: int | None = None
    contact: bool = True
    opportunity: Wanted | None = None


@dataclass
class Converted:
    """What became of one lead; `made` = whether the customer is new. The rest is for the undo line."""

    lead: Lead
    customer: Customer
    made: bool
    contact: Contact | None = None
    opportunity: object = None
    more: dict = field(default_factory=dict)


@dataclass
class Outcome:
    """What became of a set of leads."""

    done: list[Converted] = field(default_factory=list)
    failures: Failures = field(default_factory=list)


@transaction.atomic
def convert(lead: Lead, *, by, options: Options, version: int | None = None) -> Converted:
    """Convert one lead; ValidationError in words where it cannot be, services.Stale where it was saved since `version`. One entry
    of 撤销."""
    with entries.entry(modules.get("lead"), "convert", by=by, label=f"转化线索“{lead.name}”"):
        if version is not None:
            mapping.load(lock=True)
            current = Lead.objects.get(pk=lead.pk)
            if current.version != version and current.status in OPEN:
                raise services.Stale(current)
        outcome = convert_chunk([lead.pk], by=by, options=options)
    if outcome.failures:
        raise ValidationError(outcome.failures[0][2])
    return outcome.done[0]


def convert_many(ids: Iterable[int], *, by, options: Options) -> Outcome:
    """Convert allowed leads, a chunk a transaction's savepoint; one entry of 撤销."""
    ids, found = sorted(ids), Outcome()
    with transaction.atomic(), entries.entry(modules.get("lead"), "convert", by=by, label="转化线索"):
        for start in range(0, len(ids), CHUNK):
            outcome = convert_chunk(ids[start : start + CHUNK], by=by, options=options)
            found.done += outcome.done
            found.failures += outcome.failures
    return found


@transaction.atomic
def convert_chunk(ids: list[int], *, by, options: Options, job=None) -> Outcome:
    """Convert at most some hundred leads: those that may not or cannot be are answered with the reason, all others are
    converted wholly. Runs inside the entry of 撤销 of its caller."""
    plan = mapping.rows(mapping.load(lock=True), by)
    # employees before the rows they own, as everything else locks them
    owners = dict(Lead.objects.filter(pk__any=ids).values_list("pk", "owner_id"))
    modules.get("customer").quota.lock({pk for pk in owners.values() if pk})
    joins = [row.source.name for row in plan if row.source.kind == "dictionary"]
    locked = {lead.pk: lead for lead in services.hold(Lead.objects.filter(pk__any=ids), "owner__department", *joins)}
    run = _Run(by=by, options=options, plan=plan, job=job)
    waiting = run.admitted(ids, locked, owners)
    while waiting:  # leads of one company one after the other: the next one meets the customer of the first
        seen: set[str] = set()
        now, later = [], []
        for lead in waiting:
            keys = matching.keys_of(lead)
            (later if keys & seen else now).append(lead)
            seen |= keys
        run.take(now)
        waiting = later
    run.close()
    return run.outcome


@dataclass
class _Work:
    """A lead that may be converted, with the customer it goes into (None: a new one)."""

    lead: Lead
    into: int | None
    made: making.Values


class _Run:
    """One chunk under way; its leads are locked."""

    def __init__(self, *, by, options: Options, plan, job):
        self.by, self.options, self.plan, self.job = by, options, plan, job
        self.customers, self.contacts = modules.get("customer"), modules.get("contact")
        self.outcome, self.now = Outcome(), timezone.now()
        self.reaches = {name: by.scope_for(f"{name}.create") for name in ("customer", "contact", "opportunity")}

    def fail(self, lead, reason: str) -> None:
        self.outcome.failures.append((lead.pk, lead.name, reason))

    # Who may ------------------------------------------------------------------------------------------------------------
    def admitted(self, ids, locked: dict[int, Lead], owners: dict) -> list[Lead]:
        """Those of the leads this person may convert now."""
        may = set(Lead.objects.allowed(self.by, "convert").filter(pk__any=ids).values_list("pk", flat=True))
        seen = set(Lead.objects.allowed(self.by, "view").filter(pk__any=ids).values_list("pk", flat=True))
        found = []
        for pk in ids:
            lead = locked.get(pk)
            if lead is None or pk not in seen:
                self.outcome.failures.append((pk, f"编号 {pk}", GONE))
            elif lead.status == Status.CONVERTED:
                self.fail(lead, DONE)
            elif lead.status not in OPEN:
                self.fail(lead, "已失效的线索不能转化")
            elif pk not in may:
                self.fail(lead, GONE)
            elif lead.owner_id != owners.get(pk):
                self.fail(lead, CHANGED)
            elif not lead.owner.is_active:
                self.fail(lead, f"负责人{lead.owner.name}已停用，请先转移线索")
            else:
                found.append(lead)
        return found

    def may_create(self, name: str, lead: Lead) -> str:
        """ "" or why this person may not make such a record for the lead's owner."""
        label, reach = modules.get(name).label, self.reaches[name]
        if reach is None:
            return f"您的角色没有“{label}”的“新建”权限"
        return "" if reach.includes(lead.owner_id) else f"您不能为{lead.owner.name}新建{label}"

    # Where to -----------------------------------------------------------------------------------------------------------
    def take(self, leads: list[Lead]) -> None:
        """Decide and convert leads of different companies."""
        matches = matching.find(leads, self.by)
        chosen = self.options.customer
        editable = Customer.objects.allowed(self.by, "edit").filter(pk=chosen).exists() if chosen else False
        works = []
        for lead in leads:
            try:
                into = self.decide(lead, matches[lead.pk], editable)
                works.append(_Work(lead, into, making.read(lead, self.plan, self.by)))
            except ValidationError as error:
                self.fail(lead, "；".join(error.messages))
        works = self.within_caps(works)
        while works:  # leads of one customer one after the other: the next one meets what the first filled in
            taken: set[int] = set()
            now, later = [], []
            for work in works:
                (later if work.into in taken else now).append(work)
                taken |= {work.into} if work.into else set()
            for work, reason in services.apart(now, self.write):
                self.fail(work.lead, reason)
            works = later

    def decide(self, lead: Lead, match: matching.Match, editable: bool) -> int | None:
        """The id of the customer it goes into, None for a new one; ValidationError where neither may be."""
        options, into = self.options, None
        if options.customer:
            if not editable:
                raise ValidationError("要并入的客户已不在您可编辑的范围内")
            into = options.customer
        elif match.hits and options.found == SKIP:
            raise ValidationError(f"{match.hits[0].why}的客户已存在{describe(match.hits[0])}")
        elif match.best is not None and options.found == INTO:
            into = match.best.record.pk
        elif match.forbidden:
            raise ValidationError(match.forbidden)
        elif match.hits and options.found == INTO:
            raise ValidationError(f"{match.hits[0].why}的客户已存在{describe(match.hits[0])}")
        wanted = [] if into else ["customer"]
        wanted += ["contact"] if options.contact and making.has_contact(lead) else []
        wanted += ["opportunity"] if options.opportunity else []
        for name in wanted:
            if refusal := self.may_create(name, lead):
                raise ValidationError(refusal)
        return into

    def within_caps(self, works: list[_Work]) -> list[_Work]:
        """Those whose owners may have one customer more."""
        owners = {work.lead.owner_id for work in works if work.into is None}
        rooms, found = dict(self.customers.quota.rooms(owners)) if owners else {}, []
        for work in works:
            owner = work.lead.owner_id
            if work.into is None and owner in rooms:
                left, words = rooms[owner]
                if left < 1:
                    self.fail(work.lead, words)
                    continue
                rooms[owner] = (left - 1, words)
            found.append(work)
        return found

    # The deed -----------------------------------------------------------------------------------------------------------
    def write(self, works: list[_Work]) -> None:
        """Write all of these or raise: services.apart tries halves until the one that cannot be stands alone."""
        found = [self.started(work) for work in works]
        self.save_new(self.customers, [one.customer for one in found if one.made])
        fresh = []
        for work, one in zip(works, found, strict=True):
            if not one.made:
                self.fill(one, one.customer, work.made.of["customer"], "customer")
            if self.options.contact and making.has_contact(work.lead):
                fresh += self.meet(work, one)
        self.save_new(self.contacts, fresh)
        for work, one in zip(works, found, strict=True):
            if self.options.opportunity:
                wanted = self.options.opportunity
                record = making.opportunity(work.lead, work.made, one.customer, wanted, one.contact, by=self.by)
                one.opportunity = create_opportunity(record, by=self.by)
        services.check_kept(self.customers, [one.customer.pk for one in found], by=self.by)
        self.carry(found)
        self.end(found)
        self.outcome.done += found

    def started(self, work: _Work) -> Converted:
        if work.into is None:
            return Converted(work.lead, making.customer(work.lead, work.made, by=self.by), True)
        there = Customer.objects.select_for_update().filter(pk=work.into, deleted_at=None).first()
        if there is None:
            raise ValidationError("要并入的客户已被删除或合并")
        return Converted(work.lead, there, False)

    def save_new(self, module, records: list) -> None:
        """Insert checked records with everything a new record has."""
        if not records:
            return
        module.model.objects.bulk_create(records, batch_size=500)
        custom_values.claim(module, records)
        search.index(module, records)
        lines = [(record.pk, "由线索转化", []) for record in records]
        services.write_log(module.model, lines, code=f"{module.name}.created", by=self.by, job=self.job)

    def fill(self, one: Converted, record, new: dict, name: str) -> None:
        """Put values into the empty fields of a record that exists, and note them for the way back."""
        new = making.missing(record, new)
        if new:
            saved = services.update(record, new, version=record.version, by=self.by, text="线索转化时填补")
            kept = {key: packing.pack(_value(saved, key)) for key in new}
            one.more.setdefault("filled", {})[name] = {"pk": record.pk, "set": kept}
            setattr(one, name, saved)

    def meet(self, work: _Work, one: Converted) -> list[Contact]:
        """The lead's contact at the customer: the same person who is there, or a new one."""
        there = [] if one.made else list(Contact.objects.live().filter(customer=one.customer).order_by("pk"))
        known = making.same_person(work.lead, work.made, there)
        if known is not None:
            one.contact = known
            if Contact.objects.allowed(self.by, "edit").filter(pk=known.pk).exists():
                self.fill(one, known, work.made.of["contact"], "contact")
            return []
        primary = not any(contact.is_primary for contact in there)
        one.contact = making.contact(work.lead, work.made, one.customer, primary=primary, by=self.by)
        one.more["contact_made"] = True
        return [one.contact]

    def carry(self, found: list[Converted]) -> None:
        carried = carrying.carry({one.lead.pk: one.customer.pk for one in found}, by=self.by)
        for one in found:
            one.more["carried"] = carried[one.lead.pk].noted()
        kind = carrying.kinds()[1].pk
        grown = {one.customer.pk for one in found if not one.made and one.more["carried"].get("followups")}
        if grown:
            followups.keep_dates([(kind, pk) for pk in sorted(grown)])

    def end(self, found: list[Converted]) -> None:
        """The leads are converted; each says what it became."""
        fresh = []
        for one in found:
            lead = copy(one.lead)
            lead.status, lead.ended_at, lead.converted_by = Status.CONVERTED, self.now, self.by
            lead.customer, lead.contact, lead.opportunity = one.customer, one.contact, one.opportunity
            lead.updated_at, lead.version = self.now, one.lead.version + 1
            fresh.append(lead)
        names = ["status", "ended_at", "converted_by", "customer", "contact", "opportunity", "updated_at", "version"]
        writing.update(fresh, names)

    # What is written down -------------------------------------------------------------------------------------------------
    def close(self) -> None:
        """The lines of 撤销 and the log, once it is certain what became of each."""
        done = self.outcome.done
        if not done:
            return
        self.note_versions(done)
        with entries.entry(modules.get("lead"), "convert", by=self.by, label="转化线索") as entry:
            entry.keep(Lead, [self.line(one) for one in done])
            labels = {one.lead.status: Status(one.lead.status).label for one in done}
            lines = [
                (
                    one.lead.pk,
                    "转化为新客户" if one.made else "并入已有客户",
                    [{"key": "status", "label": "状态", "old": labels[one.lead.status], "new": "已转化"}],
                )
                for one in done
            ]
            services.write_log(Lead, lines, code="lead.converted", by=self.by, job=self.job, undo=entry.pk)
        came = [(one.customer.pk, f"线索 {one.lead.number} 转化并入", []) for one in done if not one.made]
        services.write_log(Customer, came, code="customer.lead_merged", by=self.by, job=self.job)

    def note_versions(self, done: list[Converted]) -> None:
        """What the made records look like now: whoever takes the conversion back must find them so."""
        wanted: dict[type, list[int]] = {}
        for one in done:
            for record in (one.customer, one.contact, one.opportunity):
                if record is not None:
                    wanted.setdefault(type(record), []).append(record.pk)
        versions = {
            model: dict(model.objects.filter(pk__any=ids).values_list("pk", "version")) for model, ids in wanted.items()
        }
        for one in done:
            made = {}
            if one.made:
                made["customer"] = one.customer
            if one.more.pop("contact_made", False):
                made["contact"] = one.contact
            if one.opportunity is not None:
                made["opportunity"] = one.opportunity
            one.more["made"] = {name: [record.pk, versions[type(record)][record.pk]] for name, record in made.items()}
            one.more["customer"] = one.customer.pk

    def line(self, one: Converted) -> Line:
        lead = one.lead
        empty = dict.fromkeys(("ended_at", "converted_by_id", "customer_id", "contact_id", "opportunity_id"))
        before = {"status": lead.status, "updated_at": packing.pack(lead.updated_at), **empty}
        return Line(lead.pk, lead.version + 1, before, more=one.more)


def _value(record, key: str):
    field_names = {one.name for one in record._meta.concrete_fields}
    value = getattr(record, key) if key in field_names else record.extra.get(key)
    return value.pk if isinstance(value, models.Model) else value
