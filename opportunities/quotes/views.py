"""Pages of quotations: all of them, one with its versions, a new version, print, and what becomes of it."""

from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from approvals.models import Status
from crm.records import modules, scope
from crm.records.views.base import ModuleView, deny, render_page
from orgs.views.base import Pager, done, form_page, move_errors, number

from ..models import QuotationShare, QuotationState, QuotationVersion
from . import approval, approving, changes, hooks, queries, services
from .base import CRUMB, DialogView, QuotationView
from .forms import DecideForm, VersionForm, VoidForm
from .sheet import for_person
from .tab import rows_of

LETTERS = 50  # links and letters a page shows


@require_safe
def index(request):
    """GET /quotations/?q=&state=&opportunity=: the quotations of the opportunities I see."""
    opportunities, asked = modules.get("opportunity"), queries.Asked.of(request.GET)
    if not opportunities.may(request.user, "view"):
        deny(opportunities, "view")
    seen, pager = queries.sight(request.user), Pager(request, queries.listed(request.user, asked))
    may_export = opportunities.may(request.user, "export") and pager.count
    return render_page(
        request,
        "quotes/list.html",
        {
            "nav_active": "quotations",
            "tabs": [
                {"label": label, "url": f"/quotations/?{asked.address(state=key)}", "active": key == asked.state}
                for key, label in queries.STATES
            ],
            "asked": asked,
            "export_url": f"/quotations/export/?{asked.address()}" if may_export else "",
            "rows": rows_of(pager.rows, request.user),
            "money": seen.money,
            "customers": seen.customer,
            "pager": pager.context(),
        },
    )


class _VersionFormView:
    """The form of a version, as page or dialog."""

    def form_page(self, form, *, heading: str, back: str, crumb):
        return form_page(
            self.request,
            form,
            heading=heading,
            sections=VersionForm.sections,
            crumb=crumb,
            back_url=back,
            nav_active="quotations",
        )

    def values(self, form) -> dict:
        return {name: form.cleaned_data.get(name) for name in services.VALUES}


class CreateView(_VersionFormView, ModuleView):
    """/opportunities/<pk>/quotations/new/"""

    module_name = "opportunity"
    action = "edit"

    def joins(self):
        return ("owner", "customer")

    def get(self, request, pk):
        return self.answer(self.record(), None)

    def post(self, request, pk):
        return self.answer(self.record(), request.POST)

    def answer(self, opportunity, data):
        form = VersionForm(data, user=self.user, opportunity=opportunity)
        if data is not None and form.is_valid():
            try:
                made = services.create_quotation(opportunity, self.values(form), by=self.user)
            except ValidationError as error:
                move_errors(form, error)
            else:
                return done(self.request, f"/quotations/{made.pk}/", f"已新建报价单 {made.number}")
        back = f"{self.module.url(pk=opportunity.pk)}?tab=quotations"
        return self.form_page(form, heading="新建报价单", back=back, crumb=self.module)


class ReviseView(_VersionFormView, QuotationView):
    """/quotations/<pk>/versions/new/"""

    action, verb = "edit", "revise"

    def get(self, request, pk):
        return self.answer(self.record(), None)

    def post(self, request, pk):
        return self.answer(self.record(), request.POST)

    def answer(self, quotation, data):
        form = VersionForm(
            data,
            user=self.user,
            opportunity=quotation.opportunity,
            before=quotation.current,
            version=quotation.version,
        )
        if data is not None and form.is_valid():
            try:
                made = services.revise(quotation, self.values(form), version=form.cleaned_data["base"], by=self.user)
            except ValidationError as error:
                move_errors(form, error)
            else:
                return done(self.request, f"/quotations/{quotation.pk}/", f"已生成 V{made.number}")
        heading = f"新版本：{quotation.number} V{quotation.current.number + 1}"
        return self.form_page(form, heading=heading, back=f"/quotations/{quotation.pk}/", crumb=CRUMB)


def _chosen(quotation, asked: str | None) -> QuotationVersion:
    """The version ?v= names, else the newest; 404 for one that is not there."""
    if not asked:
        found = quotation.current
    else:
        wanted = number(asked)
        rows = quotation.versions.select_related("created_by")
        found = rows.filter(number=wanted).first() if wanted and wanted < 32768 else None
    if found is None:
        raise Http404
    found.quotation = quotation
    return found


