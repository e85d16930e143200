"""Verbs of plans and payments that have pages of their own: 生成计划 of a contract, 按客户收款."""

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404
from django.utils import timezone

from approvals.submitting import SubmitPage
from contracts.models import Contract
from crm.records import fields as record_fields
from crm.records import fieldset, modules
from crm.records.formatting import money
from crm.records.forms import HouseForm, records_in_reach
from crm.records.views.base import ModuleView, go
from customers.models import Customer

from . import services
from .figures import ZERO
from .forms import GenerateForm, keep_editable, money_field, number
from .models import Payment
from .offering import payable, reads_rest
from .services import receiving

MOST = 300  # contracts of one customer that are looked at


def editable(module, user, *keys: str) -> None:
    """403 where a field right keeps the person from what the page writes."""
    company = fieldset.of(module, user)
    if closed := [company.label(key) for key in keys if not company.editable(key)]:
        raise PermissionDenied(f"您的角色不能填写{module.label}的“{'、'.join(closed)}”。")


def told(user) -> None:
    """403 for whoever may not read what the page proposes."""
    if not reads_rest(user):
        raise PermissionDenied("您的角色看不到合同金额或回款计划的金额，不能这样做。")


class GenerateView(ModuleView):
    """/payment-plans/generate/?contract=<id>: plans over what the contract has not planned yet, in one dialog."""

    module_name = "payment_plan"
    action = "create"

    def get(self, request):
        contract = self.contract()
        return self.show(contract, self.form(contract))

    def post(self, request):
        contract = self.contract()
        form = self.form(contract, request.POST)
        if form.is_valid():
            data = form.cleaned_data
            more = {name: data[name] for name in ("method", "remind_days") if name in data}
            try:
                made = services.generate(contract.pk, data["parts"], by=self.user, more=more)
            except ValidationError as error:
                form.add_error(None, error.messages)
            else:
                messages.success(request, f"已生成 {len(made)} 期计划")
                return go(request, self.back(contract))
        return self.show(contract, form)

    def contract(self) -> Contract:
        """The contract of the address: 404 out of sight, 403 where no plan may be written at it."""
        editable(self.module, self.user, "amount", "due_on")
        told(self.user)
        pk = number(self.request.GET.get("contract"))
        seen = Contract.objects.allowed(self.user, "view").filter(pk=pk).first() if pk else None
        if seen is None:
            raise Http404
        found = payable(self.user).filter(pk=pk).first()
        if found is None:
            raise PermissionDenied("这份合同不在您负责的范围内，或者它的状态不能添加回款计划。")
        return found

    def form(self, contract, data=None) -> GenerateForm:
        left = max(contract.amount - contract.planned, ZERO)
        return GenerateForm(data, user=self.user, total=left, initial={"first_on": timezone.localdate()})

    def back(self, contract) -> str:
        return f"{modules.get('contract').url(pk=contract.pk)}?tab=payments"

    def show(self, contract, form):
        return self.page(
            "records/confirm.html",
            {
                "heading": "生成回款计划",
                "body": f"合同金额 {money(contract.amount)}，已计划 {money(contract.planned)}；"
                f"本次对剩下的 {money(form.total)} 分期。",
                "submit_label": "生成",
                "fields": form,
                "hidden": [],
                "action": self.request.get_full_path(),
                "back_url": self.back(contract),
            },
            status=422 if form.is_bound and self.request.htmx else 200,
        )


class ReceiveForm(HouseForm):
    """One receipt of a customer; what goes where stands in the table below it."""

    class Meta:
        model = Payment
        fields = ["paid_on", "method", "remark"]

    field_order = ["customer", "amount", "paid_on", "method", "remark"]

    def prepare(self):
        keep_editable(self, "payment")
        self.fields["amount"] = money_field("收款金额", required=True)
        self.fields["customer"] = forms.ModelChoiceField(Customer.objects.none(), label="客户")
        self.pick("customer", records_in_reach(self.user, "customer", "view"), kind="customer")
        self.initial.setdefault("paid_on", timezone.localdate())
        self.order_fields(self.field_order)

    def clean_amount(self):
        amount = self.cleaned_data["amount"]
        if amount <= 0:
            raise ValidationError("金额应大于 0")
        return amount

    def _post_clean(self):
        """The payments it makes are checked one by one when they are saved."""


