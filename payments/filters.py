"""Search rows of plans and payments."""

import django_filters
from django import forms
from django.db.models import Q

from approvals.models import Status
from contracts.models import Contract
from crm.records import modules, search
from crm.records.filters import DateRange, DictionaryFilter, OwnerFilter, RecordFilters
from customers.filters import CustomerIdFilter

from . import states
from .models import Payment, PaymentPlan

METHOD = "payment.method"


class ContractFilter(django_filters.CharFilter):
    """Part of the name or the number of the contract, among those the person may see."""

    def filter(self, queryset, value):
        if not value:
            return queryset
        user, module = self.parent.user, modules.get("contract")
        seen = Contract.objects.allowed(user, "view")
        named = search.narrow(seen, module, value, user=user).order_by().values("pk")
        numbered = seen.filter(number__istartswith=value).order_by().values("pk")
        return queryset.filter(Q(contract__in=named) | Q(contract__in=numbered))


class ContractIdFilter(django_filters.NumberFilter):
    """The contract of an address (/payments/?contract=7), as far as it is visible."""

    def filter(self, queryset, value):
        if value is None:
            return queryset
        seen = Contract.objects.allowed(self.parent.user, "view").filter(pk=value)
        return queryset.filter(contract_id__in=seen.values("pk"))


class StateFilter(django_filters.ChoiceFilter):
    """未回, 部分, 已回, 逾期, 已终止 today."""

    depends = ("state",)

    def filter(self, queryset, value):
        return queryset.filter(states.condition(value)) if value else queryset


class SettledFilter(django_filters.ChoiceFilter):
    depends = ("settled_at",)

    def filter(self, queryset, value):
        return queryset.filter(settled_at__isnull=value == "no") if value else queryset


class PlanFilters(RecordFilters):
    contract_name = ContractFilter(field_name="contract", label="合同名称或编号")
    state = StateFilter(field_name="state", label="回款状态", choices=states.CHOICES, empty_label="回款状态")
    method = DictionaryFilter("method", "计划方式", METHOD)
    owner = OwnerFilter("payment_plan")
    due_from = DateRange("due_on", "计划日期从", "gte", moment=False)
    due_to = DateRange("due_on", "计划日期到", "lte", moment=False)
    customer = CustomerIdFilter(label="客户", widget=forms.HiddenInput)
    contract = ContractIdFilter(label="合同", widget=forms.HiddenInput)

    class Meta:
        model = PaymentPlan
        fields: list = []


class PaymentFilters(RecordFilters):
    contract_name = ContractFilter(field_name="contract", label="合同名称或编号")
    type = django_filters.ChoiceFilter(label="类型", choices=Payment.Type.choices, empty_label="类型")
    status = django_filters.ChoiceFilter(label="状态", choices=Status.choices, empty_label="状态")
    method = DictionaryFilter("method", "回款方式", METHOD)
    settled = SettledFilter(
        field_name="settled_at", label="提成", choices=(("no", "未结算"), ("yes", "已结算")), empty_label="提成"
    )
    owner = OwnerFilter("payment")
    paid_from = DateRange("paid_on", "回款日期从", "gte", moment=False)
    paid_to = DateRange("paid_on", "回款日期到", "lte", moment=False)
    customer = CustomerIdFilter(label="客户", widget=forms.HiddenInput)
    contract = ContractIdFilter(label="合同", widget=forms.HiddenInput)
    batch = django_filters.CharFilter(label="收款批次", widget=forms.HiddenInput)

    class Meta:
        model = Payment
        fields: list = []
