"""Import: file → rows (spool) → targets (mapping) → checked cells → chunks of rows written at once.

This file stays empty of imports: the process that reads uploaded files loads nothing of Django.
"""
