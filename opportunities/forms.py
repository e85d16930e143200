"""Forms of opportunities."""

from django import forms
from django.core.exceptions import ValidationError

from crm.records.forms import RecordForm, people_in_reach, records_in_reach
from customers.models import Customer

from . import pipelines
from .models import Opportunity, Stage


class OpportunityForm(RecordForm):
    sections = (
        (
            "基本信息",
            "",
            (
                "customer",
                "name",
                "pipeline",
                "stage",
                "owner",
                "amount",
                "expected_on",
                "decider",
                "source",
                "competitors",
                "next_contact_at",
            ),
        ),
        ("其他", "", ("remark",)),
    )

    class Meta:
        model = Opportunity
        fields = [
            "customer",
            "name",
            "pipeline",
            "stage",
            "owner",
            "amount",
            "expected_on",
            "decider",
            "source",
            "competitors",
            "next_contact_at",
            "remark",
        ]

    def prepare(self):
        self.pick("customer", records_in_reach(self.user, "customer", "view"), kind="customer")
        self.pick("decider", records_in_reach(self.user, "contact", "view"), kind="contact")
        if self.instance.pk is None:
            reach = people_in_reach(self.user, "opportunity.create")
            self.pick("owner", reach, kind="employee", query={"for": "opportunity.create"})
            self.initial["owner"] = self.initial.get("owner") or self.user.pk
            self.offer_pipelines()
        else:  # the owner changes by 转移, the stage by the bar
            for name in ("owner", "pipeline", "stage"):
                del self.fields[name]
            if self.instance.lines_total is not None and "amount" in self.fields:
                self.fields["amount"].disabled = True
                self.fields["amount"].help_text = "等于产品明细的合计，在“产品”标签修改；删除全部产品后可以直接填写"

    def offer_pipelines(self):
        offered = pipelines.open_to(self.user)
        stages = Stage.objects.filter(pipeline__in=offered).select_related("pipeline")
        self.fields["pipeline"] = forms.ModelChoiceField(
            type(offered[0]).objects.filter(pk__in=[one.pk for one in offered]) if offered else Stage.objects.none(),
            label="商机组",
            empty_label=None,
        )
        self.fields["stage"] = forms.ModelChoiceField(
            stages, label="商机阶段", required=False, empty_label="第一个阶段"
        )
        self.initial.setdefault("pipeline", offered[0].pk if offered else None)

    def clean_customer(self):
        customer = self.cleaned_data["customer"]
        may = Customer.objects.allowed(self.user, "edit")
        if customer.pk != self.instance.customer_id and not may.filter(pk=customer.pk).exists():
            raise ValidationError("您没有编辑该客户的权限，不能在它下面添加商机。")
        return customer

    def clean(self):
        data = super().clean()
        if "stage" in self.fields and not data.get("stage") and data.get("pipeline"):
            data["stage"] = pipelines.first_stage(data["pipeline"])
        return data
