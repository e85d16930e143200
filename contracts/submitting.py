"""Who will decide on a contract: beside its form while one writes, and in the dialog that submits it."""

from django.core.exceptions import ValidationError

from approvals.coming import SubmitForm
from crm.records.formfields import is_id

from . import services
from .models import Contract

PARTS = ("customer", "kind", "owner")


def submit_form(contract: Contract, *, by, data=None) -> SubmitForm:
    """The steps to come, the people `by` chooses, a note."""
    return SubmitForm(data, document="contract", subject=contract, user=by)


def ahead(form, *, by) -> SubmitForm:
    """The same for what stands in the contract's form now, saved or not; what was chosen there stays chosen."""
    contract = form.instance
    if form.is_bound:
        form.is_valid()  # puts what is right so far on the instance
    elif contract.pk is None:
        for name in PARTS:
            value = form.initial.get(name)
            setattr(contract, f"{name}_id", int(str(getattr(value, "pk", value))) if is_id(value) else None)
        contract.amount = form.initial.get("amount") or None
    offered = getattr(form, "offered", None)
    if form.is_bound and offered is not None and form.data.get("take_lines"):
        contract.amount, contract.discount = offered.lines_total, offered.discount
    found = submit_form(contract, by=by)
    if form.is_bound:
        for name in found.fields:
            sent = form.data.getlist(name) if name.startswith("chosen_") else form.data.get(name, "")
            found.initial[name] = [one for one in sent if is_id(one)] if isinstance(sent, list) else sent
    return found


def submit_sent(contract: Contract, data, *, by) -> Contract:
    """Submit a saved contract with what its form or the dialog says about its approval; ValidationError in words."""
    form = submit_form(contract, by=by, data=data)
    if not form.is_valid():
        raise ValidationError([text for found in form.errors.values() for text in found])
    return services.submit(contract, by=by, chosen=form.chosen(), note=form.note)
