"""Links to a version for people without an account, and letters that carry one. The token is random and signed; the database
keeps its hash alone, so that a copy of it opens nothing."""

import hashlib
import secrets
from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from email.utils import formataddr

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core import signing
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import F
from django.urls import reverse
from django.utils import timezone

from crm.notices import delivery, mail
from crm.notices.errors import Withheld
from crm.notices.models import Delivery
from crm.notices.text import lines, one_line
from crm.records import params
from customers.mailing import audience
from customers.mailing import services as mailing
from customers.models.mailing import BODY, SUBJECT, address_key
from customers.pools import quotas

from ..models import Opportunity, Quotation, QuotationMail, QuotationShare, QuotationState, QuotationVersion
from . import queries
from .services import check_prices, issue, locked, note

KIND = "quotation"
ADDRESSES = 10  # of one letter
LONGEST = 366  # days a link may live
_signer = signing.Signer(salt="opportunities.quotes.share")


# Tokens -----------------------------------------------------------------------------------------------------------------
def _new_token() -> tuple[str, str]:
    """(token for the address, hash for the database)."""
    secret = secrets.token_urlsafe(24)
    return _signer.sign(secret).replace(":", "~"), _hash(secret)


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def share_of(token: str) -> QuotationShare | None:
    """The share a token opens, with its version, quotation and opportunity; None for a token that is not ours."""
    try:
        secret = _signer.unsign(token.replace("~", ":"))
    except signing.BadSignature:
        return None
    shares = QuotationShare.objects.select_related("version__quotation__opportunity", "created_by__department")
    return shares.filter(token_hash=_hash(secret)).first()


def stands(share: QuotationShare) -> bool:
    """Whether the link still opens: neither revoked nor over, the quotation not void, the opportunity not deleted."""
    quotation = share.version.quotation
    return (
        share.open_on(timezone.localdate())
        and quotation.state != QuotationState.VOID
        and quotation.opportunity.deleted_at is None
    )


def opened(share: QuotationShare) -> None:
    """Count one look at it."""
    QuotationShare.objects.filter(pk=share.pk).update(opened=F("opened") + 1, opened_at=timezone.now())


# Links ------------------------------------------------------------------------------------------------------------------
def _version(quotation: Quotation, number: int) -> QuotationVersion:
    found = quotation.versions.filter(number=number).first()
    if found is None:
        raise ValidationError({"number": "请选择列表中的选项"})
    return found


def _check_day(expires_on: date) -> None:
    today = timezone.localdate()
    if not today <= expires_on <= today + timedelta(days=LONGEST):
        raise ValidationError({"expires_on": "链接有效期应从今天起，最长一年"})


@transaction.atomic
def share(
    quotation: Quotation, number: int, *, expires_on: date, hide_prices: bool = False, by
) -> tuple[QuotationShare, str]:
    """A link to version `number` until the end of a day (a year at most); answers it with its token, which is shown this once.
    The quotation counts as sent."""
    check_prices(hide_prices, by=by)
    _check_day(expires_on)
    found = locked(quotation, by=by)
    version = _version(found, number)
    issue(found, version)
    token, hashed = _new_token()
    made = QuotationShare.objects.create(
        version=version, token_hash=hashed, hide_prices=hide_prices, expires_on=expires_on, created_by=by
    )
    hidden = "，不显示价格" if hide_prices else ""
    note(found, "quotation_shared", f"生成报价单 {found.number} V{number} 的链接，有效至 {expires_on}{hidden}", by=by)
    return made, token


@transaction.atomic
def revoke(share: QuotationShare, *, by) -> bool:
    """Stop a link; False when it was stopped before."""
    quotation = locked(share.version.quotation, by=by, action="follow")
    if not QuotationShare.objects.filter(pk=share.pk, revoked_at=None).update(revoked_at=timezone.now()):
        return False
    note(quotation, "quotation_unshared", f"停用报价单 {quotation.number} V{share.version.number} 的链接", by=by)
    return True


# Letters ----------------------------------------------------------------------------------------------------------------
def ready() -> str:
    """Why no quotation can be sent by mail, in a sentence; "" when one can."""
    if not mail.configured():
        return "还没有设置邮件服务器，不能发送邮件。"
    if not settings.PUBLIC_URL:
        return "没有设置站点地址（环境变量 PUBLIC_URL），邮件里的链接打不开，不能发送。"
    return ""


def check_function(by) -> None:
    """PermissionDenied for whoever may not write to customers."""
    if not by.has_function("customer.mail"):
        raise PermissionDenied("您的角色没有“客户”的“发送邮件”权限。")


