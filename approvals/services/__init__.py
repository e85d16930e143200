"""Verbs of approvals."""

from .running import submit

__all__ = ["submit"]
