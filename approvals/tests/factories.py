"""Flows and approvals for tests: plain functions."""

from approvals import flows, shape
from approvals.models import Approval, Assignment, Flow
from contracts import services as contracts
from contracts.models import Contract
from contracts.tests import factories as papers


def step(*people, key: str = "", name: str = "", who=None, **more) -> dict:
    """A step decided by these employees, or by `who`."""
    whos = who if who is not None else [{"kind": "employee", "ids": [one.pk for one in people]}]
    return {**shape.new_step(key, name), "who": whos, **more}


def flow(administrator, *steps, document: str = "contract", name: str = "合同审批", on: bool = True, **more) -> Flow:
    """An enabled flow; `more` = parts of the definition, or departments and employees."""
    values = {key: more.pop(key, []) for key in ("departments", "employees")}
    values |= {"name": name, "note": "", "administrator": administrator}
    laid = [
        {**one, "key": one["key"] or f"s{number}", "name": one["name"] or f"步骤{number}"}
        for number, one in enumerate(steps, 1)
    ]
    definition = {**shape.EMPTY, "steps": laid, **more}
    made = flows.save_flow(Flow(document=document), values=values, definition=definition, version=0, by=administrator)
    return flows.enable(made, by=administrator) if on else made


def change(one: Flow, by, **more) -> Flow:
    """A new version of a flow: parts of its definition replaced."""
    one.refresh_from_db()
    definition = {**flows.newest(one).definition, **more}
    departments, employees = flows.served(one)
    values = {"name": one.name, "note": one.note, "administrator": one.administrator}
    values |= {"departments": departments, "employees": employees}
    return flows.save_flow(one, values=values, definition=definition, version=one.version, by=by)


def submitted(seller, **more) -> tuple[Contract, Approval | None]:
    """A contract sent into approval, and its approval."""
    chosen = more.pop("chosen", None)
    made = contracts.submit(papers.contract(seller, **more), by=seller, chosen=chosen)
    return made, Approval.objects.filter(object_id=made.pk, document="contract").order_by("-pk").first()


def todo(approval: Approval, person) -> int:
    """The id of what waits for somebody."""
    return Assignment.objects.get(step__approval=approval, employee=person, state="open").pk


def waiting(approval: Approval) -> list[str]:
    """The names of those whose turn it is."""
    rows = Assignment.objects.filter(step__approval=approval, state="open").order_by("order", "pk")
    return list(rows.values_list("employee__name", flat=True))


def status(contract: Contract) -> str:
    return Contract.objects.get(pk=contract.pk).status
