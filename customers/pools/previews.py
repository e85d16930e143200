"""What the rules on the screen would take tomorrow, beside what the stored ones will: two statements over the records, whatever
their number, and one for the samples."""

from dataclasses import dataclass, field
from datetime import date, timedelta

from django.db.models import Case, Count, IntegerField, Q, Value, When
from django.utils import timezone

from . import book, kinds, reclaim, rules, wording

SAMPLES = 8


@dataclass
class Line:
    """A rule of the pool on the screen: how many it takes tomorrow; `other` = how many it would take besides, while off."""

    rule: kinds.Rule
    on: bool
    count: int = 0
    other: int | None = None
    days: list[int] = field(default_factory=list)

    @property
    def text(self) -> str:
        if self.on:
            return f"明日 {self.count:,} 个"
        return "已停用" + (f"；启用后明日另有 {self.other:,} 个" if self.other is not None else "")

    @property
    def boundary(self) -> str:
        return wording.boundary(self.rule, self.days)


@dataclass
class Preview:
    """`total` and `saved` = records taken tomorrow by all pools; `added`, `gone` = the difference record by record."""

    lines: list[Line]
    total: int
    saved: int
    added: int
    gone: int
    elsewhere: int  # by the other pools
    owners: int
    spared: dict[str, int]
    samples: list[dict]
    note: str = ""

    @property
    def bars(self) -> list[dict]:
        """[{label, count, width (0 to 100)}] of the rules that are on, and of the other pools."""
        shown = [(line.rule.label, line.count) for line in self.lines if line.on]
        shown += [("其他公海", self.elsewhere)] if self.elsewhere else []
        most = max([count for _, count in shown], default=0) or 1
        return [{"label": label, "count": count, "width": round(count * 100 / most)} for label, count in shown]

    @property
    def difference(self) -> str:
        saved = f"已保存的规则是 {self.saved:,} 个"
        parts = [f"多出 {self.added:,} 个"] if self.added else []
        parts += [f"少 {self.gone:,} 个"] if self.gone else []
        return f"{saved}，屏幕上的{'，'.join(parts)}。" if parts else f"{saved}，屏幕上的取走同样的记录。"


def tomorrow() -> date:
    return timezone.localdate() + timedelta(days=1)


def lineup(pool: book.Facts) -> list[book.Facts]:
    """Every enabled pool in order, this one as on the screen and as if it were enabled."""
    return [pool if one.pk == pool.pk else one for one in book.every(pool.kind) if one.enabled or one.pk == pool.pk]


def any_of(found: list[reclaim.Clause]) -> Q:
    """The records any of these clauses takes."""
    if not found:
        return Q(pk__in=())
    condition = found[0].rows
    for clause in found[1:]:
        condition |= clause.rows
    return condition


def first_of(found: list[reclaim.Clause]) -> Case:
    """The place of the clause that takes a record: the first that fits, as reclaim.run has it."""
    places = [When(clause.rows, then=Value(place)) for place, clause in enumerate(found)]
    return Case(*places, default=None, output_field=IntegerField())


def preview(kind: kinds.Kind, pool: book.Facts, off: book.Facts, *, user, day: date | None = None) -> Preview:
    """`pool` = as on the screen, `off` = the same with only its switched-off rules, as if they were on."""
    day = day or tomorrow()
    found = reclaim.clauses(kind, day, lineup(pool))
    off_rules: dict[str, list[reclaim.Clause]] = {}
    for clause in reclaim.clauses(kind, day, [off]):
        off_rules.setdefault(clause.rule.key, []).append(clause)
    screen, saved = any_of(found), rules.due(kind, day)
    taken, others, stored, added, gone, owners = _counted(kind, found, off_rules, screen, saved)
    spared = {"locked": Q(locked=True)} | {one.key: one.where(day) for one in kind.exemptions}
    counts = {f"spared_{key}": Count("pk", filter=condition) for key, condition in spared.items()}
    facts = _owned(kind).aggregate(**counts)
    lines = []
    for rule in kind.rules:
        on = rule.key in pool.rules
        mine = [n for n, clause in enumerate(found) if clause.pool.pk == pool.pk and clause.rule.key == rule.key]
        clauses = [found[n] for n in mine] if on else off_rules.get(rule.key, [])
        lines.append(
            Line(
                rule,
                on,
                count=sum(taken.get(n, 0) for n in mine),
                other=others.get(rule.key),
                days=sorted({clause.days for clause in clauses}, reverse=True),
            )
        )
    total = sum(taken.values())
    samples, note = _samples(kind, found, screen, saved, user=user, pool=pool, total=total, added=added)
    return Preview(
        lines=lines,
        total=total,
        saved=stored,
        added=added,
        gone=gone,
        elsewhere=total - sum(line.count for line in lines),
        owners=len(owners),
        spared={key: facts[f"spared_{key}"] for key in spared},
        samples=samples,
        note=note,
    )


def _owned(kind: kinds.Kind):
    return kind.model.objects.filter(deleted_at=None, owner__isnull=False)


def _flag(condition: Q) -> Case:
    return Case(When(condition, then=Value(1)), default=Value(0), output_field=IntegerField())


def _counted(kind: kinds.Kind, found: list, off_rules: dict, screen: Q, saved: Q) -> tuple:
    """(records by place of their clause, by switched-off rule what it would take besides, taken by the stored rules, added,
    gone, ids of the owners): one statement that looks at each record once."""
    flags = {f"off_{key}": _flag(any_of(some)) for key, some in off_rules.items()}
    place = first_of(found) if found else Value(None, output_field=IntegerField())
    either = screen | saved | any_of([clause for some in off_rules.values() for clause in some])
    rows = _owned(kind).filter(either).annotate(place=place, known=_flag(saved), **flags).order_by()
    groups = rows.values_list("place", "known", "owner_id", *flags).annotate(number=Count("pk"))
    taken: dict[int, int] = {}
    others = dict.fromkeys(off_rules, 0)
    stored = added = gone = 0
    owners = set()
    for place, known, owner, *off, number in groups:
        stored += number * known
        if place is None:
            gone += number * known
            for key, hit in zip(off_rules, off, strict=True):
                others[key] += number * hit
        else:
            added += number * (1 - known)
            taken[place] = taken.get(place, 0) + number
            owners.add(owner)
    return taken, others, stored, added, gone, owners


def _samples(kind, found, screen: Q, saved: Q, *, user, pool, total: int, added: int) -> tuple[list[dict], str]:
    """Some of the records, new ones first, as far as the person may see them; and a sentence where they may not see all."""
    label, reach = kind.of.label, user.scope_for(f"{kind.module}.view")
    if not total:
        return [], ""
    if reach is None:
        return [], f"您的角色不能查看{label}，这里只显示数量。"
    rows = kind.model.objects.allowed(user, "view").filter(screen)
    rows = rows.annotate(place=first_of(found), known=_flag(saved)).select_related("owner").order_by("pk")
    picked = list(rows.filter(known=0)[:SAMPLES]) if added else []
    if len(picked) < SAMPLES:
        picked += rows.filter(known=1)[: SAMPLES - len(picked)]
    samples = []
    for record in picked:
        clause = found[record.place]
        samples.append(
            {
                "title": kind.of.title_of(record),
                "url": kind.of.url(pk=record.pk),
                "owner": record.owner.name,
                "rule": wording.brief(clause.rule, clause.days),
                "pool": "" if clause.pool.pk == pool.pk else clause.pool.name,
                "fresh": not record.known,
            }
        )
    return samples, "" if reach.everything else f"只列出您数据范围内的{label}，数量是全公司的。"
