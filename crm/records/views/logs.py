"""The operation log as events of a page."""

from .. import fieldset

# Codes of the log and the icon that stands for them.
LOG_ICONS = {
    "created": "plus",
    "imported": "upload",
    "transferred": "transfer",
    "released": "pool",
    "release_undone": "undo",
    "reclaimed": "pool",
    "pool_moved": "pool",
    "claimed": "plus",
    "assigned": "transfer",
    "tagged": "tag",
    "team_added": "team",
    "team_removed": "team",
    "team_expired": "team",
    "lock": "lock",
    "unlock": "lock",
    "edit_undone": "undo",
    "delete_undone": "undo",
    "transfer_undone": "undo",
    "merge_undone": "undo",
    "merged": "link",
    "merged_away": "link",
    "relation_added": "link",
    "relation_removed": "link",
    "contact_linked": "contact",
    "contact_unlinked": "contact",
    "converted": "customer",
    "convert_undone": "undo",
    "lead_merged": "link",
    "churn_warned": "warn",
    "churn_confirmed": "flag",
    "churn_restored": "undo",
    "care_done": "check",
    "given_up": "flag",
    "resumed": "undo",
    "followed": "chat",
    "assign_undone": "undo",
    "plan_added": "calendar",
    "plan_updated": "calendar",
    "plan_result": "check",
    "plan_removed": "calendar",
    "moved": "right",
    "closed": "flag",
    "reopened": "undo",
    "ticked": "check",
    "stage_undone": "undo",
    "stakeholder_kept": "contact",
    "stakeholder_removed": "contact",
    "deleted": "trash",
    "restored": "undo",
    "file_added": "file",
    "file_removed": "file",
    "files_downloaded": "download",
    "mailed": "mail",
    "opted_out": "mail",
    "opted_in": "mail",
    "followup_updated": "chat",
    "followup_removed": "chat",
    "followup_comment_removed": "chat",
    "followup_added": "chat",
    "followup_file_added": "file",
    "followup_commented": "chat",
}


def log_events(module, user, entries, undo: dict | None = None) -> list[dict]:
    """Rows of the operation log as a timeline shows them, without changes of columns the person may not see; `undo` = {row:
    entry} of those that can be taken back."""
    fields, undo = fieldset.of(module, user), undo or {}
    return [
        {
            "pk": entry.pk,
            "at": entry.created_at,
            "actor": entry.actor.name if entry.actor else "",
            "text": entry.text,
            "changes": fields.log_changes(entry.changes),
            "icon": LOG_ICONS.get(entry.code.split(".")[-1], "edit"),
            "undo_url": f"/undo/{undo[entry.pk]}/" if entry.pk in undo else None,
        }
        for entry in entries
    ]
