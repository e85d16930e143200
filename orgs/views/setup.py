"""The one-time set-up page of a company without demo data: the first super administrator. Open only while there is no
employee, and only with the token that script/server prints."""

import secrets

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import Http404
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from .. import services
from ..models import Department, Employee, Role

TOKEN_FILE = "setup_token"  # noqa: S105  a file name


def token() -> str | None:
    """The token of the set-up page (made on first use, mode 600), None once somebody can sign in."""
    if Employee.objects.exists():
        return None
    path = settings.DATA_DIR / TOKEN_FILE
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(24), encoding="ascii")
    return path.read_text(encoding="ascii")


class SetupForm(forms.Form):
    company = forms.CharField(label="公司名称", error_messages={"required": "请填写公司名称"})
    name = forms.CharField(label="您的姓名", error_messages={"required": "请填写姓名"})
    phone = forms.CharField(label="手机号（登录名）", error_messages={"required": "请填写手机号"})
    password = forms.CharField(
        label="密码",
        strip=False,
        widget=forms.PasswordInput,
        help_text="至少 8 位",
        error_messages={"required": "请填写密码"},
    )


@login_not_required
@never_cache
@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
def setup(request, token_given):
    """/setup/<token>/"""
    expected = token()
    if expected is None or not secrets.compare_digest(expected.encode(), token_given.encode()):
        raise Http404
    form = SetupForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            create(form.cleaned_data)
        except ValidationError as error:
            found = error.message_dict if hasattr(error, "error_dict") else {None: error.messages}
            for name, texts in found.items():
                form.add_error(name if name in form.fields else None, texts)
        else:
            (settings.DATA_DIR / TOKEN_FILE).unlink(missing_ok=True)
            messages.success(request, "已建立管理员账号，请登录。")
            return redirect("login")
    return render(request, "account/setup.html", {"form": form})


@transaction.atomic
def create(data: dict) -> Employee:
    """Name the company and make its first super administrator; refused when somebody was quicker."""
    top = Department.objects.select_for_update().filter(parent=None).order_by("pk").first()
    if Employee.objects.exists():
        raise ValidationError("管理员账号已经建立，请直接登录。")
    top.name = data["company"]
    top.full_clean()
    top.save()
    person = Employee(phone=data["phone"], name=data["name"], department=top)
    services.create_employee(person, roles=[Role.objects.get(code=Role.SUPER)], by=None, password=data["password"])
    Employee.objects.filter(pk=person.pk).update(must_change_password=False)
    return person
