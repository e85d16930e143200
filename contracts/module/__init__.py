"""What contracts declare to crm.records."""

from . import contract, invoice  # noqa: F401  register their modules
