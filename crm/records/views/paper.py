"""A record or a selection on paper, and a record as text for a chat."""

from django.apps import apps
from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from .. import fieldset, formatting, saved
from ..listquery import chosen_columns
from ..models import Selection
from .base import ModuleView, go
from .bulk import selected_rows
from .detail import DetailView, field_rows

ROWS = 1000  # of a printed list


def letterhead(request) -> dict:
    """What stands on top of every printed page: whose it is, who printed it and when."""
    top = apps.get_model("orgs", "Department").objects.filter(parent=None).order_by("pk").first()
    return {"company": top.name if top else "", "printed_by": request.user.name, "printed_at": timezone.now()}


class TextView(DetailView):
    """GET /<prefix>/<pk>/text/: name and readable fields as lines; plain text for the script that copies it, else a page to
    copy from."""

    def get(self, request, pk):
        record = self.record()
        text = fieldset.of(self.module, self.user).as_text(record)
        if request.headers.get("Accept", "").startswith("text/plain"):
            return HttpResponse(text, content_type="text/plain; charset=utf-8")
        return self.page(
            "records/text.html",
            {"text": text, "heading": self.module.title_of(record), "back_url": self.module.url(pk=pk)},
        )


class PrintView(DetailView):
    """GET /<prefix>/<pk>/print/: the fields of a record in sections; the browser's print dialog opens by itself."""

    action = "print"

    def get(self, request, pk):
        record = self.record()
        sections = fieldset.of(self.module, self.user).arrange(self.module.sections)
        if self.module.owned:
            sections = [("负责", ["owner"]), *sections]
        shown = [{"title": title, "rows": self.lines(record, keys)} for title, keys in sections]
        return render(
            request,
            "records/print.html",
            {
                "module": self.module,
                "title": self.module.title_of(record),
                "sections": [section for section in shown if section["rows"]],
                "back_url": self.module.url(pk=pk),
                **letterhead(request),
            },
        )

    def lines(self, record, keys):
        keys = [key for key in keys if key != self.module.title_field]
        return field_rows(self.module, record, keys, self.user)


class PrintBulkView(ModuleView):
    """POST /<prefix>/bulk/print/: freeze the selected rows and go to their page; printing asks nothing."""

    action = "print"

    def post(self, request):
        try:
            rows, ids = selected_rows(self.module, self.user, request.POST, self.action)
            found = set(rows.order_by().values_list("pk", flat=True))
            if not found:
                raise ValidationError(f"所选{self.module.label}都不在您可打印的范围内。")
            if len(found) > ROWS:
                raise ValidationError(f"一次最多打印 {ROWS:,} 条，请缩小范围。")
        except ValidationError as error:
            return self.refuse(error)
        kept = [[pk, 0] for pk in ids if pk in found]
        token = Selection.objects.create(user=self.user, module=self.module.key, action="print", rows=kept).token
        return go(request, self.module.url(f"print/{token}"))

    def refuse(self, error):
        failures = [{"title": "", "reason": message} for message in error.messages]
        context = {"done": 0, "failures": failures, "back_url": self.module.list_url, "heading": "打印"}
        return self.page("records/result.html", context, status=200 if self.request.htmx else 400)


def cell(column, record) -> str:
    """A value as the list shows it: days without their time."""
    value = column.value(record)
    return formatting.day(value) if column.kind == "datetime" and value else column.text(value)


class PrintListView(ModuleView):
    """GET /<prefix>/print/<token>/: the selected rows with the person's columns, as far as they may print them now."""

    action = "print"

    def get(self, request, token):
        kept = Selection.found(token, user=self.user, module=self.module.key, action="print")
        if kept is None:
            raise Http404
        order = {pk: place for place, (pk, _) in enumerate(kept.rows)}
        columns = chosen_columns(self.module, self.user, saved.Views(self.module, self.user).columns)
        joins = {join for column in columns for join in column.joins}
        records = sorted(
            self.rows.filter(pk__any=list(order)).select_related(*joins), key=lambda record: order[record.pk]
        )
        fieldset.of(self.module, self.user).prepare(columns, records)
        return render(
            request,
            "records/print.html",
            {
                "module": self.module,
                "title": f"{self.module.label}（{len(records):,} 条）",
                "heads": [(column.label, column.numeric) for column in columns],
                "rows": [[(cell(column, one), column.numeric) for column in columns] for one in records],
                "left_out": len(order) - len(records),
                "back_url": self.module.list_url,
                **letterhead(request),
            },
        )
