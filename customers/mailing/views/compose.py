"""/customers/mail/ and /contacts/mail/: who gets the letter, what it says, what it will look like, and off it goes.

GET ?filter=&ids= asks whether all or this page; GET ?ids= or ?selection= opens the page. POST without a subject freezes what
was chosen in the list; with `apply`, `refresh` or `preview` it changes nothing; else it sends.
"""

from urllib.parse import urlencode

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404
from django.shortcuts import render

from crm.records import formatting, params
from crm.records.custom.forms import FilesField
from crm.records.models import Selection
from crm.records.models.system import file_token
from crm.records.views.base import ModuleView, go, render_page
from crm.records.views.bulk import selected_rows
from crm.records.views.files import ACCEPT
from orgs.views.base import errors_of, move_errors, number

from ...models import Mailing
from ...models.mailing import BODY, SUBJECT
from .. import audience, letters, merge, services

FILES_HELP = f"最多 {services.FILES} 个，合计不超过 {services.FILES_SIZE // 2**20} MB，随每封邮件发出"


class ChooseForm(forms.Form):
    """All that the list shows, or this page of it."""

    def __init__(self, *args, total: int, shown: int, **kwargs):
        super().__init__(*args, **kwargs)
        pairs = (("all", f"列表中全部 {formatting.count(total)} 条"), ("page", f"当前页 {shown} 条"))
        self.fields["which"] = forms.ChoiceField(label="发给", choices=pairs, initial="page", widget=forms.RadioSelect)


class ComposeForm(forms.Form):
    """Subject, text, recipients, files. The limits are those of the models."""

    def __init__(self, *args, user, module: str, **kwargs):
        self.user, self.module = user, module
        super().__init__(*args, **kwargs)
        self.fields["subject"] = SUBJECT.formfield()
        self.fields["subject"].widget.attrs |= {"data-wide": "", "data-merges": ""}
        self.fields["body"] = BODY.formfield()
        self.fields["body"].widget.attrs |= {"rows": 14, "data-wide": "", "data-merges": ""}
        self.fields["body"].help_text = "纯文字，最多 10,000 个字；末尾会自动加上退订链接"
        self.fields["files"] = FilesField(label="附件", required=False, help_text=FILES_HELP)
        self.fields["files"].widget.attrs["accept"] = ACCEPT
        if module == "customer":
            self.fields["who"] = forms.ChoiceField(
                label="收件人",
                choices=Mailing.Who.choices,
                initial=Mailing.Who.PRIMARY,
                widget=forms.RadioSelect,
                error_messages={"invalid_choice": "请选择列表中的选项", "required": "请选择收件人"},
            )

    def clean(self):
        data = super().clean()
        if "subject" in data and "body" in data:
            try:
                services.check_text(self.module, data["subject"], data["body"], by=self.user)
            except ValidationError as error:
                move_errors(self, error)
        return data


