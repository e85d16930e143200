"""/settings/mail/ and /settings/outbox/: the mail server, a test, what was sent and how it went."""

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Count
from django.shortcuts import get_object_or_404
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from crm.notices import delivery, kinds, mail
from crm.notices.models import Delivery, MailServer
from crm.records.fields import Email, Text

from ..services import mailing
from .base import Pager, done, errors_of, move_errors, needs, number, render_page

MAIL, OUTBOX = "/settings/mail/", "/settings/outbox/"
DOTS = {
    "sent": "success",
    "failed": "danger",
    "unknown": "warning",
    "waiting": "accent",
    "sending": "accent",
    "dropped": "warning",
}


class ServerForm(forms.Form):
    """The SMTP settings; the password is written, never shown."""

    def __init__(self, *args, has_password: bool = False, **kwargs):
        super().__init__(*args, **kwargs)
        port = "请输入 1 到 65,535 的整数"
        self.fields |= {
            "host": Text("服务器地址", max_length=253).formfield(required=False),
            "port": forms.IntegerField(
                label="端口",
                min_value=1,
                max_value=65535,
                error_messages={"required": port, "invalid": port, "min_value": port, "max_value": port},
                widget=forms.TextInput(attrs={"inputmode": "numeric"}),
            ),
            "security": forms.ChoiceField(
                label="加密方式",
                choices=MailServer.Security.choices,
                widget=forms.RadioSelect,
                error_messages={"required": "请选择加密方式", "invalid_choice": "请选择列表中的选项"},
            ),
            "username": Text("用户名", max_length=254).formfield(required=False),
            "password": forms.CharField(
                label="密码",
                max_length=500,
                strip=False,
                required=False,
                widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
                error_messages={"max_length": "最多 500 个字"},
            ),
            "sender": Email("发件人邮箱").formfield(required=False),
            "sender_name": Text("发件人名称", max_length=50).formfield(required=False),
        }
        self.fields["host"].help_text = "例如 smtp.exmail.qq.com；留空并保存就停用邮件"
        self.fields["username"].help_text = "多数服务器用完整的邮箱地址"
        self.fields["password"].help_text = (
            "已保存，留空不变；保存后不再显示" if has_password else "很多邮箱要用单独的授权码；保存后不再显示"
        )
        self.fields["sender_name"].help_text = "收件人看到的名称，例如 开海科技 CRM"
        for name in self.fields:
            self.fields[name].widget.is_required = self.fields[name].required

    def clean_host(self):
        host = self.cleaned_data["host"]
        if host and not all(one.isascii() and (one.isalnum() or one in ".-:") for one in host):
            raise ValidationError("请只填写主机名或 IP 地址，不带 http:// 和端口")
        return host

    def clean(self):
        data = super().clean()
        if data.get("host") and not data.get("sender") and "sender" not in self.errors:
            self.add_error("sender", "请填写发件人邮箱")
        return data


class TestForm(forms.Form):
    """Where the test mail goes."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["address"] = Email("收件邮箱", blank=False).formfield()
        self.fields["address"].error_messages["required"] = "请填写收件邮箱"


@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
@needs("admin.settings")
def server(request):
    """/settings/mail/"""
    row = MailServer.objects.first() or MailServer()
    initial = {name: getattr(row, name) for name in mailing.MAIL_FIELDS}
    form = ServerForm(request.POST or None, initial=initial, has_password=bool(row.password))
    if request.method == "POST" and form.is_valid():
        values = dict(form.cleaned_data)
        try:
            mailing.change_mail_server(values, password=values.pop("password"), by=request.user)
            return done(request, MAIL, "保存成功")
        except ValidationError as error:
            move_errors(form, error)
    return page(request, form, TestForm(initial={"address": request.user.email}))


def page(request, form, test):
    tried = number(request.GET.get("tried"))
    row = Delivery.objects.filter(pk=tried, channel="mail", user=request.user, kind="").first() if tried else None
    return render_page(
        request,
        "orgs/mail.html",
        {
            "form": form,
            "errors": errors_of(form) if form.is_bound else [],
            "test": test,
            "environment": mail.from_environment() and mail.server(),
            "configured": mail.configured(),
            "trouble": delivery.trouble(),
            "tried": row,
            "dot": DOTS[row.state] if row else "",
            "nav_active": "settings",
        },
        status=422 if form.errors or test.errors else 200,
    )


@require_POST
@needs("admin.settings")
def test(request):
    """POST /settings/mail/test/: one mail through the outbox, now."""
    form = TestForm(request.POST)
    if form.is_valid():
        try:
            row = mailing.send_test_mail(form.cleaned_data["address"], by=request.user)
            return done(request, f"{MAIL}?tried={row.pk}")
        except ValidationError as error:
            form.add_error("address", error.messages)
    row = MailServer.objects.first() or MailServer()
    initial = {name: getattr(row, name) for name in mailing.MAIL_FIELDS}
    return page(request, ServerForm(initial=initial, has_password=bool(row.password)), form)


@require_safe
@needs("admin.settings")
def outbox(request):
    """/settings/outbox/?state=: rows by state. Neither titles nor texts are shown: they speak of records that whoever runs
    the mail may not see."""
    rows, problems = Delivery.objects.select_related("user").defer("body", "subject"), []
    counts = dict(Delivery.objects.order_by().values_list("state").annotate(n=Count("pk")))
    state = request.GET.get("state", "")
    if state and state not in Delivery.State.values:
        state, problems = "", ["忽略了无法识别的状态"]
    if state:
        rows = rows.filter(state=state)
    tabs = [{"label": "全部", "url": OUTBOX, "active": not state, "count": sum(counts.values())}]
    tabs += [
        {"label": label, "url": f"{OUTBOX}?state={key}", "active": state == key, "count": counts.get(key, 0)}
        for key, label in Delivery.State.choices
    ]
    pager = Pager(request, rows, size=30)
    return render_page(
        request,
        "orgs/outbox.html",
        {
            "tabs": tabs,
            "state": state,
            "rows": [{"row": row, "dot": DOTS[row.state], "kind": kind_of(row)} for row in pager.rows],
            "pager": pager.context(),
            "trouble": delivery.trouble(),
            "configured": mail.configured(),
            "problems": problems,
            "nav_active": "settings",
        },
    )


def kind_of(row) -> str:
    if row.kind in mail.LETTERS:
        return "客户邮件"
    return kinds.label_of(row.kind) if row.kind else "测试和账号"


@require_http_methods(["GET", "HEAD", "POST"])
@needs("admin.settings")
def resend(request, pk: int):
    """/settings/outbox/<pk>/resend/: a question, then the row goes out again."""
    row = get_object_or_404(Delivery, pk=pk)
    context = {
        "heading": f"重发给 {row.address}？",
        "body": "上一次可能已经送达，重发后对方可能收到两次。" if row.state == Delivery.State.UNKNOWN else row.error,
        "submit_label": "重发",
        "module": {"label": "发件箱", "list_url": OUTBOX},
        "back_url": OUTBOX,
        "nav_active": "settings",
    }
    if request.method == "POST":
        try:
            mailing.resend(row, by=request.user)
            return done(request, OUTBOX, "已重新放入发件箱")
        except ValidationError as error:
            refused = {**context, "heading": "没有重发", "reasons": error.messages}
            return render_page(request, "orgs/refused.html", refused, status=422)
    return render_page(request, "records/confirm.html", context)