def left_today(by) -> int:
    """How many letters this person may still send today; those of mailings count too."""
    midnight = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    mine = QuotationShare.objects.filter(mail__created_by=by, created_at__gte=midnight).count()
    return max(0, mailing.left_today(by) - mine)


def check_addresses(addresses: Iterable[str]) -> list[str]:
    """The addresses, each once; ValidationError for none, too many, bad ones and those that unsubscribed."""
    found: dict[str, str] = {}
    for address in addresses:
        if not audience.valid(address):
            raise ValidationError({"typed": f"“{address[:60]}”不是正确的邮箱"})
        found.setdefault(address_key(address), address.strip())
    if not found:
        raise ValidationError({"typed": "请选择联系人，或填写邮箱"})
    if len(found) > ADDRESSES:
        raise ValidationError({"typed": f"一次最多发给 {ADDRESSES} 个邮箱"})
    if gone := audience.opted_out(found):
        raise ValidationError({"typed": f"{found[min(gone)]} 已退订邮件，不能发送"})
    return list(found.values())


def text_of(body: str, link: str, expires_on: date) -> str:
    """The letter as it goes out: the text, then the link."""
    return f"{body}\n\n查看报价单：{link}\n链接有效至 {expires_on}。"


@transaction.atomic
def send(
    quotation: Quotation,
    number: int,
    *,
    addresses: Iterable[str],
    subject: str,
    body: str,
    expires_on: date,
    hide_prices: bool = False,
    token: str,
    by,
) -> QuotationMail:
    """Put a letter with a link of its own into the outbox for each address. `token` names the page it was confirmed on: the
    same page again answers the letter it made. ValidationError by field; PermissionDenied without the function."""
    check_function(by)
    quotas.lock([by.pk])  # two windows at once count one after the other
    if made := QuotationMail.objects.filter(created_by=by, token=token).first():
        return made
    if reason := ready():
        raise ValidationError(reason)
    check_prices(hide_prices, by=by)
    _check_day(expires_on)
    subject, body, found = SUBJECT.clean_value(subject), BODY.clean_value(body), check_addresses(addresses)
    if len(found) > (left := left_today(by)):
        raise ValidationError(f"每人每天最多发 {params.get('mail_per_day'):,} 封邮件，今天还能发 {left:,} 封。")
    current = locked(quotation, by=by)
    version = _version(current, number)
    issue(current, version)
    made = QuotationMail.objects.create(version=version, created_by=by, subject=subject, body=body, token=token)
    tokens = [_new_token() for _ in found]
    end = timezone.make_aware(datetime.combine(expires_on, time.max))
    rows = delivery.queue(
        delivery.letter(
            address,
            subject,
            text_of(body, delivery.link_of(reverse("quotation-public", args=[one])), expires_on),
            kind=KIND,
            expires_at=end,
        )
        for address, (one, _) in zip(found, tokens, strict=True)
    )
    QuotationShare.objects.bulk_create(
        QuotationShare(
            version=version,
            token_hash=hashed,
            hide_prices=hide_prices,
            expires_on=expires_on,
            created_by=by,
            mail=made,
            address=address,
            delivery=row,
        )
        for address, (_, hashed), row in zip(found, tokens, rows, strict=True)
    )
    note(current, "quotation_mailed", f"邮件发送报价单 {current.number} V{number}，{len(found)} 个收件人", by=by)
    return made


@mail.composes(KIND)
def letter_of(row: Delivery) -> mail.Letter:
    """The letter of a row of the outbox; Withheld where it must not go out any more."""
    shares = QuotationShare.objects.select_related("version__quotation__opportunity", "mail")
    share = shares.filter(delivery=row).first()
    if share is None or not stands(share):
        raise Withheld("链接已停用，或报价单已作废、删除")
    by = get_user_model().objects.select_related("department").get(pk=share.created_by_id)  # rights as they are now
    if not by.is_active:
        raise Withheld("发送人的账号已停用")
    may = Opportunity.objects.allowed(by, "follow").filter(pk=share.version.quotation.opportunity_id)
    if not by.has_function("customer.mail") or not may.exists():
        raise Withheld("发送人已没有权限")
    if not share.hide_prices and not queries.sight(by).money:
        raise Withheld("发送人已看不到金额")
    headers = {}
    if by.email and audience.valid(by.email):
        headers["Reply-To"] = formataddr((one_line(by.name, 50), by.email))
    return mail.Letter(one_line(row.subject, 200), lines(row.body, 20_000), headers=headers)
