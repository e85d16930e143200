"""Search row of opportunities."""

import django_filters
from django import forms

from crm.records.filters import DictionaryFilter, NameFilter, OwnerFilter, RecordFilters
from customers.filters import CustomerIdFilter

from . import pipelines
from .models import Opportunity, State


class DayRange(django_filters.DateFilter):
    """A day as bound of a field that is a day itself."""

    def __init__(self, field_name: str, label: str, bound: str):
        super().__init__(
            field_name=field_name, lookup_expr=bound, label=label, widget=forms.DateInput(attrs={"data-date": ""})
        )


class OpportunityFilters(RecordFilters):
    name = NameFilter(label="商机名称")
    pipeline = django_filters.ChoiceFilter(
        label="商机组", choices=lambda: [(one.pk, one.name) for one in pipelines.every()], empty_label="商机组"
    )
    stage = django_filters.ChoiceFilter(
        label="商机阶段", choices=lambda: pipelines.stage_labels(pipelines.every()), empty_label="商机阶段"
    )
    state = django_filters.ChoiceFilter(label="状态", choices=State.choices, empty_label="状态")
    source = DictionaryFilter("source", "商机来源", "customer.source")
    owner = OwnerFilter("opportunity")
    expected_from = DayRange("expected_on", "预计成交从", "gte")
    expected_to = DayRange("expected_on", "预计成交到", "lte")
    customer = CustomerIdFilter(label="客户", widget=forms.HiddenInput)

    class Meta:
        model = Opportunity
        fields: list = []
