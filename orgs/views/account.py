"""Signing in and out, passwords."""

from axes.helpers import get_cool_off
from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import authenticate, login, logout, update_session_auth_hash
from django.contrib.auth.decorators import login_not_required
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.shortcuts import redirect, render, resolve_url
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from .. import resets, services
from ..models import SignIn
from ..signals import client_address
from ..tasks import send_reset
from .base import done, move_errors, render_page

RESETS_PER_HOUR = 5


class LoginForm(forms.Form):
    username = forms.CharField(
        label="手机号或邮箱",
        max_length=254,
        error_messages={"required": "请输入手机号或邮箱", "max_length": "账号或密码错误"},
    )
    password = forms.CharField(
        label="密码",
        max_length=128,
        strip=False,
        error_messages={"required": "请输入密码", "max_length": "账号或密码错误"},
    )


class NewPasswordForm(forms.Form):
    """A new password, twice."""

    new = forms.CharField(
        label="新密码",
        max_length=128,
        strip=False,
        help_text="至少 8 位，不要用生日、手机号或常见密码",
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        error_messages={"required": "请输入新密码", "max_length": "最多 128 个字符"},
    )
    again = forms.CharField(
        label="再输一次新密码",
        max_length=128,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        error_messages={"required": "请再输一次新密码", "max_length": "最多 128 个字符"},
    )

    def clean(self):
        data = super().clean()
        if data.get("new") and data.get("again") and data["new"] != data["again"]:
            self.add_error("again", "两次输入的密码不一致")
        return data


class PasswordForm(NewPasswordForm):
    """The present password and a new one, twice."""

    field_order = ("current", "new", "again")
    current = forms.CharField(
        label="当前密码",
        max_length=128,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
        error_messages={"required": "请输入当前密码", "max_length": "当前密码不正确"},
    )

    def __init__(self, *args, user, **kwargs):
        self.user = user
        super().__init__(*args, **kwargs)

    def clean_current(self):
        if not self.user.check_password(self.cleaned_data["current"]):
            raise ValidationError("当前密码不正确")
        return self.cleaned_data["current"]


def safe_next(request) -> str:
    """The page to go to after signing in: only an address of this site, else the work bench."""
    url = request.POST.get("next") or request.GET.get("next") or ""
    if url_has_allowed_host_and_scheme(url, allowed_hosts={request.get_host()}, require_https=request.is_secure()):
        return url
    return resolve_url(settings.LOGIN_REDIRECT_URL)


@login_not_required
@never_cache
@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
def sign_in(request):
    """/login/: phone or e-mail and password."""
    if request.user.is_authenticated and request.method != "POST":
        return redirect(safe_next(request))
    form = LoginForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        name = services.sign_in_name(form.cleaned_data["username"])
        user = authenticate(request, username=name, password=form.cleaned_data["password"])
        if user is not None:
            login(request, user)
            return redirect(safe_next(request))
        form.add_error(None, "账号或密码错误，请检查后重试。连续输错 5 次将暂停登录。")
    context = {
        "form": form,
        "next": request.POST.get("next") or request.GET.get("next") or "",
        "reset_url": resolve_url("password_forgot"),
    }
    return render(request, "account/login.html", context)


@require_POST
def sign_out(request):
    """/logout/: ends this session."""
    logout(request)
    return redirect("login")


@login_not_required
def locked_out(request, original_response=None, credentials=None):
    """Shown by django-axes once an account is locked for this address."""
    minutes = round(get_cool_off(request).total_seconds() / 60)
    return render(request, "account/locked.html", {"minutes": minutes}, status=429)


@never_cache
@sensitive_post_parameters("current", "new", "again")
@require_http_methods(["GET", "HEAD", "POST"])
def password(request):
    """/me/password/: forced after an administrator set the password, else whenever one likes."""
    form = PasswordForm(request.POST or None, user=request.user)
    forced = request.user.must_change_password
    if request.method == "POST" and form.is_valid():
        key = request.session.session_key
        try:
            services.change_password(request.user, form.cleaned_data["new"], by=request.user, session_key=key)
        except ValidationError as error:
            form.add_error("new", error)
        else:
            update_session_auth_hash(request, request.user)
            SignIn.objects.filter(session_key=key).update(session_key=request.session.session_key)
            return done(request, "/" if forced else "/me/", "密码已修改")
    return render_page(
        request, "account/password.html", {"form": form, "forced": forced}, status=422 if form.errors else 200
    )


@login_not_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def forgot(request):
    """/login/forgot/: asks for a link by e-mail; the answer is the same whether the account exists or not."""
    ready, sent = resets.available(), False
    if request.method == "POST" and ready:
        name = services.sign_in_name(request.POST.get("username", ""))
        if name:
            sent = True
            if _allowed(f"address:{client_address(request)}") and _allowed(f"name:{name}"):
                send_reset.delay(name)
    return render(request, "orgs/forgot.html", {"ready": ready, "sent": sent})


def _allowed(key: str) -> bool:
    """Counts requests for links per address and per name."""
    key = f"reset:{key}"
    cache.add(key, 0, 3600)
    return cache.incr(key) <= RESETS_PER_HOUR


@login_not_required
@never_cache
@sensitive_post_parameters("new", "again")
@require_http_methods(["GET", "HEAD", "POST"])
def reset(request, uid: str, token: str):
    """/login/reset/<uid>/<token>/: a new password by a link that works once, for 30 minutes."""
    employee = resets.employee_of(uid, token)
    if employee is None:
        return render(request, "orgs/reset.html", {"broken": True}, status=410)
    form = NewPasswordForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            services.change_password(employee, form.cleaned_data["new"], by=employee)
        except ValidationError as error:
            move_errors(form, ValidationError({"new": error.messages}))
        else:
            messages.success(request, "密码已修改，请用新密码登录。")
            return redirect("login")
    return render(request, "orgs/reset.html", {"form": form}, status=422 if form.errors else 200)
