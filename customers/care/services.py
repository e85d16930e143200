"""Verbs of 客户关怀: close a task, keep a contact plan, keep a rule. A follow-up written at a customer fulfils its plan."""

from collections.abc import Iterable
from datetime import date, timedelta

from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from crm.notices.services import notify
from crm.records import formatting, services
from crm.records.followups import services as followups
from crm.records.models import FollowUpLink
from orgs.services.oplog import differences, record

from ..models import CareRule, CareRuleLevel, CareTask, ContactPlan, Customer
from . import making, queries

OPEN = CareTask.State.OPEN


# Tasks ----------------------------------------------------------------------------------------------------------------
def _locked(task: CareTask) -> tuple[Customer, CareTask]:
    """The customer and its open task under lock, in the order follow-ups take them."""
    customer = Customer.objects.select_for_update().get(pk=task.customer_id)
    task = services.hold(CareTask.objects.filter(pk=task.pk), "done_by", "plan")[0]
    if task.state != OPEN:
        who = task.done_by.name if task.done_by else "系统"
        raise ValidationError(f"{who}已处理了这个关怀（{task.get_state_display()}）。")
    return customer, task


@transaction.atomic
def done(task: CareTask, *, by, result: str = "", satisfaction: int | None = None, method=None) -> CareTask:
    """完成: `satisfaction` (1 to 5) is written to the customer too, `method` (a value of followup.method) writes the result as
    a follow-up. A contact plan moves on by its period. ValidationError where somebody was quicker."""
    customer, task = _locked(task)
    _close(task, CareTask.State.DONE, by=by, result=result, satisfaction=satisfaction)
    services.log(customer, code="customer.care_done", by=by, text=f"完成关怀：{task.text}")
    if satisfaction and satisfaction != customer.satisfaction:
        services.update(customer, {"satisfaction": satisfaction}, version=customer.version, by=by)
    if method is not None:
        planned = customer.next_contact_at
        values = {
            "method": method,
            "topic": None,
            "title": "",
            "content": result,
            # The appointment the customer has stays: a care does not call it off.
            "next_contact_at": planned if planned and planned > timezone.now() else None,
            **dict.fromkeys(followups.VISIT_FIELDS, ""),
        }
        task.followup = followups.write(customer, values, by=by, related=[task.contact] if task.contact else ())
        task.save(update_fields=["followup"])
    elif task.plan:
        _move_on([task.plan])
    return task


@transaction.atomic
def skip(task: CareTask, *, by, reason: str) -> CareTask:
    """跳过, with the reason; a contact plan moves on by its period."""
    customer, task = _locked(task)
    _close(task, CareTask.State.SKIPPED, by=by, result=reason)
    services.log(customer, code="customer.care_skipped", by=by, text=f"跳过关怀：{task.text}（{reason}）")
    if task.plan:
        _move_on([task.plan])
    return task


def _close(task: CareTask, state: str, *, by, result: str, satisfaction: int | None = None) -> None:
    task.state, task.result, task.satisfaction = state, result, satisfaction
    task.done_by, task.done_at = by, timezone.now()
    task.full_clean(validate_unique=False, validate_constraints=False)
    task.save()


def _move_on(plans: Iterable[ContactPlan]) -> None:
    plans, today = list(plans), timezone.localdate()
    for plan in plans:
        plan.next_on = today + timedelta(days=plan.period)
    ContactPlan.objects.bulk_update(plans, ["next_on"])


@followups.on_written
def fulfil(followup, places: dict, *, by) -> None:
    """A follow-up at a customer (or one of its contacts) is the contact its plan asks for: the open task is done, the next date
    counts from today. The customers are locked by whoever writes the follow-up."""
    kind = ContentType.objects.get_for_model(Customer).pk
    ids = [pk for (of, pk), link in places.items() if of == kind and link != FollowUpLink.Kind.RELATED]
    plans = list(ContactPlan.objects.filter(customer_id__any=ids, active=True).select_for_update()) if ids else []
    if not plans:
        return
    CareTask.objects.filter(plan__in=plans, state=OPEN).update(
        state=CareTask.State.DONE, done_at=timezone.now(), done_by=by, followup=followup, result="已写跟进"
    )
    _move_on(plans)


