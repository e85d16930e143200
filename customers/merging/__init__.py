"""合并客户: what is chosen (`choices`), what comes along (`carrying`, `contacts`, `team`), the deed (`services`) and its undo."""
