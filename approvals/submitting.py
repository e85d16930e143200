"""/<prefix>/<pk>/submit/: before a document is submitted, who will decide, whom the submitter chooses, a note."""

from django.core.exceptions import ValidationError

from crm.records.views.base import ModuleView
from orgs.views.base import done

from .coming import SubmitForm


class SubmitPage(ModuleView):
    """A module says which service submits: `submit(record, by=, chosen=, note=)`."""

    action = "submit"
    body = "提交后不能修改，需要时可以撤回。"

    def submit(self, record, **said):
        raise NotImplementedError

    def document(self, record) -> str:
        """The key of the kind of document."""
        return self.module.name

    def get(self, request, pk):
        return self.ask(self.record(), None)

    def post(self, request, pk):
        record = self.record()
        form = self.form(record, request.POST)
        if form.is_valid():
            try:
                self.submit(record, by=self.user, chosen=form.chosen(), note=form.note)
            except ValidationError as error:
                form.take(error)
            else:
                return done(request, self.module.url(pk=pk), "已提交")
        return self.ask(record, form)

    def form(self, record, data=None) -> SubmitForm:
        return SubmitForm(data, document=self.document(record), subject=record, user=self.user)

    def ask(self, record, form):
        form = form or self.form(record)
        return self.page(
            "approvals/submit.html",
            {
                "heading": f"提交“{self.module.title_of(record)}”",
                "body": self.body,
                "submit_label": "提交审批",
                "fields": form if form.fields or form.is_bound else None,
                "coming": form.coming,
                "hidden": [],
                "action": self.request.path,
                "back_url": self.module.url(pk=record.pk),
            },
            status=422 if form.is_bound else 200,
        )


def led_by_submit(actions: list[dict], module, record) -> list[dict]:
    """The actions of a record's page, its 提交审批 first and by the page that says who will decide."""
    bulk = f"{module.bulk_url}submit/"
    found = next((one for one in actions if one["url"].startswith(bulk)), None)
    if found is None:
        return actions
    submit = {**found, "url": module.url("submit", record.pk), "primary": True}
    return [submit, *({**one, "primary": False} for one in actions if one is not found)]
