"""Verbs of plans and payments.

Lock order everywhere: approval, customers, opportunities, contracts, payment plans, payments, invoices. Whoever writes a plan or
a payment holds its contract, so that nothing else moves the sums meanwhile.
"""

from .ending import set_settled, void
from .payments import create_payment, delete_payments, restore_payments, settle, submit, update_payment
from .plans import create_plan, delete_plans, generate, restore_plans, update_plan
from .receiving import receive

__all__ = [
    "create_payment",
    "create_plan",
    "delete_payments",
    "delete_plans",
    "generate",
    "receive",
    "restore_payments",
    "restore_plans",
    "set_settled",
    "settle",
    "submit",
    "update_payment",
    "update_plan",
    "void",
]