class DetailView(QuotationView):
    """GET /quotations/<pk>/?v=: one version as on paper, what changed since the one before, links and letters."""

    def get(self, request, pk):
        quotation, seen = self.record(), queries.sight(self.user)
        version, rights = _chosen(quotation, request.GET.get("v")), scope.rights(self.user, quotation.opportunity)
        versions = list(quotation.versions.select_related("created_by"))
        before = next((one for one in versions if one.number == version.number - 1), None)
        shares = list(
            QuotationShare.objects.filter(version__quotation=quotation).select_related(
                "version", "created_by", "delivery", "mail"
            )[:LETTERS]
        )
        standing = approval.standing(quotation, quotation.current)
        panel = approving.panel_of(quotation, version, self.user)
        may = approval.allowed(quotation, standing)
        return self.page(
            "quotes/detail.html",
            {
                "quotation": quotation,
                "chip": queries.chip(quotation),
                "approval": approval.chip(standing),
                "panel": panel,
                "side": panel["side"] if panel else [],
                "unasked": "submit" in may and version.pk == quotation.current_id,
                "submit_url": f"/quotations/{quotation.pk}/submit/" if "submit" in may and "follow" in rights else "",
                "version": version,
                "versions": [
                    {
                        "version": one,
                        "active": one.pk == version.pk,
                        "url": f"?v={one.number}",
                        "chip": approval.chip(standing if one.pk == quotation.current_id else one.approval),
                    }
                    for one in versions
                ],
                "sheet": for_person(version, seen),
                "difference": changes.between(before, version, seen) if before else None,
                "money": seen.money,
                "customer": seen.customer,
                "opportunity_url": self.module.url(pk=quotation.opportunity_id),
                "shares": [_share_row(one, self.user, may="follow" in rights) for one in shares],
                "print_url": f"/quotations/{quotation.pk}/print/?v={version.number}" if "print" in rights else "",
                "actions": self.offered(quotation, rights, may, panel),
            },
        )

    def offered(self, quotation, rights, may, panel) -> list[dict]:
        """What waits for the person first, then the way on, then everything else; what may be said of an approval that has ended
        stands behind that."""
        waits = panel is not None and panel["approval"].state == Status.PENDING
        found = list(panel["actions"]) if waits else []
        if "submit" in may and "follow" in rights:
            url = f"/quotations/{quotation.pk}/submit/"
            found.append({"label": "提交审批", "icon": "approval", "url": url, "dialog": True, "primary": True})
        if "contract" in may:
            found += hooks.offered(quotation, self.user)
        others = self.actions(quotation, rights, may)
        if any(one.get("primary") for one in found):
            others = [{**one, "primary": False} for one in others]
        if panel and not waits:
            place = next((n for n, one in enumerate(others) if one.get("danger")), len(others))
            others[place:place] = panel["actions"]
        return found + others

    def actions(self, quotation, rights, may) -> list[dict]:
        base, state, found = f"/quotations/{quotation.pk}/", quotation.state, []
        editable, live = "edit" in rights, state != QuotationState.VOID
        valid = quotation.current.valid_until >= timezone.localdate()
        out = editable and live and valid and "issue" in may
        if out and self.user.has_function("customer.mail"):
            found.append({"label": "发邮件", "icon": "mail", "url": f"{base}send/", "primary": True})
        if out:
            found.append({"label": "生成链接", "icon": "link", "url": f"{base}share/", "dialog": True})
        if editable and "revise" in may and state not in (QuotationState.VOID, QuotationState.ACCEPTED):
            found.append(
                {
                    "label": "出新版本",
                    "icon": "plus",
                    "url": f"{base}versions/new/",
                    "dialog": True,
                    "primary": not valid,
                }
            )
        if "follow" in rights and "decide" in may and state in (QuotationState.DRAFT, QuotationState.SENT):
            found.append({"label": "客户已接受", "icon": "check", "url": f"{base}accept/", "dialog": True})
            found.append({"label": "客户已拒绝", "icon": "x", "url": f"{base}reject/", "dialog": True})
        if out and state == QuotationState.DRAFT:
            found.append({"label": "标记为已发出", "icon": "flag", "url": f"{base}sent/", "dialog": True})
        if editable and live and "void" in may:
            found.append({"label": "作废", "icon": "trash", "url": f"{base}void/", "dialog": True, "danger": True})
        if editable and "delete" in may and state == QuotationState.DRAFT and quotation.sent_at is None:
            found.append({"label": "删除", "icon": "trash", "url": f"{base}delete/", "dialog": True, "danger": True})
        return found


