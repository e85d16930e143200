"""Who sees which pool: a named exception beside the gate. Pool records have no owner, so `allowed` never answers them;
`rows` does, for the members and the administrators of the pool they lie in."""

from . import book, kinds


def pools_of(kind: kinds.Kind, user) -> list[book.Facts]:
    """The enabled pools this person may look into, in their order."""
    if not user.has_function(f"{kind.module}.view"):
        return []
    return [pool for pool in book.of(kind.module) if pool.serves(user) or pool.administers(user)]


def rows(kind: kinds.Kind, user, pools: list[book.Facts] | None = None):
    """Live records in these pools (None: all this person may look into)."""
    ids = [pool.pk for pool in (pools_of(kind, user) if pools is None else pools)]
    return kind.model.objects.live().filter(owner=None, pool_id__in=ids)


def may_manage(kind: kinds.Kind, user, pool: book.Facts) -> bool:
    """Move, delete, edit and import: administrators of the pool and whoever may assign."""
    return pool.administers(user) or (pool.serves(user) and user.has_function(f"{kind.module}.assign"))


def trashed(kind: kinds.Kind, user):
    """Deleted records of the pools this person manages: theirs to restore."""
    ids = [pool.pk for pool in pools_of(kind, user) if may_manage(kind, user, pool)]
    return kind.model.objects.trashed().filter(owner=None, pool_id__in=ids)
