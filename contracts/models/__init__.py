from .contract import Contract, ContractGrant, ContractLine, ContractVersion, Execution
from .invoice import Invoice, InvoiceGrant, InvoiceTitle
from .paper import ContractTemplate

__all__ = [
    "Contract",
    "ContractGrant",
    "ContractLine",
    "ContractTemplate",
    "ContractVersion",
    "Execution",
    "Invoice",
    "InvoiceGrant",
    "InvoiceTitle",
]
