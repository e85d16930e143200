"""What a conversion will do, before anything is written, as far as the person may read it."""

from dataclasses import dataclass, field

from crm.records import fieldset, modules
from customers.duplicates.finding import describe

from ..models import Lead, Status
from . import making, mapping, matching, services

LOOKED_AT = 1000  # leads; of more only their number is said
NAMED = 30
BLOCK = 200


def parts(lead, user) -> list[dict]:
    """[{"module", "title", "rows": [(label, text)]}] of customer, contact and opportunity: values of fields the person may not
    read on the lead, or at the place they go to, are carried and not shown."""
    module = modules.get("lead")
    fields = fieldset.of(module, user)
    fields.prepare(list(fields.by_key.values()), [lead])
    plan = mapping.rows(mapping.load(), user)
    rows: dict[str, list] = {"customer": [], "contact": [], "opportunity": []}
    for row in plan:
        if row.target is None:
            continue
        target = fieldset.of(modules.get(row.target.module), user)
        text = fields.shown(lead, row.source.name)
        if text and target.readable(row.target.name):
            rows[row.target.module].append((mapping.label(row.target, user), text))
    company = "company" if lead.company else "name"
    titles = {
        "customer": fields.shown(lead, company),
        "contact": fields.shown(lead, "contact_name") if lead.contact_name else making.UNNAMED,
        "opportunity": "",
    }
    return [{"module": modules.get(name), "title": titles[name], "rows": found} for name, found in rows.items()]


@dataclass
class Outlook:
    """What many leads will become: figures, and the first that are refused with the reason."""

    total: int
    new: int = 0
    into: int = 0
    refused: int = 0
    named: list[tuple[str, str]] = field(default_factory=list)
    looked: bool = True

    def refuse(self, title: str, reason: str) -> None:
        self.refused += 1
        if len(self.named) < NAMED:
            self.named.append((title, reason))


def outlook(ids: list[int], user) -> Outlook:
    """Look at allowed leads with the rules of now; a few statements for every BLOCK of them."""
    found = Outlook(len(ids), looked=len(ids) <= LOOKED_AT)
    if not found.looked:
        return found
    for start in range(0, len(ids), BLOCK):
        leads = list(Lead.objects.filter(pk__any=ids[start : start + BLOCK]).order_by("pk"))
        matches = matching.find([lead for lead in leads if lead.status in services.OPEN], user)
        for lead in leads:
            match = matches.get(lead.pk)
            if match is None:
                found.refuse(lead.name, Status(lead.status).label)
            elif match.best is not None:
                found.into += 1
            elif match.hits:
                hit = match.hits[0]
                found.refuse(lead.name, match.forbidden or f"{hit.why}的客户已存在{describe(hit)}")
            else:
                found.new += 1
    return found
