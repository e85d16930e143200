"""Pages that let a quotation out: a link, a letter, stopping a link."""

from django.core.exceptions import ValidationError
from django.http import Http404
from django.shortcuts import render
from django.urls import reverse

from crm.notices import delivery
from crm.records.models.system import file_token
from crm.records.views.base import render_page
from orgs.views.base import done, errors_of, move_errors

from ..models import QuotationShare
from . import queries, sharing
from .base import CRUMB, JOINS, DialogView, QuotationView
from .forms import SendForm, ShareForm

HIDDEN_LINK = "（发出时每位收件人各有一条自己的链接）"


class ShareView(DialogView):
    """/quotations/<pk>/share/: the link shows once."""

    action, verb = "edit", "issue"
    heading, submit = "生成 {} 的链接", "生成链接"

    def form_of(self, quotation, data):
        return ShareForm(data, quotation=quotation, user=self.user)

    def body(self, quotation):
        return "有链接的人不用登录就能看到这一版报价；可以随时停用。"

    def act(self, quotation, data):
        return sharing.share(
            quotation,
            data["number"],
            expires_on=data["expires_on"],
            hide_prices=data["hide_prices"],
            by=self.user,
        )

    def after(self, quotation, made):
        share, token = made
        path = reverse("quotation-public", args=[token])
        return self.page(
            "quotes/link.html",
            {
                "heading": f"{quotation.number} V{share.version.number} 的链接",
                "link": delivery.link_of(path) or self.request.build_absolute_uri(path),
                "share": share,
                "back_url": f"/quotations/{quotation.pk}/",
            },
        )


class RevokeView(DialogView):
    """/quotations/shares/<pk>/revoke/: the number in the address is the link's."""

    action, danger = "follow", True
    heading, submit, message = "停用 {} 的链接？", "停用", "链接已停用"

    def named(self, rows):
        found = rows.filter(versions__shares__pk=self.kwargs["pk"]).select_related(*JOINS).first()
        if found is not None:
            self.share = QuotationShare.objects.select_related("version__quotation").get(pk=self.kwargs["pk"])
        return found

    def body(self, quotation):
        address = queries.address(self.share, self.user)
        to = f"发给 {address} 的链接" if address else "这条链接"
        return f"{to}立即打不开，不能恢复；需要时可以重新生成。"

    def act(self, quotation, data):
        sharing.revoke(self.share, by=self.user)


class SendView(QuotationView):
    """/quotations/<pk>/send/: a letter with the link; with `preview` in the POST nothing is sent."""

    action, verb = "edit", "issue"

    def record(self):
        found = super().record()
        sharing.check_function(self.user)
        return found

    def get(self, request, pk):
        quotation = self.record()
        if page := self.waiting(quotation):
            return page
        return self.show(quotation, SendForm(quotation=quotation, user=self.user), token=file_token())

    def post(self, request, pk):
        quotation = self.record()
        form, token = SendForm(request.POST, quotation=quotation, user=self.user), request.POST.get("token", "")
        if len(token) != len(file_token()) or not token.isascii():
            raise Http404
        valid = form.is_valid()
        if "preview" in request.POST:
            return self.preview(quotation, form, token)
        if valid:
            data = form.cleaned_data
            try:
                made = sharing.send(
                    quotation,
                    data["number"],
                    addresses=data["addresses"],
                    subject=data["subject"],
                    body=data["body"],
                    expires_on=data["expires_on"],
                    hide_prices=data["hide_prices"],
                    token=token,
                    by=self.user,
                )
            except ValidationError as error:
                move_errors(form, error)
            else:
                people = made.shares.count()
                return done(request, f"/quotations/{quotation.pk}/", f"已放入发件箱，{people} 个收件人")
        return self.show(quotation, form, token=token)

    def letter(self, form) -> dict | None:
        """The letter of a form as it will go out, without the link; None where something of it is missing."""
        data = form.cleaned_data if form.is_bound else {}
        if not {"subject", "body", "expires_on"} <= data.keys():
            return None
        return {
            "subject": data["subject"],
            "body": sharing.text_of(data["body"], HIDDEN_LINK, data["expires_on"]),
            "people": data.get("addresses", []),
        }

    def preview(self, quotation, form, token):
        context = {"letter": self.letter(form), "problems": errors_of(form)}
        if self.request.htmx:
            return render(self.request, "quotes/preview.html", context)
        return self.show(quotation, form, token=token, **context)

    def show(self, quotation, form, *, token: str, **more):
        return render_page(
            self.request,
            "quotes/send.html",
            {
                "module": CRUMB,
                "nav_active": "quotations",
                "quotation": quotation,
                "form": form,
                "errors": errors_of(form) if form.is_bound else [],
                "token": token,
                "trouble": sharing.ready(),
                "may_configure": self.user.has_function("admin.settings"),
                "left": sharing.left_today(self.user),
                "back_url": f"/quotations/{quotation.pk}/",
                **more,
            },
            status=422 if form.is_bound and form.errors and "preview" not in self.request.POST else 200,
        )
