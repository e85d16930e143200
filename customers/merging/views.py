"""/customers/merge/: which customer stays, whose values, what moves; then the deed."""

from django import forms
from django.contrib import messages
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError
from django.http import Http404
from django.utils.html import format_html

from crm.records import formatting, params
from crm.records.formfields import Picked
from crm.records.models import Undo
from crm.records.undoing import services as undoing
from crm.records.views.base import ModuleView, go
from crm.records.views.bulk import selected_rows
from crm.records.views.detail import RecycledView

from ..models import Customer
from . import choices, preview, services

ORDINALS = "一二三四五"
AT_ONCE = "刚刚有人保存了相同的记录，请检查后重试。"


class IntoForm(forms.Form):
    """The customer another one goes into."""

    def __init__(self, *args, user, record, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["into"] = Picked(
            Customer.objects.allowed(user, "merge").exclude(pk=record.pk),
            kind="customer",
            label="合并到",
            help_text="下一步逐项选择保留哪些内容，确认之后才合并。",
            error_messages={
                "required": "请选择合并到哪个客户",
                "invalid_choice": "请选择另一个您可以合并的客户，公海中的客户请先领取",
            },
        )


class MergeView(ModuleView):
    """GET ?ids=1,2 (one id: the question which customer it goes into), POST the same from a list; POST with `survivor`: merge."""

    module_name = "customer"
    action = "merge"

    def get(self, request):
        return self.page_for(request.GET)

    def post(self, request):
        if "survivor" in request.POST:
            return self.merge(request.POST)
        if "into" in request.POST:
            return self.into(request.POST)
        return self.page_for(request.POST)

    # Which customers ----------------------------------------------------------------------------------------------------
    def page_for(self, data):
        try:
            _, ids = selected_rows(self.module, self.user, data, self.action)
            self.check_seen(ids)
            if len(ids) == 1:
                return self.ask_into(self.read(ids)[0])
            ids = services.check_number(ids)
            services.check_open(ids, by=self.user)
        except ValidationError as error:
            return self.refuse(error)
        return self.choose(self.read(ids), survivor=self.number(data.get("keep")))

    def check_seen(self, ids: list[int]) -> None:
        """404 where none of them is in sight, 403 where none is the person's to merge."""
        if self.rows.filter(pk__any=ids).exists():
            return
        if not Customer.objects.allowed(self.user, "view").filter(pk__any=ids).exists():
            raise Http404
        raise PermissionDenied("您可以查看这些客户，但不能合并它们：它们不在您负责的范围内。")

    def read(self, ids) -> list[Customer]:
        joins = {join for column in self.module.columns for join in column.joins} | {"owner__department"}
        return list(self.rows.filter(pk__any=ids).select_related(*joins).order_by("pk"))

    def into(self, data):
        record = next(iter(self.read([self.number(data.get("ids")) or 0])), None)
        if record is None:
            self.check_seen([self.number(data.get("ids")) or 0])
        form = IntoForm(data, user=self.user, record=record)
        if not form.is_valid():
            return self.ask_into(record, form)
        target = form.cleaned_data["into"]
        return self.choose(self.read([record.pk, target.pk]), survivor=target.pk)

    def ask_into(self, record, form=None):
        return self.page(
            "records/confirm.html",
            {
                "heading": f"把“{record.name}”合并到哪个客户？",
                "submit_label": "下一步",
                "fields": form or IntoForm(user=self.user, record=record),
                "hidden": [("ids", record.pk)],
                "action": self.request.path,
                "back_url": self.module.url(pk=record.pk),
            },
            status=422 if form is not None and self.request.htmx else 200,
        )

    @staticmethod
    def number(text) -> int | None:
        text = str(text or "")
        return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None

    # The page -----------------------------------------------------------------------------------------------------------
    def choose(self, customers: list[Customer], *, survivor=None, picks=None, error=None):
        kept = next((one for one in customers if one.pk == survivor), customers[0])
        others = [one for one in customers if one is not kept]
        rows = choices.rows(customers, kept, self.user)
        for row in rows:
            row.pick = (picks or {}).get(row.key, row.pick)
        by_pk = {one.pk: one for one in customers}
        owner = next((by_pk[row.pick].owner for row in rows if row.key == "owner"), kept.owner)
        top = self.errors(error, rows) if error is not None else []
        ids = ",".join(str(one.pk) for one in customers)
        return self.page(
            "customers/merge.html",
            {
                "heading": "保留哪些内容？",
                "heads": [
                    f"客户{ORDINALS[place]}，创建于 {formatting.day(one.created_at)}"
                    for place, one in enumerate(customers)
                ],
                "customers": customers,
                "kept": kept,
                "names": "、".join(f"「{one.name}」" for one in others),
                "rows": [
                    {
                        "key": row.key,
                        "label": row.label,
                        "same": row.same,
                        "text": row.texts[kept.pk],
                        "cells": [(one.pk, row.texts[one.pk], one.pk == row.pick) for one in customers],
                        "errors": row.errors,
                    }
                    for row in rows
                ],
                "outlook": preview.outlook(kept, others, owner=owner, by=self.user),
                "errors": top,
                "action": self.request.path,
                "again": f"{self.request.path}?ids={ids}",
                "hidden": [
                    ("ids", ids),
                    ("versions", ",".join(f"{one.pk}:{one.version}" for one in customers)),
                ],
                "days": params.get("undo_days"),
            },
            status=200 if error is None else 422 if self.request.htmx else 409,
        )

    @staticmethod
    def errors(error: ValidationError, rows) -> list[str]:
        """Sentences for the top; those about a field stand at its row."""
        if not hasattr(error, "error_dict"):
            return error.messages
        by_key, top = {row.key: row for row in rows}, []
        for name, found in error.message_dict.items():
            if name in by_key:
                by_key[name].errors += found
            else:
                top += found
        return top

    # The deed -----------------------------------------------------------------------------------------------------------
    def merge(self, data):
        try:
            _, ids = selected_rows(self.module, self.user, {"ids": data.get("ids", "")}, self.action)
            self.check_seen(ids)
            ids = services.check_number(ids)
            services.check_open(ids, by=self.user)
        except ValidationError as error:
            return self.refuse(error)
        survivor = self.number(data.get("survivor")) or 0
        picks = {
            key.removeprefix("pick_"): number
            for key, value in data.items()
            if key.startswith("pick_") and (number := self.number(value)) in ids
        }
        versions = {}
        for pair in data.get("versions", "").split(","):
            pk, _, version = pair.partition(":")
            versions[self.number(pk)] = self.number(version)
        try:
            done = services.merge(ids, survivor, picks, versions=versions, by=self.user)
        except (ValidationError, IntegrityError) as problem:
            error = problem if isinstance(problem, ValidationError) else ValidationError(AT_ONCE)
            customers = self.read(ids)
            if len(customers) != len(ids):  # somebody merged or deleted one at the same moment
                return self.refuse(error)
            return self.choose(customers, survivor=survivor, picks=picks, error=error)
        names = "、".join(f"“{name}”" for name in done.names)
        messages.success(self.request, f"{names}已合并到“{done.survivor.name}”", extra_tags=f"undo:{done.undo}")
        return go(self.request, self.module.url(pk=done.survivor.pk))

    def refuse(self, error: ValidationError):
        return self.refused(error, "不能合并")


class RecycledCustomer(RecycledView):
    """A customer of the recycle bin; a merged one says where it went and comes back by undoing the merge."""

    def merged_into(self, record):
        """The live customer it was merged into as far as the person may see it."""
        return Customer.objects.allowed(self.user, "view").filter(pk=record.merged_into_id or 0).first()

    def notices(self, record):
        if record.merged_into_id is None:
            return super().notices(record)
        into = self.merged_into(record)
        where = (
            format_html('<a class="k-link" href="{}">{}</a>', self.module.url(pk=into.pk), into.name)
            if into
            else f"另一个客户（编号 {record.merged_into_id}）"
        )
        return [format_html("这个客户已合并到 {}，联系人、跟进和附件都在那里。要恢复它，请撤销合并。", where)]

    def actions(self, record):
        if record.merged_into_id is None:
            return super().actions(record)
        entry = (
            undoing.visible(self.user)
            .filter(pk__in=_entries_of(record), action="merge", undone_at=None)
            .order_by("-pk")
            .first()
        )
        if entry is None or undoing.state_of(entry) != "可撤销":
            return []
        return [{"label": "撤销合并", "url": f"/undo/{entry.pk}/", "icon": "undo", "primary": True, "dialog": True}]


def _entries_of(record):
    kind = ContentType.objects.get_for_model(Customer)
    return Undo.objects.filter(records__content_type=kind, records__object_id=record.pk).values("pk")
