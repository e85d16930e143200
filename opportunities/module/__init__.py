"""What opportunities declare to crm.records."""

from . import opportunity  # noqa: F401  registers its module
