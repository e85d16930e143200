"""Customers and contacts, and what belongs to them."""

from .contact import Contact, ContactGrant
from .customer import Customer, CustomerGrant, name_key_for
from .links import ContactCustomer, CustomerRelation

__all__ = [
    "Contact",
    "ContactCustomer",
    "ContactGrant",
    "Customer",
    "CustomerGrant",
    "CustomerRelation",
    "name_key_for",
]
