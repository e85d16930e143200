"""Forms of contracts."""

from django import forms
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError

from crm.records import params
from crm.records.formfields import is_id
from crm.records.forms import RecordForm, people_in_reach, records_in_reach
from customers.models import Customer
from opportunities.lines.declared import DOCUMENT as OFFERED
from products.lines.tab import Sight

from .lines.declared import DOCUMENT
from .models import Contract
from .models.contract import days_of

LOCKED = "等于产品明细的合计，在“产品”标签修改；删除全部产品后可以直接填写"


class Days(forms.CharField):
    """A whole number of days, 0 to 365."""

    def clean(self, value):
        return days_of(value)


class ContractForm(RecordForm):
    """The number comes with the first submission; 转移 gives it away later. Opened for an opportunity, it begins with what that
    says."""

    sections = (
        (
            "基本信息",
            "编号在提交后生成",
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
                "take_lines",
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
        people = get_user_model().objects.all()
        now = self.instance.company_signer_id
        self.pick("company_signer", people.filter(is_active=True) | people.filter(pk=now), kind="colleague")
        usual = params.get("contract_remind_days")
        self.fields["remind_days"] = Days(
            label=self.fields["remind_days"].label,
            required=False,
            widget=forms.TextInput(attrs={"inputmode": "numeric"}),
            help_text=f"空着就是公司设置的 {usual} 天，0 表示不提醒" if usual else "空着和 0 都不提醒",
        )
        if self.instance.pk is None:
            self.begin()
        else:
            del self.fields["owner"]
            if self.instance.lines_total is not None and "amount" in self.fields:
                self.fields["amount"].disabled = True
                self.fields["amount"].help_text = LOCKED

    def begin(self):
        """A new one is owned by whoever writes it, unless they give it away."""
        reach = people_in_reach(self.user, "contract.create")
        self.pick("owner", reach, kind="employee", query={"for": "contract.create"})
        self.offered = self.opportunity()
        if self.offered is not None and not self.is_bound:
            found = self.offered
            known = {"customer": found.customer_id, "name": found.name, "customer_signer": found.decider_id}
            sight = Sight(OFFERED, self.user)
            if sight.money:
                known["amount"] = found.amount
            for name, value in known.items():
                self.initial[name] = self.initial.get(name) or value
        self.initial["owner"] = self.initial.get("owner") or self.user.pk
        if self.offered is not None and self.offered.lines_total is not None:
            if Sight(OFFERED, self.user).money and Sight(DOCUMENT, self.user).edits:
                self.fields["take_lines"] = forms.BooleanField(
                    label="带入商机的产品明细",
                    required=False,
                    initial=True,
                    help_text="合同金额等于产品明细的合计；已下架的产品不带入",
                )

    def opportunity(self):
        """The opportunity the form is opened for or sent with, as far as the person sees it."""
        wanted = self.data.get("opportunity") if self.is_bound else self.initial.get("opportunity")
        if not is_id(wanted):
            return None
        return records_in_reach(self.user, "opportunity", "view").filter(pk=wanted).first()

    def clean_customer(self):
        customer = self.cleaned_data["customer"]
        may = Customer.objects.allowed(self.user, "edit")
        if customer.pk != self.instance.customer_id and not may.filter(pk=customer.pk).exists():
            raise ValidationError("您没有编辑该客户的权限，不能在它下面添加合同。")
        return customer


class ShutForm(forms.Form):
    """关闭: why it ends before its time."""

    def __init__(self, *args, user, module, rows, **kwargs):
        super().__init__(*args, **kwargs)
        field = Contract._meta.get_field("end_reason").formfield(required=True)
        field.error_messages["required"] = "请填写关闭原因"
        self.fields["reason"] = field
