"""What the pages of a quotation share: the one the address names, through the gate of its opportunity."""

from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404

from crm.records.views.base import ModuleView
from orgs.views.base import done, move_errors

from . import queries

JOINS = ("current", "opportunity__owner__department", "opportunity__customer")
CRUMB = {"label": "报价单", "list_url": "/quotations/"}


class QuotationView(ModuleView):
    """A page of one quotation; `action` is asked of its opportunity: 404 out of sight, 403 in words where it is visible."""

    module_name = "opportunity"

    def named(self, rows):
        """The quotation the address names, among these."""
        return rows.filter(pk=self.kwargs["pk"]).select_related(*JOINS).first()

    def visible(self, pk: int):
        found = self.named(queries.visible(self.user))
        if found is None:
            raise Http404
        return found

    def record(self):
        found = self.named(queries.visible(self.user, self.action))
        if found is None:
            seen = self.visible(self.kwargs["pk"])
            words = "您可以查看这份报价单，但不能对它做此操作：商机不在您负责的范围内。"
            raise PermissionDenied(self.module.refusal(seen.opportunity, self.action, self.user) or words)
        return found

    def page(self, template: str, context: dict, status: int = 200):
        return super().page(template, {"module": CRUMB, "nav_active": "quotations", **context}, status)


class DialogView(QuotationView):
    """Ask in a dialog, do it on POST. Subclasses say `form_of`, `act` and the words."""

    heading = submit = ""
    message = "操作成功"
    danger = False

    def form_of(self, quotation, data):
        """The form to fill in; None where there is nothing to say."""

    def body(self, quotation) -> str:
        return ""

    def act(self, quotation, data: dict):
        raise NotImplementedError

    def after(self, quotation, made):
        """Where to go once it is done."""
        return done(self.request, f"/quotations/{quotation.pk}/", self.message)

    def get(self, request, pk):
        quotation = self.record()
        return self.ask(quotation, self.form_of(quotation, None))

    def ask(self, quotation, form, *, trouble: str = ""):
        return self.page(
            "records/confirm.html",
            {
                "heading": self.heading.format(quotation.number),
                "body": trouble or self.body(quotation),
                "submit_label": self.submit,
                "danger": self.danger,
                "fields": form,
                "action": self.request.path,
                "back_url": f"/quotations/{quotation.pk}/",
            },
            status=422 if trouble or (form is not None and form.errors) else 200,
        )

    def post(self, request, pk):
        quotation = self.record()
        form = self.form_of(quotation, request.POST)
        if form is not None and not form.is_valid():
            return self.ask(quotation, form)
        try:
            made = self.act(quotation, form.cleaned_data if form is not None else {})
        except ValidationError as error:
            if form is None:
                return self.ask(quotation, None, trouble="；".join(error.messages))
            move_errors(form, error)
            return self.ask(quotation, form)
        return self.after(quotation, made)
