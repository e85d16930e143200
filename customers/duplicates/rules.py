"""The rule of each entry point: what happens where a customer to be saved looks like one that exists.

Two checks: the same stem of the name (有限公司 and the like apart) and the same phone. Names that are equal but for width,
case and spaces are a matter of the parameter 客户重名 and its unique key in the database, whatever stands here.
"""

import hashlib
from dataclasses import dataclass, field

from crm.records import params
from crm.records.fields import name_key

from . import names, sources
from .finding import LIKE, SAME, Hit, Query, describe, hits_of, like, rank_of

ENTRIES = {"form": "新建和编辑", "import": "导入", "conversion": "转化", "api": "API"}
CHECKS = {"name": "名称相近", "phone": "电话相同"}
FORBID, WARN, OFF = "forbid", "warn", "off"
CHOICES = ((FORBID, "禁止"), (WARN, "提醒"), (OFF, "不检查"))
_EXPLAINED = {
    "form": "提醒：保存时列出可能重复的客户，可以仍然保存。",
    "import": "提醒：照常导入，并在结果中列出；禁止：该行失败。",
    "conversion": "线索转为客户时。",
    "api": "通过接口新建和修改时。",
}

params.declare(
    *(
        params.Param(
            f"duplicates_{entry}_{check}",
            f"查重 · {label} · {words}",
            WARN if entry in ("form", "conversion") else OFF,
            _EXPLAINED[entry],
            kind="choice",
            choices=CHOICES,
        )
        for entry, label in ENTRIES.items()
        for check, words in CHECKS.items()
    ),
    params.Param("duplicates_per_minute", "每分钟查重次数", 60, "每人一分钟内最多查重的次数。", low=1, high=1000),
    params.Param("duplicates_per_day", "每天查重次数", 600, "每人一天内最多查重的次数。", low=1, high=100_000),
)


def level(entry: str, check: str) -> str:
    """FORBID, WARN or OFF for an entry point (ENTRIES) and a check (CHECKS)."""
    return params.get(f"duplicates_{entry}_{check}")


@dataclass
class Findings:
    """`forbidden` = {check: sentence} that refuse the record; `doubts` = hits somebody has to look at first."""

    forbidden: dict[str, str] = field(default_factory=dict)
    doubts: list[Hit] = field(default_factory=list)

    @property
    def token(self) -> str:
        """Names exactly these doubts: who confirmed them confirmed no others."""
        pks = ",".join(str(hit.record.pk) for hit in sorted(self.doubts, key=lambda hit: hit.record.pk))
        return hashlib.sha256(pks.encode()).hexdigest()[:32] if pks else ""


def check(entry: str, *, user, name: str = "", phones=(), exclude: int | None = None) -> Findings:
    """What the rule of an entry point says about a customer of this name and these numbers; pass only what is new or
    changed. `exclude` = the customer itself."""
    found = Findings()
    for key, given in (("name", {"name": name}), ("phone", {"phones": phones})):
        rule = level(entry, key) if any(given.values()) else OFF
        if rule == OFF:
            continue
        hits = like(user, **given, exclude=exclude)
        if key == "name" and params.get("duplicate_names") == FORBID:
            # the unique key refuses those already, in its own words
            hits = [hit for hit in hits if name_key(hit.name) != name_key(name)]
        if hits and rule == FORBID:
            best = min(hits, key=lambda hit: (not hit.visible, hit.rank))
            found.forbidden[key] = sentence(key, best)
        elif rule == WARN:
            known = {hit.record.pk for hit in found.doubts}
            found.doubts += [hit for hit in hits if hit.record.pk not in known]
    return found


def sentence(key: str, hit: Hit) -> str:
    """电话相同的客户已存在：云澜智造 / …，负责人：张三"""
    return f"{CHECKS[key]}的客户已存在{describe(hit)}"


# Many rows of an import ------------------------------------------------------------------------------------------------


def active(entry: str) -> bool:
    """Whether the entry point has any rule at all."""
    return any(level(entry, key) != OFF for key in CHECKS)


def check_rows(chunk, rows: list[int], *, user) -> None:
    """Judge rows of an import that become new customers: those a rule forbids fail, the others it doubts are listed in the
    result. The number of statements does not depend on the rows."""
    for key, column, label in (("name", "name", "客户名称"), ("phone", "phone", "电话")):
        rule, values = level("import", key), chunk.values.get(column)
        if rule == OFF or values is None:
            continue
        comparable = names.name_stem if key == "name" else names.number
        wanted = {row: value for row in rows if row not in chunk.faults and (value := comparable(values[row] or ""))}
        for row, words in _meetings(key, wanted, values, chunk, user).items():
            if rule == FORBID:
                chunk.fail(row, label, words)
            else:
                chunk.doubt(row, words)


def _meetings(key: str, wanted: dict[int, str], values, chunk, user) -> dict[int, str]:
    """{row: sentence} of rows that meet a customer that exists, or an earlier row of the same file."""
    source, kind = sources.ALL["customer"], sources.NAME if key == "name" else sources.PHONE
    texts = sorted(set(wanted.values()))
    there: dict[str, list[int]] = {}
    for text, pk in source.match(kind, texts, 20 * len(texts) + 1) if texts else ():
        there.setdefault(text, []).append(pk)
    ids = [pk for found in there.values() for pk in found[:20]]
    hits = {hit.record.pk: hit for hit in hits_of(source, ids, user, Query(sources.PHONE, "", ""))}
    earlier: dict[str, int] = {}
    found: dict[int, str] = {}
    for row, text in wanted.items():
        name = values[row]
        met = [hits[pk] for pk in there.get(text, ())[:20] if pk in hits and _alike(key, name, hits[pk].name)]
        # the strict stem, so that 苏州云澜 and 杭州云澜 do not meet
        same = names.stem(name) if key == "name" else text
        if met:
            found[row] = sentence(key, min(met, key=lambda hit: (not hit.visible, hit.record.pk)))
        elif same in earlier:
            found[row] = f"与第 {chunk.numbers[earlier[same]]:,} 行{CHECKS[key]}"
        earlier.setdefault(same, row)
    return found


def _alike(key: str, name: str, other: str) -> bool:
    return key == "phone" or rank_of(Query(sources.NAME, "", name), other) in (SAME, LIKE)
