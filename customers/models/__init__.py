"""Customers and contacts, and what belongs to them."""

from .care import CareKind, CareRule, CareRuleLevel, CareTask, ContactPlan
from .churn import ChurnRecord
from .contact import Contact, ContactGrant
from .customer import ChurnState, Customer, CustomerGrant, name_key_for
from .handover import TransferRequest
from .links import ContactCustomer, CustomerRelation
from .mailing import Mailing, MailingFile, MailingRecipient, MailOptOut, MailTemplate
from .pools import OwnerCap, Pool, PooledRecord, PoolEvent, PoolOpen, pooled_constraint, pooled_indexes

__all__ = [
    "CareKind",
    "CareRule",
    "CareRuleLevel",
    "CareTask",
    "ChurnRecord",
    "ChurnState",
    "Contact",
    "ContactCustomer",
    "ContactGrant",
    "ContactPlan",
    "Customer",
    "CustomerGrant",
    "CustomerRelation",
    "MailOptOut",
    "MailTemplate",
    "Mailing",
    "MailingFile",
    "MailingRecipient",
    "OwnerCap",
    "Pool",
    "PoolEvent",
    "PoolOpen",
    "PooledRecord",
    "TransferRequest",
    "name_key_for",
    "pooled_constraint",
    "pooled_indexes",
]