# Contact plans --------------------------------------------------------------------------------------------------------
@transaction.atomic
def keep_plan(customer: Customer, *, by, type, period: int, next_on: date, owner=None) -> ContactPlan:
    """Give a customer its own 联系计划, or change it: every `period` days, next on `next_on`; `owner` None = the customer's
    owner, else an employee who sees the customer. Its open task moves along."""
    Customer.objects.select_for_update().get(pk=customer.pk)
    if owner is not None and not Customer.objects.allowed(owner, "view").filter(pk=customer.pk).exists():
        raise ValidationError({"owner": f"{owner.name}看不到这个客户，请先加入团队。"})
    plan = ContactPlan.objects.filter(customer=customer).select_related("type", "owner").first()
    before = _words(plan)
    plan = plan or ContactPlan(customer=customer)
    plan.rule, plan.active = None, True
    plan.type, plan.period, plan.next_on, plan.owner = type, period, next_on, owner
    plan.full_clean()
    plan.save()
    task = making.task_of(plan)
    plan.tasks.filter(state=OPEN).update(text=task.text, occurs_on=next_on, due_on=next_on, owner=owner)
    _log_plan(customer, before, _words(plan), by=by, text="设置联系计划")
    return plan


@transaction.atomic
def stop_plan(customer: Customer, *, by) -> None:
    """No contact plan for this customer, not even a rule's; its open task goes. ValidationError where it has none."""
    Customer.objects.select_for_update().get(pk=customer.pk)
    plan = ContactPlan.objects.filter(customer=customer, active=True).select_related("type", "owner").first()
    if plan is None:
        raise ValidationError("这个客户没有联系计划。")
    before = _words(plan)
    plan.tasks.filter(state=OPEN).delete()
    plan.rule, plan.active = None, False
    plan.save()
    _log_plan(customer, before, {}, by=by, text="停止联系计划")


def _words(plan: ContactPlan | None) -> dict[str, str]:
    if plan is None or not plan.active:
        return {}
    return {
        "联系方式": plan.type.label if plan.type else "",
        "间隔天数": f"{plan.period} 天",
        "下次联系日期": formatting.day(plan.next_on),
        "执行人": plan.owner.name if plan.owner else "",
    }


def _log_plan(customer: Customer, before: dict, after: dict, *, by, text: str) -> None:
    changes = differences((label, before.get(label), after.get(label)) for label in {**before, **after})
    services.log(customer, code="customer.plan_changed", by=by, text=text, changes=changes)


# Rules ----------------------------------------------------------------------------------------------------------------
@transaction.atomic
def keep_rule(rule: CareRule, levels: dict, *, by) -> CareRule:
    """Save a rule; `levels` = {level: days or None}. What it has made already stays."""
    new = rule.pk is None
    before = [] if new else _rule_words(CareRule.objects.get(pk=rule.pk))
    rule.full_clean()
    rule.save()
    rule.levels.all().delete()
    CareRuleLevel.objects.bulk_create([CareRuleLevel(rule=rule, level=level, days=n) for level, n in levels.items()])
    after = _rule_words(rule)
    old = dict(before)
    changes = differences((label, old.get(label), value) for label, value in after)
    record(
        "care_rule.created" if new else "care_rule.updated",
        f"关怀规则“{rule.name}”",
        by=by,
        text="新增关怀规则" if new else "修改关怀规则",
        changes=[] if new else changes,
    )
    return rule


def _rule_words(rule: CareRule) -> list[tuple[str, str]]:
    shown = {name: services.display(CareRule._meta.get_field(name), getattr(rule, name)) for name in _SHOWN}
    words = [(str(CareRule._meta.get_field(name).verbose_name), text) for name, text in shown.items()]
    levels = "、".join(
        one.level.label + (f" {one.days} 天" if one.days else "") for one in rule.levels.select_related("level")
    )
    return [*words, ("各年的日期", "、".join(rule.dates)), ("客户级别", levels)]


_SHOWN = ("name", "kind", "audience", "days_before", "holiday", "month_day", "plan_type", "text")


@transaction.atomic
def switch_rule(rule: CareRule, active: bool, *, by) -> None:
    """启用 or 停用; a rule that is off makes nothing more, its contact plans go with the next run."""
    if CareRule.objects.filter(pk=rule.pk, active=not active).update(active=active):
        text = "启用关怀规则" if active else "停用关怀规则"
        record("care_rule.switched", f"关怀规则“{rule.name}”", by=by, text=text)


@transaction.atomic
def delete_rule(rule: CareRule, *, by) -> None:
    """Delete a rule that made no task yet, with the plans it gave; ValidationError else."""
    if rule.tasks.exists():
        raise ValidationError("这条规则已产生过关怀，不能删除，可以停用。")
    making.drop(rule.plans.all())
    record("care_rule.deleted", f"关怀规则“{rule.name}”", by=by, text="删除关怀规则")
    rule.delete()


# The morning ----------------------------------------------------------------------------------------------------------
@transaction.atomic
def remind(today: date) -> int:
    """One message to each person who has cares due, however many; returns how many people."""
    people = queries.due_by_person(today)
    for person, due, late in people:
        parts = [f"今天 {due:,} 个"] * bool(due) + [f"逾期 {late:,} 个"] * bool(late)
        url = "/care/" if due else "/care/?tab=overdue"
        notify([person], kind="care", title=f"客户关怀：{'，'.join(parts)}", url=url)
    return len(people)
