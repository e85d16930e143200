"""Search row of opportunities."""

import django_filters
from django import forms

from crm.records.filters import DateRange, DictionaryFilter, NameFilter, OwnerFilter, RecordFilters
from customers.filters import CustomerIdFilter

from . import pipelines
from .models import Opportunity, State


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
    expected_from = DateRange("expected_on", "预计成交从", "gte", moment=False)
    expected_to = DateRange("expected_on", "预计成交到", "lte", moment=False)
    customer = CustomerIdFilter(label="客户", widget=forms.HiddenInput)

    class Meta:
        model = Opportunity
        fields: list = []
