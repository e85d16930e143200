"""Django's SMTP backend that keeps what the server answered and whether the text of the mail was under way."""

import smtplib

from django.core.mail.backends.smtp import EmailBackend


class _Watched:
    data_begun = False
    last_reply = ""

    def data(self, msg):
        self.data_begun = True
        code, reply = super().data(msg)
        self.last_reply = f"{code} {reply.decode(errors='replace')}"
        return code, reply


class Plain(_Watched, smtplib.SMTP):
    pass


class Tls(_Watched, smtplib.SMTP_SSL):
    pass


class Backend(EmailBackend):
    @property
    def connection_class(self):
        return Tls if self.use_ssl else Plain
