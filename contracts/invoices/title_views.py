"""Titles of a customer: added, changed, made the default, deleted in dialogs of its page."""

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.http import Http404

from crm.records.views.base import ModuleView, go
from orgs.views.base import move_errors

from ..models import InvoiceTitle
from . import titles
from .forms import TitleForm

STALE = "这个抬头刚被别人修改过。您填的内容还在，请核对后再保存。"


class _TitleView(ModuleView):
    module_name = "customer"
    action = "edit"

    def find(self, customer, row) -> InvoiceTitle:
        """The title of this customer: 404 for any other."""
        found = InvoiceTitle.objects.filter(customer=customer, pk=row).first()
        if found is None:
            raise Http404
        return found

    def back(self, customer) -> str:
        return f"{self.module.url(pk=customer.pk)}?tab=titles"

    def done(self, customer, text: str):
        messages.success(self.request, text)
        return go(self.request, self.back(customer))


class TitleView(_TitleView):
    """/customers/<pk>/titles/new/ and /titles/<row>/"""

    def get(self, request, pk, row=None):
        customer = self.record()
        return self.show(customer, self.bound(customer, row), row)

    def post(self, request, pk, row=None):
        customer = self.record()
        form = self.bound(customer, row, request.POST)
        if form.is_valid():
            data = form.cleaned_data
            try:
                saved = titles.keep(form.instance, default=data["default"], version=data.get("version"), by=self.user)
            except titles.Stale:
                form.add_error(None, STALE)
                form.data = form.data.copy()
                form.data["version"] = self.find(customer, row).version
            except ValidationError as error:
                move_errors(form, error)
            except IntegrityError:
                form.add_error(None, "刚刚有人保存了相同的内容，请核对。")
            else:
                if titles.doubtful(saved.tax_number):
                    messages.warning(request, f"已保存。税号 {saved.tax_number} 的校验位不对，请再核对一遍")
                    return go(request, self.back(customer))
                return self.done(customer, "保存成功")
        return self.show(customer, form, row)

    def bound(self, customer, row, data=None):
        instance = self.find(customer, row) if row else InvoiceTitle(customer=customer)
        return TitleForm(data, instance=instance, user=self.user)

    def show(self, customer, form, row):
        return self.page(
            "records/confirm.html",
            {
                "heading": f"{'修改' if row else '添加'}发票抬头",
                "submit_label": "保存",
                "fields": form,
                "hidden": [],
                "action": self.request.path,
                "back_url": self.back(customer),
            },
            status=422 if form.is_bound and self.request.htmx else 200,
        )


class DefaultView(_TitleView):
    """POST /customers/<pk>/titles/<row>/default/"""

    def post(self, request, pk, row):
        customer = self.record()
        try:
            titles.make_default(self.find(customer, row), by=self.user)
        except ValidationError as error:
            messages.error(request, "；".join(error.messages))
            return go(request, self.back(customer))
        return self.done(customer, "已设为默认抬头")


class RemoveView(_TitleView):
    """/customers/<pk>/titles/<row>/remove/"""

    def get(self, request, pk, row):
        customer = self.record()
        title = self.find(customer, row)
        return self.page(
            "records/confirm.html",
            {
                "heading": f"删除发票抬头“{title.name}”？",
                "body": "已有的开票申请不受影响。",
                "submit_label": "删除",
                "danger": True,
                "hidden": [],
                "action": request.path,
                "back_url": self.back(customer),
            },
        )

    def post(self, request, pk, row):
        customer = self.record()
        try:
            titles.drop(self.find(customer, row), by=self.user)
        except ValidationError as error:
            messages.error(request, "；".join(error.messages))
            return go(request, self.back(customer))
        return self.done(customer, "删除成功")
