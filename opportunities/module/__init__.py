"""What opportunities declare to crm.records."""

from ..quotes import declared  # noqa: F401  registers quotations
from . import opportunity  # noqa: F401  registers its module
