from .contract import Contract, ContractGrant, ContractLine, ContractVersion, Execution
from .invoice import Invoice, InvoiceGrant, InvoiceTitle

__all__ = [
    "Contract",
    "ContractGrant",
    "ContractLine",
    "ContractVersion",
    "Execution",
    "Invoice",
    "InvoiceGrant",
    "InvoiceTitle",
]
