"""What the editor's page is given: what may be chosen, the words of the cards, what is wrong."""

from orgs.models import Role

from .. import conditions, documents, flows, shape
from ..conditions import KINDS
from ..documents import Fact
from .words import Words, first_step

GIVEN = "120000"  # the amount 试一试 begins with


def _operand(fact: Fact) -> dict:
    """A fact in the terms of static/conditions.js."""
    return {
        "key": fact.key,
        "label": fact.label,
        "kind": KINDS[fact.kind],
        "money": fact.kind == "money",
        "options": [[str(stored), str(label)] for stored, label in fact.choices()] if fact.choices else [],
    }


def _dicts(value) -> list[dict]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def said(document: str, definition: dict, **known) -> dict:
    """What cards and fields say of a definition as it was typed: words, and problems by place; `known` as Words takes it."""
    cleaned, faults = shape.clean(definition, document)
    words, label = Words([(document, cleaned)], **known), documents.ALL[document].label
    if "condition" in faults:
        when = ""
    else:
        sentence = words.condition(document, cleaned["condition"])
        when = f"{label}满足：{sentence}" if sentence else f"没有条件：所有{label}都用这个流程"
    return {
        "condition": when,
        "start": words.own(cleaned),
        "steps": [
            {"key": one["key"], "who": words.everyone(one["who"]), "lines": words.step_lines(one)}
            for one in cleaned["steps"]
        ],
        "copies": words.everyone(cleaned["copies"]),
        "after": words.after(document, cleaned["after"]),
        "problems": faults,
        "names": {str(pk): name for pk, name in words.people.items()},
    }


def page(document: str, definition: dict, *, ways: dict[int, str]) -> dict:
    """Everything static/flow-editor.js draws from; `ways` = {department: way down to it}."""
    facts, roles = flows.facts_of(document), dict(Role.objects.values_list("pk", "name"))
    spoken = said(document, definition, ways=ways, roles=roles)
    return {
        "said": spoken,
        "fresh": first_step(""),
        "most": shape.STEPS,
        "names": spoken["names"],
        "roles": list(roles.items()),
        "settable": [_operand(fact) for fact in documents.ALL[document].settable()],
        "trial": {"amount": GIVEN},
        "conditions": {
            "groups": [{"label": "字段", "operands": [_operand(fact) for fact in facts]}],
            "operators": {kind: list(conditions.operators(fact)) for fact, kind in KINDS.items()},
            "people": [],
            "departments": [[str(pk), way] for pk, way in ways.items()],
            "dates": [],
        },
    }


def located(document: str, definition: dict, faults: dict) -> list[dict]:
    """The summary above the form: each sentence with the place it belongs to."""
    steps, found = _dicts(definition.get("steps")), []
    for place, sentences in faults.items():
        parts = place.split(".")
        label = {"condition": "条件", "copies": "抄送", "after": "通过后"}.get(parts[0], "流程")
        if parts[0] == "steps" and len(parts) > 1:
            name = steps[int(parts[1])].get("name")
            label = f"步骤 {int(parts[1]) + 1}" + (f"“{name[:50]}”" if isinstance(name, str) and name.strip() else "")
        found += [{"label": label, "text": one, "at": place} for one in sentences]
    return found
