"""Templates of the contract on paper: texts written here, and .docx files."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from crm.records import fields
from crm.records.models.satellites import attachment_path


class ContractTemplate(models.Model):
    """What a contract is printed with. A text is kept in `body`, a .docx file in the storage; both hold placeholders such as
    {客户名称} that contracts.paper fills in."""

    class Kind(models.TextChoices):
        TEXT = "text", "文本"
        DOCX = "docx", "Word 文件"

    kind = models.CharField("类型", max_length=4, choices=Kind.choices)
    name = fields.Text("名称", max_length=50, blank=False, required_message="请填写模板名称")
    body = fields.LongText("内容", max_length=30_000)
    file = models.FileField(upload_to=attachment_path, blank=True, editable=False)
    file_name = models.CharField("文件名", max_length=200, blank=True, default="", editable=False)
    enabled = models.BooleanField("启用", default=True)
    version = models.PositiveIntegerField("版本", default=1, editable=False)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", db_index=False)
    updated_at = models.DateTimeField("更新时间", auto_now=True)

    class Meta:
        verbose_name = "合同模板"
        ordering = ["name", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["name"], name="contract_template_name", violation_error_message="已有同名的模板"
            ),
            models.CheckConstraint(
                condition=Q(kind="text", file="") | (Q(kind="docx") & ~Q(file="")), name="contract_template_kind"
            ),
        ]

    def __str__(self):
        return self.name
