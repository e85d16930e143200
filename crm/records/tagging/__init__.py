"""Tags of records: the verbs (services), the column, the operand of the advanced filter, form fields and the import."""
