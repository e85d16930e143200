"""Quotations on their way through approval, for tests: people, a flow, a quotation brought to a state."""

from approvals import services as approvals
from approvals.models import Approval, Assignment
from approvals.tests.factories import flow, step
from opportunities.models import Quotation
from opportunities.quotes import approval as rules
from opportunities.quotes import approving, services
from orgs.tests.factories import department, employee

from .quoting import values

ABOVE_50 = {"m": "and", "c": [{"f": "amount", "o": "gte", "v": "50"}]}


class People:
    def __init__(self):
        self.east, self.south = department("华东"), department("华南")
        self.admin = employee("江管理", ["admin"])
        self.boss = employee("王总", ["sales_manager"], self.south)  # does not see the opportunities of 华东 by reach
        self.seller = employee("甲", ["seller"], self.east)
        self.stranger = employee("丙", ["seller"], self.south)


def asked(people, **more):
    """A flow in which 王总 decides."""
    return flow(people.admin, step(people.boss), document="quotation", name="报价审批", **more)


def pending(quotation) -> Approval:
    return Approval.objects.get(document="quotation", object_id=quotation.pk, state="pending")


def todo(quotation) -> int:
    return Assignment.objects.get(step__approval=pending(quotation), state="open").pk


def brought(quotation, people, state: str) -> Quotation:
    """The quotation with its newest version in a state."""
    quotation = fresh(quotation)
    if state not in (rules.NONE, rules.OPEN):
        approving.submit(quotation, by=people.seller)
    if state == "approved":
        approvals.approve(todo(quotation), by=people.boss)
    elif state == "rejected":
        approvals.reject(todo(quotation), by=people.boss, comment="太低")
    elif state == "withdrawn":
        approvals.withdraw(pending(quotation).pk, by=people.seller)
    return fresh(quotation)


def fresh(quotation) -> Quotation:
    return Quotation.objects.select_related("current", "opportunity").get(pk=quotation.pk)


def revise(quotation, by, **more):
    return services.revise(quotation, values(**more), version=quotation.version, by=by)
