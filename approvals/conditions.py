"""Conditions over the facts of a document, evaluated in Python: {"m": "and"|"or", "c": [rule | group]} with a rule
{"f": fact key, "o": operator, "v": value}. The operators are those of the advanced filter (crm.records.conditions)."""

from collections.abc import Iterable
from datetime import date
from decimal import Decimal, InvalidOperation

from crm.records.conditions.operands import OPERATORS
from crm.records.custom import definitions
from crm.records.custom.definitions import Type
from crm.records.fields import name_key, tidy
from orgs.models import Department

from .documents import Fact

KINDS = {
    "money": "number",
    "number": "number",
    "percent": "number",
    "choice": "choice",
    "employee": "person",
    "department": "department",
    "text": "text",
    "date": "date",
    "check": "bool",
}
DEPTH, RULES, VALUES, TEXT = 3, 30, 200, 200
LARGEST = Decimal("999999999999.9999")
SUBMITTER = Fact("submitter", "发起人", "employee")
DEPARTMENT = Fact("department", "发起人的部门", "department")
_CUSTOM = {
    Type.LINE: "text",
    Type.TEXT: "text",
    Type.MOBILE: "text",
    Type.EMAIL: "text",
    Type.URL: "text",
    Type.AREA: "text",
    Type.NUMBER: "number",
    Type.MONEY: "money",
    Type.PERCENT: "percent",
    Type.DATE: "date",
    Type.CHOICE: "choice",
    Type.CHOICES: "choice",
    Type.CHECK: "check",
    Type.PERSON: "employee",
    Type.DEPARTMENT: "department",
}


def operators(kind: str) -> tuple[tuple[str, str, int], ...]:
    """[(operator, label, number of values; 9 = a list)] a fact of this kind takes."""
    return OPERATORS[KINDS[kind]]


def custom_facts(module_name: str) -> list[Fact]:
    """The custom fields of a module that conditions may ask, key "f<id>"; a record's `extra` holds their values."""

    def chosen(one):
        return lambda: [(pk, label) for pk, label, offered in one.options if offered]

    return [
        Fact(one.key, one.label, _CUSTOM[one.type], chosen(one) if one.options else None)
        for one in definitions.custom(module_name).values()
        if one.type in _CUSTOM and not one.retired
    ]


# Checking ---------------------------------------------------------------------------------------------------------------
def validate(condition, facts: Iterable[Fact]) -> list[str]:
    """What is wrong with a condition, in sentences; {} always holds."""
    if not condition:
        return []
    known = {fact.key: fact for fact in facts}
    found: list[str] = []
    count = _check(condition, known, found, 1)
    if count > RULES:
        found.append(f"条件最多 {RULES} 条")
    return list(dict.fromkeys(found))


def _check(node, known: dict[str, Fact], found: list[str], depth: int) -> int:
    if not isinstance(node, dict):
        found.append("条件的格式不正确")
        return 0
    if "c" not in node:
        if sentence := _fault(node, known):
            found.append(sentence)
        return 1
    if node.get("m") not in ("and", "or") or not isinstance(node["c"], list) or len(node["c"]) > RULES:
        found.append("条件的格式不正确")
        return 0
    if not node["c"] and depth > 1:
        found.append("条件组里至少要有一个条件")
    if depth > DEPTH:
        found.append(f"条件最多 {DEPTH} 层")
        return 0
    return sum(_check(child, known, found, depth + 1) for child in node["c"])


def _fault(rule: dict, known: dict[str, Fact]) -> str:
    key = rule.get("f")
    fact = known.get(key) if isinstance(key, str) else None
    if fact is None:
        return "条件里有已不存在的字段，请删除或重选"
    values = {code: count for code, _, count in operators(fact.kind)}
    operator = rule.get("o")
    if not isinstance(operator, str) or operator not in values:
        return f"“{fact.label}”的条件不完整，请选择比较方式"
    count, value = values[operator], rule.get("v")
    if count == 0:
        return ""
    if count == 9:
        if not isinstance(value, list) or not 0 < len(value) <= VALUES:
            return f"“{fact.label}”请至少选一项，最多 {VALUES} 项"
        if fact.choices is not None and fact.kind == "choice":
            offered = {str(stored) for stored, _ in fact.choices()}
            if any(isinstance(one, dict | list) or str(one) not in offered for one in value):
                return f"“{fact.label}”的选项已不存在，请重选"
        elif not all(plain_id(one) for one in value):
            return f"“{fact.label}”的选项不正确，请重选"
        return ""
    many = value if count == 2 else [value]
    if not isinstance(many, list | tuple) or len(many) != count:
        return f"“{fact.label}”请填写两个值"
    got = [None if isinstance(one, str) and len(one) > TEXT else read(fact.kind, one) for one in many]
    if any(one is None for one in got):
        words = {"number": "数字", "date": "日期"}.get(KINDS[fact.kind], f"文字（最多 {TEXT} 个字）")
        return f"“{fact.label}”请填写{words}"
    return f"“{fact.label}”的第一个值不能大于第二个" if count == 2 and got[0] > got[1] else ""


