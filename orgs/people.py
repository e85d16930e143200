"""Who may be picked for what, and how people are found by typing."""

from django.db.models import Q

from crm.records import modules, search
from crm.records.forms import people_in_reach

from .models import Employee

PICK_ROWS = 20


def candidates(user, function: str):
    """Active employees `user` may choose for a function ("customer.create": those in reach; an administration function
    held: everybody). LookupError for a function that does not exist."""
    name, _, action = function.partition(".")
    if name == "admin":
        if function not in modules.ADMIN_FUNCTIONS:
            raise LookupError(function)
        return Employee.objects.filter(is_active=True) if user.has_function(function) else Employee.objects.none()
    module = modules.get(name)
    function = f"{name}.{module.function_for(action)}"
    if function not in modules.all_functions():
        raise LookupError(function)
    return people_in_reach(user, function)


def find(people, typed: str):
    """`people` whose name, pinyin initials, phone or e-mail match what was typed."""
    text = " ".join(typed.replace("\x00", "").split())[:100]
    if not text:
        return people
    plain = search.normal(text)
    condition = Q(name__icontains=text) | Q(name__icontains=plain)
    if plain.isascii():
        condition |= Q(pinyin__contains=plain)
        digits = "".join(filter(str.isdigit, plain))
        if digits and not plain.strip("0123456789-+"):
            condition |= Q(phone__contains=digits)
        if "@" in plain:
            condition |= Q(email__icontains=plain)
    return people.filter(condition)


def option(person) -> dict:
    """A row of a picker."""
    parts = [person.department.name, person.position]
    return {"id": person.pk, "text": person.name, "sub": " · ".join(part for part in parts if part)}
