from .base import OwnedRecord, Record, RecordQuerySet, owned_indexes
from .custom import FieldDefinition, Stamp, UniqueValue
from .followups import FollowUp, FollowUpComment, FollowUpLink, QuickText
from .grants import Grant
from .imports import ImportChange, ImportDraft, ImportFailure, ImportMapping
from .satellites import Attachment, OperationLog, SearchRow, Star
from .system import (
    DictionaryItem,
    ExportLedger,
    Job,
    ListPreference,
    Parameter,
    PeriodicRun,
    Selection,
)

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
    "ListPreference",
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
    "UniqueValue",
    "owned_indexes",
]