def kept(condition: dict) -> dict:
    """A valid condition as it is stored: nothing but what is asked, texts tidied."""

    def plain(value):
        return (
            [plain(one) for one in value]
            if isinstance(value, list)
            else tidy(value)
            if isinstance(value, str)
            else value
        )

    if not condition:
        return {}
    if "c" in condition:
        return {"m": condition["m"], "c": [kept(one) for one in condition["c"]]}
    return {"f": condition["f"], "o": condition["o"], "v": plain(condition.get("v"))}


def plain_id(value) -> int | None:
    """A plausible id; True is none."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    text = str(value)
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


def read(kind: str, value):
    """A value as it is compared; None for one that is empty or none of its kind."""
    if value is None or isinstance(value, bool | dict | list):
        return None
    if KINDS[kind] == "number":
        try:
            number = Decimal(tidy(value).replace(",", "").removeprefix("¥").removesuffix("%").strip())
        except InvalidOperation:
            return None
        return number if number.is_finite() and abs(number) <= LARGEST else None
    if kind == "date":
        try:
            return value if isinstance(value, date) else date.fromisoformat(tidy(value))
        except ValueError:
            return None
    text = tidy(value)
    return name_key(text) if 0 < len(text) <= 10_000 else None


# Holding ----------------------------------------------------------------------------------------------------------------
def holds(condition, facts: Iterable[Fact], values: dict) -> bool:
    """Whether a condition holds for these values ({fact key: value}). A rule on a fact that is gone does not hold."""
    if not condition:
        return True
    return _holds(condition, {fact.key: fact for fact in facts}, values)


def _holds(node: dict, known: dict[str, Fact], values: dict) -> bool:
    if "c" in node:
        parts = (_holds(child, known, values) for child in node["c"])
        return not node["c"] or (any(parts) if node["m"] == "or" else all(parts))
    fact = known.get(node["f"])
    return fact is not None and _meets(fact, node["o"], node.get("v"), values.get(fact.key))


def _meets(fact: Fact, operator: str, wanted, value) -> bool:
    kind = KINDS[fact.kind]
    if kind == "bool":
        return bool(value) == (operator == "yes")
    empty = value is None or value == "" or value == []
    if operator in ("empty", "filled"):
        return empty == (operator == "empty")
    if operator in ("in", "out"):
        found = not empty and _among(kind, wanted, value if isinstance(value, list | tuple) else [value])
        return found == (operator == "in")
    if operator == "between":
        got, low, high = (read(fact.kind, one) for one in (value, *wanted))
        return got is not None and low is not None and high is not None and low <= got <= high
    got, other = read(fact.kind, value), read(fact.kind, wanted)
    if got is None or other is None:
        return other is not None and operator in ("not", "lacks")
    if kind == "text":
        return {
            "contains": other in got,
            "lacks": other not in got,
            "is": got == other,
            "not": got != other,
        }.get(operator, False)
    return {
        "is": got == other,
        "on": got == other,
        "not": got != other,
        "gt": got > other,
        "after": got > other,
        "gte": got >= other,
        "lt": got < other,
        "before": got < other,
        "lte": got <= other,
    }.get(operator, False)


def _among(kind: str, wanted, values) -> bool:
    chosen = {str(one) for one in wanted}
    if kind != "department":
        return any(str(one) in chosen for one in values)
    ids = [pk for one in [*wanted, *values] if (pk := plain_id(one)) is not None]
    paths = dict(Department.objects.filter(pk__any=ids).values_list("pk", "path"))
    above = [paths[pk] for one in wanted if (pk := plain_id(one)) in paths]
    below = [paths[pk] for one in values if (pk := plain_id(one)) in paths]
    return any(mine.startswith(path) for mine in below for path in above)
