from .base import OwnedRecord, Record, RecordQuerySet, owned_indexes
from .custom import FieldDefinition, Stamp, UniqueValue
from .grants import Grant
from .imports import ImportDraft, ImportFailure, ImportMapping
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
    "Grant",
    "ImportDraft",
    "ImportFailure",
    "ImportMapping",
    "Job",
    "ListPreference",
    "OperationLog",
    "OwnedRecord",
    "Parameter",
    "PeriodicRun",
    "Record",
    "RecordQuerySet",
    "SearchRow",
    "Selection",
    "Stamp",
    "Star",
    "UniqueValue",
    "owned_indexes",
]
