"""Pages of requests that differ from those every record has."""

from django.http import Http404

from crm.records.views.detail import DetailView, field_rows
from crm.records.views.editing import CreateView
from orgs.views.base import number

from .. import states
from ..submitting import SubmitPage
from . import services
from .models import RequestType


def offered() -> list[RequestType]:
    """The types one may ask for."""
    return list(RequestType.objects.filter(enabled=True))


class NewRequest(CreateView):
    """/requests/new/?type=: the form of one type; without a type, which ones there are."""

    def kind(self) -> RequestType | None:
        """The type asked for: 404 for one that is not offered, None where none is named and there is a choice."""
        asked = self.request.POST.get("type") or self.request.GET.get("type")
        if not asked:
            kinds = offered()
            return kinds[0] if len(kinds) == 1 else None
        found = RequestType.objects.filter(pk=number(asked) or 0).first()
        if found is None:
            raise Http404
        return found

    def dispatch(self, request, *args, **kwargs):
        self.request = request
        return super().dispatch(request, *args, **kwargs)

    def bound(self, instance, data=None, initial=None):
        instance.type = self.chosen
        return super().bound(instance, data, initial)

    def get(self, request):
        self.chosen = self.kind()
        return super().get(request) if self.chosen else self.choose()

    def post(self, request):
        self.chosen = self.kind()
        if self.chosen is None:
            return self.choose(400)
        return super().post(request)

    def choose(self, status: int = 200):
        return self.page(
            "approvals/request_kinds.html",
            {"kinds": offered(), "may_set_up": self.user.has_function("admin.approvals")},
            status=status,
        )

    def show(self, form, status=200):
        return self.render_form(form, f"新建{self.chosen.name}", back=self.module.list_url, status=status)

    def after(self, record) -> str:
        return self.module.url(pk=record.pk)


class RequestPage(DetailView):
    """With 提交审批 for a draft, and the fields of its type only."""

    def actions(self, record):
        found = super().actions(record)
        if "edit" in self.rights and states.allows(record.status, "submit"):
            url = self.module.url("submit", record.pk)
            submit = {"label": "提交审批", "url": url, "icon": "approval", "primary": True, "dialog": True}
            return [submit, *({**one, "primary": False} for one in found)]
        return found

    def joins(self):
        return tuple(dict.fromkeys((*super().joins(), "type")))

    def fields_tab(self, request, record, rights):
        """What is asked for in the order of the form, values of fields the form has no more behind it, then the rest."""
        keys = dict.fromkeys([*record.type.keys, *record.extra])
        declared = [key for _, keys in self.module.sections for key in keys if key != "title"]
        sections = [("申请内容", ["title", *keys]), ("单据信息", declared)]
        found = [{"title": title, "rows": field_rows(self.module, record, keys, self.user)} for title, keys in sections]
        return {"sections": [section for section in found if section["rows"]]}


class SubmitView(SubmitPage):
    module_name = "request"
    action = "edit"

    def joins(self):
        return ("owner", "type")

    def document(self, record):
        return services.key_of(record.type_id)

    def submit(self, record, **said):
        services.submit_request(record, **said)


VIEWS = {"new": NewRequest, "detail": RequestPage}
