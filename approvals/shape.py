"""The shape of a flow's definition (FlowVersion): what comes from the editor is checked whole and kept without anything unknown.
Every fault stands at its place: "steps.0.who"."""

import re
from datetime import date

from django.core.exceptions import ValidationError

from crm.notices import outgoing
from crm.notices.errors import NotSent
from crm.records.fields import tidy
from orgs.models import Department, Employee, Role

from . import conditions, documents
from .models import Step

STEPS, WHOS, IDS, LEVELS, HOURS, AFTER = 20, 10, 50, 10, 2160, 10
KEY = re.compile(r"[A-Za-z0-9_-]{1,20}")
SKIPS = ("skip_self", "skip_approved", "changeable")
EMPTY = {"condition": {}, "steps": [], "copies": [], "resume": "first", "own": False, "after": []}


def new_step(key: str, name: str = "") -> dict:
    """A step as the editor begins it."""
    return {
        "key": key,
        "name": name,
        "who": [],
        "mode": "any",
        "skip_self": False,
        "skip_approved": False,
        "nobody": "administrator",
        "changeable": True,
        "hours": None,
        "late": "remind",
    }


class Faults(dict):
    """{place: [sentences]}."""

    def add(self, place: str, sentence: str) -> None:
        some = self.setdefault(place, [])
        if sentence not in some:
            some.append(sentence)


def clean(wanted, document: str) -> tuple[dict, dict[str, list[str]]]:
    """(the definition as it is kept, {place: [sentences]} of what is wrong with it)."""
    faults = Faults()
    if not isinstance(wanted, dict):
        faults.add("steps", "流程的格式不正确")
        return dict(EMPTY), faults
    kind = documents.ALL.get(document)
    facts = [conditions.SUBMITTER, conditions.DEPARTMENT, *(kind.facts() if kind else [])]
    found = {
        "condition": wanted.get("condition") or {},
        "resume": wanted.get("resume", "first"),
        "own": wanted.get("own") is True,
        "steps": [],
        "copies": [],
        "after": [],
    }
    for sentence in conditions.validate(found["condition"], facts):
        faults.add("condition", sentence)
    found["condition"] = {} if "condition" in faults else conditions.kept(found["condition"])
    if found["resume"] not in ("first", "rejecting"):
        faults.add("resume", "请选择重新提交后从哪里开始")
    steps = _list(wanted.get("steps"), "steps", STEPS, "步骤", faults)
    if not steps:
        faults.add("steps", "至少要有一个步骤")
    keys: set[str] = set()
    for number, step in enumerate(steps):
        found["steps"].append(_step(step, f"steps.{number}", keys, found["own"], faults))
    found["copies"] = _whos(wanted.get("copies"), "copies", faults, copies=True)
    for number, act in enumerate(_list(wanted.get("after"), "after", AFTER, "动作", faults)):
        found["after"].append(_act(act, f"after.{number}", kind, faults))
    _check_ids(found, faults)
    return found, faults


def _list(value, place: str, most: int, what: str, faults: Faults) -> list:
    if value in (None, ""):
        return []
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        faults.add(place, f"{what}的格式不正确")
        return []
    if len(value) > most:
        faults.add(place, f"{what}最多 {most} 个")
    return value[:most]


def _step(step: dict, place: str, keys: set[str], own: bool, faults: Faults) -> dict:
    found = new_step("")
    key = step.get("key")
    if not isinstance(key, str) or not KEY.fullmatch(key) or key in keys:
        faults.add(f"{place}.key", "步骤的编号不正确或重复，请删除后重新添加")
    else:
        keys.add(key)
        found["key"] = key
    name = step.get("name")
    found["name"] = tidy(name) if isinstance(name, str) else ""
    if not found["name"]:
        faults.add(f"{place}.name", "请填写步骤名称")
    elif len(found["name"]) > 50:
        faults.add(f"{place}.name", "最多 50 个字")
        found["name"] = found["name"][:50]
    found["who"] = _whos(step.get("who"), f"{place}.who", faults)
    if not step.get("who"):
        faults.add(f"{place}.who", "请选择审批人")
    if any(who["kind"] == "submitter" for who in found["who"]) and not own:
        faults.add(f"{place}.who", "审批人有“发起人本人”时，须打开“允许发起人审批自己的单据”")
    for option, choices, words in (
        ("mode", Step.Mode.values, "请选择多人时怎么审批"),
        ("nobody", ("administrator", "approve"), "请选择找不到审批人时怎么办"),
        ("late", ("remind", "transfer"), "请选择超时后怎么办"),
    ):
        value = step.get(option, found[option])
        if isinstance(value, str) and value in choices:
            found[option] = value
        else:
            faults.add(f"{place}.{option}", words)
    for option in SKIPS:
        found[option] = step.get(option, found[option]) is True
    hours = step.get("hours")
    text = tidy(hours) if isinstance(hours, str | int) and not isinstance(hours, bool) else None if hours else ""
    if text and text.isascii() and text.isdigit() and len(text) < 6 and 1 <= int(text) <= HOURS:
        found["hours"] = int(text)
    elif text != "":
        faults.add(f"{place}.hours", f"时限为 1 到 {HOURS:,} 的整数小时")
    return found


