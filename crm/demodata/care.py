"""Churn and care of the demo company: warned, postponed and lost customers, rules, contact plans, cares of every state."""

from datetime import timedelta

from django.utils import timezone

from crm.records import params
from crm.records.models import DictionaryItem
from customers.care import making
from customers.care import services as care
from customers.churn import services as churn
from customers.models import CareRule, CareTask, ChurnState, Contact, Customer

SELLER = "13800000012"
MONTHS = 10  # until a warning: the company is a year old, and not half of its customers shall be warned
BIRTHDAYS = (-3, -2, 0, 0, 3, 6)  # days from today
EARLIER = timedelta(days=3)  # the night that made the oldest of them


def make(people: dict) -> None:
    today, seller = timezone.localdate(), people[SELLER]
    _churn(seller, today)
    mine = Customer.objects.live().filter(owner=seller, churn_state="").order_by("pk")
    _rules()
    for contact, days in zip(Contact.objects.live().filter(customer__in=mine).order_by("pk"), BIRTHDAYS, strict=False):
        day = today + timedelta(days=days)
        born = day.replace(year=1985, day=min(day.day, 28))
        Contact.objects.filter(pk=contact.pk).update(birthday=born)
    visit, call = (DictionaryItem.objects.get(dictionary="customer.plan_type", label=one) for one in ("拜访", "电话"))
    first, second = mine[:2]
    care.keep_plan(first, by=seller, type=visit, period=30, next_on=today + timedelta(days=2))
    care.keep_plan(second, by=seller, type=call, period=14, next_on=today - timedelta(days=1))
    making.run(today - EARLIER)
    making.run(today)
    done = CareTask.objects.filter(customer__owner=seller, kind="birthday", due_on__lt=today).order_by("due_on").first()
    care.done(done, by=seller, result="送了蛋糕和贺卡，客户很高兴。", satisfaction=5)


def _churn(seller, today) -> None:
    params.store("churn_months", MONTHS)
    churn.run(today)
    warned = Customer.objects.filter(owner=seller, churn_state=ChurnState.WARNED).order_by("pk")
    ids = list(warned.values_list("pk", flat=True)[:3])
    held, lost = Customer.objects.filter(pk__in=ids[:2]), Customer.objects.filter(pk__in=ids[2:])
    until = today + timedelta(days=churn.HOLD_DAYS)
    churn.postpone(held, by=seller, measures="约了下个月上门演示新版本，给老客户价。", until=until)
    reason = DictionaryItem.objects.get(dictionary="customer.churn_reason", label="被竞争对手抢走")
    churn.confirm(lost, by=seller, reason=reason, words="换了同行的系统，合同签了三年。")


def _rules() -> None:
    best = DictionaryItem.objects.get(dictionary="customer.level", label="A 重点")
    care.keep_rule(CareRule(name="联系人生日", kind="birthday", audience="contacts", text="送上生日祝福"), {}, by=None)
    national = CareRule(
        name="国庆问候", kind="holiday", holiday="10-01", days_before=3, text="国庆节前问候，寄送节日礼品"
    )
    care.keep_rule(national, {best: None}, by=None)
