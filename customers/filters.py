"""Search rows of customers and contacts."""

import django_filters
from django import forms
from django.db.models import Q

from crm.records import areas, search
from crm.records.filters import DateRange, DictionaryFilter, NameFilter, OwnerFilter, RecordFilters

from .models import Contact, Customer


def _province_choices():
    return [(name, name) for name in areas.provinces()]


class AddressFilter(django_filters.CharFilter):
    """Part of 客户联系地址 = province + city + address."""

    depends = ("province", "city", "address")

    def filter(self, queryset, value):
        if not value:
            return queryset
        return queryset.filter(Q(address__icontains=value) | Q(city__icontains=value) | Q(province__icontains=value))


class CustomerFilters(RecordFilters):
    name = NameFilter(label="客户名称")
    industry = DictionaryFilter("industry", "客户行业", "customer.industry")
    source = DictionaryFilter("source", "客户信息来源", "customer.source")
    nature = DictionaryFilter("nature", "公司性质", "customer.nature")
    annual_turnover = DictionaryFilter("annual_turnover", "年营业额", "customer.annual_turnover")
    province = django_filters.ChoiceFilter(label="省", choices=_province_choices, empty_label="省")
    city = django_filters.CharFilter(field_name="city", label="市", lookup_expr="startswith")
    address = AddressFilter(label="客户联系地址")
    owner = OwnerFilter("customer")

    class Meta:
        model = Customer
        fields: list = []


class PhoneFilter(django_filters.CharFilter):
    """Part of one of the numbers, through the search table."""

    depends = ("mobile", "phone")

    def filter(self, queryset, value):
        if not value:
            return queryset
        return search.narrow(queryset, self.parent.module, value, keys=("phone",), user=self.parent.user)


class CustomerIdFilter(django_filters.NumberFilter):
    """Contacts of one customer, as far as that customer is visible."""

    def filter(self, queryset, value):
        if value is None:
            return queryset
        return queryset.filter(
            customer_id__in=Customer.objects.allowed(self.parent.user, "view").filter(pk=value).values("pk")
        )


class ContactFilters(RecordFilters):
    name = NameFilter(label="姓名")
    owner = OwnerFilter("contact")
    phone = PhoneFilter(label="电话")
    salutation = django_filters.CharFilter(field_name="salutation", label="尊称")
    position = django_filters.CharFilter(field_name="position", label="职位", lookup_expr="icontains")
    created_from = DateRange("created_at", "创建时间从", "gte")
    created_to = DateRange("created_at", "创建时间到", "lte")
    customer = CustomerIdFilter(label="所属客户", widget=forms.HiddenInput)

    class Meta:
        model = Contact
        fields: list = []


class PoolFilters(CustomerFilters):
    """Search row of a pool: whose it was instead of whose it is."""

    owner = None
    former_owner = OwnerFilter("customer", field_name="former_owner", label="前负责人")
