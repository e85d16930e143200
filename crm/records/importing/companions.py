"""Records of another type in the same rows (customers with their contacts in one sheet): their targets, and how they are
written in the chunk of the record they belong to, under their own limits, rights and log."""

from dataclasses import dataclass, field, replace

from ..fields import tidy
from . import custom, keys, load, targets
from .keys import EMPTY


@dataclass(frozen=True)
class Companion:
    """`module` of the records, `link` = its target that names the row's own record, `prefix` of its labels, `words` = headers
    that mean its fields without the prefix, once its first target is found in the file, `without` = targets left out."""

    module: str
    link: str
    prefix: str
    words: dict = field(default_factory=dict)
    without: tuple[str, ...] = ()


def targets_of(importer, user) -> list:
    """The companion's fields this person may fill by import."""
    from .. import modules

    companion = importer.companion
    if companion is None or not user.has_function(f"{companion.module}.import"):
        return []
    other = targets.importer_of(modules.get(companion.module))
    offered = other.allowed_targets(user)
    if companion.link not in {target.key for target in offered}:
        return []
    return [
        replace(
            target,
            key=f"{companion.module}.{target.key}",
            label=companion.prefix + target.label,
            synonyms=(
                *companion.words.get(target.key, ()),
                *(companion.prefix + word for word in target.synonyms),
            ),
            field="",
            custom=None,
            companion=target,
        )
        for target in offered
        if target.key not in (companion.link, *companion.without)
        and not target.function
        and target.lookup not in (targets.OWNER, targets.PERSON)
    ]


def plan_of(plan, mapping: dict, options: dict):
    """The plan of the companion's part of the rows, None where no column belongs to it."""
    from .. import modules

    companion = plan.importer.companion
    mine = {key.partition(".")[2]: place for key, place in mapping.items() if "." in key}
    if companion is None or not mine:
        return None
    return type(plan)(
        modules.get(companion.module),
        plan.user,
        {"mapping": mine, "on_duplicate": plan.mode, "unknown": options.get("unknown", "reject")},
        within=companion,
    )


def prepare(plan, parent, rows):
    """The checked companion part of `parent`'s rows; `present` = the rows that have one. Its faults are the row's."""
    chunk = plan.prepare(rows)
    places = list(plan.mapping.values())
    chunk.present = {
        row for row, (_, cells, _) in enumerate(rows) if any(tidy(cells[p]) for p in places if p < len(cells))
    }
    for row in list(chunk.faults):
        found = chunk.faults.pop(row)
        if row in chunk.present:
            parent.faults[row] += found
    return chunk


@dataclass
class Work:
    """What is to be written: `fresh` rows of records still to be created, `add` rows of records that exist, `change` =
    {id: row}."""

    fresh: list[int]
    add: list[int]
    change: dict[int, int]


def decide(chunk, fresh: list[int], settled: dict[int, int]) -> Work:
    """Decide what becomes of the companions of rows to be created and of rows whose record exists ({row: id}); rows that
    cannot be written fail as a whole, before anything of them is."""
    sub, plan = chunk.companion, chunk.plan
    link = sub.plan.model._meta.get_field(plan.importer.companion.link).attname
    settled = {row: pk for row, pk in settled.items() if row in sub.present}
    own = sub.plan.own_key
    label = next(target.label for target in sub.plan.targets if target.key in own.targets)
    mine = load.editable(plan, settled.values()) if settled else set()
    for row, pk in settled.items():
        if pk not in mine:
            chunk.fail(row, plan.key.label, keys.not_mine(plan.key))
    sub.values[link] = [settled.get(row) for row in range(len(sub))]
    rows = [row for row in sorted(settled) if row not in chunk.faults]
    found = keys.of_rows(sub, rows, own)
    known, several = keys.existing(sub.plan, own, found.values())
    work, seen, changes = Work([row for row in fresh if row in sub.present], [], {}), set(), plan.mode != "skip"
    for row, value in found.items():
        if value not in known and value not in seen:
            seen.add(value)
            work.add.append(row)
        elif changes and value in several:
            chunk.fail(row, label, keys.ambiguous(own))
        elif changes and value in known:
            work.change[known[value]] = row
    mine = load.editable(sub.plan, work.change) if work.change else set()
    for pk, row in work.change.items():
        if pk not in mine:
            chunk.fail(row, label, keys.not_mine(own))
    _complete(chunk, sub, work)
    work.fresh = [row for row in work.fresh if row not in chunk.faults]
    work.add = [row for row in work.add if row not in chunk.faults]
    work.change = {pk: row for pk, row in work.change.items() if row not in chunk.faults}
    return work


def _complete(chunk, sub, work: Work) -> None:
    """Fail rows whose companion lacks what the company demands or repeats a unique value."""
    created = [row for row in (*work.fresh, *work.add) if row not in chunk.faults]
    for target in sub.plan.demanded:
        column = sub.values[sub.plan.attnames[target.key]]
        for row in created:
            if column[row] in EMPTY:
                chunk.fail(row, target.label, f"请填写{target.label}")
    if sub.plan.unique:
        owners = {row: pk for pk, row in work.change.items()}
        rows = [row for row in sorted({*created, *owners}) if row not in chunk.faults]
        custom.check_unique(sub, rows, owners)
        for row in list(sub.faults):
            chunk.faults[row] += sub.faults.pop(row)


def write(chunk, work: Work, created: dict[int, int], job) -> None:
    """Write the companions: `created` = {row: id} of the records just created. They are owned like the record they belong
    to. Their figures stand beside those of the rows."""
    sub, plan = chunk.companion, chunk.plan
    link = sub.plan.model._meta.get_field(plan.importer.companion.link).attname
    rows = sorted([*(row for row in work.fresh if row in created), *work.add])
    for row in work.fresh:
        sub.values[link][row] = created.get(row)
    if sub.plan.module.owned and plan.module.owned:
        ids = {sub.values[link][row] for row in rows}
        owners = dict(plan.model.objects.filter(pk__any=ids).values_list("pk", "owner_id")) if ids else {}
        sub.values["owner_id"] = [owners[pk] if pk in owners else plan.user.pk for pk in sub.values[link]]
    added = len(load.create(sub, rows, job))
    changed = load.change(sub, work.change, job)[0] if work.change else 0
    for name, count in (("companions_added", added), ("companions_changed", changed)):
        job.result[name] = job.result.get(name, 0) + count
    job.result["companion"] = sub.plan.module.label
