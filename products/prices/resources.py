"""Price lists and stock as tables (django-import-export): one declaration gives the columns of the export, of the import and
of its template. A file is taken as a whole or not at all."""

from dataclasses import dataclass, field
from decimal import Decimal

from django.core.exceptions import ValidationError
from django.db import transaction
from import_export import fields, resources

from crm.records.fields import name_key, tidy
from orgs import sheets

from ..models import ListPrice, Product
from ..services import set_stock, stock_of
from . import services

ROWS = 5000


@dataclass
class Outcome:
    """`changed` products, or the `faults` ([{"number", "name", "reason"}]) for which nothing was written."""

    changed: int = 0
    rows: int = 0
    faults: list = field(default_factory=list)


class ByCode(resources.ModelResource):
    """A table with a row per product, found by its code; `values` collects {product id: what the row says}."""

    code = fields.Field(column_name="产品编码")

    class Meta:
        model = Product
        import_id_fields = ("code",)
        skip_diff = skip_html_diff = True
        use_transactions = True

    def __init__(self, *, by=None, **kwargs):
        super().__init__(**kwargs)
        self.by, self.values = by, {}

    def before_import(self, dataset, **kwargs):
        keys = {name_key(tidy(code)) for code in dataset["产品编码"]}
        rows = Product.objects.allowed(self.by, "view").filter(code_key__in=keys)
        self.products = {one.code_key: one for one in rows}

    def get_or_init_instance(self, instance_loader, row):
        code = tidy(row.get("产品编码"))
        return self.products.get(name_key(code)) or Product(code=code), False

    def import_instance(self, instance, row, **kwargs):
        """Read the row; every fault of it is told."""
        faults = {}
        if not instance.code:
            faults["code"] = ["请填写产品编码"]
        elif instance.pk is None:
            faults["code"] = [f"没有编码为“{instance.code[:40]}”的产品"]
        elif instance.pk in self.values:
            faults["code"] = ["这个编码在文件里出现了两次"]
        try:
            value = self.read(row)
        except ValidationError as error:
            faults[self.value_field] = error.messages
        if faults:
            raise ValidationError(faults)
        self.values[instance.pk] = value

    def validate_instance(self, instance, import_validation_errors=None, validate_unique=True):
        if import_validation_errors:
            raise ValidationError(import_validation_errors)

    def save_instance(self, instance, is_create, row, **kwargs):
        """What the rows say is written at once, by a service."""

    def save_m2m(self, instance, row, **kwargs):
        """Nothing of the kind."""

    def skip_row(self, instance, original, row, import_validation_errors=None):
        return False


class PriceResource(ByCode):
    """Prices of one list; exported with the standard price beside them."""

    value_field = "price"
    name = fields.Field(column_name="产品名称")
    standard = fields.Field(column_name="标准价")
    price = fields.Field(column_name="价格")

    class Meta(ByCode.Meta):
        fields = export_order = ("code", "name", "standard", "price")

    def dehydrate_code(self, product):
        return product.code

    def dehydrate_name(self, product):
        return product.name

    def dehydrate_standard(self, product):
        return str(product.price)

    def dehydrate_price(self, product):
        return "" if product.list_price is None else str(product.list_price)

    def read(self, row) -> Decimal:
        return ListPrice._meta.get_field("price").clean_value(row.get("价格"))


class StockResource(ByCode):
    """Stock figures to set or to add."""

    value_field = "stock"
    stock = fields.Field(column_name="库存")

    class Meta(ByCode.Meta):
        fields = export_order = ("code", "stock")

    def __init__(self, *, mode: str = "set", **kwargs):
        super().__init__(**kwargs)
        self.mode = mode

    def read(self, row) -> Decimal:
        return stock_of(row.get("库存"), negative=self.mode == "add")


def taken(resource, file, *, required, write) -> Outcome:
    """Read a file of `resource` and hand what its rows say to `write(values)`, which answers how many changed."""
    dataset, numbers = sheets.read(file, required=required, most=ROWS, what="行")
    with transaction.atomic():
        result = resource.import_data(dataset, dry_run=False, rollback_on_validation_errors=True)
        faults = sheets.faults_of(result, numbers, resource)
        if faults:
            transaction.set_rollback(True)
            return Outcome(faults=faults)
        return Outcome(changed=write(resource.values), rows=len(dataset))


def import_prices(price_list, file, *, by) -> Outcome:
    """产品编码 and 价格: prices of the products in the file; the others of the list stay."""
    return taken(
        PriceResource(by=by),
        file,
        required=("产品编码", "价格"),
        write=lambda values: services.set_prices(price_list, values, by=by),
    )


def import_stock(file, *, mode: str, by) -> Outcome:
    """产品编码 and 库存; `mode` = "set" (the figure is the stock) or "add" (it is added to it)."""
    return taken(
        StockResource(by=by, mode=mode),
        file,
        required=("产品编码", "库存"),
        write=lambda values: set_stock(values, mode=mode, by=by),
    )
