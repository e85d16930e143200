"""What contracts declare to crm.records."""

from . import contract  # noqa: F401  registers its module
