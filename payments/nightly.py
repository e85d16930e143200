"""What happens by itself: the figures are looked over, owners hear of plans that fall due and of those that passed."""

from datetime import timedelta

from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import TruncDate
from django.utils import timezone

from crm.notices import kinds as messages
from crm.notices.services import notify
from crm.records.formatting import day
from crm.records.periodic import periodic

from . import figures, states
from .models import PaymentPlan

messages.register("payment", "回款提醒", "回款", icon="payment", mail=True, order=36)

SHOWN = 20  # plans in a message
AT_ONCE = 2000


@periodic("payment_figures", "核对回款和逾期金额", schedule="每天 00:25")
def recheck(now) -> str:
    """What contracts and plans say must be what there is; the date moves 逾期 along."""
    return f"更正 {figures.recheck(timezone.localtime(now).date()):,} 个合同和计划"


@periodic("payment_reminders", "回款到期和逾期提醒", schedule="每天 08:15")
def remind(now) -> str:
    """Owners hear of a plan as many days ahead as it says, and once more when its day has passed."""
    today, told, people = timezone.localtime(now).date(), 0, set()
    late = Q(due_on__lt=today) & (Q(reminded_at=None) | Q(reminded_on__lte=F("due_on")))
    for kind, condition, words in (("overdue", late, "已逾期"), ("unpaid", _ahead(today), "即将到期")):
        while count := _remind(kind, condition, words, now, people):
            told += count
    return f"提醒 {len(people):,} 人，{told:,} 期计划"


def _ahead(today) -> Q:
    """Their day is as near as they asked to be reminded: one condition for each number of days that is asked for."""
    asked = (
        PaymentPlan.objects.live().filter(remind_days__isnull=False).order_by().values_list("remind_days").distinct()
    )
    found = Q(pk__in=())
    for (days,) in asked:
        found |= Q(remind_days=days, due_on__range=(today, today + timedelta(days=days)))
    return found & Q(reminded_at=None)


@transaction.atomic
def _remind(view: str, condition: Q, words: str, now, people: set[int]) -> int:
    rows = PaymentPlan.objects.live().annotate(reminded_on=TruncDate("reminded_at"))
    rows = rows.filter(states.DUE, condition, owner__isnull=False)
    ids = list(rows.order_by("pk").values_list("pk", flat=True)[:AT_ONCE])
    held = PaymentPlan.objects.filter(pk__any=ids).select_for_update(of=("self",)).order_by("pk")
    ids = list(held.values_list("pk", flat=True))
    if not ids:
        return 0
    PaymentPlan.objects.filter(pk__any=ids).update(reminded_at=now)
    owners: dict[int, list[str]] = {}
    rows = PaymentPlan.objects.filter(pk__any=ids).select_related("contract").order_by("due_on", "pk")
    for plan in rows:
        owners.setdefault(plan.owner_id, []).append(f"{plan.contract.name} {plan}（{day(plan.due_on)}）")
    for owner, names in owners.items():
        body = "\n".join(names[:SHOWN]) + (f"\n等 {len(names):,} 期" if len(names) > SHOWN else "")
        url = f"/payment-plans/?view={view}&owner={owner}"
        notify([owner], kind="payment", title=f"您有 {len(names):,} 期回款{words}", body=body, url=url)
    people |= set(owners)
    return len(ids)
