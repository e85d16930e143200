"""Importing this module registers every kind of job and periodic work of crm.records."""

from . import cleaning  # noqa: F401
from .exporting import job as export_job  # noqa: F401
from .importing import job as import_job  # noqa: F401