class MailView(ModuleView):
    """The page of one module."""

    action = "mail"

    def dispatch(self, request, *args, **kwargs):
        self.here = request.path
        return super().dispatch(request, *args, **kwargs)

    # Which records ----------------------------------------------------------------------------------------------------
    def get(self, request):
        if "filter" in request.GET:
            return self.choose(request.GET)
        ids = self.chosen(request.GET)
        if not ids:
            messages.warning(request, self.module.select_first)
            return go(request, self.module.list_url)
        data = {"selection": request.GET.get("selection", ""), "ids": request.GET.get("ids", "")}
        return self.compose(ids, self.blank(), data, token=file_token())

    def choose(self, data):
        try:
            rows, ids = selected_rows(self.module, self.user, {"all": "1", "filter": data["filter"]}, self.action)
        except ValidationError as error:
            return self.refused(error)
        shown = [one for one in data.get("ids", "").split(",") if number(one)][:100]
        return self.page(
            "records/confirm.html",
            {
                "heading": "发送邮件",
                "body": "",
                "fields": ChooseForm(total=len(ids), shown=len(shown)),
                "hidden": [("filter", data["filter"]), ("ids", ",".join(shown))],
                "submit_label": "下一步",
                "action": self.here,
            },
        )

    def chosen(self, data) -> list[int]:
        """The ids the page is about: frozen ones, or those of the address."""
        if token := data.get("selection"):
            selection = Selection.found(token, user=self.user, module=self.module.name, action="mail")
            if selection is None:
                return []
            return [pk for pk, _ in selection.rows]
        ids = [found for one in data.get("ids", "").split(",")[:1000] if (found := number(one.strip()))]
        if ids and not self.rows.filter(pk__any=ids).exists():
            if not self.module.model.objects.allowed(self.user, "view").filter(pk__any=ids).exists():
                raise Http404
            raise PermissionDenied(f"您可以查看这条{self.module.label}，但不能给它发邮件：它不在您负责的范围内。")
        return ids

    def post(self, request):
        if "subject" not in request.POST:
            return self.freeze(request.POST)
        ids = self.chosen(request.POST)
        data, token = request.POST, request.POST.get("token", "")
        if not (token.isalnum() and token.isascii() and len(token) == 32):
            token = file_token()
        if "apply" in data:
            return self.compose(ids, self.blank(self.applied(data)), data, token=token)
        form = ComposeForm(data, request.FILES, user=self.user, module=self.module.name)
        if "refresh" in data:
            return self.compose(ids, self.blank(data.dict()), data, token=token)
        if "preview" in data:
            return self.preview(ids, form, data)
        if form.is_valid():
            try:
                mailing = services.begin(
                    self.module.name,
                    ids,
                    who=form.cleaned_data.get("who") or Mailing.Who.ALL,
                    subject=form.cleaned_data["subject"],
                    body=form.cleaned_data["body"],
                    files=form.cleaned_data["files"]["add"],
                    token=token,
                    selection=data.get("selection", ""),
                    by=self.user,
                )
                messages.success(request, f"已开始发送 {mailing.total:,} 封邮件")
                return go(request, f"/mailings/{mailing.pk}/")
            except ValidationError as error:
                move_errors(form, error)
        return self.compose(ids, form, data, token=token, status=422)

    def freeze(self, data):
        """Keep the chosen ids on the server and open the page about them."""
        source = {"all": data.get("all", ""), "filter": data.get("filter", ""), "ids": data.get("ids", "")}
        if data.get("which"):
            source["all"] = "1" if data["which"] == "all" else ""
        try:
            rows, ids = selected_rows(self.module, self.user, source, self.action)
        except ValidationError as error:
            return self.refused(error)
        found = list(rows.order_by().values_list("pk", "version"))
        if not found:
            if not self.module.model.objects.allowed(self.user, "view").filter(pk__any=ids).exists():
                raise Http404
            raise PermissionDenied(f"所选{self.module.label}都不在您可以发邮件的范围内。")
        selection = Selection.objects.create(
            user=self.user, module=self.module.name, action="mail", rows=[[pk, version] for pk, version in found]
        )
        return go(self.request, f"{self.here}?{urlencode({'selection': selection.token})}")

    def refused(self, error):
        context = {
            "done": 0,
            "failures": [{"title": "", "reason": text} for text in error.messages],
            "back_url": self.module.list_url,
            "heading": "发送邮件",
        }
        return self.page("records/result.html", context, status=200 if self.request.htmx else 400)

    # The page ---------------------------------------------------------------------------------------------------------
    def blank(self, initial: dict | None = None) -> ComposeForm:
        return ComposeForm(initial=initial or {}, user=self.user, module=self.module.name)

    def applied(self, data) -> dict:
        """What stands on the page, with the words of the chosen template."""
        values = data.dict()
        pk = number(data.get("template"))
        template = services.templates_of(self.user).filter(pk=pk).first() if pk else None
        return {**values, "subject": template.subject, "body": template.body} if template else values

    def who(self, form) -> str:
        value = form.data.get("who") if form.is_bound else form.initial.get("who")
        return value if self.module.name == "contact" or value in Mailing.Who.values else Mailing.Who.PRIMARY

    def compose(self, ids, form, data, *, token: str, status: int = 200):
        module = self.module.name
        found = audience.of(module, ids, by=self.user, who=self.who(form))
        count, left = len(found.people), services.left_today(self.user)
        fields = merge.Fields(module, self.user)
        return self.page(
            "mailing/compose.html",
            {
                "form": form,
                "errors": errors_of(form) if form.is_bound else [],
                "here": self.here,
                "hidden": [
                    ("token", token),
                    ("selection", data.get("selection", "")),
                    ("ids", "" if data.get("selection") else ",".join(map(str, ids))),
                ],
                "trouble": letters.ready(),
                "may_configure": self.user.has_function("admin.settings"),
                "templates": list(services.templates_of(self.user).only("pk", "name", "owner_id")),
                "template": number(data.get("template")),
                "groups": fields.grouped(),
                "count": count,
                "records": len(ids),
                "excluded": found.explained(),
                "left": left,
                "most": params.get("mail_per_day"),
                "too_many": count > left,
                "gone": not ids,
                "kept": self.request.method == "POST",
            },
            status=status,
        )

    def preview(self, ids, form, data):
        """The letter as one recipient will get it: the first, or the one at `at`."""
        found = audience.of(self.module.name, ids, by=self.user, who=self.who(form))
        context = {"here": self.here, "total": len(found.people)}
        text = {}
        for name, field in (("subject", SUBJECT), ("body", BODY)):
            try:
                text[name] = field.clean_value(data.get(name, ""))
            except ValidationError as error:
                context.setdefault("problems", []).extend(error.messages)
        fields = merge.Fields(self.module.name, self.user)
        if len(text) == 2:
            try:
                fields.check(f"{text['subject']}\n{text['body']}")
            except ValidationError as error:
                context["problems"] = error.messages
        if found.people and "problems" not in context:
            at = min(max(number(data.get("at"), default=1), 1), len(found.people))
            person = found.people[at - 1]
            contact = fields.rows([person.contact], f"{text['subject']}\n{text['body']}")[person.contact]
            context |= {
                "letter": letters.compose(text["subject"], text["body"], fields, contact, by=self.user),
                "person": person,
                "at": at,
                "before": at - 1 if at > 1 else None,
                "after": at + 1 if at < len(found.people) else None,
            }
        if self.request.htmx:
            return render(self.request, "mailing/preview.html", context)
        return render_page(self.request, "mailing/preview_page.html", {**context, "module": self.module})