class ReceiveView(ModuleView):
    """/payments/receive/?customer=<id>: the receipt, and how it is spread over contracts and plans: proposed oldest first,
    adjustable, saved all together."""

    module_name = "payment"
    action = "create"

    def dispatch(self, request, *args, **kwargs):
        self.parts: dict[str, object] = {}
        self.wrong: dict[str, str] = {}
        return super().dispatch(request, *args, **kwargs)

    def get(self, request):
        editable(self.module, self.user, "amount", "paid_on", "contract")
        told(self.user)
        form = ReceiveForm(user=self.user, initial={"customer": number(request.GET.get("customer"))})
        return self.show(form, self.customer(request.GET.get("customer")))

    def post(self, request):
        editable(self.module, self.user, "amount", "paid_on", "contract")
        told(self.user)
        form = ReceiveForm(request.POST, user=self.user)
        customer = self.customer(request.POST.get("customer"))
        valid = form.is_valid()
        slots = self.slots(customer)
        if "spread" in request.POST or request.POST.get("shown") != str(getattr(customer, "pk", "")):
            if form.cleaned_data.get("amount"):
                self.parts = receiving.propose(slots, form.cleaned_data["amount"])
            return self.show(form, customer, slots)
        self.read(slots)
        if valid and not self.wrong:
            data = form.cleaned_data
            try:
                made = services.receive(
                    customer,
                    [contract.pk for contract in self.contracts(customer)],
                    {key: part for key, part in self.parts.items() if part},
                    amount=data["amount"],
                    paid_on=data["paid_on"],
                    method=data.get("method"),
                    remark=data.get("remark") or "",
                    by=self.user,
                )
            except ValidationError as error:
                form.add_error(None, error.messages)
            else:
                messages.success(request, f"已登记 {len(made)} 笔回款并提交审批")
                batch = made[0].batch
                return go(request, f"{self.module.list_url}?batch={batch}" if batch else self.module.url(pk=made[0].pk))
        return self.show(form, customer, slots, status=422 if request.htmx else 200)

    def customer(self, text) -> Customer | None:
        pk = number(text)
        return Customer.objects.allowed(self.user, "view").filter(pk=pk).first() if pk else None

    def contracts(self, customer) -> list[Contract]:
        if customer is None:
            return []
        return list(payable(self.user).filter(customer=customer).order_by("signed_on", "pk")[:MOST])

    def slots(self, customer) -> list[receiving.Slot]:
        return receiving.slots(self.contracts(customer))

    def read(self, slots) -> None:
        """The typed parts, by the key of their slot; what is wrong with them."""
        field = record_fields.Money("金额", blank=True, null=True)
        for slot in slots:
            text = self.request.POST.get(f"part-{slot.key}", "")
            try:
                self.parts[slot.key] = field.clean_value(text)
            except ValidationError as error:
                self.parts[slot.key], self.wrong[slot.key] = text, "；".join(error.messages)

    def show(self, form, customer, slots=None, status=200):
        slots = self.slots(customer) if slots is None else slots
        total = sum((part for part in self.parts.values() if isinstance(part, type(ZERO))), ZERO)
        return self.page(
            "payments/receive.html",
            {
                "form": form,
                "customer": customer,
                "slots": [
                    {
                        "slot": slot,
                        "name": f"part-{slot.key}",
                        "value": "" if self.parts.get(slot.key) is None else str(self.parts[slot.key]),
                        "error": self.wrong.get(slot.key, ""),
                    }
                    for slot in slots
                ],
                "lacks": sum((slot.lacks for slot in slots), ZERO),
                "total": total,
                "heading": "按客户收款",
                "back_url": self.module.list_url,
            },
            status=status,
        )


class SubmitView(SubmitPage):
    module_name = "payment"

    def joins(self):
        return ("contract", "customer", "owner")

    def submit(self, record, **said):
        services.submit(record, **said)
