"""/settings/optouts/: addresses that want no letters; taking one off the list needs a reason."""

from django import forms
from django.core.exceptions import ValidationError
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_http_methods, require_safe

from orgs.views.base import Pager, done, move_errors, needs, render_page

from ...models import MailOptOut
from .. import services

OPTOUTS = "/settings/optouts/"


@require_safe
@needs("admin.settings")
def index(request):
    """/settings/optouts/?q=: newest first."""
    rows, text = MailOptOut.objects.all(), request.GET.get("q", "").replace("\x00", "").strip()[:254]
    if text:
        rows = rows.filter(address__icontains=text)
    pager = Pager(request, rows, size=30)
    return render_page(
        request,
        "mailing/optouts.html",
        {"rows": list(pager.rows), "q": text, "pager": pager.context(), "nav_active": "settings"},
    )


class ReasonForm(forms.Form):
    """Why the address may be written to again."""

    reason = forms.CharField(
        label="原因",
        max_length=200,
        help_text="例如：客户来电要求恢复。记入日志",
        error_messages={"required": "请填写原因", "max_length": "最多 200 个字"},
    )


@require_http_methods(["GET", "HEAD", "POST"])
@needs("admin.settings")
def remove(request, pk: int):
    """/settings/optouts/<pk>/remove/"""
    row = get_object_or_404(MailOptOut, pk=pk)
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            services.opt_in(row, form.cleaned_data["reason"], by=request.user)
            return done(request, OPTOUTS, "已恢复，可以再给这个邮箱发邮件")
        except ValidationError as error:
            move_errors(form, error)
    return render_page(
        request,
        "records/confirm.html",
        {
            "heading": "恢复向这个邮箱发信？",
            "body": f"{row.address} 自己退订了邮件。只有对方要求时才恢复。",
            "fields": form,
            "submit_label": "恢复发信",
            "danger": True,
            "module": {"label": "退订名单", "list_url": OPTOUTS},
            "back_url": OPTOUTS,
            "nav_active": "settings",
        },
        status=422 if form.errors else 200,
    )
