"""Sign-in log: the only signals of the product, because sign-in itself belongs to Django and django-axes."""

from axes.signals import user_locked_out
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.dispatch import receiver

from .models import Employee, SignIn, SignInLog


def client(request) -> dict:
    """{"ip", "agent"} of a request, empty without one."""
    if request is None:
        return {"ip": None, "agent": ""}
    from axes.helpers import get_client_ip_address

    return {"ip": get_client_ip_address(request), "agent": request.META.get("HTTP_USER_AGENT", "")[:300]}


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
    employee = Employee.objects.filter(phone=username).first() or Employee.objects.filter(email__iexact=username).exclude(email="").first()
    disabled = employee is not None and not employee.is_active
    result = SignInLog.Result.DISABLED if disabled else SignInLog.Result.WRONG
    SignInLog.objects.create(employee=employee, username=username, result=result, **client(request))


@receiver(user_locked_out)
def locked(sender, request=None, username=None, **kwargs):
    SignInLog.objects.create(username=str(username or "")[:100], result=SignInLog.Result.LOCKED, **client(request))
