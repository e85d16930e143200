"""Pages of 变更: write it, throw it away, take it back; every version, and any two side by side."""

from django import forms
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404
from django.shortcuts import render

from approvals import documents as approvables
from approvals import services as approvals
from approvals.coming import SubmitForm
from crm.records import fieldset, modules, scope
from crm.records.models import OperationLog
from crm.records.views.base import ModuleView
from crm.records.views.detail import field_rows, generic
from orgs.views.base import done, errors_of, move_errors, number
from products import pricing
from products.lines import documents, figures
from products.lines.services import MOST_LINES, TOO_MANY, LineFaults, new_line, offered
from products.lines.tab import Sight
from products.lines.views import LinesView

from ..models import ContractVersion
from ..services import snapshot
from . import compare, services
from .data import open_change, overlay, starting_point
from .forms import ChangeForm
from .services import NO_REASON, VOIDING, WAITING
from .tab import CHIPS, rows_of, visible

State = ContractVersion.State


class ChangeBase(LinesView):
    """A contract the person may change; whoever may not change its amount or see products leaves the lines as they are."""

    module_name = "contract"
    action = "amend"

    def record(self):
        self.document = documents.ALL["contract"]
        record = ModuleView.record(self)
        if record.changing:
            raise PermissionDenied(WAITING if record.changing == "change" else VOIDING)
        self.sight = Sight(self.document, self.user)
        product = modules.get("product")
        self.with_lines = self.sight.edits and product.may(self.user, "view")
        return record

    def kept(self, record):
        return record.lines.all()


class ChangeView(ChangeBase):
    """GET/POST /contracts/<pk>/change/: keeps the draft; with `send` it goes into approval."""

    def get(self, request, pk):
        record = self.record()
        draft, data, reason = starting_point(record)
        made = overlay(record, data)
        form = self.form(made, reason=reason)
        rows = [self.of_line(line) for line in self.kept(made)] if self.with_lines else []
        return self.show(record, made, form, rows, draft=draft, discount=figures.plain(made.discount))

    def form(self, made, data=None, **more):
        return ChangeForm(data, instance=made, user=self.user, total=made.lines_total, **more)

    def post(self, request, pk):
        record, data = self.record(), request.POST
        draft, before, reason = starting_point(record)
        made, stale, faults, saved = overlay(record, before), None, None, None
        typed = [self.typed(key) for key in dict.fromkeys(data.getlist("row"))][: MOST_LINES + 1]
        discount = data.get("discount", "") if self.with_lines and self.sight.edits_percent else made.discount
        if "draw" in data:  # a draft of this browser, to be shown and not saved
            rows = self.of_typed(made, typed, None)
            return self.show(record, made, self.form(made), rows, draft=draft, discount=discount)
        rows = [one[0] for one in typed] if self.with_lines else None
        try:
            wanted = services.proposed(record, before, rows, discount, by=self.user)
        except LineFaults as error:
            wanted, faults = made, error
        form = self.form(wanted, data, reason=reason, need_reason="send" in data)
        if form.is_valid() and faults is None:
            try:
                saved = services.save_change(
                    record,
                    {name: value for name, value in form.changed_values().items() if name != "reason"},
                    rows=rows,
                    discount=discount,
                    reason=form.cleaned_data["reason"],
                    edition=number(data.get("edition")) or 0,
                    revision=number(data.get("revision")) or 0,
                    by=self.user,
                )
                if "send" not in data:
                    return done(request, f"{self.module.url(pk=pk)}?tab=versions", "已保存变更草稿")
                draft = saved
                payload = {"version": saved.pk}
                values = approvables.ALL["contract_change"].values(record, payload)
                if approvals.preview("contract_change", submitter=self.user, values=values).choices:
                    return done(request, self.module.url("change/submit", pk))
                sent = services.submit_change(record, revision=saved.revision, by=self.user)
            except services.Stale as error:
                stale = error
            except LineFaults as error:
                faults = error
            except ValidationError as error:
                move_errors(form, error)
            else:
                return done(request, f"{self.module.url(pk=pk)}?tab=versions", said(sent))
        record = self.record() if stale else record
        shown = self.of_typed(made, typed, faults) if self.with_lines else []
        if saved is not None and self.with_lines:  # kept, but not sent: the rows are those of the draft now
            made = overlay(record, saved.data)
            shown = [self.of_line(line) for line in self.kept(made)]
        return self.show(
            record,
            made,
            form,
            shown,
            draft=stale.draft if stale else draft,
            discount=discount,
            faults=faults,
            stale=stale is not None,
        )

    def show(self, record, made, form, rows, *, draft, discount, faults=None, stale=False):
        bound = form.is_bound and not stale
        return self.page(
            "contracts/change.html",
            {
                "record": record,
                "title": self.module.title_of(record),
                "heading": f"变更合同 · 第 {draft.number} 版草稿" if draft else "变更合同",
                "form": form,
                "errors": errors_of(form) if bound else [],
                "sections": form.laid_out(),
                "edition": record.edition,
                "revision": draft.revision if draft else 0,
                "draft": draft,
                "customer": fieldset.of(self.module, self.user).shown(record, "customer"),
                "with_lines": self.with_lines,
                "rows": rows,
                "discount": discount,
                "total": made.lines_total,
                "faults": faults,
                "conflict": self.last_saved(record) if stale else None,
                "sight": self.sight,
                "most": MOST_LINES,
                "too_many": TOO_MANY,
                "row_url": self.module.url("change/row", record.pk),
                "back_url": f"{self.module.url(pk=record.pk)}?tab=versions",
            },
            status=409 if stale else 422 if faults or (bound and form.errors) else 200,
        )

    def last_saved(self, record) -> dict:
        """Who changed the contract or its draft last, and when."""
        rows = OperationLog.objects.filter(content_type=generic(type(record)), object_id=record.pk)
        last = rows.select_related("actor").order_by("-pk").first()
        return {
            "by": last.actor.name if last and last.actor else "有人",
            "at": last.created_at if last else record.updated_at,
        }


