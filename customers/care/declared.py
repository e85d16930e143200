"""What 客户关怀 adds: its dictionary, message, periodic jobs, the page of the rules."""

from django.utils import timezone

from crm.notices import kinds as messages
from crm.records import dictionaries, modules
from crm.records import services as records
from crm.records.periodic import periodic
from orgs import pages
from orgs.handover import parts

from ..models import CareTask, ContactPlan, Customer
from . import making, services

dictionaries.declare("customer.plan_type", "联系方式", "客户")
messages.register("care", "客户关怀提醒", "客户与公海", icon="star", order=19)
pages.PAGES.insert(
    next(place for place, page in enumerate(pages.PAGES) if page.function == "admin.settings"),
    pages.Page("admin.settings", "客户关怀", "/settings/care/", "star", "生日、节日、续约和定期联系的规则"),
)
modules.NAV.append(modules.NavPage("客户关怀", "/care/", "star", "customer.view", order=33))


def _handed(what: str):
    """The customer's log says who took over a plan or a care that named a person."""

    def written(rows: list, field: str, names: dict, by, text: str) -> None:
        lines = [(row.customer_id, f"{what}交给{names[row.pk]}（{text}）", []) for row in rows]
        records.write_log(Customer, lines, code="customer.care_handed", by=by)

    return written


parts.register(
    parts.Part(
        "contact_plans",
        "指定给他的联系计划",
        rows=lambda person: ContactPlan.objects.filter(owner=person, active=True).select_related("owner"),
        written=_handed("联系计划"),
    )
)
parts.register(
    parts.Part(
        "cares",
        "指定给他的未完成关怀",
        rows=lambda person: CareTask.objects.filter(owner=person, state="open").select_related("owner"),
        written=_handed("客户关怀"),
    )
)


@periodic("care", "产生客户关怀", schedule="每天 00:50")
def nightly(now) -> str:
    """Tasks of the coming days out of rules and contact plans."""
    return f"产生 {making.run(timezone.localtime(now).date()):,} 个"


@periodic("care_reminder", "客户关怀提醒", schedule="每天 08:00")
def morning(now) -> str:
    """One message to each person with cares due."""
    return f"提醒 {services.remind(timezone.localtime(now).date()):,} 人"
