"""批量编辑: one or several fields of many records at once, with the module's own form fields."""
