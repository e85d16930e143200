"""What the pages of a quotation share: the one the address names, through the gate of its opportunity."""

from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404

from approvals.models import Status
from crm.records.views.base import ModuleView
from orgs.views.base import done, move_errors

from . import approval, approving, queries

JOINS = ("current", "opportunity__owner__department", "opportunity__customer", "created_by__department")
CRUMB = {"label": "报价单", "list_url": "/quotations/"}


class QuotationView(ModuleView):
    """A page of one quotation; `action` is asked of its opportunity: 404 out of sight, 403 in words where it is visible."""

    module_name = "opportunity"
    verb = ""  # of approval.TABLE: refused while an approval is under way

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
        if self.verb and found.current.approval == Status.PENDING:
            raise PermissionDenied(approval.WAITS)
        return found

    def submission(self, quotation, form=None, *, trouble: str = ""):
        """The dialog that sends the newest version into approval."""
        url = f"/quotations/{quotation.pk}/"
        form = form or approving.submit_form(quotation, by=self.user)
        return self.page(
            "approvals/submit.html",
            {
                "heading": f"提交 {quotation.number} V{quotation.current.number} 审批",
                "body": trouble or "审批中不能出新版本、作废和发出，需要时可以撤回。",
                "submit_label": "提交审批",
                "fields": form if form.fields or form.is_bound else None,
                "hidden": [("base", quotation.version)],
                "coming": form.coming,
                "action": f"{url}submit/",
                "back_url": url,
            },
            status=422 if form.is_bound else 200,
        )

    def waiting(self, quotation):
        """The dialog of the submission in place of a page that lets out what must be approved first; None where it need not."""
        if not self.verb or not (reason := approval.refusal(quotation, self.verb)):
            return None
        if "submit" in approval.allowed(quotation, approval.standing(quotation, quotation.current)):
            return self.submission(quotation, trouble=reason)
        raise PermissionDenied(reason)

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
        return self.waiting(quotation) or self.ask(quotation, self.form_of(quotation, None))

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
