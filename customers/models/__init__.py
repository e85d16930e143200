"""Customers and contacts, and what belongs to them."""

from .contact import Contact, ContactGrant
from .customer import Customer, CustomerGrant, name_key_for
from .handover import TransferRequest
from .mailing import Mailing, MailingFile, MailingRecipient, MailOptOut, MailTemplate
from .pools import OwnerCap, Pool, PooledRecord, PoolEvent, PoolOpen, pooled_constraint, pooled_indexes

__all__ = [
    "Contact",
    "ContactGrant",
    "Customer",
    "CustomerGrant",
    "OwnerCap",
    "Pool",
    "PoolEvent",
    "PoolOpen",
    "PooledRecord",
    "TransferRequest",
    "pooled_constraint",
    "pooled_indexes",
    "MailOptOut",
    "MailTemplate",
    "Mailing",
    "MailingFile",
    "MailingRecipient",
    "name_key_for",
]
