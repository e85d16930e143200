"""Product lines (产品明细): what opportunities, quotations and contracts have in common."""

from django.db import models
from django.db.models import Q

from crm.records import fields

from ..models import Product

# What one line says: a copy of these is the same line of another document.
SAID = (
    "product_id",
    "name",
    "code",
    "unit",
    "list_price",
    "price",
    "quantity",
    "discount",
    "subtotal",
    "remark",
    "order",
)


class ProductLine(models.Model):
    """A product at a price. Name, code and unit are kept as they were, so that a later change of the product rewrites no
    document. Subclasses add the foreign key of their document, with related_name="lines"."""

    product = models.ForeignKey(Product, models.PROTECT, related_name="+", verbose_name="产品")
    name = models.CharField("产品名称", max_length=50)
    code = models.CharField("产品编码", max_length=40)
    unit = models.CharField("单位", max_length=60, blank=True)
    list_price = fields.Money("单价")
    price = fields.Money("售价")
    quantity = models.DecimalField("数量", max_digits=14, decimal_places=4)
    discount = models.DecimalField("折扣（%）", max_digits=18, decimal_places=2)  # derived: see arithmetic.discount_of
    subtotal = fields.Money("小计")
    remark = fields.Text("备注", max_length=100)
    order = models.PositiveSmallIntegerField(default=0)

    class Meta:
        abstract = True
        ordering = ["order", "pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(list_price__gte=0, price__gte=0, subtotal__gte=0, quantity__gt=0),
                name="%(app_label)s_%(class)s_figures",
            )
        ]
