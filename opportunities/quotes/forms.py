"""Forms of quotations: a version, a link, a letter, the answer of the customer."""

import re
from datetime import timedelta

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone

from crm.records import fieldset, modules, params
from crm.records.forms import HouseForm
from customers.models import Contact
from customers.models.mailing import BODY, SUBJECT

from ..models import QuotationVersion
from . import queries, services, sharing

BAD_DAY = "日期格式应为 2026-01-31"
SEVERAL = re.compile(r"[\s,;，；、]+")


class VersionForm(HouseForm):
    """What a new version says besides the lines; `before` = the version it follows."""

    sections = (
        ("", "", ("title", "contact", "valid_until", "terms")),
        ("只给同事看", "", ("note",)),
    )

    class Meta:
        model = QuotationVersion
        fields = ["title", "contact", "valid_until", "terms", "note"]

    def __init__(self, *args, opportunity, before=None, version: int | None = None, **kwargs):
        self.opportunity, self.before, self.base = opportunity, before, version
        super().__init__(*args, **kwargs)

    def prepare(self):
        today, before = timezone.localdate(), self.before
        contacts = Contact.objects.allowed(self.user, "view").filter(customer_id=self.opportunity.customer_id)
        if self.user.has_function("contact.view"):
            self.pick("contact", contacts, kind="contact", query={"customer": self.opportunity.customer_id})
        else:
            del self.fields["contact"]
        self.fields["terms"].widget.attrs["rows"] = 6
        self.fields["terms"].help_text = "印在报价单上：付款、交货、质保等，最多 2,000 个字"
        self.fields["note"].help_text = "不会出现在打印件和链接里"
        self.fields["note"].widget.attrs["data-wide"] = ""
        self.fields["title"].widget.attrs["data-wide"] = ""
        contact = before.contact_id if before else self.opportunity.decider_id
        self.initial |= {
            "title": before.title if before else f"{self.opportunity.name[:47]}报价",
            "contact": contact if contact and contacts.filter(pk=contact).exists() else None,
            "terms": before.terms if before else self.usual_terms(),
            "valid_until": today + timedelta(days=params.get("quotation_days")),
        }
        if self.base is not None:
            self.fields["base"] = forms.IntegerField(widget=forms.HiddenInput, initial=self.base)

    def usual_terms(self) -> str:
        """What this person wrote last time."""
        mine = QuotationVersion.objects.filter(created_by=self.user).order_by("-pk")
        return mine.values_list("terms", flat=True).first() or ""


def _day(label: str, initial) -> forms.DateField:
    """A date with the calendar and the house's sentence."""
    return forms.DateField(
        label=label,
        initial=initial,
        widget=forms.DateInput(attrs={"data-date": "", "placeholder": "2026-01-31"}, format="%Y-%m-%d"),
        error_messages={"invalid": BAD_DAY, "required": f"请填写{label}"},
    )


def _versions(quotation) -> list[QuotationVersion]:
    return list(quotation.versions.only("number", "valid_until", "title", "quotation_id"))


def _number_field(versions, label: str):
    """A choice among the versions, the newest first; hidden where there is one."""
    field = forms.TypedChoiceField(
        label=label,
        coerce=int,
        choices=[(one.number, f"V{one.number} {one.title}") for one in versions],
        initial=versions[0].number,
        error_messages={"invalid_choice": "请选择列表中的选项", "required": "请选择版本"},
    )
    if len(versions) == 1:
        field.widget = forms.HiddenInput()
    return field


class ShareForm(forms.Form):
    """A link: which version, until when, with or without prices."""

    def __init__(self, *args, quotation, user, **kwargs):
        self.versions, self.user = _versions(quotation), user
        super().__init__(*args, **kwargs)
        today, money = timezone.localdate(), queries.sight(user).money
        until = min(max(self.versions[0].valid_until, today), today + timedelta(days=sharing.LONGEST))
        self.fields["number"] = _number_field(self.versions, "版本")
        self.fields["expires_on"] = _day("链接有效期至", until)
        self.fields["hide_prices"] = forms.BooleanField(
            label="隐藏价格",
            required=False,
            initial=not money,
            help_text="客户只看到产品和数量" if money else "您的角色看不到金额，只能发出隐藏价格的报价单",
        )


def addresses_of(opportunity, user) -> list[tuple[str, str]]:
    """[(address, "李雷 <li@example.com>")] of the customer's contacts, as far as the person may read them."""
    if not user.has_function("contact.view") or not fieldset.of(modules.get("contact"), user).readable("email"):
        return []
    rows = Contact.objects.allowed(user, "view").filter(customer_id=opportunity.customer_id).exclude(email="")
    found: dict[str, str] = {}
    for name, email in rows.order_by("-is_primary", "pk").values_list("name", "email")[:100]:
        found.setdefault(email.strip(), f"{name} <{email.strip()}>")
    return list(found.items())


class SendForm(ShareForm):
    """A letter: to whom, what it says, and the link it carries."""

    def __init__(self, *args, quotation, user, **kwargs):
        super().__init__(*args, quotation=quotation, user=user, **kwargs)
        current, known = quotation.current, addresses_of(quotation.opportunity, user)
        link, self.fields = self.fields, {}
        if known:
            primary = [
                address
                for address, text in known
                if current.contact_name and text.startswith(f"{current.contact_name} <")
            ]
            self.fields["known"] = forms.MultipleChoiceField(
                label="客户联系人",
                choices=known,
                required=False,
                initial=primary[:1] or [known[0][0]],
                widget=forms.CheckboxSelectMultiple,
                error_messages={"invalid_choice": "请选择列表中的联系人"},
            )
        self.fields["typed"] = forms.CharField(
            label="其他邮箱", required=False, max_length=1000, help_text="多个邮箱用逗号隔开，每人一条自己的链接"
        )
        self.fields["typed"].error_messages["max_length"] = "最多 1000 个字"
        self.fields["typed"].widget.attrs.pop("maxlength", None)
        self.fields["subject"] = SUBJECT.formfield()
        self.fields["body"] = BODY.formfield()
        self.fields["body"].widget.attrs["rows"] = 10
        self.fields["body"].help_text = "纯文字；末尾自动加上链接和它的有效期"
        for name in ("typed", "subject", "body"):
            self.fields[name].widget.attrs["data-wide"] = ""
        self.fields |= link
        self.initial |= {
            "subject": f"{current.company}报价单 {quotation.number}：{current.title}",
            "body": "\n".join(
                [
                    f"{current.contact_name}，您好：" if current.contact_name else "您好：",
                    "",
                    f"请查看报价单“{current.title}”（编号 {quotation.number}），"
                    f"报价有效期至 {current.valid_until:%Y-%m-%d}。",
                    "如有疑问，请直接回复这封邮件，或与我联系。",
                    "",
                    current.company,
                    f"{current.seller_name} {current.seller_phone}".strip(),
                ]
            ),
        }

    def clean(self):
        data = super().clean()
        typed = [one for one in SEVERAL.split(data.get("typed") or "") if one]
        try:
            data["addresses"] = sharing.check_addresses([*(data.get("known") or []), *typed])
        except ValidationError as error:
            if "known" not in self.errors:
                self.add_error("typed", error.messages)
        return data


class DecideForm(forms.Form):
    """The customer's answer."""

    def __init__(self, *args, quotation, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["number"] = _number_field(_versions(quotation), "答复的版本")
        self.fields["on"] = _day("答复日期", timezone.localdate())
        self.fields["words"] = services.NOTE.formfield(label="说明")


class VoidForm(forms.Form):
    """Why it is withdrawn."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["reason"] = services.REASON.formfield()
