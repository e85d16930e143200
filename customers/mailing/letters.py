"""The letter to one recipient: written when it leaves, with the values and the rights of that moment."""

from email.utils import formataddr

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core import signing
from django.core.exceptions import PermissionDenied, ValidationError
from django.template.loader import render_to_string
from django.urls import reverse

from crm.notices import delivery, mail
from crm.notices.errors import Withheld
from crm.notices.text import lines, one_line

from ..models import MailingRecipient
from . import audience, merge

KIND = "mailing"
SUBJECT, BODY = 200, 20_000  # code points of a filled-in subject and text
FOOTER = "如果不想再收到这类邮件，请点这里退订："
_signer = signing.Signer(salt="customers.mailing.unsubscribe")


def ready() -> str:
    """Why letters to customers cannot be sent at all, in a sentence; "" when they can."""
    if not mail.configured():
        return "还没有设置邮件服务器，不能发送邮件。"
    if not settings.PUBLIC_URL:
        return "没有设置站点地址（环境变量 PUBLIC_URL），邮件里的退订链接打不开，不能群发邮件。"
    return ""


def token_of(recipient: MailingRecipient) -> str:
    """The signed token of a recipient's unsubscribe link: tells nothing and cannot be guessed."""
    return _signer.sign(str(recipient.pk)).replace(":", "~")


def recipient_of(token: str) -> MailingRecipient | None:
    """The recipient a token belongs to; None for a token that is not ours."""
    try:
        pk = int(_signer.unsign(token.replace("~", ":")))
    except (signing.BadSignature, ValueError):
        return None
    return MailingRecipient.objects.select_related("mailing").filter(pk=pk).first()


def compose(subject: str, body: str, fields: merge.Fields, contact, *, unsubscribe: str = "", by=None) -> mail.Letter:
    """A letter to `contact`: plain text, and the same as HTML whose values are escaped text. Links become links only where
    the author wrote them."""
    pieces = fields.pieces(body, contact)
    text = lines("".join(piece.text for piece in pieces), BODY)
    headers = {}
    if unsubscribe:
        text = f"{text}\n\n——\n{FOOTER}{unsubscribe}"
        headers = {"List-Unsubscribe": f"<{unsubscribe}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}
    if by is not None and by.email and audience.valid(by.email):
        headers["Reply-To"] = formataddr((one_line(by.name, 50), by.email))
    line = one_line(fields.text(subject, contact), SUBJECT)
    context = {"subject": line, "pieces": pieces, "footer": FOOTER, "unsubscribe": unsubscribe}
    return mail.Letter(line, text, render_to_string("mailing/letter.html", context), headers)


@mail.composes(KIND)
def letter_of(row) -> mail.Letter:
    """The letter of a row of the outbox; Withheld where it must not go out any more."""
    recipient = MailingRecipient.objects.select_related("mailing").filter(delivery=row).first()
    if recipient is None:
        raise Withheld("收件人已被清除")
    mailing = recipient.mailing
    if mailing.stopped_at:
        raise Withheld("发送已停止")
    by = get_user_model().objects.select_related("department").get(pk=mailing.created_by_id)  # rights as they are now
    if not by.is_active:
        raise Withheld("发送人的账号已停用")
    try:
        audience.check_address_right(by)
        if reason := audience.lost(mailing, [recipient], by=by).get(recipient.pk):
            raise Withheld(reason)
        fields = merge.Fields(mailing.module, by)
        fields.check(mailing.subject)
        fields.check(mailing.body)
    except PermissionDenied as error:
        raise Withheld(str(error)) from None
    except ValidationError as error:
        raise Withheld("；".join(error.messages)) from None
    contact = fields.rows([recipient.contact_id], f"{mailing.subject}\n{mailing.body}")[recipient.contact_id]
    link = delivery.link_of(reverse("unsubscribe", args=[token_of(recipient)]))
    letter = compose(mailing.subject, mailing.body, fields, contact, unsubscribe=link, by=by)
    files = []
    for one in mailing.files.all():
        with one.file.open("rb") as stored:
            files.append((one.name, stored.read(), one.mime))
    return mail.Letter(letter.subject, letter.body, letter.html, letter.headers, tuple(files))
