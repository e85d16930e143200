"""Contacts: fields, limits, constraints."""

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q

from crm.records import fields
from crm.records.models import Grant, OwnedRecord, owned_indexes

from ..duplicates import names
from .customer import Customer


class Contact(OwnedRecord):
    """A person at a customer."""

    class Gender(models.TextChoices):
        MALE = "m", "男"
        FEMALE = "f", "女"

    customer = models.ForeignKey(Customer, models.PROTECT, related_name="contacts", verbose_name="所属客户")
    name = fields.Text("姓名", max_length=50, blank=False, required_message="联系人姓名不能为空")
    salutation = fields.Text("尊称", max_length=50)
    gender = models.CharField("性别", max_length=1, choices=Gender.choices, blank=True, default="")
    position = fields.Text("职位", max_length=50)
    department = fields.Text("部门", max_length=50)
    mobile = fields.Mobile("手机")
    phone = fields.Phone("办公电话")
    email = fields.Email("邮箱")
    domain = models.CharField(max_length=100, null=True, editable=False)  # of the mail address
    qq = fields.Digits("QQ", max_length=20, message="QQ 号为最多 20 位数字")
    wechat = fields.Text("微信", max_length=50)
    birthday = models.DateField("生日", null=True, blank=True)
    is_decider = models.BooleanField("关键决策人", default=False)
    is_primary = models.BooleanField("首要联系人", default=False, editable=False)
    address = fields.Text("地址", max_length=100)
    postcode = fields.Digits("邮编", exact=6, message="邮编为 6 位数字")
    remark = fields.LongText("备注", max_length=500)

    class Meta:
        verbose_name = "联系人"
        constraints = [
            models.UniqueConstraint(
                fields=["customer"],
                condition=Q(is_primary=True, deleted_at=None),
                name="contact_one_primary",
                violation_error_message="该客户已有首要联系人",
            )
        ]
        indexes = [
            *owned_indexes("contact", "created_at", "updated_at", "name"),
            models.Index("domain", condition=Q(deleted_at=None, domain__isnull=False), name="contact_domain_live"),
        ]

    def __str__(self):
        return self.name

    def clean_fields(self, exclude=None):
        """Contacts of a customer in a pool have no owner either."""
        pooled = not self.owner_id and self.customer_id and self.customer.owner_id is None
        super().clean_fields(exclude={*(exclude or ()), *(["owner"] if pooled else [])})

    def clean(self):
        super().clean()
        self.domain = names.domain(self.email)

    def explain_constraint(self, error: ValidationError) -> ValidationError:
        return ValidationError({"name": error.messages})


class ContactGrant(Grant):
    content_object = models.ForeignKey(Contact, models.CASCADE, related_name="grants")

    class Meta(Grant.Meta):
        indexes = [models.Index(fields=["user", "content_object"], name="contactgrant_user")]
