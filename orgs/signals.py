"""Sign-in log: the only signals of the product, because sign-in itself belongs to Django and django-axes."""

import ipaddress

from axes.signals import user_locked_out
from django.conf import settings
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.dispatch import receiver

from .models import Employee, SignIn, SignInLog


def client_address(request) -> str | None:
    """The address a request came from: the one our own proxies (TRUSTED_PROXIES of them) saw, never one that the client
    may write into the header itself."""
    proxies = settings.TRUSTED_PROXIES
    if proxies:
        seen = [part.strip() for part in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",") if part.strip()]
        candidate = seen[-proxies] if len(seen) >= proxies else ""
        try:
            return str(ipaddress.ip_address(candidate))
        except ValueError:
            pass
    return request.META.get("REMOTE_ADDR") or None


def client(request) -> dict:
    """{"ip", "agent"} of a request, empty without one."""
    if request is None:
        return {"ip": None, "agent": ""}
    return {"ip": client_address(request), "agent": request.META.get("HTTP_USER_AGENT", "")[:300]}


@receiver(user_logged_in)
def signed_in(sender, request, user, **kwargs):
    if not request.session.session_key:
        request.session.save()
    SignIn.objects.create(employee=user, session_key=request.session.session_key, **client(request))
    SignInLog.objects.create(employee=user, username=user.phone, result=SignInLog.Result.OK, **client(request))


@receiver(user_logged_out)
def signed_out(sender, request, user, **kwargs):
    SignIn.objects.filter(session_key=request.session.session_key).delete()


@receiver(user_login_failed)
def failed(sender, credentials, request=None, **kwargs):
    username = str(credentials.get("username", ""))[:100]
    employee = (
        Employee.objects.filter(phone=username).first()
        or Employee.objects.filter(email__iexact=username).exclude(email="").first()
    )
    disabled = employee is not None and not employee.is_active
    result = SignInLog.Result.DISABLED if disabled else SignInLog.Result.WRONG
    SignInLog.objects.create(employee=employee, username=username, result=result, **client(request))


@receiver(user_locked_out)
def locked(sender, request=None, username=None, **kwargs):
    SignInLog.objects.create(username=str(username or "")[:100], result=SignInLog.Result.LOCKED, **client(request))
