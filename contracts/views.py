"""Verbs of contracts with a page of their own: 提交, 续签 and 转为合同."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404

from approvals.submitting import SubmitPage
from crm.records import modules
from crm.records.views.base import ModuleView, go
from opportunities.quotes.base import DialogView
from orgs.views.base import whole

from . import copying, services, submitting
from .models import Contract
from .pages import tell_left_out


def _open(request, made, left_out):
    """To the draft that was made (or was there already)."""
    messages.success(request, f"已生成合同草稿“{made.name}”，请核对后提交")
    tell_left_out(request, left_out)
    return go(request, modules.get("contract").url(pk=made.pk))


class ComingView(ModuleView):
    """POST /contracts/coming/ with a form of a contract (?pk= of the draft it edits): who would decide on it. Writes nothing."""

    module_name = "contract"

    def dispatch(self, request, *args, **kwargs):
        self.action = "edit" if request.GET.get("pk") else "create"
        return super().dispatch(request, *args, **kwargs)

    def post(self, request):
        contract = Contract()
        if asked := request.GET.get("pk"):
            contract = self.rows.filter(pk=whole(asked)).first()
            if contract is None:
                raise Http404
        form = self.module.form_class(request.POST, request.FILES, instance=contract, user=self.user)
        coming = submitting.ahead(form, by=self.user)
        return self.page("contracts/coming.html", {"coming": coming, "coming_url": request.get_full_path()})


class SubmitView(SubmitPage):
    module_name = "contract"

    def submit(self, record, **said):
        services.submit(record, **said)


class RenewView(ModuleView):
    """/contracts/<pk>/renew/: asks, and makes the draft that follows this contract."""

    module_name = "contract"
    action = "renew"

    def get(self, request, pk):
        return self.ask(self.record())

    def ask(self, record, trouble: str = ""):
        starts, ends = copying.next_period(record.starts_on, record.ends_on)
        period = "，起止日期顺延" if starts or ends else ""
        body = f"生成一份新的草稿，客户、签约人和产品与原合同相同{period}；产品按今天的产品资料带入。"
        return self.page(
            "records/confirm.html",
            {
                "heading": f"续签“{record.name}”？",
                "body": trouble or body,
                "submit_label": "生成续签草稿",
                "action": self.request.path,
                "back_url": self.module.url(pk=record.pk),
            },
            status=422 if trouble else 200,
        )

    def post(self, request, pk):
        record = self.record()
        try:
            made, left_out = copying.renew(record, by=self.user)
        except ValidationError as error:
            return self.ask(record, "；".join(error.messages))
        return _open(request, made, left_out)


class FromQuotationView(DialogView):
    """/quotations/<pk>/contract/: 转为合同. Asked of the opportunity is only that it is seen, for a won one is closed; the customer
    must be one's own to edit."""

    verb = "contract"
    heading, submit = "把 {} 转为合同？", "生成合同草稿"

    def body(self, quotation):
        return f"按 V{quotation.current.number} 生成一份合同草稿，客户、商机、产品和价格照报价单带入。"

    def record(self):
        found = super().record()
        if not copying.may_contract(self.user, found.opportunity):
            raise PermissionDenied("您不能在这个客户下添加合同：需要新建合同的权限，并能编辑这个客户。")
        return found

    def act(self, quotation, data):
        return copying.from_quotation(quotation, by=self.user)

    def after(self, quotation, made):
        return _open(self.request, *made)
