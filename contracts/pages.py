"""Pages of the contract that differ from those every record has."""

from django.contrib import messages
from django.db import transaction

from approvals import states
from approvals.submitting import led_by_submit
from crm.records import fieldset
from crm.records.views.detail import DetailView
from crm.records.views.editing import CreateView, EditView, FormView

from . import submitting
from .changes import declared as changes

BUTTONS = {"save_label": "保存草稿", "submit_label": "提交审批"}


def tell_left_out(request, names: list[str]) -> None:
    """Say which products a copy could not take along."""
    if names:
        shown = "、".join(names[:10]) + (f" 等 {len(names)} 个" if len(names) > 10 else "")
        messages.warning(request, f"已下架或您看不到的产品没有带入：{shown}")


class ContractPage(DetailView):
    """A contract that ended before its time, or is void, says why above everything else."""

    def actions(self, record):
        found = super().actions(record)
        place = next((n for n, one in enumerate(found) if one.get("danger")), len(found))
        found[place:place] = changes.actions(record, self.rights)
        if "renew" in self.rights:
            url = self.module.url("renew", record.pk)
            found.insert(place, {"label": "续签", "url": url, "icon": "plus", "dialog": True})
        return led_by_submit(found, self.module, record)

    def notices(self, record):
        found = super().notices(record)
        for key, words in (("void_reason", "已作废"), ("end_reason", "已关闭")):
            if getattr(record, key) and self.readable(key) and record.changing != "void":
                found.append(f"{words}：{getattr(record, key)}")
        return found

    def readable(self, key: str) -> bool:
        return fieldset.of(self.module, self.user).readable(key)


class _Form(FormView):
    """The form of a contract shows who will decide, and has a button that saves and submits in one act: where the submission is
    refused, nothing is saved."""

    template = "contracts/form.html"

    def render_form(self, form, heading, *, back, status=200, **more):
        more |= BUTTONS | {"can_save_new": False}
        coming = submitting.ahead(form, by=self.user)
        url = self.module.url("coming") + (f"?pk={form.instance.pk}" if form.instance.pk else "")
        return super().render_form(form, heading, back=back, status=status, coming=coming, coming_url=url, **more)


class ContractCreate(_Form, CreateView):
    """A new draft."""

    def after(self, record):
        tell_left_out(self.request, record.left_out)
        return self.module.url(pk=record.pk)


class ContractEdit(_Form, EditView):
    """A draft that is there already."""

    def save(self, form, record, version: int):
        with transaction.atomic():
            saved = super().save(form, record, version)
            if "_submit" in self.request.POST and states.allows(saved.status, "submit"):
                submitting.submit_sent(saved, self.request.POST, by=self.user)
        return saved


VIEWS = {"detail": ContractPage, "new": ContractCreate, "edit": ContractEdit}
