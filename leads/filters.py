"""Search row of leads."""

import django_filters

from crm.records.filters import DateRange, DictionaryFilter, NameFilter, OwnerFilter, RecordFilters
from customers.filters import PhoneFilter

from .models import Lead, Status


class LeadFilters(RecordFilters):
    name = NameFilter(label="线索名称")
    phone = PhoneFilter(label="电话")
    status = django_filters.ChoiceFilter(label="状态", choices=Status.choices, empty_label="状态")
    source = DictionaryFilter("source", "来源", "customer.source")
    industry = DictionaryFilter("industry", "行业", "customer.industry")
    owner = OwnerFilter("lead")
    created_from = DateRange("created_at", "创建时间从", "gte")
    created_to = DateRange("created_at", "创建时间到", "lte")

    class Meta:
        model = Lead
        fields: list = []


class PoolFilters(LeadFilters):
    """Search row of a lead pool: whose it was instead of whose it is."""

    owner = None
    status = None
    former_owner = OwnerFilter("lead", field_name="former_owner", label="前负责人")
