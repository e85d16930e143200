"""Customers and contacts, and what belongs to them."""

from .contact import Contact, ContactGrant
from .customer import Customer, CustomerGrant, name_key_for
from .handover import TransferRequest
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
    "name_key_for",
    "pooled_constraint",
    "pooled_indexes",
]
