"""Forms of plans and payments."""

from calendar import monthrange
from datetime import date
from decimal import Decimal, InvalidOperation

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone

from crm.records import fields, fieldset, modules
from crm.records.formatting import day, money
from crm.records.forms import HouseForm, RecordForm, people_in_reach

from .models import Payment, PaymentPlan
from .offering import payable
from .services import allotting
from .services.plans import shares

PARTS_SHOWN = 60


def money_field(label: str, *, required: bool = False, **more) -> forms.Field:
    """An amount typed by a person."""
    return fields.Money(label, blank=not required, null=not required).formfield(required=required, **more)


def keep_editable(form: HouseForm, module: str) -> None:
    """Take out the fields of the model that the person may not fill."""
    company = fieldset.of(modules.get(module), form.user)
    for name in form._meta.fields:
        if name in form.fields and not company.editable(name):
            del form.fields[name]


def number(text) -> int | None:
    """An id as an address or a form sends it."""
    text = str(text or "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


class _AtContract(RecordForm):
    """What belongs to a contract: chosen once, with its owner unless another one is picked."""

    fixed: tuple[str, ...] = ()  # fields many records never change at once

    def prepare(self):
        self.contract = None
        if self.instance.pk is None:
            self.pick("contract", payable(self.user), kind="contract", query={"for": "pay"})
            function = f"{self.module_name}.create"
            self.pick("owner", people_in_reach(self.user, function), kind="employee", query={"for": function})
            self.fields["owner"].required = False
            self.fields["owner"].help_text = "空着就是合同的负责人"
            sent = self.data.get(self.add_prefix("contract")) if self.is_bound else self.initial.get("contract")
            pk = number(getattr(sent, "pk", sent))
            self.contract = payable(self.user).filter(pk=pk).first() if pk else None
        else:
            del self.fields["contract"], self.fields["owner"]
            if not self.instance.pk:  # 批量编辑: amounts are bound to their contract
                for name in self.fixed:
                    self.fields.pop(name, None)
            else:
                self.contract = self.instance.contract


class PlanForm(_AtContract):
    module_name = "payment_plan"
    fixed = ("amount", "due_on")
    sections = (
        ("基本信息", "", ("contract", "amount", "due_on", "method", "remind_days", "owner")),
        ("其他", "", ("remark",)),
    )

    class Meta:
        model = PaymentPlan
        fields = ["contract", "amount", "due_on", "owner", "remark", "remind_days", "method"]

    def prepare(self):
        super().prepare()
        shows = fieldset.of(modules.get("contract"), self.user).readable("amount")
        if self.contract is not None and self.instance.pk is None and "amount" in self.fields and shows:
            self.fields[
                "amount"
            ].help_text = f"合同金额 {money(self.contract.amount)}，已计划 {money(self.contract.planned)}"


class PaymentForm(_AtContract):
    """A payment, and to which plans of its contract it belongs; left empty it goes to the oldest ones."""

    module_name = "payment"
    fixed = ("amount", "type")
    plan = forms.IntegerField(required=False, widget=forms.HiddenInput)  # the plan of the address, read once
    sections = (
        ("基本信息", "", ("contract", "type", "paid_on", "amount", "method", "owner")),
        ("其他", "", ("remark", "submit_now")),
    )

    class Meta:
        model = Payment
        fields = ["contract", "type", "paid_on", "amount", "owner", "remark", "method"]

    def prepare(self):
        super().prepare()
        del self.fields["plan"]
        self.plans = []
        if self.instance.pk is None:
            self.initial["paid_on"] = self.initial.get("paid_on") or timezone.localdate()
            self.fields["submit_now"] = forms.BooleanField(label="保存后提交审批", required=False, initial=True)
        if self.contract is not None and fieldset.of(modules.get("payment"), self.user).editable("amount"):
            self.offer_plans()

    def offer_plans(self):
        """A field for each plan that is not paid, with what it lacks."""
        mine = {}
        if self.instance.pk:
            mine = dict(self.instance.allocations.values_list("plan_id", "amount"))
        plans = allotting.plans_of(self.contract.pk)
        free = allotting.rooms(plans, Payment.Type.RECEIPT, without=[self.instance.pk] if self.instance.pk else ())
        wanted = number(self.initial.get("plan"))
        refund = self.instance.pk and self.instance.type == Payment.Type.REFUND
        plan_fields = fieldset.of(modules.get("payment_plan"), self.user)
        tells = all(map(plan_fields.readable, ("amount", "received", "pending")))
        dated = plan_fields.readable("due_on")
        self.plans = [plan for plan in plans if free[plan.pk] or plan.pk in mine or refund][:PARTS_SHOWN]
        for plan in self.plans:
            facts = [day(plan.due_on)] if dated else []
            facts += [f"还差 {money(free[plan.pk])}"] if tells else []
            label = f"{plan}（{'，'.join(facts)}）" if facts else str(plan)
            self.fields[f"part_{plan.pk}"] = money_field(label)
            if plan.pk in mine:
                self.initial[f"part_{plan.pk}"] = mine[plan.pk]
            elif plan.pk == wanted and tells and not self.is_bound:
                self.initial[f"part_{plan.pk}"] = free[plan.pk]
                self.initial["amount"] = self.initial.get("amount") or free[plan.pk]
        if self.plans:
            names = tuple(f"part_{plan.pk}" for plan in self.plans)
            note = "不填就按计划日期先后自动分配"
            self.sections = (self.sections[0], ("分配到计划", note, names), *self.sections[1:])

    def clean(self):
        data = super().clean()
        parts, amount = self.parts(), data.get("amount")
        if amount and parts and len(parts) == 1:
            (pk, part) = next(iter(parts.items()))
            data[f"part_{pk}"] = min(part, amount)
        elif amount and parts and sum(parts.values()) > amount:
            raise ValidationError(f"分配到计划的金额合计 {money(sum(parts.values()))}，超过本次金额 {money(amount)}。")
        return data

    def parts(self) -> dict[int, Decimal] | None:
        """{plan id: amount} of the filled fields; None where there are none to fill."""
        if not self.plans:
            return None
        found = {plan.pk: self.cleaned_data.get(f"part_{plan.pk}") for plan in self.plans}
        return {pk: part for pk, part in found.items() if part}

    def changed_values(self):
        parts = self.parts()
        return super().changed_values() | ({} if parts is None else {"parts": parts})


class VoidForm(forms.Form):
    """Why approved payments are taken out again."""

    def __init__(self, *args, user, module, rows, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["reason"] = Payment._meta.get_field("void_reason").formfield(
            required=True, label="作废原因", error_messages={"required": "请填写作废原因"}
        )


class GenerateForm(HouseForm):
    """按比例 or 按期: several plans at once over what the contract has not planned yet."""

    MODES = (("ratio", "按比例"), ("months", "按期平均"))
    STEPS = ((1, "每月"), (3, "每季"), (6, "每半年"), (12, "每年"))
    mode = forms.ChoiceField(label="方式", choices=MODES, initial="ratio", widget=forms.RadioSelect)
    ratio = forms.CharField(
        label="比例",
        required=False,
        max_length=100,
        initial="30/40/30",
        help_text="百分数，用斜线隔开，合计 100；最后一期取余数",
    )
    number = forms.IntegerField(
        label="期数",
        required=False,
        min_value=1,
        max_value=60,
        initial=12,
        help_text="“按期平均”时填写，1 到 60；最后一期取余数",
        error_messages={"invalid": "请填写 1 到 60 的整数", "min_value": "至少 1 期", "max_value": "最多 60 期"},
    )
    first_on = forms.DateField(label="第一期日期")
    step = forms.TypedChoiceField(label="间隔", choices=STEPS, coerce=int, initial=1)

    class Meta:
        model = PaymentPlan
        fields = ["method", "remind_days"]

    field_order = ["mode", "ratio", "number", "first_on", "step", "method", "remind_days"]

    def __init__(self, *args, total: Decimal, **kwargs):
        self.total = total
        super().__init__(*args, **kwargs)

    def prepare(self):
        keep_editable(self, "payment_plan")

    def clean(self):
        data = super().clean()
        if self.errors:
            return data
        weights = self.weights(data)
        try:
            amounts = shares(self.total, weights)
            days = [later(data["first_on"], data["step"] * place) for place in range(len(weights))]
        except ValidationError as error:
            raise ValidationError(error.messages) from None
        data["parts"] = list(zip(amounts, days, strict=True))
        return data

    def weights(self, data) -> list[Decimal]:
        if data["mode"] == "months":
            if not data.get("number"):
                raise ValidationError({"number": "请填写期数"})
            return [Decimal(1)] * data["number"]
        texts = [text.strip().removesuffix("%") for text in (data.get("ratio") or "").replace("／", "/").split("/")]
        try:
            found = [Decimal(text) for text in texts]
        except InvalidOperation:
            raise ValidationError({"ratio": "请填写百分数，如 30/40/30"}) from None
        if any(not one.is_finite() or not 0 < one <= 100 for one in found) or sum(found) != 100 or len(found) > 60:
            raise ValidationError({"ratio": "各期比例应大于 0，合计 100"})
        return found

    def _post_clean(self):
        """The amounts and days of the plans are their own; checked when they are saved."""


def later(start: date, months: int) -> date:
    """The same day so many months later, the last one where a month is shorter."""
    year, month = divmod(start.month - 1 + months, 12)
    year, month = start.year + year, month + 1
    if year > 2999:
        raise ValidationError("日期太远。")
    return date(year, month, min(start.day, monthrange(year, month)[1]))
