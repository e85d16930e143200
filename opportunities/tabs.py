"""The tabs of an opportunity: 决策人, 竞争对手, 阶段历史."""

from django.utils import timezone

from crm.records import fieldset, modules
from crm.records.modules import Tab
from customers.models import Contact

from .bar import days_between
from .models import Opportunity, Stakeholder

CHIPS = {"for": "k-chip-success", "against": "k-chip-danger", "neutral": "k-chip-warning", "unknown": ""}


def _people(opportunity: Opportunity, user) -> tuple[list[dict], int]:
    """Who decides, as far as the person may see the contacts, the main one first; and how many they may not see."""
    module, contact = modules.get("opportunity"), modules.get("contact")
    rows = {one.contact_id: one for one in opportunity.stakeholders.select_related("role")}
    main = opportunity.decider_id if fieldset.of(module, user).readable("decider") else None
    ids = set(rows) | ({main} if main else set())
    seen = Contact.objects.allowed(user, "view").filter(pk__any=sorted(ids)).in_bulk() if ids else {}
    fields = fieldset.of(contact, user)
    found = []
    for pk in sorted(seen, key=lambda pk: (pk != main, rows[pk].pk if pk in rows else 0)):
        row, person = rows.get(pk), seen[pk]
        found.append(
            {
                "pk": row.pk if row else None,
                "contact": person,
                "name": person.name,
                "position": fields.shown(person, "position"),
                "tel": fields.shown(person, "mobile"),
                "dial": person.mobile if fields.readable("mobile") else "",
                "role": row.role.label if row and row.role else "",
                "attitude": row.get_attitude_display() if row else Stakeholder.Attitude.UNKNOWN.label,
                "css": CHIPS[row.attitude if row else "unknown"],
                "note": row.note if row else "",
                "main": pk == main,
            }
        )
    return found, len(ids) - len(seen)


def people_tab(request, opportunity, rights) -> dict:
    rows, hidden = _people(opportunity, request.user)
    url, may = modules.get("opportunity").url("people", opportunity.pk), "edit" in rights
    for row in rows:
        keep = f"{url}{row['pk']}/" if row["pk"] else f"{url}new/?contact={row['contact'].pk}"
        row["edit_url"] = keep if may else None
        row["remove_url"] = f"{url}{row['pk']}/remove/" if may and row["pk"] else None
    return {"rows": rows, "hidden": hidden, "add_url": f"{url}new/" if may else None}


def competitors_tab(request, opportunity, rights) -> dict:
    """Empty where the person may not read the field."""
    fields = fieldset.of(modules.get("opportunity"), request.user)
    if not fields.readable("competitors"):
        return {"rows": [], "add_url": None, "closed": True}
    url = modules.get("opportunity").url("competitors", opportunity.pk)
    may = "edit" in rights and fields.editable("competitors")
    rows = [
        {
            "row": one,
            "edit_url": f"{url}{one.pk}/" if may else None,
            "remove_url": f"{url}{one.pk}/remove/" if may else None,
        }
        for one in opportunity.rivals.all()
    ]
    return {"rows": rows, "add_url": f"{url}new/" if may else None}


def history_tab(request, opportunity, rights) -> dict:
    """Every stay, the newest first, with its days, who moved it there and what they said."""
    now, fields = timezone.now(), fieldset.of(modules.get("opportunity"), request.user)
    limits = {one.pk: one.max_days for one in opportunity.pipeline.stages.all()}
    rows = []
    for entry in opportunity.entries.select_related("by").order_by("-pk"):
        stay = days_between(entry.entered_at, entry.left_at or now) if entry.stage_name else None
        limit = limits.get(entry.stage_id)
        rows.append(
            {
                "entry": entry,
                "note": entry.note if fields.readable("close_note") else "",
                "label": entry.stage_name or entry.get_state_display(),
                "state": entry.state if not entry.stage_name else "",
                "days": stay,
                "late": stay is not None and limit is not None and stay > limit,
            }
        )
    return {"rows": rows}


TABS = [
    Tab("people", "决策人", "opportunities/people.html", people_tab, order=40),
    Tab("competitors", "竞争对手", "opportunities/competitors.html", competitors_tab, order=45),
    Tab("stages", "阶段历史", "opportunities/history.html", history_tab, order=60),
]
