"""What contracts add to the pages of opportunities, quotations and customers."""

from django.db.models import DecimalField, F, Value
from django.db.models.functions import Greatest

from crm.records import fieldset, formatting, modules
from crm.records.modules import Tab
from crm.records.views.detail import DetailView
from crm.records.views.totals import ExactSum
from customers import summary
from opportunities.module.opportunity import OPPORTUNITY
from opportunities.quotes import hooks
from opportunities.quotes.queries import sight

from . import copying
from .models import Contract
from .module.contract import CONTRACT


def _build(request, opportunity, rights) -> dict:
    """The contracts of an opportunity the person sees; a won one may get another."""
    page = DetailView()
    page.module, page.user, page.request = OPPORTUNITY, request.user, request
    found = page.child_tab(CONTRACT)(request, opportunity, rights)
    may = copying.may_contract(request.user, opportunity)
    found["add_url"] = f"{CONTRACT.new_url}?opportunity={opportunity.pk}" if may else None
    return found


def _count(opportunity, user):
    return Contract.objects.allowed(user, "view").filter(opportunity=opportunity)


OPPORTUNITY.tabs.append(Tab("contracts", "合同", "records/tabs/related.html", _build, _count, order=35))


def _become(quotation, user) -> str:
    may = copying.may_become(quotation) and copying.may_contract(user, quotation.opportunity) and sight(user).money
    return f"/quotations/{quotation.pk}/contract/" if may else ""


hooks.register(hooks.Action("转为合同", "contract", _become, dialog=True))


def _money(customer, user) -> list[dict]:
    """成交金额, 已回款 and 未回款 of the approved contracts the person sees, as far as they may read them."""
    if not CONTRACT.may(user, "view"):
        return []
    fields = fieldset.of(CONTRACT, user)
    rows = Contract.objects.allowed(user, "view").filter(customer=customer, status="approved").order_by()
    if not fields.readable("amount") or not fields.readable("status"):
        return []
    rest = Greatest(F("amount") - F("received"), Value(0), output_field=DecimalField())
    wanted = {"signed": "amount", "came": "received", "rest": rest}  # not the names of columns
    sums = rows.aggregate(**{key: ExactSum(one, places=2) for key, one in wanted.items()})
    amount, received, rest = (sums[key] or 0 for key in wanted)
    url = f"{modules.get('customer').url(pk=customer.pk)}?tab=contracts"
    found = [{"label": "成交金额", "text": formatting.money(amount), "title": "已通过的合同", "url": url}]
    if fields.readable("received"):
        found.append({"label": "已回款", "text": formatting.money(received), "title": "已通过的回款减退款"})
        found.append(
            {"label": "未回款", "text": formatting.money(rest), "title": "每份合同还没有回的款，多回的不抵别的合同"}
        )
    return found


summary.MONEY.append(_money)
