"""Follow-ups (跟进记录): written at a record, shown on the timelines of everything they concern."""
