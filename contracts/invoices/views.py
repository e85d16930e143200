"""Pages of invoices beyond those every record has: 登记开票 of one or many, the titles an application may choose."""

from decimal import Decimal

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError, transaction
from django.http import Http404, JsonResponse
from django.utils import timezone

from approvals.submitting import SubmitPage, led_by_submit
from crm.records import fieldset, formatting, modules, services
from crm.records.views.base import ModuleView, deny, go
from crm.records.views.bulk import selected_rows
from crm.records.views.detail import DetailView

from . import counting, titles
from . import services as verbs
from .forms import filled

MOST = 50
STALE = "打开页面之后，这张发票被别人改过，请核对后再保存。"


class IssueForm(forms.Form):
    """The number and day of one invoice; in a table of several a row may stay empty."""

    def __init__(self, data=None, *, invoice, several: bool):
        super().__init__(data, prefix=str(invoice.pk))
        self.invoice, self.several = invoice, several
        self.fields["number"] = forms.CharField(
            label="发票号码",
            required=not several,
            max_length=60,
            initial=invoice.invoice_number,
            error_messages={"required": "请填写发票号码", "max_length": "最多 40 位"},
        )
        self.fields["on"] = forms.DateField(
            label="开票日期",
            initial=invoice.issued_on or timezone.localdate(),
            required=False,
            widget=forms.DateInput(attrs={"data-date": "", "placeholder": "2026-01-31"}, format="%Y-%m-%d"),
            error_messages={"invalid": "日期格式应为 2026-01-31"},
        )
        self.fields["version"] = forms.IntegerField(
            widget=forms.HiddenInput, initial=invoice.version, min_value=0, max_value=2**31 - 1
        )

    def clean(self):
        data = super().clean()
        if data.get("number"):
            try:
                data["number"] = verbs.clean_number(data["number"])
            except ValidationError as error:
                self.add_error("number", error)
            if "on" in data and not data["on"]:
                self.add_error("on", "请填写开票日期")
        return data

    @property
    def empty(self) -> bool:
        return self.several and not self.cleaned_data.get("number")


class IssueView(ModuleView):
    """GET ?ids= (or POST from the list): a row for each approved invoice; POST with `saved`: all rows that are filled in, or
    none."""

    module_name = "invoice"
    action = "issue"

    def missing_function(self, kwargs):
        deny(self.module, self.action)

    def dispatch(self, request, *args, **kwargs):
        module = modules.get(self.module_name)
        fields = fieldset.of(module, request.user)
        if module.may(request.user, "view") and not all(map(fields.editable, ("invoice_number", "issued_on"))):
            raise PermissionDenied("您的角色不能修改发票号码和开票日期。")
        return super().dispatch(request, *args, **kwargs)

    def get(self, request):
        return self.page_for(request.GET)

    def post(self, request):
        return self.page_for(request.POST, save="saved" in request.POST)

    def page_for(self, data, *, save: bool = False):
        try:
            rows, ids = selected_rows(self.module, self.user, data, self.action)
            if len(ids) > MOST:
                raise ValidationError(f"一次最多登记 {MOST} 张发票。")
        except ValidationError as error:
            return self.refused(error, "登记开票")
        invoices = list(rows.select_related("contract", "customer").order_by("pk"))
        if not invoices:
            self.why_not(ids)
        several = len(invoices) > 1
        found = [IssueForm(data if save else None, invoice=one, several=several) for one in invoices]
        wrong = [form for form in found if not form.is_valid()] if save else []  # every row says what is wrong with it
        if save and not wrong and (answer := self.save(found)):
            return answer
        return self.show(found, len(ids) - len(found), status=422 if save and self.request.htmx else 200)

    def why_not(self, ids):
        seen = self.module.rows(self.user).filter(pk__any=ids).first()
        if seen is None:
            raise Http404
        refusal = self.module.refusal(seen, self.action, self.user)
        raise PermissionDenied(refusal or "您可以查看这张发票，但不能登记开票：它不在您负责的范围内。")

    def save(self, found):
        """The answer where everything was kept; None where a row says what is wrong."""
        filled_in = [form for form in found if not form.empty]
        if not filled_in:
            found[0].add_error("number", "请至少填写一张发票的号码")
            return None
        try:
            with transaction.atomic():
                for form in filled_in:
                    self.keep(form)
                if any(form.errors for form in filled_in):
                    raise _Refused
        except _Refused:
            return None
        except IntegrityError:
            filled_in[0].add_error("number", "刚刚有人登记了相同的发票号码，请核对")
            return None
        messages.success(self.request, f"已登记 {len(filled_in):,} 张发票" if len(found) > 1 else "保存成功")
        one = self.module.url(pk=found[0].invoice.pk) if len(found) == 1 else self.module.list_url
        return go(self.request, one)

    def keep(self, form) -> None:
        data = form.cleaned_data
        try:
            verbs.issue(form.invoice, number=data["number"], on=data["on"], version=data["version"], by=self.user)
        except services.Stale:
            form.add_error("number", STALE)
        except ValidationError as error:
            form.add_error("number", error.messages)

    def show(self, found, left_out: int, status: int):
        fields = fieldset.of(self.module, self.user)
        return self.page(
            "contracts/invoice_issue.html",
            {
                "rows": [
                    {
                        "form": form,
                        "title": fields.shown(form.invoice, "title"),
                        "facts": " · ".join(
                            filter(None, (fields.shown(form.invoice, key) for key in ("number", "contract", "amount")))
                        ),
                    }
                    for form in found
                ],
                "ids": ",".join(str(form.invoice.pk) for form in found),
                "heading": "更正发票号码" if all(form.invoice.issued_on for form in found) else "登记开票",
                "left_out": left_out,
                "back_url": self.module.list_url,
            },
            status=status,
        )


class _Refused(Exception):
    """Some row was refused: none is kept."""


class TitlesView(ModuleView):
    """GET /invoices/titles/?contract=: the titles of its customer as the form takes them, and what may still be invoiced."""

    module_name = "invoice"

    def get(self, request):
        if not (self.module.may(self.user, "create") or self.module.may(self.user, "edit")):
            deny(self.module, "create")
        wanted = request.GET.get("contract", "")
        if not (wanted.isascii() and wanted.isdigit() and len(wanted) < 19):
            raise Http404
        contract = verbs.billable(self.user).filter(pk=int(wanted)).first()
        if contract is None:
            raise Http404
        fields = fieldset.of(self.module, self.user)
        found = [
            {
                "id": one["id"],
                "text": one["name"],
                "fields": {name: value for name, value in filled(one).items() if fields.editable(name)},
            }
            for one in (titles.of(contract.customer_id) if fields.editable("title") else [])
        ]
        readable = fieldset.of(modules.get("contract"), self.user).readable("amount")
        left = max(counting.left(contract), Decimal(0)) if readable else None
        return JsonResponse(
            {
                "titles": found,
                "left": None if left is None else str(left),
                "left_text": "" if left is None else formatting.money(left),
            }
        )


class SubmitView(SubmitPage):
    module_name = "invoice"

    def joins(self):
        return ("contract", "customer", "owner")

    def submit(self, record, **said):
        verbs.submit(record, **said)


class InvoicePage(DetailView):
    """提交审批 says first who will decide."""

    def actions(self, record):
        return led_by_submit(super().actions(record), self.module, record)


VIEWS = {"detail": InvoicePage}