class ChangeRowView(ChangeBase):
    """GET /contracts/<pk>/change/row/?product=&key=: the row of a product that is added."""

    http_method_names = ["get", "head", "options"]

    def get(self, request, pk):
        record, product = self.record(), number(request.GET.get("product"))
        found = offered(self.user, [product]).get(product) if product and self.with_lines else None
        key = request.GET.get("key", "")
        if found is None or not found.on_shelf or not (key[:1] == "n" and number(key[1:])):
            raise Http404
        offer = pricing.offers([found], self.document.buyer(record))[found.pk]
        row = self.of_line(new_line(self.document, record, found, offer.price), offer)
        return render(request, "lines/row.html", {"row": {**row, "key": key, "line": ""}, "sight": self.sight})


class DiscardView(ModuleView):
    """/contracts/<pk>/change/discard/"""

    module_name = "contract"
    action = "amend"

    def ask(self, record, trouble: str = ""):
        return self.page(
            "records/confirm.html",
            {
                "heading": "放弃变更草稿？",
                "body": trouble or "草稿里的修改不再保留，合同不受影响。",
                "submit_label": "放弃草稿",
                "danger": True,
                "action": self.request.path,
                "back_url": f"{self.module.url(pk=record.pk)}?tab=versions",
            },
            status=422 if trouble else 200,
        )

    def get(self, request, pk):
        return self.ask(self.record())

    def post(self, request, pk):
        record = self.record()
        try:
            services.discard_change(record, by=self.user)
        except ValidationError as error:
            return self.ask(record, "；".join(error.messages))
        return done(request, f"{self.module.url(pk=pk)}?tab=versions", "已放弃变更草稿")


class SubmitChangeForm(SubmitForm):
    """The draft as it was shown, and whom its submitter names."""

    def __init__(self, data=None, *, draft, **kwargs):
        super().__init__(data, document="contract_change", payload={"version": draft.pk}, **kwargs)
        shown = forms.IntegerField(min_value=0, max_value=2**31 - 1, widget=forms.HiddenInput, initial=draft.revision)
        self.fields["revision"] = shown


class SubmitView(ModuleView):
    """/contracts/<pk>/change/submit/: what the draft changes and who will decide."""

    module_name = "contract"
    action = "amend"

    def get(self, request, pk):
        return self.answer(self.record(), None)

    def post(self, request, pk):
        return self.answer(self.record(), request.POST)

    def answer(self, record, data):
        draft = open_change(record)
        if draft is None or draft.state != State.DRAFT:
            raise PermissionDenied("没有可以提交的变更草稿。")
        form = SubmitChangeForm(data, draft=draft, subject=record, user=self.user)
        if data is not None and form.is_valid():
            try:
                sent = services.submit_change(
                    record,
                    revision=form.cleaned_data["revision"],
                    chosen=form.chosen(),
                    note=form.note,
                    by=self.user,
                )
            except services.Stale:
                form.add_error(None, "草稿刚被同事修改，请核对后再提交。")
                form.data = {**form.data.dict(), "revision": draft.revision}
            except ValidationError as error:
                form.take(error)
            else:
                return done(self.request, f"{self.module.url(pk=record.pk)}?tab=versions", said(sent))
        return self.page(
            "contracts/change_submit.html",
            {
                "heading": f"提交第 {draft.number} 版变更？",
                "body": f"变更原因：{draft.reason}" if draft.reason else NO_REASON,
                "difference": compare.between(snapshot(record), draft.data, self.user),
                "coming": form.coming,
                "fields": form,
                "submit_label": "提交审批",
                "action": self.request.path,
                "back_url": f"{self.module.url(pk=record.pk)}?tab=versions",
            },
            status=422 if form.errors else 200,
        )


