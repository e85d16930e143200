"""Customers and contacts, and what belongs to them."""

from .contact import Contact, ContactGrant
from .customer import Customer, CustomerGrant, name_key_for
from .mailing import Mailing, MailingFile, MailingRecipient, MailOptOut, MailTemplate

__all__ = [
    "Contact",
    "ContactGrant",
    "Customer",
    "CustomerGrant",
    "MailOptOut",
    "MailTemplate",
    "Mailing",
    "MailingFile",
    "MailingRecipient",
    "name_key_for",
]
