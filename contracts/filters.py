"""Search row of contracts."""

import django_filters
from django import forms

from approvals.models import Status
from crm.records.filters import DateRange, DictionaryFilter, NameFilter, OwnerFilter, RecordFilters
from customers.filters import CustomerIdFilter
from opportunities.models import Opportunity

from .models import Contract, Execution


class OpportunityIdFilter(django_filters.NumberFilter):
    """Contracts of one opportunity, as far as that opportunity is visible."""

    def filter(self, queryset, value):
        if value is None:
            return queryset
        seen = Opportunity.objects.allowed(self.parent.user, "view").filter(pk=value)
        return queryset.filter(opportunity_id__in=seen.values("pk"))


class ContractFilters(RecordFilters):
    name = NameFilter(label="合同名称")
    number = django_filters.CharFilter(field_name="number", label="合同编号", lookup_expr="icontains")
    status = django_filters.ChoiceFilter(label="状态", choices=Status.choices, empty_label="状态")
    execution = django_filters.ChoiceFilter(label="执行状态", choices=Execution.choices, empty_label="执行状态")
    kind = DictionaryFilter("kind", "合同类型", "contract.kind")
    owner = OwnerFilter("contract")
    signed_from = DateRange("signed_on", "签约日期从", "gte", moment=False)
    signed_to = DateRange("signed_on", "签约日期到", "lte", moment=False)
    ends_from = DateRange("ends_on", "结束日期从", "gte", moment=False)
    ends_to = DateRange("ends_on", "结束日期到", "lte", moment=False)
    customer = CustomerIdFilter(label="客户", widget=forms.HiddenInput)
    opportunity = OpportunityIdFilter(label="商机", widget=forms.HiddenInput)

    class Meta:
        model = Contract
        fields: list = []
