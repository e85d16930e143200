"""Adding, rewording, answering and deleting items of 开发计划, all in dialogs over the lead's page."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404

from crm.records import formatting
from crm.records.views.base import ModuleView, go
from orgs.views.base import move_errors

from ..models import PlanItem, Status
from . import services
from .forms import AddForm, ContentForm, ResultForm, Versioned


class PlanView(ModuleView):
    """A verb of the plan of one lead; `item` names the item where it is about one."""

    module_name = "lead"
    action = "edit"
    form_class = AddForm
    heading = ""
    submit = "保存"
    danger = False

    def dispatch(self, request, *args, **kwargs):
        if "item" in kwargs:
            found = PlanItem.objects.filter(pk=kwargs["item"], lead__deleted_at=None).first()
            if found is None:
                raise Http404
            self.item, self.kwargs["pk"] = found, found.lead_id
            kwargs["pk"] = found.lead_id
        return super().dispatch(request, *args, **kwargs)

    def get(self, request, pk, item=None):
        return self.ask(self.form())

    def post(self, request, pk, item=None):
        form = self.form(request.POST)
        lead = self.lead()
        if form.is_valid():
            try:
                self.act(lead, form.cleaned_data)
            except ValidationError as error:
                move_errors(form, error)
            else:
                messages.success(request, "删除成功" if self.danger else "保存成功")
                return go(request, f"{self.module.url(pk=lead.pk)}?tab=plan")
        return self.ask(form, status=422 if request.htmx else 200)

    def form(self, data=None):
        return self.form_class(data, initial=self.initial())

    def initial(self) -> dict:
        return {}

    def lead(self):
        """The lead, which is followed: 404 out of sight, 403 with a sentence where its plan is closed to the person."""
        lead = self.record()
        if lead.status != Status.FOLLOWING:
            raise PermissionDenied(services.CLOSED)
        return lead

    def ask(self, form, status: int = 200):
        lead = self.lead()
        return self.page(
            "records/confirm.html",
            {
                "heading": self.heading,
                "body": self.body(),
                "submit_label": self.submit,
                "danger": self.danger,
                "fields": form,
                "action": self.request.path,
                "back_url": f"{self.module.url(pk=lead.pk)}?tab=plan",
            },
            status=status,
        )

    def body(self) -> str:
        return f"{formatting.day(self.item.day)} {self.item.content}"

    def act(self, lead, data) -> None:
        raise NotImplementedError


class AddView(PlanView):
    """/leads/<pk>/plan/new/"""

    heading = "添加开发计划"

    def body(self) -> str:
        return ""

    def act(self, lead, data):
        services.add(lead, day=data["day"], content=data["content"], by=self.user)


class ContentView(PlanView):
    """/leads/plan/<item>/edit/"""

    form_class = ContentForm
    heading = "修改开发计划"

    def initial(self):
        return {"content": self.item.content, "version": self.item.version}

    def body(self) -> str:
        return f"日期 {formatting.day(self.item.day)}，不能改。"

    def act(self, lead, data):
        services.reword(self.item, content=data["content"], version=data["version"], by=self.user)


class ResultView(PlanView):
    """/leads/plan/<item>/result/"""

    form_class = ResultForm
    heading = "执行效果"

    def initial(self):
        return {"result": self.item.result, "version": self.item.version}

    def act(self, lead, data):
        services.record_result(self.item, result=data["result"], version=data["version"], by=self.user)


class RemoveView(PlanView):
    """/leads/plan/<item>/delete/"""

    form_class = Versioned
    heading = "删除这条开发计划？"
    submit = "删除"
    danger = True

    def initial(self):
        return {"version": self.item.version}

    def act(self, lead, data):
        services.remove(self.item, version=data["version"], by=self.user)
