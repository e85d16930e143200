"""Products: name, unique code, category tree, unit, price, stock, shelf state."""

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
