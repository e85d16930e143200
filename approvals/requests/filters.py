"""Search row of requests."""

import django_filters

from crm.records.filters import DateRange, NameFilter, OwnerFilter, RecordFilters

from ..models import Status
from .models import Request, RequestType


class RequestFilters(RecordFilters):
    name = NameFilter(field_name="title", label="标题、编号")
    type = django_filters.ChoiceFilter(
        label="审批类型",
        choices=lambda: list(RequestType.objects.values_list("pk", "name")),
        empty_label="审批类型",
    )
    status = django_filters.ChoiceFilter(label="状态", choices=Status.choices, empty_label="状态")
    owner = OwnerFilter("request", label="申请人")
    submitted_from = DateRange("submitted_at", "提交时间从", "gte")
    submitted_to = DateRange("submitted_at", "提交时间到", "lte")

    class Meta:
        model = Request
        fields: list = []
