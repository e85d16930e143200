"""/leads/convert/: one lead with what it will become, or many with the options; then the deed."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError, transaction
from django.http import Http404

from crm.records import modules, services
from crm.records.models import Selection
from crm.records.undoing import entries
from crm.records.views.base import ModuleView, go
from crm.records.views.bulk import selected_rows
from customers.duplicates import finding, limits
from customers.models import Customer

from ..models import Lead, Status
from . import declared, job, matching, preview
from . import services as conversion
from .forms import NEW, ConvertForm, ConvertManyForm

AT_ONCE = "刚刚有人保存了相同的记录，请检查后重试。"
CHANGED = "打开页面之后，线索被修改过，请核对后再转化。"
CLOSED = "已失效的线索不能转化，请先恢复跟进。"


class ConvertView(ModuleView):
    """GET ?ids=1 or POST of a list's selection: the question; POST with `confirmed`: the deed."""

    module_name = "lead"
    action = "convert"

    def get(self, request):
        return self.ask(request.GET, freeze=False)

    def post(self, request):
        if "confirmed" not in request.POST:
            return self.ask(request.POST, freeze=True)
        if "selection" in request.POST or "," in request.POST.get("ids", ""):
            return self.run_many(request)
        return self.run_one(request)

    def ask(self, data, *, freeze: bool):
        try:
            rows, ids = selected_rows(self.module, self.user, data, self.action)
            if len(ids) == 1:
                return self.show(self.lead(ids[0]))
            found = list(rows.order_by("pk").values_list("pk", "version"))
            if not found:
                self.refuse_unseen(ids)
        except ValidationError as error:
            return self.refuse(error)
        if refusal := limits.spend(self.user):
            return self.refuse(ValidationError(refusal))
        return self.show_many(found, len(ids), freeze=freeze)

    # One lead -----------------------------------------------------------------------------------------------------------
    def lead(self, pk: int) -> Lead:
        """The lead: 404 out of sight, 403 where it is not the person's to convert; a converted one is answered too."""
        found = Lead.objects.allowed(self.user, "view").filter(pk=pk).select_related("owner__department").first()
        if found is None:
            raise Http404
        if found.status != Status.CONVERTED and not self.rows.filter(pk=pk).exists():
            words = "您可以查看这条线索，但不能转化它：它不在您负责的范围内。"
            raise PermissionDenied(self.module.refusal(found, "convert", self.user) or words)
        return found

    def show(self, lead, form=None, *, match=None, note: str = "", status: int = 200):
        if lead.status == Status.CONVERTED:
            return self.answered(lead)
        if lead.status not in conversion.OPEN:
            return self.refuse(ValidationError(CLOSED))
        if refusal := limits.spend(self.user):
            return self.refuse(ValidationError(refusal))
        match = match or matching.find([lead], self.user)[lead.pk]
        form = form or ConvertForm(user=self.user, lead=lead, match=match)
        finding.dress(match.hits, self.user)
        parts = {part["module"].name: part for part in preview.parts(lead, self.user)}
        return self.page(
            "leads/convert.html",
            {
                "lead": lead,
                "form": form,
                "note": note,
                "customer": parts["customer"],
                "contact": parts["contact"],
                "opportunity": parts["opportunity"],
                "hits": [
                    {"hit": hit, "into": hit.record.pk in match.into, "chosen": form.chosen() == str(hit.record.pk)}
                    for hit in match.hits
                ],
                "forbidden": match.forbidden,
                "new": not match.forbidden,
                "new_chosen": form.chosen() == NEW,
                "possible": bool(match.into) or not match.forbidden,
                "parts": [form[name] for name in ("name", "stage", "amount", "expected_on") if name in form.fields],
                "action": self.request.path,
                "back_url": self.module.url(pk=lead.pk),
            },
            status=status,
        )

    def run_one(self, request):
        text = request.POST.get("ids", "")
        if not (text.isascii() and text.isdigit() and len(text) < 19):
            return self.refuse(ValidationError(self.module.select_first))
        lead = self.lead(int(text))
        if lead.status == Status.CONVERTED:
            return self.answered(lead)
        if lead.status not in conversion.OPEN:
            return self.refuse(ValidationError(CLOSED))
        match = matching.find([lead], self.user)[lead.pk]
        form = ConvertForm(request.POST, user=self.user, lead=lead, match=match)
        failed = 422 if request.htmx else 409
        if not form.is_valid():
            if "seen" in form.changed_data:  # other finds than were shown: the page as it is now
                return self.again(lead, form.non_field_errors()[0] if form.non_field_errors() else CHANGED, failed)
            return self.show(lead, form, match=match, status=422 if request.htmx else 200)
        try:
            with entries.watch() as undo:
                done = conversion.convert(
                    lead, by=self.user, options=form.options(), version=form.cleaned_data["version"]
                )
        except services.Stale as stale:
            return self.again(stale.current, CHANGED, failed)
        except (ValidationError, IntegrityError) as problem:
            current = self.lead(lead.pk)
            if current.status == Status.CONVERTED:  # a double click, or a colleague at the same moment
                return self.answered(current)
            form.add_error(None, problem if isinstance(problem, ValidationError) else ValidationError(AT_ONCE))
            return self.show(current, form, status=failed)
        words = "已转化为客户" if done.made else "已并入客户"
        messages.success(request, f"{words}“{done.customer.name}”", extra_tags=f"undo:{undo[-1]}")
        return go(request, self.customer_url(done.customer.pk) or self.module.url(pk=lead.pk))

    def again(self, lead, note: str, status: int):
        """The page as it stands now, with what was typed gone stale."""
        return self.show(self.lead(lead.pk), note=note, status=status)

    def customer_url(self, pk) -> str:
        """The customer's address, "" where it is out of sight."""
        seen = Customer.objects.allowed(self.user, "view").filter(pk=pk or 0).exists()
        return modules.get("customer").url(pk=pk) if seen else ""

    def answered(self, lead):
        """It is converted already: on to what it became."""
        messages.info(self.request, "这条线索已经转化过了")
        return go(self.request, self.customer_url(lead.customer_id) or self.module.url(pk=lead.pk))

    # Many leads -----------------------------------------------------------------------------------------------------------
    def refuse_unseen(self, ids):
        """404 where none of them is in sight, in words where none is to be converted."""
        seen = Lead.objects.allowed(self.user, "view").filter(pk__any=ids)
        if not seen.exists():
            raise Http404
        for closed in self.module.closings:
            if closed.forbids("convert") and not seen.exclude(**closed.rows).exists():
                raise ValidationError(closed.sentence)
        raise PermissionDenied("您可以查看这些线索，但不能转化它们：它们不在您负责的范围内。")

    def show_many(self, found: list, asked: int, *, freeze: bool, form=None, token: str = "", status: int = 200):
        """`found` = [(id, version)] of the leads that are the person's to convert, out of so many asked for."""
        if freeze and not token:
            rows = [list(pair) for pair in found]
            made = Selection.objects.create(user=self.user, module=self.module.key, action="convert", rows=rows)
            token = made.token
        ids = [pk for pk, _ in found]
        hidden = [("selection", token)] if token else [("ids", ",".join(map(str, ids)))]
        return self.page(
            "leads/convert_many.html",
            {
                "heading": f"转化 {len(found):,} 个线索？",
                "outlook": preview.outlook(ids, self.user),
                "left_out": asked - len(found),
                "fields": form or ConvertManyForm(user=self.user),
                "hidden": [*hidden, ("confirmed", "1")],
                "in_background": len(found) > job.DIRECT,
                "named": preview.NAMED,
                "action": self.request.path,
            },
            status=status,
        )

    def run_many(self, request):
        if refusal := limits.spend(self.user):  # what is not converted is answered with the customer that is in the way
            return self.refuse(ValidationError(refusal))
        try:
            selection, frozen = self.frozen(request)
        except ValidationError as error:
            return self.refuse(error)
        may = set(self.rows.filter(pk__any=list(frozen)).values_list("pk", flat=True))
        if selection is None and not may:
            try:
                self.refuse_unseen(list(frozen))
            except ValidationError as error:
                return self.refuse(error)
        form = ConvertManyForm(request.POST, user=self.user)
        if not form.is_valid():
            found = [(pk, version) for pk, version in frozen.items() if pk in may]
            token = selection.token if selection else ""
            status = 422 if request.htmx else 200
            return self.show_many(found, len(frozen), freeze=False, form=form, token=token, status=status)
        if len(frozen) > job.DIRECT:
            return self.in_background(request, selection, frozen, form)
        return self.at_once(request, selection, frozen, form)

    def frozen(self, request) -> tuple[Selection | None, dict]:
        """(the selection of the page, or None, {id: version then, None where it is not known})."""
        if token := request.POST.get("selection"):
            selection = Selection.found(token, user=self.user, module=self.module.key, action="convert")
            if selection is None:
                raise ValidationError("这个选择已处理或已失效，请返回列表重新选择。")
            return selection, dict(selection.rows)
        _, ids = selected_rows(self.module, self.user, request.POST, self.action)
        return None, dict.fromkeys(ids)

    def in_background(self, request, selection, frozen: dict, form):
        with transaction.atomic():
            if selection is not None and not Selection.objects.filter(pk=selection.pk).delete()[0]:
                return self.refuse(ValidationError("这个选择已处理或已失效，请返回列表重新选择。"))
            begun = job.begin([list(pair) for pair in frozen.items()], form.options(), by=self.user)
        return go(request, f"/jobs/{begun.pk}/")

    def at_once(self, request, selection, frozen: dict, form):
        changed = {}
        if selection is not None:
            now = dict(
                Lead.objects.allowed(self.user, "view").filter(pk__any=list(frozen)).values_list("pk", "version")
            )
            changed = {pk for pk in now if now[pk] != frozen[pk]}
            Selection.objects.filter(pk=selection.pk).delete()
        with entries.watch() as undo:
            outcome = conversion.convert_many(
                [pk for pk in frozen if pk not in changed], by=self.user, options=form.options()
            )
        failures = [{"title": title, "reason": reason} for _, title, reason in outcome.failures]
        titles = dict(Lead.objects.filter(pk__any=list(changed)).values_list("pk", "name"))
        failures += [{"title": title, "reason": conversion.CHANGED} for title in titles.values()]
        if failures:
            return self.page(
                "records/result.html",
                {
                    "done": len(outcome.done),
                    "failures": failures,
                    "back_url": self.module.list_url,
                    "heading": "转化结果",
                    "undo_url": f"/undo/{undo[-1]}/" if undo else None,
                },
            )
        tags = f"undo:{undo[-1]}" if undo else ""
        messages.success(request, f"已转化（{len(outcome.done):,} 个）", extra_tags=tags)
        here = request.htmx.current_url_abs_path if request.htmx else ""
        return go(request, here or self.module.list_url)

    def refuse(self, error: ValidationError):
        return self.refused(error, "不能转化")


class SourceLeadsView(ModuleView):
    """GET /customers/<pk>/leads/: the side card 来源线索; nothing where there are none in sight."""

    module_name = "customer"

    def get(self, request, pk):
        record, rows = self.record(), []
        if modules.get("lead").may(self.user, "view"):
            rows = declared.leads_of(record, self.user)
        return self.page("leads/sources.html", {"card": {"title": declared.FROM, "rows": rows}})
