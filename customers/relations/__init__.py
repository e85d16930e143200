"""关联客户 and contacts of several customers: verbs (`services`), reading (`queries`), pages (`views`)."""
