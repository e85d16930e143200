"""离职交接: everything an employee owns goes to others in one job, with a way back: what is asked for (`models`), how it is
laid out and started (`services`), what goes (`moves`, `parts`), the jobs (`job`, `undo`) and the pages (`views`)."""
