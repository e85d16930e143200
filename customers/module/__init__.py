"""What customers and contacts declare to crm.records."""

from ..care import declared as care  # noqa: F401  registers its pages and periodic jobs
from ..pools import declared, reclaim, setting_services  # noqa: F401  register the pool and its jobs
from . import contact, customer  # noqa: F401  each registers its module
