"""What opportunities do when records of others change past their verbs: undo, merge."""

from crm.records.undoing.services import on_put_back
from customers.merging import carrying

from . import counting
from .models import Opportunity, Stakeholder


@on_put_back
def _counted(module, changes) -> None:
    """Records came back: the customers concerned are counted anew."""
    if module.name == "opportunity":
        former = {change.before["customer_id"] for change in changes if "customer_id" in change.before}
        counting.recount(former | {change.record.customer_id for change in changes})
    elif module.name == "customer":
        counting.recount(change.record.pk for change in changes)


def _named(contacts: list[int]) -> set[int]:
    """Those of these contacts that decide in an opportunity."""
    deciders = Opportunity.objects.filter(decider__in=contacts).order_by().values_list("decider")
    others = Stakeholder.objects.filter(contact__in=contacts).order_by().values_list("contact")
    return {pk for (pk,) in deciders.union(others)}


def _folded(journal, source: int, target: int) -> None:
    """A contact was folded into another one: the kept one decides from now on, once an opportunity."""
    journal.move(Opportunity.objects.filter(decider=source), decider_id=target)
    there = Stakeholder.objects.filter(contact=target).values("opportunity")
    journal.drop(Stakeholder.objects.filter(contact=source, opportunity__in=there))
    journal.move(Stakeholder.objects.filter(contact=source), contact_id=target)


carrying.on_fold(named=_named, move=_folded)
