"""Pages of payments and plans that differ from those every record has."""

from approvals.submitting import led_by_submit
from crm.records import modules
from crm.records.views.detail import DetailView
from crm.records.views.editing import CreateView
from crm.records.views.listing import ListView

from . import figures
from .offering import may_pay, reads_rest


class PaymentList(ListView):
    """With 按客户收款 beside 新建."""

    def header_actions(self):
        found = super().header_actions()
        if self.module.may(self.user, "create") and reads_rest(self.user):
            url = self.module.url("receive")
            found.insert(max(len(found) - 1, 0), {"label": "按客户收款", "url": url, "icon": "customer"})
        return found


class NewAtContract(CreateView):
    """Back to the tab of the contract it belongs to."""

    def after(self, record) -> str:
        contract = modules.get("contract")
        if contract.may(self.user, "view"):
            return f"{contract.url(pk=record.contract_id)}?tab=payments"
        return super().after(record)


class PlanPage(DetailView):
    """A plan that lacks something leads to the payment."""

    def actions(self, record):
        found, payment = super().actions(record), modules.get("payment")
        lacks = figures.lacking(record.amount, record.received, record.pending)
        if payment.may(self.user, "create") and lacks and may_pay(self.user, record.contract):
            url = f"{payment.new_url}?contract={record.contract_id}&plan={record.pk}"
            found.insert(0, {"label": "登记回款", "url": url, "icon": "payment", "primary": True, "dialog": True})
            for action in found[1:]:
                action.pop("primary", None)
        return found


class PaymentPage(DetailView):
    """提交审批 says first who will decide."""

    def actions(self, record):
        return led_by_submit(super().actions(record), self.module, record)


PLAN_VIEWS = {"new": NewAtContract, "detail": PlanPage}
PAYMENT_VIEWS = {"new": NewAtContract, "list": PaymentList, "detail": PaymentPage}
