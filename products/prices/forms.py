"""Forms of price lists."""

from django import forms
from django.core.exceptions import ValidationError

from crm.records.formfields import Picked, Several
from crm.records.forms import HouseForm
from crm.records.models import DictionaryItem
from orgs import tree
from orgs.models import Department

from ..models import ListPrice, PriceList, Product


class Departments(Several):
    """Departments out of the whole tree, each with the way down to it."""

    widget = forms.SelectMultiple(attrs={"data-search": "", "placeholder": "选择或输入部门名称"})

    def __init__(self, **kwargs):
        super().__init__(Department.objects.order_by("path"), **kwargs)
        self.ways = tree.ways()

    def label_from_instance(self, department):
        return self.ways.get(department.pk, department.name)


class PriceListForm(HouseForm):
    """Name, days and for whom."""

    sections = (
        ("", "", ("name",)),
        ("适用", "都不选就是所有客户和部门；两个都选时要同时符合", ("levels", "departments")),
        ("日期", "都不填就一直有效", ("starts_on", "ends_on")),
    )

    class Meta:
        model = PriceList
        fields = ["name", "starts_on", "ends_on"]

    def prepare(self):
        there = self.instance.pk is not None
        kept = {one.level_id for one in self.instance.levels.all()} if there else set()
        items = DictionaryItem.objects.filter(dictionary="customer.level")
        self.levels = {str(one.pk): one for one in items if one.active or one.pk in kept}
        self.fields["levels"] = forms.MultipleChoiceField(
            label="客户级别",
            required=False,
            choices=[(pk, one.label) for pk, one in self.levels.items()],
            widget=forms.CheckboxSelectMultiple,
            initial=[str(pk) for pk in kept],
            error_messages={"invalid_choice": "请选择列表中的选项"},
        )
        self.fields["departments"] = Departments(
            label="部门",
            required=False,
            help_text="商机负责人所在的部门，包括下级部门",
            initial=list(self.instance.departments.all()) if there else [],
        )
        self.fields["version"] = forms.IntegerField(
            required=False, initial=self.instance.version, widget=forms.HiddenInput
        )

    def clean_levels(self):
        return [self.levels[pk] for pk in self.cleaned_data["levels"]]

    def clean(self):
        data = super().clean()
        start, end = data.get("starts_on"), data.get("ends_on")
        if start and end and end < start:
            self.add_error("ends_on", "结束日期不能早于开始日期")
        return data


class PriceForm(forms.Form):
    """The price of a product in a list; `product` = the one whose price it is, None to choose one."""

    def __init__(self, *args, user, price_list: PriceList, product: Product | None = None, **kwargs):
        super().__init__(*args, **kwargs)
        self.price_list = price_list
        if product is None:
            self.fields["product"] = Picked(
                Product.objects.allowed(user, "view"),
                kind="product",
                label="产品",
                error_messages={"required": "请选择产品"},
            )
        self.fields["price"] = ListPrice._meta.get_field("price").formfield(label="价格")
        if product is not None:
            self.initial["price"] = (
                self.price_list.prices.filter(product=product).values_list("price", flat=True).first()
            )

    def clean_product(self):
        product = self.cleaned_data["product"]
        if self.price_list.prices.filter(product=product).exists():
            raise ValidationError("这个产品已在价格表里，请修改它的价格")
        return product
