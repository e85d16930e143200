"""A flow's definition in plain words: what stands on the cards of the editor, in the list and in the versions."""

from decimal import Decimal, InvalidOperation

from orgs import tree
from orgs.models import Employee, Role

from .. import conditions, documents, flows, shape
from ..documents import Fact

MODES = {"all": "会签", "any": "或签", "sequence": "依次审批"}
MODE_SENTENCES = {
    "all": "所有人都同意才进入下一步",
    "any": "有一个人同意就进入下一步",
    "sequence": "按顺序一个一个审批，都同意才进入下一步",
}
LATE = {"remind": "提醒审批人", "transfer": "自动转交上级"}
NOBODY = {"administrator": "转交审批管理员", "approve": "自动通过"}
RESUME = {"first": "从第一步重新开始", "rejecting": "从拒绝的那一步继续"}
GONE = "（已不存在）"


def first_step(key: str) -> dict:
    """A step as the editor adds it: complete, so that only what differs has to be touched."""
    return {**shape.new_step(key, "直属上级"), "who": [{"kind": "supervisor", "level": 1}], "skip_self": True}


def default() -> dict:
    """What a new flow begins with."""
    return {**shape.EMPTY, "steps": [first_step("s1")]}


def parts(definition: dict):
    """Every WHO of a definition."""
    for one in definition["steps"]:
        yield from one["who"]
    yield from definition["copies"]
    for action in definition["after"]:
        yield from action.get("who") or ()


def conditions_of(definition: dict) -> list[dict]:
    """The single conditions of a definition, in order."""
    found, left = [], [definition["condition"]] if definition["condition"] else []
    while left:
        node = left.pop(0)
        if "c" in node:
            left = [*node["c"], *left]
        else:
            found.append(node)
    return found


def ids_of(values) -> set[int]:
    return {int(one) for one in values if str(one).isascii() and str(one).isdigit() and len(str(one)) < 19}


def _figure(kind: str, typed: str) -> str:
    """A number as it is read; anything else as it was typed."""
    if kind not in ("money", "number", "percent"):
        return typed
    try:
        number = Decimal(typed.replace(",", "").strip())
    except InvalidOperation:
        return typed
    if not number.is_finite() or abs(number) >= 10**15:
        return typed
    if kind == "money":
        return f"¥{number:,.2f}"
    return f"{number.normalize():,f}{'%' if kind == 'percent' else ''}"