DOTS = {"sent": "success", "failed": "danger", "unknown": "warning", "dropped": "warning", "sending": "info"}


def _share_row(share, user, *, may: bool) -> dict:
    """A link or letter as the page shows it; what a mail server answered names the address."""
    row, address = share.delivery, queries.address(share, user)
    open_now = share.open_on(timezone.localdate())
    return {
        "share": share,
        "address": address,
        "word": "" if open_now else "已停用" if share.revoked_at else "已过期",
        "letter": row.get_state_display() if row else "",
        "dot": DOTS.get(row.state, "") if row else "",
        "error": row.error if row and address == share.address else "",
        "revoke_url": f"/quotations/shares/{share.pk}/revoke/" if may and open_now else "",
    }


class PrintView(QuotationView):
    """GET /quotations/<pk>/print/?v=: the paper; the browser's print dialog opens by itself."""

    action = "print"

    def get(self, request, pk):
        quotation = self.record()
        version = _chosen(quotation, request.GET.get("v"))
        shown = for_person(version, queries.sight(self.user))
        shown.unapproved = approval.lacking(quotation, version)
        return render(
            request,
            "quotes/print.html",
            {"sheet": shown, "back_url": f"/quotations/{quotation.pk}/?v={shown.version}"},
        )


class SubmitView(QuotationView):
    """/quotations/<pk>/submit/: who will decide, whom the submitter chooses, a note."""

    action, verb = "follow", "submit"

    def get(self, request, pk):
        quotation = self.record()
        if reason := approval.refusal(quotation, "submit"):
            raise PermissionDenied(reason)
        return self.submission(quotation)

    def post(self, request, pk):
        quotation = self.record()
        if reason := approval.refusal(quotation, "submit"):
            raise PermissionDenied(reason)
        form = approving.submit_form(quotation, by=self.user, data=request.POST)
        if form.is_valid():
            try:
                approving.submit(
                    quotation,
                    version=number(request.POST.get("base")) or 0,
                    by=self.user,
                    chosen=form.chosen(),
                    note=form.note,
                )
            except ValidationError as error:
                form.take(error)
            else:
                return done(request, f"/quotations/{pk}/", "已提交")
        return self.submission(quotation, form)


# What becomes of it ------------------------------------------------------------------------------------------------------
class SentView(DialogView):
    """/quotations/<pk>/sent/"""

    action, verb = "edit", "issue"
    heading, submit = "标记 {} 为已发出？", "标记为已发出"

    def body(self, quotation):
        return f"V{quotation.current.number} 已经通过打印、微信等方式交给客户时使用。发出后不能删除，只能作废。"

    def act(self, quotation, data):
        return services.mark_sent(quotation, by=self.user)


class _DecideView(DialogView):
    action, verb = "follow", "decide"
    accepted = True

    def form_of(self, quotation, data):
        return DecideForm(data, quotation=quotation)

    def act(self, quotation, data):
        return services.decide(
            quotation, self.accepted, on=data["on"], number=data["number"], words=data["words"], by=self.user
        )


class AcceptView(_DecideView):
    """/quotations/<pk>/accept/"""

    heading, submit = "客户接受了 {}", "登记接受"


class RejectView(_DecideView):
    """/quotations/<pk>/reject/"""

    heading, submit, accepted = "客户拒绝了 {}", "登记拒绝", False


class VoidView(DialogView):
    """/quotations/<pk>/void/"""

    action, verb, danger = "edit", "void", True
    heading, submit = "作废 {}？", "作废"

    def form_of(self, quotation, data):
        return VoidForm(data)

    def body(self, quotation):
        return "作废后不能恢复，发出的链接立即失效，编号不再使用。"

    def act(self, quotation, data):
        return services.void(quotation, data["reason"], by=self.user)


class DeleteView(DialogView):
    """/quotations/<pk>/delete/"""

    action, verb, danger = "edit", "delete", True
    heading, submit, message = "删除 {}？", "删除", "删除成功"

    def body(self, quotation):
        return "这份草稿和它的所有版本彻底删除，编号不再使用。"

    def act(self, quotation, data):
        services.delete_quotation(quotation, by=self.user)

    def after(self, quotation, made):
        return done(self.request, f"{self.module.url(pk=quotation.opportunity_id)}?tab=quotations", self.message)
