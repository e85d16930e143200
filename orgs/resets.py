"""Links by e-mail for forgotten passwords: bound to the person, the present password and the time."""

from datetime import timedelta

from django.conf import settings
from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.urls import reverse
from django.utils import timezone
from django.utils.encoding import force_bytes, force_str
from django.utils.http import base36_to_int, urlsafe_base64_decode, urlsafe_base64_encode

from crm.notices import delivery, mail

from .models import Employee

VALID_SECONDS = 30 * 60


class Tokens(PasswordResetTokenGenerator):
    """Django's tokens with our own, shorter life."""

    key_salt = "orgs.resets"

    def check_token(self, user, token):
        if not super().check_token(user, token):
            return False
        made = base36_to_int(token.split("-")[0])
        return self._num_seconds(self._now()) - made <= VALID_SECONDS


tokens = Tokens()


def available() -> bool:
    """Whether a mail server and the address of the site are configured: a link must not be built from the Host header."""
    return bool(settings.PUBLIC_URL and mail.configured())


def send(username: str) -> bool:
    """Put a link into the outbox for the employee of this sign-in name, if there is one with an address; answers whether
    there was. The row forgets the link once it was sent or too old."""
    employee = Employee.objects.filter(phone=username, is_active=True).exclude(email="").first()
    if employee is None:
        return False
    uid = urlsafe_base64_encode(force_bytes(employee.pk))
    path = reverse("password_reset", args=[uid, tokens.make_token(employee)])
    body = (
        f"{employee.name}，您好：\n\n有人为您的开海 CRM 账号申请了重置密码。请在 30 分钟内打开下面的链接设置新密码，链接只能用一次：\n\n"
        f"{settings.PUBLIC_URL.rstrip('/')}{path}\n\n如果不是您本人申请，请忽略这封邮件，密码不会改变。\n"
    )
    row = delivery.queue_mail(
        employee.email,
        "重置开海 CRM 密码",
        body,
        user_id=employee.pk,
        expires_at=timezone.now() + timedelta(seconds=VALID_SECONDS),
    )
    return row is not None


def employee_of(uid: str, token: str):
    """The active employee a link belongs to, None when it is broken, used or too old."""
    try:
        pk = int(force_str(urlsafe_base64_decode(uid)))
        employee = Employee.objects.filter(pk=pk, is_active=True).first()
        return employee if employee is not None and tokens.check_token(employee, token) else None
    except (ValueError, OverflowError, UnicodeDecodeError):
        return None
