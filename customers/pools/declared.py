"""Customers are pooled: their rules, exemptions, messages, the dictionary of reasons."""

from django.db.models import Q
from django.utils import timezone

from crm.notices import kinds as messages
from crm.records import dictionaries, modules
from crm.records.undoing import handlers

from ..models import ChurnState, Customer, PoolEvent
from . import access, kinds, quotas, services
from .kinds import Exemption, Kind, Rule, register

dictionaries.declare("pool.reason", "放入公海的原因", "客户")
messages.register("pool", "公海回收与提醒", "客户与公海", icon="pool", mail=True, order=15)

CUSTOMERS = register(
    Kind(
        module="customer",
        label="公海",
        prefix="pool",
        rules=(
            Rule(
                "followup",
                "没有新跟进",
                "没有新跟进",
                "{days} 天无新跟进",
                event="last_followed_at",
                since="最近一次跟进",
            ),
            Rule(
                "opportunity",
                "没有新商机",
                "没有新商机",
                "{days} 天无新商机",
                event="last_opportunity_at",
                since="最近一次新建商机",
            ),
            Rule(
                "deal",
                "没有成交",
                "没有成交",
                "{days} 天未成交",
                where=Q(deal_status=Customer.DealStatus.OPEN),
                only=lambda record: record.deal_status == Customer.DealStatus.OPEN,
                lead="得到后",
            ),
            Rule(
                "contract",
                "没有续签",
                "没有续签",
                "合同结束 {days} 天未续签",
                event="contract_ends_on",
                required=True,
                lead="最后一份合同结束后",
                since="最后一份合同到期",
                stopped_by=("dealt",),
            ),
        ),
        exemptions=(
            Exemption(
                "dealt",
                "已成交",
                lambda day: Q(deal_status=Customer.DealStatus.DEALT),
                holds=lambda record, day: record.deal_status == Customer.DealStatus.DEALT,
            ),
            Exemption(
                "opportunity",
                "有进行中的商机",
                lambda day: Q(open_opportunities__gt=0),
                holds=lambda record, day: record.open_opportunities > 0,
            ),
            Exemption(
                "contract",
                "有执行中的合同",
                lambda day: Q(contract_ends_on__gte=day),
                ends="contract_ends_on",
                holds=lambda record, day: record.contract_ends_on is not None and record.contract_ends_on >= day,
            ),
        ),
        closed=Exemption(
            "lost",
            "已确定流失",
            lambda day: Q(churn_state=ChurnState.LOST),
            holds=lambda record, day: record.churn_state == ChurnState.LOST,
        ),
        filters="customers.filters.PoolFilters",
        facts=("deal_status", "open_opportunities", "churn_state"),
        children=(("contact", "customer_id"),),
        masked=("customer.phone", "contact.mobile", "contact.phone", "contact.email", "contact.qq", "contact.wechat"),
    )
)


def _released(module, user, own: bool):
    """Whoever released records may take that back; others where they may assign them out of their pools."""
    if own and module.may(user, "release"):
        return module.model.objects.live().filter(owner=None)
    return access.rows(kinds.get(module.name), user) if module.may(user, "assign") else module.model.objects.none()


def _noted(entry, lines, *, by) -> None:
    """The history of the pool says that they left it again."""
    kind, owners = kinds.get(entry.module), {}
    for line in lines:
        if line.root is None:
            owners[line.object_id] = line.before["fields"]["owner_id"]
    released = PoolEvent.objects.filter(content_type=quotas.content_type(kind), object_id__in=owners, action="released")
    pools = dict(released.order_by("pk").values_list("object_id", "pool_id"))
    found = [(pk, pools[pk], owner, "", "") for pk, owner in owners.items() if pk in pools]
    services.note(kind, found, action="undone", by=by, now=timezone.now())


modules.NAV.append(modules.NavPage("公海", "/pool/", "pool", "customer.view", order=31))
modules.TO_DO.append(modules.ToDo("待进入公海的客户", "customer", "ending"))
handlers.register("release", "放入公海", icon="pool", rows=_released, after=_noted)
