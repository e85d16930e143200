"""Forms of 变更 and 作废."""

from django import forms
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db.models import Q

from approvals.coming import SubmitForm
from crm.records import modules
from crm.records.custom.definitions import Type
from crm.records.forms import RecordForm, records_in_reach

from ..models import Contract
from .services import NO_REASON, REASON
from .voiding import REASON as VOID_REASON

AT_ONCE = 20  # contracts whose flows are looked at before they are void together


class ChangeForm(RecordForm):
    """What a contract is to say; the customer stays. `total` = the sum of the product lines that are there (None: no lines, the
    amount is typed)."""

    sections = (
        ("变更原因", "审批人会看到", ("reason",)),
        (
            "合同内容",
            "",
            (
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
            ),
        ),
        ("其他", "", ("remark",)),
    )

    class Meta:
        model = Contract
        fields = [
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
            "remark",
        ]

    def __init__(self, *args, total=None, reason: str = "", need_reason: bool = False, **kwargs):
        self.total, self.reason, self.need_reason = total, reason, need_reason
        super().__init__(*args, **kwargs)

    def prepare(self):
        theirs = {"customer": self.instance.customer_id}
        for name, kind in (("opportunity", "opportunity"), ("customer_signer", "contact")):
            reach, now = records_in_reach(self.user, kind).filter(**theirs), getattr(self.instance, f"{name}_id")
            rows = modules.get(kind).model.objects.filter(Q(pk__in=reach.order_by().values("pk")) | Q(pk=now))
            self.pick(name, rows, kind=kind, query=theirs)
        people = get_user_model().objects
        self.pick(
            "company_signer",
            people.filter(Q(is_active=True) | Q(pk=self.instance.company_signer_id)),
            kind="colleague",
        )
        if self.total is not None:
            self.initial["amount"] = self.total
            self.fields["amount"].disabled = True
        self.fields["amount"].help_text = "有产品明细时等于明细的合计"

    def customise(self):
        super().customise()
        for key, one in self.fieldset.custom.items():
            if one.type == Type.FILES:
                self.fields.pop(key, None)
        self.fields = {
            "reason": forms.CharField(
                label="变更原因",
                required=False,
                initial=self.reason,
                widget=forms.Textarea(attrs={"rows": 2}),
                help_text="提交审批时必填",
            ),
            **self.fields,
        }

    def clean_reason(self):
        reason = REASON.clean_value(self.cleaned_data["reason"])
        if self.need_reason and not reason:
            raise ValidationError(NO_REASON)
        return reason


class VoidForm(forms.Form):
    """Why a contract ends."""

    def __init__(self, *args, user, module, rows, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["reason"] = VOID_REASON.formfield(required=True, label="作废原因")
        self.named: list[str] = []
        for contract in list(rows[:AT_ONCE]):
            asked = SubmitForm(document="contract_void", subject=contract, user=user)
            for key in asked.keys:
                if key not in self.named:
                    self.named.append(key)
                    self.fields[f"chosen_{key}"] = asked.fields[f"chosen_{key}"]

    def chosen(self) -> dict[str, list[int]]:
        """{step: people} the submitter named."""
        return {key: [one.pk for one in self.cleaned_data[f"chosen_{key}"]] for key in self.named}
