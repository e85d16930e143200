"""The verb of 线索分配. Rules are locked first, then the people they name, then the leads: two at once take turns, and what a
person may still get is counted under lock."""

from collections.abc import Iterable
from datetime import datetime

from django.db import models, transaction
from django.utils import timezone

from crm.notices.services import notify
from crm.records import formatting, modules, services
from crm.records.importing.write import Same, insert
from customers.pools import kinds, quotas
from customers.pools.services import end_teams, listed, note

from ..models import AssignmentRule, Lead, LeadGift, LeadIntake, Status
from . import matching
from .matching import Outcome

CHUNK = 500
WAITING, UNMATCHED = "等待分配", "没有规则适用，不再等待分配"


@transaction.atomic
def assign_by_rules(leads, *, by=None, now: datetime | None = None, owned: bool = False) -> Outcome:
    """Give leads (a queryset the caller may assign from, or ids) to whom the first matching rule names. Only those that lie in
    a pool are touched, with `owned` only those in 未分配 that have an owner; what nobody can take now waits where it lies, or
    falls to the rule's fallback. `by` = who asked, None for the system. One log row a lead, one message a person."""
    now = now or timezone.now()
    rows = leads if isinstance(leads, models.QuerySet) else Lead.objects.filter(pk__any=list(leads))
    list(AssignmentRule.objects.filter(enabled=True).order_by("pk").select_for_update(no_key=True).values_list("pk"))
    quotas.lock(matching.Company.now().ids)
    company = matching.Company.now()  # again under lock: somebody may just have been disabled
    found = _lock(rows, owned=owned)
    forms = dict(LeadIntake.objects.filter(lead__in=[lead.pk for lead in found]).values_list("lead_id", "form_id"))
    outcome = company.decide(found, forms, now=now)
    _write(outcome, by=by, now=now)
    return outcome


def _lock(rows, *, owned: bool) -> list[Lead]:
    """The leads that may be given, locked in the order of their ids."""
    free = Lead.objects.live().filter(pk__in=rows.order_by().values("pk"), status__in=matching.OPEN)
    free = free.filter(owner__isnull=False, status=Status.NEW) if owned else free.filter(owner=None)
    return services.hold(free, "owner")


def _write(outcome: Outcome, *, by, now: datetime) -> None:
    for rule in {rule.pk: rule for _, _, rule, _ in outcome.given}.values():
        AssignmentRule.objects.filter(pk=rule.pk).update(last_given=rule.last_given)
    by_person: dict[int, list[tuple]] = {}
    for entry in outcome.given:
        by_person.setdefault(entry[1].pk, []).append(entry)
    for entries in by_person.values():
        _give(entries, by=by, now=now)
    _to_pools(outcome.pooled, by=by, now=now)
    _mark_waiting(outcome.waiting, by=by, now=now)
    done = [entry[0].pk for entry in (*outcome.given, *outcome.pooled)]
    if done:
        LeadIntake.objects.filter(lead__in=done, waiting_since__isnull=False).update(waiting_since=None)


