"""Forms of invoices and titles."""

import json

from django import forms

from crm.records import fieldset, modules
from crm.records.forms import HouseForm, RecordForm, people_in_reach

from ..models import Contract, Invoice, InvoiceTitle
from . import counting, services, titles

COPIED = {"name": "title", **{name: name for name in titles.FIELDS if name != "name"}}


class TitleSelect(forms.Select):
    """The saved titles of a customer; each option carries what it fills in (static/invoices.js)."""

    known: dict[str, dict] = {}

    def create_option(self, name, value, *args, **kwargs):
        option = super().create_option(name, value, *args, **kwargs)
        if str(value) in self.known:
            option["fills"] = json.dumps(self.known[str(value)], ensure_ascii=False)
        return option

    def offer(self, found: list[dict]) -> None:
        self.known = {str(one["id"]): filled(one) for one in found}
        self.choices = [("", "手工填写"), *((one["id"], one["name"]) for one in found)]


def filled(title: dict) -> dict:
    """{field of the form: what the title says}."""
    return {field: title[name] for name, field in COPIED.items()}


class InvoiceForm(RecordForm):
    """An application. Its number comes with the first submission; 转移 gives it away later."""

    sections = (
        ("开票内容", "", ("contract", "kind", "amount", "wanted_on", "content", "owner")),
        ("发票抬头", "", ("saved", "title", "tax_number", "bank", "account", "address", "phone", "save_title")),
        ("其他", "", ("receiver", "remark")),
    )

    class Meta:
        model = Invoice
        fields = [
            "contract",
            "kind",
            "amount",
            "wanted_on",
            "content",
            "owner",
            "title",
            "tax_number",
            "bank",
            "account",
            "address",
            "phone",
            "receiver",
            "remark",
        ]

    def prepare(self):
        offered = services.billable(self.user)
        if self.instance.pk is not None:
            offered = offered | Contract.objects.filter(pk=self.instance.contract_id)
        self.pick("contract", offered, kind="contract")
        self.fields["contract"].error_messages["invalid_choice"] = "请选择已通过审批、您可以开票的合同"
        self.fields["contract"].widget.attrs["data-invoice-contract"] = "/invoices/titles/"
        self.fields["saved"] = forms.CharField(label="已存抬头", required=False, widget=TitleSelect())
        self.fields["saved"].widget.attrs |= {"data-invoice-titles": "", "class": "k-select"}
        self.fields["saved"].widget.offer([])
        self.fields["save_title"] = forms.BooleanField(label="存为客户的抬头", required=False)
        self.fields["save_title"].help_text = "下次开票可以直接选用；同名的抬头会被更新"
        if self.instance.pk is None:
            reach = people_in_reach(self.user, "invoice.create")
            self.pick("owner", reach, kind="employee", query={"for": "invoice.create"})
            self.initial["owner"] = self.initial.get("owner") or self.user.pk
        else:
            for name in ("owner", "save_title"):
                del self.fields[name]
        self.fill(self.contract(offered))

    def contract(self, offered) -> Contract | None:
        """The contract the form stands at."""
        wanted = str((self.data.get("contract") if self.is_bound else self.initial.get("contract")) or "")
        if not (wanted.isascii() and wanted.isdigit() and len(wanted) < 19):
            return None
        return offered.filter(pk=int(wanted)).first()

    def fill(self, contract: Contract | None) -> None:
        """What the contract brings along: the titles of its customer, the default one filled in, what may still be invoiced."""
        if contract is None:
            return
        found = titles.of(contract.customer_id)
        self.fields["saved"].widget.offer(found)
        if self.instance.pk is None and not self.is_bound:
            shows = fieldset.of(modules.get("contract"), self.user).readable("amount")
            left = counting.left(contract) if shows else 0
            if left > 0:
                self.initial["amount"] = self.initial.get("amount") or left
            if found:
                given = {name: value for name, value in self.initial.items() if value not in (None, "")}
                self.initial = {**self.initial, **filled(found[0]), "saved": found[0]["id"], **given}


class VoidForm(forms.Form):
    """作废 or 红冲, and why."""

    def __init__(self, *args, user, module, rows, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["kind"] = forms.ChoiceField(
            label="方式",
            choices=Invoice.VoidedAs.choices,
            initial=Invoice.VoidedAs.VOID,
            widget=forms.RadioSelect,
            error_messages={"required": "请选择方式", "invalid_choice": "请选择列表中的选项"},
        )
        self.fields["reason"] = Invoice._meta.get_field("void_reason").formfield(
            label="原因", required=True, error_messages={"required": "请填写作废原因"}
        )


class TitleForm(HouseForm):
    class Meta:
        model = InvoiceTitle
        fields = list(titles.FIELDS)

    def prepare(self):
        only = self.instance.pk is not None and self.instance.is_default
        self.fields["tax_number"].help_text = "15、18 或 20 位；个人可以不填"
        self.fields["default"] = forms.BooleanField(
            label="默认抬头", required=False, initial=self.instance.is_default, disabled=only
        )
        self.fields["version"] = forms.IntegerField(
            widget=forms.HiddenInput, initial=self.instance.version, required=False, min_value=0
        )

    def validate_unique(self):
        """The service asks under the customer's lock."""
