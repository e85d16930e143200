"""How payments are numbered."""

from crm.records import numbering

numbering.declare("payment", "回款", "HK-{yyyy}{mm}-{seq:4}")
