"""What plans and payments declare to crm.records."""

from crm.records import modules

from ..offering import payable
from ..tabs import stand
from . import payment, plan  # noqa: F401  register their modules

stand()
modules.get("contract").pick_for["pay"] = payable
