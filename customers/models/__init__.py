"""Customers and contacts, and what belongs to them."""

from .contact import Contact, ContactGrant
from .customer import Customer, CustomerGrant, name_key_for

__all__ = ["Contact", "ContactGrant", "Customer", "CustomerGrant", "name_key_for"]
