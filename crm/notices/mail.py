"""The mail server: from the environment (SMTP_*) or from the settings page; sending one row of the outbox through it."""

import logging
import smtplib
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import formataddr, parseaddr

from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection

from . import sealing
from .errors import NotSent, Unsure, Withheld
from .models import MailServer
from .text import one_line

logger = logging.getLogger(__name__)
TIMEOUT = 10  # seconds for each answer of the server
ANSWER = 400  # characters kept of what it says


@dataclass(frozen=True)
class Server:
    host: str
    port: int
    security: str
    username: str
    password: str
    sender: str

    @property
    def place(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True)
class Letter:
    """What a mail says: one line of subject, the text, the same as HTML ("" = text only), headers, files as (name, bytes,
    MIME type)."""

    subject: str
    body: str
    html: str = ""
    headers: dict = field(default_factory=dict)
    files: tuple = ()


LETTERS: dict[str, Callable] = {}  # kind of delivery -> function(row) -> Letter, asked when the row leaves


def composes(kind: str):
    """Register the function that writes the letters of this kind; it raises Withheld where one must not go out any more."""

    def register(function):
        LETTERS[kind] = function
        return function

    return register


def from_environment() -> bool:
    return bool(settings.SMTP_HOST)


def configured() -> bool:
    """Whether mail can be sent at all; without it no mail is written."""
    return from_environment() or MailServer.objects.exclude(host="").exists()


def server() -> Server | None:
    """The server in use: the environment wins over the settings page. Unreadable when its password cannot be read."""
    if from_environment():
        sender = settings.SMTP_FROM or settings.SMTP_USER
        return Server(
            settings.SMTP_HOST,
            settings.SMTP_PORT,
            settings.SMTP_SECURITY,
            settings.SMTP_USER,
            settings.SMTP_PASSWORD,
            sender,
        )
    row = MailServer.objects.exclude(host="").first()
    if row is None:
        return None
    sender = formataddr((row.sender_name, row.sender)) if row.sender_name else row.sender
    return Server(row.host, row.port, row.security, row.username, sealing.unseal(row.password), sender)


def send(row) -> str:
    """Send one row; returns the server's answer. NotSent when it certainly did not go out, Unsure when it may have."""
    try:
        found = server()
    except sealing.Unreadable as error:
        raise NotSent(str(error), retry=False) from None
    if found is None:
        raise NotSent("邮件服务器未配置", retry=False)
    if "@" not in parseaddr(found.sender)[1]:
        raise NotSent("没有设置发件人地址", retry=False)
    letter = _written(row)
    connection = get_connection(
        host=found.host,
        port=found.port,
        username=found.username,
        password=found.password,
        use_ssl=found.security == "ssl",
        use_tls=found.security == "starttls",
        timeout=TIMEOUT,
    )
    try:
        _open(connection, found)
        return _hand_over(connection, _message(letter, found.sender, row.address))
    finally:
        _hang_up(connection)


def _written(row) -> Letter:
    if row.kind not in LETTERS:
        return Letter(row.subject, row.body)
    try:
        return LETTERS[row.kind](row)
    except (NotSent, Withheld):
        raise
    except Exception:
        logger.exception("the letter of delivery %s could not be written", row.pk)
        raise NotSent(f"邮件内容生成出错，请查看日志（编号 {row.pk}）", retry=False) from None


def _message(letter: Letter, sender: str, address: str) -> EmailMultiAlternatives:
    message = EmailMultiAlternatives(
        one_line(letter.subject, 200), letter.body, sender, [address], headers=dict(letter.headers)
    )
    if letter.html:
        message.attach_alternative(letter.html, "text/html")
    for name, content, mime in letter.files:
        message.attach(name, content, mime)
    return message


def _open(connection, found: Server) -> None:
    """Connect and sign in: whatever fails here, nothing was sent."""
    try:
        connection.open()
    except smtplib.SMTPAuthenticationError as error:
        said = _said(error.smtp_code, error.smtp_error)
        raise NotSent(f"邮件服务器 {found.place} 不接受用户名或密码（{said}）", retry=False) from None
    except smtplib.SMTPNotSupportedError as error:
        raise NotSent(f"邮件服务器 {found.place} 不支持所选的加密或登录方式（{error}）", retry=False) from None
    except (OSError, smtplib.SMTPException) as error:
        raise NotSent(f"连接不上邮件服务器 {found.place}：{why_unreachable(error)}", retry=True, down=True) from None


def _hand_over(connection, message) -> str:
    try:
        connection.send_messages([message])
    except smtplib.SMTPRecipientsRefused as error:
        code, reply = next(iter(error.recipients.values()))
        raise NotSent(f"邮件服务器不接受收件地址（{_said(code, reply)}）", retry=code < 500) from None
    except smtplib.SMTPSenderRefused as error:
        said = _said(error.smtp_code, error.smtp_error)
        raise NotSent(f"邮件服务器不接受发件地址（{said}）", retry=error.smtp_code < 500) from None
    except smtplib.SMTPResponseException as error:
        said = _said(error.smtp_code, error.smtp_error)
        raise NotSent(f"邮件服务器没有收下邮件（{said}）", retry=error.smtp_code < 500) from None
    except smtplib.SMTPNotSupportedError as error:
        raise NotSent(f"邮件服务器不支持这封邮件的地址或字符（{error}）", retry=False) from None
    except ValueError as error:
        raise NotSent(f"邮件的地址或标题不能使用（{one_line(error, ANSWER)}）", retry=False) from None
    except OSError as error:
        if getattr(connection.connection, "data_begun", True):
            raise Unsure(f"发送途中断开：{why_unreachable(error)}，不知道对方是否收到") from None
        raise NotSent(f"邮件服务器断开了连接：{why_unreachable(error)}", retry=True) from None
    return one_line(getattr(getattr(connection, "connection", None), "last_reply", "") or "已交给邮件服务器", ANSWER)


def _hang_up(connection) -> None:
    """QUIT is a courtesy: what was accepted stays accepted."""
    try:
        connection.close()
    except (OSError, smtplib.SMTPException):
        connection.connection = None


def _said(code, reply) -> str:
    text = reply.decode(errors="replace") if isinstance(reply, bytes) else str(reply)
    return one_line(f"{code} {text}", ANSWER)


def why_unreachable(error: Exception) -> str:
    """The reason of a failed connection in words."""
    if isinstance(error, socket.gaierror):
        return "找不到这个主机名"
    if isinstance(error, ConnectionRefusedError):
        return "对方拒绝连接，请检查地址和端口"
    if isinstance(error, TimeoutError):
        return "等待超时"
    if isinstance(error, ssl.SSLCertVerificationError):
        return "对方的证书不可信"
    if isinstance(error, ssl.SSLError):
        return "加密连接失败，请检查加密方式和端口"
    if isinstance(error, ConnectionError | smtplib.SMTPServerDisconnected):
        return "对方中断了连接"
    return one_line(error, 200) or type(error).__name__
