import django_filters

from crm.records.filters import DictionaryFilter, NameFilter, RecordFilters

from .models import Category, Product


class CategoryFilter(django_filters.ModelChoiceFilter):
    """A category and everything below it."""

    def filter(self, queryset, value):
        return queryset.filter(category__path__startswith=value.path) if value else queryset


class ProductFilters(RecordFilters):
    name = NameFilter(label="产品名称")
    code = django_filters.CharFilter(field_name="code", label="产品编码", lookup_expr="icontains")
    category = CategoryFilter(label="产品分类", queryset=Category.objects.all(), empty_label="产品分类")
    unit = DictionaryFilter("unit", "单位", "product.unit")
    on_shelf = django_filters.ChoiceFilter(label="状态", choices=[("1", "上架"), ("0", "下架")], empty_label="状态")

    class Meta:
        model = Product
        fields: list = []