class Words:
    """Names of everything some definitions of one or several kinds of document point at, read at once."""

    def __init__(self, pairs, *, ways: dict[int, str] | None = None, roles: dict[int, str] | None = None):
        """`pairs` = [(document key, definition)]; `ways` of all departments and names of all `roles` where the page has read
        them already."""
        people, named, departments = set(), set(), set()
        asking = {key for key, one in pairs if one["condition"]}
        setting = {key for key, one in pairs if any(rule["kind"] == "set" for rule in one["after"])}
        self.facts = {key: {fact.key: fact for fact in flows.facts_of(key)} for key in asking if key in documents.ALL}
        self.settable = {
            key: {fact.key: fact for fact in documents.ALL[key].settable()} for key in setting if key in documents.ALL
        }
        self._labels: dict[str, dict[str, str]] = {}
        for key, definition in pairs:
            for who in parts(definition):
                if who["kind"] == "employee":
                    people |= ids_of(who["ids"])
                elif who["kind"] == "role":
                    named |= ids_of(who["ids"])
            known = self.facts.get(key, {})
            asked = [(known.get(rule["f"]), rule.get("v")) for rule in conditions_of(definition)]
            settable = self.settable.get(key, {})
            asked += [(settable.get(one["field"]), one["value"]) for one in definition["after"] if one["kind"] == "set"]
            for fact, value in asked:
                if fact is not None and fact.kind in ("employee", "department"):
                    found = ids_of(value if isinstance(value, list) else [value])
                    people |= found if fact.kind == "employee" else set()
                    departments |= found if fact.kind == "department" else set()
        self.people = {
            pk: name if active else f"{name}（已停用）"
            for pk, name, active in (
                Employee.objects.filter(pk__in=people).values_list("pk", "name", "is_active") if people else ()
            )
        }
        if roles is None:
            roles = dict(Role.objects.filter(pk__in=named).values_list("pk", "name")) if named else {}
        self.roles = roles
        self.departments = (tree.ways() if ways is None else ways) if departments else {}

    # Who ----------------------------------------------------------------------------------------------------------------
    def who(self, one: dict) -> str:
        """One entry, e.g. "陈景和、江予安", "角色「法务」", "发起人的第 2 级上级"."""
        kind = one["kind"]
        if kind == "employee":
            return "、".join(self.people.get(pk, f"员工{GONE}") for pk in one["ids"])
        if kind == "role":
            return "、".join(f"角色「{self.roles[pk]}」" if pk in self.roles else f"角色{GONE}" for pk in one["ids"])
        if kind == "supervisor":
            return "发起人的直属上级" if one["level"] == 1 else f"发起人的第 {one['level']} 级上级"
        if kind == "head":
            if one["level"] == 0:
                return "发起人所在部门的负责人"
            above = "上一级部门" if one["level"] == 1 else f"上 {one['level']} 级部门"
            return f"发起人{above}的负责人"
        return "提交时由发起人选择" if kind == "chosen" else "发起人本人"

    def everyone(self, entries) -> str:
        return "、".join(filter(None, map(self.who, entries)))

    # A step -------------------------------------------------------------------------------------------------------------
    def step(self, one: dict) -> list[tuple[str, str]]:
        """A step as (label, text), in reading order."""
        hours = one.get("hours")
        return [
            ("审批人", self.everyone(one["who"])),
            ("多人时", f"{MODES[one['mode']]}：{MODE_SENTENCES[one['mode']]}"),
            ("与发起人相同时", "跳过" if one["skip_self"] else "不跳过"),
            ("前面步骤已同意的人", "不用再审" if one["skip_approved"] else "还要再审"),
            ("找不到审批人时", NOBODY[one["nobody"]]),
            ("加签与转交", "允许" if one["changeable"] else "不允许"),
            ("时限", f"{hours} 小时，超时{LATE[one['late']]}" if hours else "不限"),
        ]

    def step_lines(self, one: dict) -> list[str]:
        """What a card says below the names: how several decide, and what is special."""
        hours = one.get("hours")
        special = [
            "发起人自己是审批人时跳过" if one["skip_self"] else "",
            "前面同意过的人不用再审" if one["skip_approved"] else "",
            f"限 {hours} 小时，超时{LATE[one['late']]}" if hours else "",
            f"找不到人时{NOBODY[one['nobody']]}",
            "" if one["changeable"] else "不能加签和转交",
        ]
        return [MODE_SENTENCES[one["mode"]], "；".join(filter(None, special))]

    # When ---------------------------------------------------------------------------------------------------------------
    def condition(self, key: str, node, *, inner: bool = False) -> str:
        """The condition in one sentence; "" = every document."""
        if not node:
            return ""
        if "c" not in node:
            return self.rule(key, node)
        texts = [text for child in node["c"] if (text := self.condition(key, child, inner=True))]
        joined = ("，并且" if node["m"] == "and" else "，或者").join(texts)
        return f"（{joined}）" if inner and len(texts) > 1 else joined

    def rule(self, key: str, rule: dict) -> str:
        fact = self.facts.get(key, {}).get(rule["f"])
        if fact is None:
            return f"字段{GONE}"
        label = next((label for code, label, _ in conditions.operators(fact.kind) if code == rule["o"]), "")
        return " ".join(filter(None, (fact.label, label, self.value(fact, rule.get("v")))))

    def value(self, fact: Fact, value) -> str:
        """A value of a fact as it is read: names instead of ids, money with separators."""
        if value is None or value == "":
            return ""
        many = value if isinstance(value, list) else [value]
        if fact.kind == "check":
            return "是" if value in (True, "1", "true", "yes") else "否"
        if fact.kind in ("employee", "department"):
            names = self.people if fact.kind == "employee" else self.departments
            texts = [next((names[pk] for pk in ids_of([one]) if pk in names), GONE) for one in many]
        elif fact.choices is not None:
            labels = self._labels_of(fact)
            texts = [labels.get(str(one), GONE) for one in many]
        else:
            return " 到 ".join(_figure(fact.kind, str(one)) for one in many)
        return "、".join(texts)

    def _labels_of(self, fact: Fact) -> dict[str, str]:
        if fact.key not in self._labels:
            self._labels[fact.key] = {str(stored): str(label) for stored, label in fact.choices()}
        return self._labels[fact.key]

    # Afterwards ---------------------------------------------------------------------------------------------------------
    def after(self, key: str, actions) -> list[str]:
        """What happens once the document is approved, a line each."""
        return [self.action(key, one) for one in actions]

    def action(self, key: str, one: dict) -> str:
        if one["kind"] == "notify":
            return f"通知{self.everyone(one['who'])}"
        if one["kind"] == "webhook":
            return f"推送到 {one['url']}"
        fact = self.settable.get(key, {}).get(one["field"])
        if fact is None:
            return f"设置字段{GONE}"
        return f"把“{fact.label}”设为“{self.value(fact, one['value'])}”"

    def own(self, definition: dict) -> str:
        return "可以审批自己提交的单据" if definition["own"] else "不能审批自己提交的单据"
