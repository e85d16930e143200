"""What happens by itself."""

from crm.records.periodic import periodic

from . import counting


@periodic("invoice_figures", "核对合同的开票金额", schedule="每天 03:25")
def recheck(now) -> str:
    """The figures of contracts must be what their invoices say."""
    return f"更正 {counting.recheck():,} 份合同"
