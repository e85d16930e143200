"""Forms of contracts."""

from django.core.exceptions import ValidationError

from crm.records.forms import RecordForm, people_in_reach, records_in_reach
from customers.models import Customer

from .models import Contract


class ContractForm(RecordForm):
    """The number comes with the first submission; 转移 gives it away later."""

    sections = (
        (
            "基本信息",
            "",
            (
                "customer",
                "name",
                "opportunity",
                "kind",
                "amount",
                "signed_on",
                "starts_on",
                "ends_on",
                "remind_days",
                "customer_signer",
                "company_signer",
                "owner",
            ),
        ),
        ("其他", "", ("next_contact_at", "remark")),
    )

    class Meta:
        model = Contract
        fields = [
            "customer",
            "name",
            "opportunity",
            "kind",
            "amount",
            "signed_on",
            "starts_on",
            "ends_on",
            "remind_days",
            "customer_signer",
            "company_signer",
            "owner",
            "next_contact_at",
            "remark",
        ]

    def prepare(self):
        self.pick("customer", records_in_reach(self.user, "customer", "view"), kind="customer")
        for name, kind in (("opportunity", "opportunity"), ("customer_signer", "contact")):
            self.pick(name, records_in_reach(self.user, kind, "view"), kind=kind)
            self.fields[name].widget.attrs["data-depends"] = "customer"
        if self.instance.pk is None:
            reach = people_in_reach(self.user, "contract.create")
            self.pick("owner", reach, kind="employee", query={"for": "contract.create"})
            self.initial["owner"] = self.initial.get("owner") or self.user.pk
        else:
            del self.fields["owner"]
            if self.instance.lines_total is not None and "amount" in self.fields:
                self.fields["amount"].disabled = True
                self.fields["amount"].help_text = "等于产品明细的合计，在“产品”标签修改；删除全部产品后可以直接填写"

    def clean_customer(self):
        customer = self.cleaned_data["customer"]
        may = Customer.objects.allowed(self.user, "edit")
        if customer.pk != self.instance.customer_id and not may.filter(pk=customer.pk).exists():
            raise ValidationError("您没有编辑该客户的权限，不能在它下面添加合同。")
        return customer