def said(version: ContractVersion) -> str:
    """What became of a change that was sent."""
    return "变更已生效" if version.state == State.EFFECTIVE else "已提交审批"


class VersionsBase(ModuleView):
    """Versions of a contract the person sees."""

    module_name = "contract"

    def joins(self):
        return ("customer", "owner__department")

    def record(self):
        record = super().record()
        self.rights = scope.rights(self.user, record)
        return record

    def versions(self, record) -> dict[int, ContractVersion]:
        return {one.number: one for one in visible(record, self.rights)}

    def picked(self, versions, asked) -> ContractVersion:
        found = versions.get(number(asked))
        if found is None:
            raise Http404
        return found


class VersionView(VersionsBase):
    """GET /contracts/<pk>/versions/<number>/: what the contract said, and what it changed."""

    def get(self, request, pk, version):
        record = self.record()
        versions = self.versions(record)
        chosen = self.picked(versions, version)
        made = overlay(record, chosen.data)
        before = next(
            (one for one in versions.values() if one.number < chosen.number and one.effective_at is not None), None
        )
        fields = fieldset.of(self.module, self.user)
        shown = {"number", "customer", *compare.SHOWN, *fields.custom}
        sections = [
            {"title": title, "rows": rows}
            for title, keys in fields.arrange(self.module.sections)
            if (rows := field_rows(self.module, made, [key for key in keys if key in shown], self.user))
        ]
        for section in sections:
            for row in section["rows"]:
                row.pop("reveal_url", None)  # it would show the present value
        return self.page(
            "contracts/version.html",
            {
                "record": record,
                "title": self.module.title_of(record),
                "chosen": chosen,
                "chip": CHIPS.get(chosen.state, ""),
                "sections": sections,
                "lines": [
                    {"line": line, "quantity": figures.words(line.quantity), "discount": figures.plain(line.discount)}
                    for line in made.lines.all()
                ],
                "sight": Sight(documents.ALL["contract"], self.user),
                "total": made.lines_total,
                "percent": figures.plain(made.discount),
                "before": before,
                "difference": compare.between(before.data, chosen.data, self.user) if before else None,
                "rows": rows_of(record, versions.values(), self.user),
                "back_url": f"{self.module.url(pk=pk)}?tab=versions",
                "print_url": f"{self.module.url('print', pk)}?v={chosen.number}" if "print" in self.rights else "",
                "compare_url": self.module.url("versions/compare", pk) if len(versions) > 1 else "",
            },
        )


class CompareForm(forms.Form):
    """Two versions of one contract."""

    a = forms.TypedChoiceField(label="从", coerce=int)
    b = forms.TypedChoiceField(label="到", coerce=int)

    def __init__(self, *args, versions, **kwargs):
        super().__init__(*args, **kwargs)
        choices = [(one.number, f"第 {one.number} 版 · {one.get_state_display()}") for one in versions]
        for field in self.fields.values():
            field.choices = choices
            field.error_messages["invalid_choice"] = "请选择列表中的选项"


class CompareView(VersionsBase):
    """GET /contracts/<pk>/versions/compare/?a=&b="""

    def get(self, request, pk):
        record = self.record()
        versions = self.versions(record)
        if not versions:
            raise Http404
        numbers = sorted(versions)
        wanted = {"a": numbers[-2] if len(numbers) > 1 else numbers[-1], "b": numbers[-1]}
        form = CompareForm({**wanted, **request.GET.dict()}, versions=versions.values())
        if not form.is_valid():
            raise Http404
        old, new = (versions[form.cleaned_data[name]] for name in ("a", "b"))
        return self.page(
            "contracts/compare.html",
            {
                "record": record,
                "title": self.module.title_of(record),
                "form": form,
                "old": old,
                "new": new,
                "difference": compare.between(old.data, new.data, self.user),
                "back_url": f"{self.module.url(pk=pk)}?tab=versions",
            },
        )
