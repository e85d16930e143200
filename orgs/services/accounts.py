"""Passwords, sessions, sign-in names."""

import re
import secrets
import unicodedata

from axes.utils import reset as reset_attempts
from django.contrib.auth.password_validation import validate_password
from django.contrib.sessions.models import Session
from django.core.exceptions import ValidationError
from django.db import transaction

from crm.records.fields import tidy

from ..models import Employee, SignIn
from .oplog import record

_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"  # no l, i, o, 0, 1: it is read out and typed once


def sign_in_name(typed: str) -> str:
    """The name an attempt counts under, whatever way it was typed: the phone, also for a known e-mail address."""
    text = tidy(typed)[:254]
    if "@" in text:
        return Employee.objects.filter(email__iexact=text).values_list("phone", flat=True).first() or text.lower()
    digits = re.sub(r"[\s\-]", "", unicodedata.normalize("NFKC", text))
    return re.sub(r"^(\+|00)86", "", digits) if re.fullmatch(r"((\+|00)86)?1\d{10}", digits) else text


def new_password() -> str:
    """Ten characters that are easy to read out."""
    while True:
        password = "".join(secrets.choice(_ALPHABET) for _ in range(10))
        if re.search(r"\d", password) and re.search(r"[a-z]", password):
            return password


def check_password(password: str, employee) -> None:
    """ValidationError when the password breaks the rules."""
    validate_password(password, employee)


@transaction.atomic
def end_sessions(employee, *, but: str | None = None) -> int:
    """End every session of the employee except the one with key `but`; returns how many there were."""
    signs = SignIn.objects.filter(employee=employee)
    if but:
        signs = signs.exclude(session_key=but)
    keys = list(signs.values_list("session_key", flat=True))
    ended = Session.objects.filter(session_key__in=keys).delete()[0]
    signs.delete()
    return ended


@transaction.atomic
def end_session(sign_in, *, by) -> None:
    """下线 of one session."""
    Session.objects.filter(session_key=sign_in.session_key).delete()
    sign_in.delete()
    record("session.ended", sign_in.employee, by=by, text=f"登录会话下线（{sign_in.ip or '未知地址'}）")


@transaction.atomic
def change_password(employee, password: str, *, by, session_key: str | None = None) -> None:
    """The employee's own new password: rules checked, other sessions ended."""
    if employee.check_password(password):
        raise ValidationError("新密码不能与当前密码相同。")
    check_password(password, employee)
    employee.set_password(password)
    employee.must_change_password = False
    employee.save(update_fields=["password", "must_change_password"])
    end_sessions(employee, but=session_key)
    reset_attempts(username=employee.phone)
    record("employee.password", employee, by=by, text="修改密码")


@transaction.atomic
def reset_password(employee, *, by, password: str = "") -> str:
    """A password set by an administrator: returned once, to be changed at the first sign-in; ends every session and a
    lock-out."""
    from .employees import check_manageable

    if by is not None and by.pk == employee.pk:
        raise ValidationError("请用“修改密码”更改自己的密码。")
    check_manageable(employee, by=by)
    if password:
        check_password(password, employee)
    password = password or new_password()
    employee.set_password(password)
    employee.must_change_password = True
    employee.save(update_fields=["password", "must_change_password"])
    end_sessions(employee)
    reset_attempts(username=employee.phone)
    record("employee.password_reset", employee, by=by, text="重置密码")
    return password


@transaction.atomic
def change_email(employee, email: str, *, by) -> None:
    """The employee's own address; it may be used to sign in, so it must be unique."""
    old, employee.email = employee.email, Employee._meta.get_field("email").clean_value(email)
    if old == employee.email:
        return
    employee.validate_constraints()
    employee.save(update_fields=["email"])
    record(
        "employee.updated",
        employee,
        by=by,
        text="修改邮箱",
        changes=[{"label": "邮箱", "old": old, "new": employee.email}],
    )
