"""Pages of the contract that differ from those every record has."""

from django.contrib import messages
from django.db import transaction

from approvals import states
from crm.records import fieldset
from crm.records.views.detail import DetailView
from crm.records.views.editing import CreateView, EditView

from . import services
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
        first = [one for one in found if one["label"] == "提交审批"]
        if not first:
            return found
        return [{**one, "primary": True} for one in first] + [
            {**one, "primary": False} for one in found if one not in first
        ]

    def notices(self, record):
        found = super().notices(record)
        for key, words in (("void_reason", "已作废"), ("end_reason", "已关闭")):
            if getattr(record, key) and self.readable(key) and record.changing != "void":
                found.append(f"{words}：{getattr(record, key)}")
        return found

    def readable(self, key: str) -> bool:
        return fieldset.of(self.module, self.user).readable(key)


class ContractCreate(CreateView):
    """Saved as a draft, or submitted in the same act: where that is refused, nothing is saved."""

    def render_form(self, form, heading, *, back, status=200, **more):
        more["can_save_new"] = False
        return super().render_form(form, heading, back=back, status=status, **more, **BUTTONS)

    def after(self, record):
        tell_left_out(self.request, record.left_out)
        return self.module.url(pk=record.pk)


class ContractEdit(EditView):
    """The same for a draft that is there already."""

    def render_form(self, form, heading, *, back, status=200, **more):
        return super().render_form(form, heading, back=back, status=status, **more, **BUTTONS)

    def save(self, form, record, version: int):
        with transaction.atomic():
            saved = super().save(form, record, version)
            if "_submit" in self.request.POST and states.allows(saved.status, "submit"):
                services.submit(saved, by=self.user)
        return saved


VIEWS = {"detail": ContractPage, "new": ContractCreate, "edit": ContractEdit}
