"""Customers and contacts, and what belongs to them."""

from .care import CareKind, CareRule, CareRuleLevel, CareTask, ContactPlan
from .churn import ChurnRecord
from .contact import Contact, ContactGrant
from .customer import ChurnState, Customer, CustomerGrant, name_key_for
from .pools import OwnerCap, Pool, PooledRecord, PoolEvent, PoolOpen, pooled_constraint, pooled_indexes

__all__ = [
    "CareKind",
    "CareRule",
    "CareRuleLevel",
    "CareTask",
    "ChurnRecord",
    "ChurnState",
    "Contact",
    "ContactGrant",
    "ContactPlan",
    "Customer",
    "CustomerGrant",
    "OwnerCap",
    "Pool",
    "PoolEvent",
    "PoolOpen",
    "PooledRecord",
    "name_key_for",
    "pooled_constraint",
    "pooled_indexes",
]
