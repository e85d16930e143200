from .base import OwnedRecord, Record, RecordQuerySet, owned_indexes
from .custom import FieldDefinition, Stamp, UniqueValue
from .followups import FollowUp, FollowUpComment, FollowUpLink, QuickText
from .grants import Grant
from .imports import ImportChange, ImportDraft, ImportFailure, ImportMapping
from .numbers import NumberCounter, NumberRule
from .satellites import Attachment, OperationLog, SearchRow, Star
from .system import (
    DictionaryItem,
    ExportLedger,
    Job,
    Parameter,
    PeriodicRun,
    SavedView,
    Selection,
)
from .tags import Tag, TagLink
from .undo import Undo, UndoRecord

__all__ = [
    "Attachment",
    "DictionaryItem",
    "ExportLedger",
    "FieldDefinition",
    "FollowUp",
    "FollowUpComment",
    "FollowUpLink",
    "Grant",
    "ImportChange",
    "ImportDraft",
    "ImportFailure",
    "ImportMapping",
    "Job",
    "SavedView",
    "NumberCounter",
    "NumberRule",
    "OperationLog",
    "OwnedRecord",
    "Parameter",
    "PeriodicRun",
    "QuickText",
    "Record",
    "RecordQuerySet",
    "SearchRow",
    "Selection",
    "Stamp",
    "Star",
    "Undo",
    "UndoRecord",
    "Tag",
    "TagLink",
    "UniqueValue",
    "owned_indexes",
]
