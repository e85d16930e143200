"""Customers a lead may be the same as: by name or number, for many leads with a fixed number of statements."""

from dataclasses import dataclass, field

from crm.records import fieldset, modules, params
from crm.records.fields import name_key
from customers.duplicates import finding, names, rules, sources
from customers.duplicates.finding import LIKE, SAME, Hit, Query
from customers.models import Customer

ENTRY = "conversion"
EACH = 20  # candidates of one name or number that are looked at


@dataclass
class Match:
    """What was found for one lead: `into` = ids of the hits the lead may go into, `forbidden` says why no new customer may be
    made ("" where one may)."""

    hits: list[Hit] = field(default_factory=list)
    into: frozenset[int] = frozenset()
    forbidden: str = ""

    @property
    def best(self) -> Hit | None:
        """The likeliest of those it may go into."""
        return next((hit for hit in self.hits if hit.record.pk in self.into), None)


def company_of(lead) -> str:
    """The name its customer gets."""
    return lead.company or lead.name


def keys_of(lead) -> set[str]:
    """What two leads of the same company have in common."""
    name = company_of(lead)
    numbers = {number for text in (lead.mobile, lead.phone) if (number := names.number(text))}
    return {f"name:{name_key(name)}", f"stem:{names.name_stem(name) or name_key(name)}", *numbers}


def _numbers(lead, user) -> list[str]:
    """Its numbers as far as the person may read them: a match would tell the others."""
    fields = fieldset.of(modules.get("lead"), user)
    texts = [getattr(lead, key) for key in ("mobile", "phone") if fields.readable(key)]
    return list(dict.fromkeys(number for text in texts if (number := names.number(text))))


def find(leads: list, user) -> dict[int, Match]:
    """{lead: what was found}; the rules of the entry 转化 decide what is looked for and what a find means."""
    source = sources.ALL["customer"]
    by_name, by_phone = (rules.level(ENTRY, key) for key in ("name", "phone"))
    unique = params.get("duplicate_names") == rules.FORBID
    stems = {lead.pk: names.name_stem(company_of(lead)) for lead in leads} if by_name != rules.OFF else {}
    numbers = {}
    if by_phone != rules.OFF and source.readable(sources.PHONE, user):
        numbers = {lead.pk: _numbers(lead, user) for lead in leads}
    same = _same_names(leads) if unique else {}
    there: dict[str, list[int]] = {}
    wanted = sorted({stem for stem in stems.values() if stem})
    called = sorted({number for found in numbers.values() for number in found})
    for kind, texts in ((sources.NAME, wanted), (sources.PHONE, called)):
        for text, pk in source.match(kind, texts, EACH * len(texts) + 1) if texts else ():
            there.setdefault(text, []).append(pk)
    ids = {pk for found in there.values() for pk in found[:EACH]} | {pk for found in same.values() for pk in found}
    hits = {hit.record.pk: hit for hit in finding.hits_of(source, sorted(ids), user, Query(sources.PHONE, "", ""))}
    editable = set(Customer.objects.allowed(user, "edit").filter(pk__any=list(ids)).values_list("pk", flat=True))
    found = {}
    for lead in leads:
        name = company_of(lead)
        query, mine = Query(sources.NAME, names.stem(name), name), {}
        for pk in same.get(name_key(name), ()):
            if pk in hits:
                mine[pk] = (SAME, "名称相同")
        for pk in there.get(stems.get(lead.pk) or "", ())[:EACH]:
            if pk in hits and (rank := finding.rank_of(query, hits[pk].name)) in (SAME, LIKE):
                mine.setdefault(pk, (rank, finding.WHY[rank]))
        for number in numbers.get(lead.pk, ()):
            for pk in there.get(number, ())[:EACH]:
                if pk in hits:
                    mine.setdefault(pk, (LIKE, "电话相同"))
        found[lead.pk] = _match(lead, mine, hits, editable, same, (by_name, by_phone))
    return found


def _same_names(leads) -> dict[str, list[int]]:
    """{name key: ids} of live customers whose names the unique key of the database would not let in again."""
    keys = sorted({name_key(company_of(lead)) for lead in leads})
    found: dict[str, list[int]] = {}
    for key, pk in Customer.objects.live().filter(name_key__any=keys).values_list("name_key", "pk"):
        found.setdefault(key, []).append(pk)
    return found


def _match(lead, mine: dict, hits: dict, editable: set[int], same: dict, levels: tuple[str, str]) -> Match:
    taken = set(same.get(name_key(company_of(lead)), ()))
    shown = []
    for pk, (rank, why) in sorted(mine.items(), key=lambda pair: (pair[1][0], pair[0]))[: finding.AT_MOST]:
        one = hits[pk]
        shown.append(Hit(one.source, one.record, rank, why, one.visible))
    by_name, by_phone = levels
    forbidden = ""
    for hit in sorted(shown, key=lambda hit: (not hit.visible, hit.rank)):
        if hit.record.pk in taken:
            forbidden = f"同名客户已存在{finding.describe(hit)}"
        elif hit.why == "电话相同" and by_phone == rules.FORBID:
            forbidden = rules.sentence("phone", hit)
        elif hit.why != "电话相同" and by_name == rules.FORBID:
            forbidden = rules.sentence("name", hit)
        if forbidden:
            break
    return Match(shown, frozenset(pk for pk in mine if pk in editable), forbidden)
