"""Forms of opportunities and of what hangs on them."""

from django import forms
from django.core.exceptions import ValidationError

from crm.records import fieldset, modules
from crm.records.formfields import Picked
from crm.records.forms import HouseForm, RecordForm, people_in_reach, records_in_reach
from customers.models import Customer

from . import pipelines
from .models import Competitor, Opportunity, Stage, Stakeholder

NO_PIPELINE = "还没有对您的部门开放的商机组，请联系管理员。"


class OpportunityForm(RecordForm):
    """A new one begins in a stage of any pipeline the person may use; later the bar and 调整阶段 move it, 转移 gives it away, and
    competitors have a tab of their own."""

    sections = (
        (
            "基本信息",
            "",
            (
                "customer",
                "name",
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
        self.fields["decider"].widget.attrs["data-depends"] = "customer"
        if self.instance.pk is None:
            reach = people_in_reach(self.user, "opportunity.create")
            self.pick("owner", reach, kind="employee", query={"for": "opportunity.create"})
            self.initial["owner"] = self.initial.get("owner") or self.user.pk
            self.fields["competitors"].help_text = "几个之间用顿号隔开，保存后可以补充优势、劣势和报价"
            self.offer_stages()
        else:
            for name in ("owner", "stage", "competitors"):
                del self.fields[name]
            if self.instance.lines_total is not None and "amount" in self.fields:
                self.fields["amount"].disabled = True
                self.fields["amount"].help_text = "等于产品明细的合计，在“产品”标签修改；删除全部产品后可以直接填写"

    def offer_stages(self):
        """One select with the stages of every pipeline the person may use, by pipeline where there are several."""
        self.offered = pipelines.offered(self.user)
        groups = [(one.name, [(stage.pk, stage.name) for stage in one.stages]) for one in self.offered]
        self.fields["stage"] = forms.ChoiceField(
            label="商机阶段",
            choices=groups if len(groups) > 1 else groups[0][1] if groups else [],
            required=False,
            error_messages={"invalid_choice": "请选择列表中的选项"},
        )
        if self.offered and not self.initial.get("stage"):
            self.initial["stage"] = self.offered[0].stages[0].pk

    def clean_customer(self):
        customer = self.cleaned_data["customer"]
        may = Customer.objects.allowed(self.user, "edit")
        if customer.pk != self.instance.customer_id and not may.filter(pk=customer.pk).exists():
            raise ValidationError("您没有编辑该客户的权限，不能在它下面添加商机。")
        return customer

    def clean(self):
        data = super().clean()
        if self.instance.pk is None and "stage" not in self.errors:
            chosen = data.get("stage") or (self.offered[0].stages[0].pk if self.offered else None)
            if chosen is None:
                raise ValidationError(NO_PIPELINE)
            stage = Stage.objects.select_related("pipeline").filter(pk=chosen).first()
            if stage is None:
                raise ValidationError({"stage": "这个阶段刚被删除，请重新选择"})
            data["stage"] = self.instance.stage = stage
            self.instance.pipeline = stage.pipeline
        return data


class MoveForm(OpportunityForm):
    """What a stage demands and the opportunity lacks: the fields of its own form, all of them to be filled. `closed` = labels of
    those this person may not fill."""

    def __init__(self, *args, keys: list[str], **kwargs):
        self.keys = keys
        super().__init__(*args, **kwargs)

    def customise(self):
        super().customise()
        company = fieldset.of(modules.get("opportunity"), self.user)
        self.closed = [company.label(key) for key in self.keys if key not in self.fields]
        for name in list(self.fields):
            if name not in self.keys:
                del self.fields[name]
                continue
            field = self.fields[name]
            field.required = True
            verb = "选择" if isinstance(field, forms.ChoiceField | forms.ModelChoiceField) else "填写"
            field.error_messages["required"] = f"请{verb}{field.label}"

    def clean(self):
        data = super().clean()
        if self.closed:
            raise ValidationError(f"您不能填写{'、'.join(self.closed)}。")
        return data


class StakeholderForm(HouseForm):
    """A contact of the customer and their part in the decision."""

    class Meta:
        model = Stakeholder
        fields = ["contact", "role", "attitude", "note"]

    def prepare(self):
        customer = self.instance.opportunity.customer_id
        if self.instance.pk is None:
            rows = records_in_reach(self.user, "contact", "view").filter(customer=customer)
            self.fields["contact"] = Picked(
                rows,
                kind="contact",
                query={"customer": customer},
                label="联系人",
                error_messages={"required": "请选择联系人", "invalid_choice": "请选择该客户的联系人"},
            )
        else:
            del self.fields["contact"]
        if fieldset.of(modules.get("opportunity"), self.user).editable("decider"):
            here = self.instance.contact_id or self.initial.get("contact")
            main = self.instance.opportunity.decider_id
            self.fields["main"] = forms.BooleanField(
                label="主要决策人", required=False, initial=main is not None and str(here) == str(main)
            )

    def main(self) -> bool:
        """Whether the contact is (to be) the 决策人 of the opportunity."""
        if "main" in self.fields:
            return self.cleaned_data["main"]
        return self.instance.opportunity.decider_id == self.instance.contact_id


class CompetitorForm(HouseForm):
    class Meta:
        model = Competitor
        fields = ["name", "price", "strengths", "weaknesses", "note"]
