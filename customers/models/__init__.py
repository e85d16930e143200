"""Customers and contacts, and what belongs to them."""

from .contact import Contact, ContactGrant
from .customer import Customer, CustomerGrant, name_key_for
from .handover import TransferRequest

__all__ = ["Contact", "ContactGrant", "Customer", "CustomerGrant", "TransferRequest", "name_key_for"]
