"""Ties between records: customers with each other, contacts with further customers."""

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from crm.records import fields

from .contact import Contact
from .customer import Customer

LINK = "customer.link"
PARENT, SUBSIDIARY = "母公司", "子公司"


class Tie(models.Model):
    """What both kinds of ties carry."""

    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name="添加人", db_index=False
    )
    created_at = models.DateTimeField("添加时间", default=timezone.now)

    class Meta:
        abstract = True


class CustomerRelation(Tie):
    """`other` is the `kind` of `customer`. A `directed` one is always kept from the parent's side (kind 子公司); the others
    read the same from both sides and are kept with the lower id first, so that each stands once."""

    customer = models.ForeignKey(Customer, models.CASCADE, related_name="+", db_index=False)
    other = models.ForeignKey(Customer, models.CASCADE, related_name="+", verbose_name="关联客户")
    kind = fields.DictionaryField("关系", LINK, null=False, blank=False)
    directed = models.BooleanField(default=False)
    note = fields.Text("说明", max_length=200)

    class Meta:
        verbose_name = "客户关系"
        constraints = [
            models.UniqueConstraint(
                fields=["customer", "other", "kind"],
                name="customer_relation_once",
                violation_error_message="这两个客户已有这种关系",
            ),
            models.CheckConstraint(condition=~Q(customer=F("other")), name="customer_relation_not_self"),
            models.CheckConstraint(
                condition=Q(directed=True) | Q(customer__lt=F("other")), name="customer_relation_order"
            ),
        ]

    def clean(self):
        if self.customer_id == self.other_id:
            raise ValidationError({"other": "不能和自己关联，请选择另一个客户"})


class ContactCustomer(Tie):
    """A further customer a contact works for (兼任); the contact's own `customer` stays the main one."""

    contact = models.ForeignKey(Contact, models.CASCADE, related_name="links", db_index=False, verbose_name="联系人")
    customer = models.ForeignKey(Customer, models.CASCADE, related_name="links", verbose_name="客户")
    position = fields.Text("在该客户的职位", max_length=50)

    class Meta:
        verbose_name = "兼任联系人"
        constraints = [
            models.UniqueConstraint(
                fields=["contact", "customer"],
                name="contact_customer_once",
                violation_error_message="该联系人已在这个客户下",
            )
        ]
