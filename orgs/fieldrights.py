"""字段权限 of a role: what the page shows and what its form sends."""

from crm.records import fieldset, modules
from crm.records.custom import definitions


def restrictable(module) -> list[dict]:
    """The fields of a module a role may be kept from: all but the title and what every record carries."""
    custom = [one for one in definitions.of(module.name) if not one.builtin and not one.retired]
    renamed = {one.key: one.label for one in definitions.of(module.name) if one.builtin and one.label}
    found: dict[str, str] = {}
    for field in module.model._meta.fields:
        key = field.name
        shown = key in module.by_key or key in module.form_class.Meta.fields
        if shown and key != module.title_field and key not in fieldset.ALWAYS:
            found[key] = renamed.get(key) or str(field.verbose_name)
    found["tags"] = module.by_key["tags"].label
    rows = [{"key": key, "label": label, "custom": False} for key, label in found.items()]
    return rows + [{"key": one.key, "label": one.label, "custom": True} for one in custom]


def context(role, name: str, user) -> dict:
    """Rows of one module with the role's level of each field."""
    offered = list(modules.ordered())
    module = next((one for one in offered if one.name == name), offered[0])
    levels = role.field_rights.get(module.name) or {}
    rows = [
        {**row, "level": fieldset.EDIT if role.is_super else levels.get(row["key"], fieldset.EDIT)}
        for row in restrictable(module)
    ]
    return {
        "field_modules": offered,
        "field_module": module,
        "field_rows": rows,
        "field_levels": list(fieldset.LEVELS.items()),
    }


def values_of(role, data) -> dict:
    """{"field_rights": ...} of the submitted form: the other modules stay, unknown keys and levels have no effect."""
    module = modules.ALL.get(data.get("module", ""))
    if module is None:
        return {"field_rights": role.field_rights}
    levels = {}
    for row in restrictable(module):
        sent = data.get(f"level-{row['key']}", "")
        if sent.isdigit() and int(sent) in fieldset.LEVELS and int(sent) != fieldset.EDIT:
            levels[row["key"]] = int(sent)
    rights = {name: found for name, found in role.field_rights.items() if name != module.name}
    return {"field_rights": rights | ({module.name: levels} if levels else {})}
