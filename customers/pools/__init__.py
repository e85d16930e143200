"""The public pool (公海): which pools there are (`book`), when records fall into one (`rules`, `reclaim`), who may see them
(`access`), how many one may own or take (`quotas`), and the verbs (`services`). It serves every type of record that is
declared a `Kind`."""
