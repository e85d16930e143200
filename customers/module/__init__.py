"""What customers and contacts declare to crm.records."""

from . import contact, customer  # noqa: F401  each registers its module