def _whos(value, place: str, faults: Faults, *, copies: bool = False) -> list[dict]:
    found = []
    for who in _list(value, place, WHOS, "人员", faults):
        kind = who.get("kind")
        if kind in ("employee", "role"):
            ids = (
                [pk for one in who["ids"] if (pk := conditions.plain_id(one))]
                if isinstance(who.get("ids"), list)
                else []
            )
            if not ids or len(ids) > IDS:
                faults.add(place, f"请选择{'员工' if kind == 'employee' else '角色'}（最多 {IDS} 个）")
            found.append({"kind": kind, "ids": list(dict.fromkeys(ids))[:IDS]})
        elif kind in ("supervisor", "head"):
            low = 1 if kind == "supervisor" else 0
            level = who.get("level", low)
            level = int(level) if isinstance(level, str) and level.isascii() and level.isdigit() else level
            if isinstance(level, bool) or not isinstance(level, int) or not low <= level <= LEVELS:
                faults.add(place, f"级数为 {low} 到 {LEVELS}")
                level = low
            found.append({"kind": kind, "level": level})
        elif kind == "submitter" or (kind == "chosen" and not copies):
            found.append({"kind": kind})
        else:
            faults.add(place, "请选择人员的类型")
    return found


def _act(act: dict, place: str, kind, faults: Faults) -> dict:
    name = act.get("kind")
    if name == "notify":
        if not act.get("who"):
            faults.add(place, "请选择通知谁")
        return {"kind": name, "who": _whos(act.get("who"), place, faults, copies=True)}
    if name == "webhook":
        url = act.get("url")
        url = url.strip() if isinstance(url, str) else ""
        try:
            outgoing.parse(url)
        except NotSent as error:
            faults.add(place, str(error))
        return {"kind": name, "url": url[: outgoing.LONGEST_URL]}
    if name == "set":
        fact = next((one for one in (kind.settable() if kind else []) if one.key == act.get("field")), None)
        if fact is None or kind.set_field is None:
            faults.add(place, "请选择要设置的字段")
            return {"kind": name, "field": "", "value": None}
        value, sentence = _value(fact, act.get("value"))
        if sentence:
            faults.add(place, sentence)
        return {"kind": name, "field": fact.key, "value": value}
    faults.add(place, "请选择通过后做什么")
    return {"kind": "notify", "who": []}


def _value(fact: documents.Fact, value):
    """(the value a field is set to, what is wrong with it)."""
    if fact.kind == "check":
        return value in (True, "on", "yes", "1"), ""
    if value in (None, ""):
        return None, ""
    if fact.kind == "choice":
        offered = {str(stored): stored for stored, _ in (fact.choices() if fact.choices else [])}
        bad = isinstance(value, bool | dict | list) or str(value) not in offered
        return (None, f"“{fact.label}”的选项已不存在，请重选") if bad else (offered[str(value)], "")
    if fact.kind in ("employee", "department"):
        model = Employee if fact.kind == "employee" else Department
        pk = conditions.plain_id(value)
        if pk is None or not model.objects.filter(pk=pk).exists():
            return None, f"“{fact.label}”的选项不正确，请重选"
        return pk, ""
    got = conditions.read(fact.kind, value)
    if got is None:
        return None, f"“{fact.label}”的值不正确"
    if isinstance(got, date):
        return got.isoformat(), ""
    return (tidy(value)[:2000] if fact.kind == "text" else str(got)), ""


def _check_ids(found: dict, faults: Faults) -> None:
    """Every employee named is there and active, every role is there."""
    named: list[tuple[str, dict]] = [("copies", who) for who in found["copies"]]
    for number, step in enumerate(found["steps"]):
        named += [(f"steps.{number}.who", who) for who in step["who"]]
    for number, act in enumerate(found["after"]):
        named += [(f"after.{number}", who) for who in act.get("who", [])]
    ids = {kind: {pk for _, who in named if who["kind"] == kind for pk in who["ids"]} for kind in ("employee", "role")}
    people = {one.pk: one for one in Employee.objects.filter(pk__any=ids["employee"])} if ids["employee"] else {}
    roles = set(Role.objects.filter(pk__any=ids["role"]).values_list("pk", flat=True)) if ids["role"] else set()
    for place, who in named:
        if who["kind"] == "employee":
            if missing := [pk for pk in who["ids"] if pk not in people]:
                faults.add(place, f"有 {len(missing)} 个员工不存在，请重选")
            if gone := [people[pk].name for pk in who["ids"] if pk in people and not people[pk].is_active]:
                faults.add(place, f"{'、'.join(gone[:10])}已停用，请换人")
        elif who["kind"] == "role" and not roles.issuperset(who["ids"]):
            faults.add(place, "有角色已被删除，请重选")


def faults_of(error: ValidationError) -> dict[str, list[str]]:
    """The places and sentences of a refusal of flows.save_flow; what belongs nowhere stands under ""."""
    return error.message_dict if hasattr(error, "error_dict") else {"": error.messages}
