"""The verbs of the organisation. Every change runs in one transaction and leaves a row in the system log (OrgLog).

`by` is the acting employee; None means the system itself (commands, demo), which no granting rule binds.
"""

from .accounts import change_email, change_password, end_session, end_sessions, reset_password, sign_in_name
from .catalog import (
    add_item,
    change_parameters,
    delete_item,
    make_default,
    move_item,
    rename_item,
    set_item_active,
    usage_counts,
)
from .departments import create_department, delete_department, update_department
from .employees import (
    check_manageable,
    create_employee,
    disable_employee,
    enable_employee,
    for_each,
    set_roles,
    update_employee,
)
from .oplog import differences, record
from .roles import (
    check_grant,
    copy_for_person,
    copy_role,
    create_role,
    delete_role,
    describe,
    grantable,
    update_role,
    why_locked,
)

__all__ = [
    "add_item",
    "change_email",
    "change_parameters",
    "change_password",
    "check_grant",
    "check_manageable",
    "copy_for_person",
    "copy_role",
    "create_department",
    "create_employee",
    "create_role",
    "delete_department",
    "delete_item",
    "delete_role",
    "describe",
    "differences",
    "disable_employee",
    "enable_employee",
    "end_session",
    "end_sessions",
    "for_each",
    "grantable",
    "make_default",
    "move_item",
    "record",
    "rename_item",
    "reset_password",
    "set_item_active",
    "set_roles",
    "sign_in_name",
    "update_department",
    "update_employee",
    "update_role",
    "usage_counts",
    "why_locked",
]
