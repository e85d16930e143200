"""Search row of invoices."""

import django_filters
from django import forms

from approvals.models import Status
from crm.records.filters import DateRange, DictionaryFilter, NameFilter, OwnerFilter, RecordFilters
from customers.filters import CustomerIdFilter

from ..models import Contract, Invoice


class ContractIdFilter(django_filters.NumberFilter):
    """Invoices of one contract, as far as that contract is visible."""

    def filter(self, queryset, value):
        if value is None:
            return queryset
        seen = Contract.objects.allowed(self.parent.user, "view").filter(pk=value)
        return queryset.filter(contract_id__in=seen.values("pk"))


class InvoiceFilters(RecordFilters):
    title = NameFilter(label="抬头或编号")
    status = django_filters.ChoiceFilter(label="状态", choices=Status.choices, empty_label="状态")
    kind = DictionaryFilter("kind", "发票类型", "invoice.kind")
    owner = OwnerFilter("invoice")
    invoice_number = django_filters.CharFilter(label="发票号码", lookup_expr="startswith")
    issued_from = DateRange("issued_on", "开票日期从", "gte", moment=False)
    issued_to = DateRange("issued_on", "开票日期到", "lte", moment=False)
    contract = ContractIdFilter(label="合同", widget=forms.HiddenInput)
    customer = CustomerIdFilter(label="客户", widget=forms.HiddenInput)

    class Meta:
        model = Invoice
        fields: list = []
