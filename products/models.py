"""Products (name, unique code, category tree, unit, price, stock, shelf state) and price lists."""

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q

from crm.records import fields, trees
from crm.records.models import Record


class Category(trees.TreeNode):
    """A node of the category tree."""

    class Meta(trees.TreeNode.Meta):
        verbose_name = "产品分类"
        constraints = trees.unique_names("category")


class Product(Record):
    """A thing sold. Off the shelf it cannot be picked anew; what uses it keeps it."""

    name = fields.Text("产品名称", max_length=50, blank=False, required_message="请填写产品名称")
    code = fields.Text("产品编码", max_length=40, blank=False, required_message="请填写产品编码")
    code_key = models.CharField(max_length=80, editable=False)
    category = models.ForeignKey(
        Category, models.PROTECT, null=True, blank=True, related_name="+", verbose_name="产品分类"
    )
    unit = fields.DictionaryField("单位", "product.unit")
    price = fields.Money("标准价")
    cost = fields.Money("成本价", null=True, blank=True)
    stock = models.DecimalField("库存", max_digits=14, decimal_places=4, default=0, editable=False)
    on_shelf = models.BooleanField("上架", default=True, editable=False)
    description = fields.LongText("描述", max_length=2000)

    class Meta:
        verbose_name = "产品"
        constraints = [
            models.UniqueConstraint(
                fields=["code_key"],
                condition=Q(deleted_at=None),
                name="product_code_live",
                violation_error_message="该产品编码已被使用",
            ),
            models.CheckConstraint(condition=Q(price__gte=0), name="product_price"),
        ]
        indexes = [
            models.Index(F(name).desc(), F("id").desc(), condition=Q(deleted_at=None), name=f"product_{name}")
            for name in ("created_at", "updated_at", "name", "price")
        ]

    def __str__(self):
        return self.name

    def clean(self):
        super().clean()
        self.code_key = fields.name_key(self.code)

    def explain_constraint(self, error: ValidationError) -> ValidationError:
        return ValidationError({"code": error.messages})


class PriceList(models.Model):
    """Prices (价格表) of their own for customers of some levels, sold by some departments (with those below them), from one
    day to another. `by_department` stays where the last of its departments was deleted: such a list is for nobody."""

    name = fields.Text("名称", max_length=30, blank=False, required_message="请填写名称")
    departments = models.ManyToManyField("orgs.Department", related_name="+", blank=True, verbose_name="部门")
    by_department = models.BooleanField(default=False, editable=False)
    starts_on = models.DateField("开始日期", null=True, blank=True)
    ends_on = models.DateField("结束日期", null=True, blank=True)
    enabled = models.BooleanField("启用", default=True)
    order = models.PositiveIntegerField("排序", default=0, editable=False)
    version = models.PositiveIntegerField("版本", default=1, editable=False)

    class Meta:
        verbose_name = "价格表"
        ordering = ["order", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["name"], name="price_list_name", violation_error_message="已有同名价格表"),
            models.CheckConstraint(
                condition=Q(starts_on=None) | Q(ends_on=None) | Q(ends_on__gte=F("starts_on")),
                name="price_list_days",
                violation_error_message="结束日期不能早于开始日期",
            ),
        ]

    def __str__(self):
        return self.name

    def validate_constraints(self, exclude=None):
        try:
            super().validate_constraints(exclude=exclude)
        except ValidationError as error:
            days = "结束日期不能早于开始日期" in error.messages
            raise ValidationError({"ends_on" if days else "name": error.messages}) from None


class PriceListLevel(models.Model):
    """A customer level a price list is for."""

    price_list = models.ForeignKey(PriceList, models.CASCADE, related_name="levels")
    level = fields.DictionaryField("客户级别", "customer.level", null=False, blank=False)

    class Meta:
        verbose_name = "价格表的客户级别"
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["price_list", "level"], name="price_list_level_once")]


class ListPrice(models.Model):
    """The price of a product in a price list."""

    price_list = models.ForeignKey(PriceList, models.CASCADE, related_name="prices")
    product = models.ForeignKey(Product, models.CASCADE, related_name="+", verbose_name="产品")
    price = fields.Money("价格")

    class Meta:
        verbose_name = "价格表的价格"
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["price_list", "product"], name="list_price_once"),
            models.CheckConstraint(condition=Q(price__gte=0), name="list_price_price"),
        ]
