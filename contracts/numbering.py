"""How contracts and invoices are numbered."""

from crm.records import numbering

numbering.declare("contract", "合同", "HT-{yyyy}{mm}-{seq:4}")
numbering.declare("invoice", "开票申请", "KP-{yyyy}{mm}-{seq:4}")