def _give(entries: list[tuple], *, by, now: datetime) -> None:
    """Locked leads to one person."""
    kind, to = kinds.get("lead"), entries[0][1]
    ids = [lead.pk for lead, _, _, _ in entries]
    pooled = [lead for lead, _, _, _ in entries if lead.owner_id is None]
    Lead.objects.filter(pk__any=ids).update(
        owner=to,
        pool=None,
        pooled_at=None,
        pool_reason="",
        received_at=now,
        status=Status.FOLLOWING,
        assigned_by=by,
        assigned_at=now,
        version=models.F("version") + 1,
        updated_at=now,
    )
    if pooled:
        end_teams(kind, [lead.pk for lead in pooled], by=by)
        note(kind, [(lead.pk, lead.pool_id, to.pk, "", "") for lead in pooled], action="assigned", by=by, now=now)
    lines = [(lead.pk, _words(to, rule, spare), _changes(lead, to)) for lead, _, rule, spare in entries]
    services.write_log(Lead, lines, code="lead.assigned", by=by)
    columns = {
        "rule_id": [rule.pk for _, _, rule, _ in entries],
        "lead_id": ids,
        "employee_id": Same(to.pk),
        "fallback": [spare for _, _, _, spare in entries],
        "created_at": Same(now),
    }
    insert(LeadGift, columns, len(ids))
    if by is None or by.pk != to.pk:
        module, names = modules.get("lead"), [lead.name for lead, _, _, _ in entries]
        url = module.url(pk=ids[0]) if len(ids) == 1 else f"{module.list_url}?view=mine"
        title = f"新线索分配给您：{names[0]}" if len(ids) == 1 else f"{len(ids):,} 个新线索分配给您"
        body = f"{listed(names)}\n按规则“{'”“'.join(dict.fromkeys(rule.name for _, _, rule, _ in entries))}”分配"
        notify([to.pk], kind="lead_given", title=title, body=body, url=url)


def _words(to, rule: AssignmentRule, spare: bool) -> str:
    return f"按规则“{rule.name}”分配给{to.name}" + ("（没有别人可以接收）" if spare else "")


def _changes(lead: Lead, to) -> list[dict]:
    changes = [
        {"key": "owner", "label": "负责人", "old": lead.owner.name if lead.owner_id else "", "new": to.name},
        {"key": "status", "label": "状态", "old": Status(lead.status).label, "new": Status.FOLLOWING.label},
    ]
    return [change for change in changes if change["old"] != change["new"]]


def _to_pools(entries: list[tuple], *, by, now: datetime) -> None:
    """Leads nobody can take go to their rule's pool."""
    kind, groups = kinds.get("lead"), {}
    for lead, pool, rule in entries:
        groups.setdefault((pool.pk, rule.pk), []).append((lead, pool, rule))
    for some in groups.values():
        _, pool, rule = some[0]
        reason = f"规则“{rule.name}”没有人可以接收"
        moving = [lead for lead, _, _ in some if lead.pool_id != pool.pk]
        Lead.objects.filter(pk__any=[lead.pk for lead, _, _ in some]).update(
            pool_id=pool.pk, pool_reason=reason, version=models.F("version") + 1, updated_at=now
        )
        lines = [(lead.pk, f"{reason}，放入“{pool.name}”", []) for lead, _, _ in some]
        services.write_log(Lead, lines, code="lead.pool_moved", by=by)
        note(kind, [(lead.pk, pool.pk, None, reason, "") for lead in moving], action="moved", by=by, now=now)


def _mark_waiting(entries: list[tuple], *, by, now: datetime) -> None:
    """Leads of a pool wait for their rule; the pool says why. A reason that stands there already leaves no trace."""
    reasons: dict[str, list[Lead]] = {}
    for lead, rule, why in entries:
        if lead.owner_id is None:
            reasons.setdefault(f"{WAITING}：规则“{rule.name}”{why}", []).append(lead)
    for reason, leads in reasons.items():
        new = [lead.pk for lead in leads if lead.pool_reason != reason]
        Lead.objects.filter(pk__any=new).update(pool_reason=reason, version=models.F("version") + 1, updated_at=now)
        services.write_log(Lead, ((pk, reason, []) for pk in new), code="lead.waiting", by=by)
        marks = [LeadIntake(lead=lead, waiting_since=lead.pooled_at) for lead in leads]
        LeadIntake.objects.bulk_create(
            marks, update_conflicts=True, unique_fields=["lead"], update_fields=["waiting_since"], batch_size=CHUNK
        )


def waiting():
    """Leads that lie in a pool for a rule to give them away."""
    return Lead.objects.live().filter(owner=None, intake__waiting_since=models.F("pooled_at"))


