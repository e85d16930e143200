"""The record contract: one set of tests that tries every door to rows the person must not reach. A module inherits it
with two small pieces of data: how to make a row, and what its form posts.

The doors (docs/architecture.md says which stand): list and count, detail and edit by URL, bulk ids and "all matching",
pickers, child tabs, attachments and log, export file, import, saved views, search and totals, duplicate hint, saving out
of scope.
"""

from .badinput import BadInputContract
from .base import CANARY, XSS
from .doors import DoorContract
from .followups import FollowUpContract
from .forms import FormContract
from .imports import ImportContract
from .paper import PaperContract
from .tags import TagContract
from .undo import UndoContract
from .views import ViewContract


class RecordContract(
    DoorContract,
    FormContract,
    ViewContract,
    TagContract,
    BadInputContract,
    UndoContract,
    PaperContract,
    ImportContract,
    FollowUpContract,
):
    """Mix into a TestCase; see base.ContractBase for what a module gives."""


__all__ = ["CANARY", "XSS", "RecordContract"]
