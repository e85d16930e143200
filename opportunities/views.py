"""Verbs of one opportunity: move it along the bar, tick a suggested action, who decides, who competes."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError
from django.http import Http404

from crm.records import fieldset, services
from crm.records.undoing import entries
from crm.records.views.base import ModuleView, go
from customers.models import Contact

from . import services as verbs
from . import stages
from .forms import CompetitorForm, MoveForm, StakeholderForm
from .models import Stage

CHANGED = "这条商机刚被别人修改，请核对后再试。"


class MoveView(ModuleView):
    """/opportunities/<pk>/move/ with `stage`: moves; where the stage demands empty fields, asks for them in place."""

    module_name = "opportunity"
    action = "edit"

    def get(self, request, pk):
        record = self.record()
        return self.ask(record, self.stage(record, request.GET))

    def post(self, request, pk):
        record = self.record()
        stage = self.stage(record, request.POST)
        sent = request.POST.get("version", "")
        version = int(sent) if sent.isascii() and sent.isdigit() and len(sent) < 10 else record.version
        form = self.form(record, stage, request.POST if "filled" in request.POST else None)
        if form is not None and not (form.is_bound and form.is_valid()):
            return self.ask(record, stage, form)
        values = form.changed_values() if form is not None else None
        try:
            with entries.watch() as undo:
                stages.move(record, stage, by=self.user, version=version, values=values)
        except services.Stale:
            return self.refuse(record, CHANGED)
        except stages.Missing:
            return self.ask(record, stage)
        except ValidationError as error:
            if form is None:
                return self.refuse(record, "；".join(error.messages))
            form.add_error(None, error.messages)
            return self.ask(record, stage, form)
        except IntegrityError:  # an administrator removed the stage in the same moment
            return self.refuse(record, CHANGED)
        if undo:
            messages.success(request, f"已到“{stage.name}”", extra_tags=f"undo:{undo[-1]}")
        return go(request, self.back(record))

    def stage(self, record, data) -> Stage:
        if not stages.may_move(self.user):
            raise PermissionDenied(stages.FIXED)
        wanted = data.get("stage", "")
        if not (wanted.isascii() and wanted.isdigit() and len(wanted) < 19):
            raise Http404
        found = Stage.objects.filter(pk=int(wanted), pipeline=record.pipeline_id).select_related("pipeline").first()
        if found is None:
            raise Http404
        return found

    def form(self, record, stage, data=None) -> MoveForm | None:
        """The form of the fields the stage demands, None where nothing is missing."""
        keys = stages.lacking(record, stage)
        files = self.request.FILES if data is not None else None
        return MoveForm(data, files, instance=record, user=self.user, keys=keys) if keys else None

    def back(self, record) -> str:
        here = self.request.htmx.current_url_abs_path if self.request.htmx else ""
        return here or self.module.url(pk=record.pk)

    def refuse(self, record, text: str):
        messages.error(self.request, text)
        return go(self.request, self.back(record))

    def ask(self, record, stage, form=None):
        form = form or self.form(record, stage)
        closed = form.closed if form is not None else []
        body = f"进入“{stage.name}”前请填写下面的内容。" if form is not None else "可以随时退回。"
        if closed:
            body = f"进入“{stage.name}”前需要填写{'、'.join(closed)}，您没有修改权限，请联系负责人或管理员。"
        return self.page(
            "records/confirm.html",
            {
                "heading": f"把“{record.name}”推进到“{stage.name}”",
                "body": body,
                "submit_label": "保存并推进" if form is not None else "推进",
                "fields": form,
                "hidden": [("stage", stage.pk), ("version", record.version), ("filled", "1")],
                "action": self.module.url("move", record.pk),
                "back_url": self.module.url(pk=record.pk),
            },
            status=422 if form is not None and form.is_bound and self.request.htmx else 200,
        )


class TickView(ModuleView):
    """POST /opportunities/<pk>/tick/ with `text` and, to mark it done, `done`."""

    module_name = "opportunity"
    action = "edit"

    def post(self, request, pk):
        record = self.record()
        try:
            stages.tick(record, request.POST.get("text", ""), done="done" in request.POST, by=self.user)
        except ValidationError as error:
            messages.error(request, "；".join(error.messages))
        here = request.htmx.current_url_abs_path if request.htmx else ""
        return go(request, here or self.module.url(pk=pk))


class _RowView(ModuleView):
    """A row below an opportunity, added or changed by a form in a dialog. `/new/` has no `row`."""

    module_name = "opportunity"
    action = "edit"
    form, tab, words = None, "", ""

    def get(self, request, pk, row=None):
        record = self.record()
        self.check()
        return self.show(record, self.bound(record, row), row)

    def post(self, request, pk, row=None):
        record = self.record()
        self.check()
        form = self.bound(record, row, request.POST)
        if form.is_valid():
            try:
                self.save(form)
            except ValidationError as error:
                for name, found in getattr(error, "message_dict", {"__all__": error.messages}).items():
                    form.add_error(name if name in form.fields else None, found)
            except IntegrityError:
                form.add_error(None, "刚刚有人保存了相同的内容，请核对。")
            else:
                messages.success(request, "保存成功")
                return go(request, f"{self.module.url(pk=pk)}?tab={self.tab}")
        return self.show(record, form, row)

    def check(self) -> None:
        """403 where a field right keeps the person from these rows."""

    def find(self, record, row):
        """The row of this opportunity: 404 for any other."""
        found = self.rows_of(record).filter(pk=row).first()
        if found is None:
            raise Http404
        found.opportunity = record
        return found

    def bound(self, record, row, data=None):
        instance = self.find(record, row) if row else self.form.Meta.model(opportunity=record)
        return self.form(data, instance=instance, user=self.user, initial=self.initial())

    def initial(self) -> dict:
        return {}

    def show(self, record, form, row):
        return self.page(
            "records/confirm.html",
            {
                "heading": f"{'修改' if row else '添加'}{self.words}",
                "submit_label": "保存",
                "fields": form,
                "hidden": [],
                "action": self.request.path,
                "back_url": f"{self.module.url(pk=record.pk)}?tab={self.tab}",
            },
            status=422 if form.is_bound and self.request.htmx else 200,
        )


class _RemoveRowView(_RowView):
    """Ask, then take the row off."""

    def get(self, request, pk, row):
        record = self.record()
        self.check()
        return self.page(
            "records/confirm.html",
            {
                "heading": self.question(self.find(record, row)),
                "submit_label": "移除",
                "danger": True,
                "hidden": [],
                "action": request.path,
                "back_url": f"{self.module.url(pk=pk)}?tab={self.tab}",
            },
        )

    def post(self, request, pk, row):
        record = self.record()
        self.check()
        try:
            self.drop(self.find(record, row))
        except ValidationError as error:
            messages.error(request, "；".join(error.messages))
        else:
            messages.success(request, "已移除")
        return go(request, f"{self.module.url(pk=pk)}?tab={self.tab}")


class _Stakeholders:
    """Rows of contacts the person may see."""

    form, tab, words = StakeholderForm, "people", "决策人"

    def rows_of(self, record):
        seen = Contact.objects.allowed(self.user, "view").order_by().values("pk")
        return record.stakeholders.filter(contact__in=seen).select_related("contact")


class StakeholderView(_Stakeholders, _RowView):
    """/opportunities/<pk>/people/new/ and /people/<row>/"""

    def initial(self):
        return {"contact": self.request.GET["contact"]} if self.request.GET.get("contact", "").isdigit() else {}

    def save(self, form):
        verbs.keep_stakeholder(form.instance, main=form.main(), by=self.user)


class StakeholderRemoveView(_Stakeholders, _RemoveRowView):
    """/opportunities/<pk>/people/<row>/remove/"""

    def question(self, row) -> str:
        return f"把“{row.contact.name}”移出决策人？"

    def drop(self, row):
        verbs.drop_stakeholder(row, by=self.user)


class _Competitors:
    form, tab, words = CompetitorForm, "competitors", "竞争对手"

    def rows_of(self, record):
        return record.rivals.all()

    def check(self):
        if not fieldset.of(self.module, self.user).editable("competitors"):
            raise PermissionDenied("您的角色不能修改竞争对手。")


class CompetitorView(_Competitors, _RowView):
    """/opportunities/<pk>/competitors/new/ and /competitors/<row>/"""

    def save(self, form):
        verbs.keep_competitor(form.instance, by=self.user)


class CompetitorRemoveView(_Competitors, _RemoveRowView):
    """/opportunities/<pk>/competitors/<row>/remove/"""

    def question(self, row) -> str:
        return f"移除竞争对手“{row.name}”？"

    def drop(self, row):
        verbs.drop_competitor(row, by=self.user)