def run(now: datetime | None = None) -> int:
    """Give away what waits, a chunk at a time; returns how many leads left the queue."""
    now, done, last = now or timezone.now(), 0, 0
    LeadIntake.objects.filter(waiting_since__isnull=False).exclude(lead__in=waiting().values("pk")).update(
        waiting_since=None
    )
    while ids := list(waiting().filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)[:CHUNK]):
        outcome = assign_by_rules(ids, now=now)
        done += len(outcome.given) + len(outcome.pooled)
        settle(outcome)
        last = ids[-1]
    return done


@transaction.atomic
def settle(outcome: Outcome, *, by=None) -> None:
    """Leads no rule is about stop waiting, and the pool says so; the next rule made does not sweep them up."""
    ids = [lead.pk for lead in outcome.unmatched]
    if not ids:
        return
    LeadIntake.objects.filter(lead__in=ids).update(waiting_since=None)
    told = [lead.pk for lead in outcome.unmatched if lead.pool_reason.startswith(WAITING)]
    Lead.objects.filter(pk__any=told, owner=None, pool_reason__startswith=WAITING).update(
        pool_reason=UNMATCHED, version=models.F("version") + 1, updated_at=timezone.now()
    )
    services.write_log(Lead, ((pk, UNMATCHED, []) for pk in told), code="lead.waiting_ended", by=by)


def preview(leads: list[Lead], *, forms: dict | None = None, now: datetime | None = None) -> Outcome:
    """What would become of these leads now; nothing is locked or written. `forms` = {lead: web form}, read where not given."""
    if forms is None:
        through = LeadIntake.objects.filter(lead__in=[lead.pk for lead in leads])
        forms = dict(through.values_list("lead_id", "form_id"))
    return matching.Company.now().decide(leads, forms, now=now or timezone.now())


def bulk(rows, *, by, form=None) -> tuple[int, list[tuple[str, str]]]:
    """按规则分配 as a bulk action: how many left the unassigned, and why the others stay."""
    pairs = list(rows.order_by("pk").values_list("pk", "owner_id"))
    done, refused = 0, []
    for owned in (False, True):
        ids = [pk for pk, owner in pairs if (owner is not None) == owned]
        for start in range(0, len(ids), CHUNK):
            chunk = ids[start : start + CHUNK]
            outcome = assign_by_rules(rows.filter(pk__any=chunk), by=by, owned=owned)
            settle(outcome, by=by)
            done += len(outcome.given) + len(outcome.pooled)
            refused += _refused(rows.model.objects.filter(pk__any=chunk), outcome)
    return done, refused


def _refused(rows, outcome: Outcome) -> list[tuple[str, str]]:
    """Why leads stay as they are."""
    found = [(lead.name, f"规则“{rule.name}”{why}{_until(lead, rule)}") for lead, rule, why in outcome.waiting]
    found += [(lead.name, "没有规则适用于这条线索") for lead in outcome.unmatched]
    seen = [entry[0].pk for entry in (*outcome.given, *outcome.pooled, *outcome.waiting)]
    left = rows.exclude(pk__any=[*seen, *(lead.pk for lead in outcome.unmatched)])
    return found + [(name, "已经分配，请用“转移”") for name in left.values_list("name", flat=True)]


def _until(lead: Lead, rule: AssignmentRule) -> str:
    """When a waiting lead is tried again."""
    if lead.owner_id is not None:
        return ""
    at = rule.works_from(timezone.now())
    return (
        f"，{formatting.moment(at)} 起自动分配" if at is not None and at > timezone.now() else "，有人能接收时自动分配"
    )


def given_counts(rule: AssignmentRule, starts: Iterable[datetime]) -> dict[int, list[int]]:
    """{employee: [how many leads the rule gave them since each of these moments]}."""
    starts = list(starts)
    columns = {
        f"n{place}": models.Count("pk", filter=models.Q(created_at__gte=start)) for place, start in enumerate(starts)
    }
    rows = rule.gifts.order_by().values("employee_id").annotate(**columns)
    return {row["employee_id"]: [row[name] for name in columns] for row in rows}
