"""Verbs of approvals. Every one locks the approval, reads it again and answers a refusal as a ValidationError with the sentence to
show; `by` is the acting employee. What somebody may do now is said in one place: `actions_for`."""

from .asides import comment, force, mark_all_read, mark_read, nudge, stop
from .course import Course, actions_for, assignment_of, refusal
from .deciding import approve, decide_many, reject, send_back, take_back
from .handing import add_approver, hand_over, pass_on
from .running import Preview, preview, preview_definition, submit, withdraw

__all__ = [
    "Course",
    "Preview",
    "actions_for",
    "add_approver",
    "approve",
    "assignment_of",
    "comment",
    "decide_many",
    "force",
    "hand_over",
    "mark_all_read",
    "mark_read",
    "nudge",
    "pass_on",
    "preview",
    "preview_definition",
    "refusal",
    "reject",
    "send_back",
    "stop",
    "submit",
    "take_back",
    "withdraw",
]
