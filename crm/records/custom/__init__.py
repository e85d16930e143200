"""Custom fields: definitions, types, columns, form fields, queries and unique values.

`definitions.of(module)` answers what the company defined, `fieldset.of(module, user)` (crm.records) what one person sees
of it. Values stand in `record.extra` under "f<id>"; absent means empty.
"""
