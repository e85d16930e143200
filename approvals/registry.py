"""The kinds of document, some of which exist only because an administrator made them (通用审批)."""

from collections.abc import Callable

# make() -> {key: document} of the kinds made by administrators, and fresh() -> whether what they made may have changed.
SOURCES: list[tuple[Callable[[], dict], Callable[[], bool]]] = []


class Registry(dict):
    """{key: Document}. What modules registered stands in it for good; what administrators make is read again when a source says
    it changed, or when a key is missed. Views are copies: another thread may read anew meanwhile."""

    def _sync(self, *, missed: str = "") -> None:
        for make, fresh in SOURCES:
            if fresh() or missed:
                made = make()
                for key in [key for key in list(dict.keys(self)) if ":" in key and key not in made]:
                    dict.pop(self, key, None)
                dict.update(self, made)

    def __missing__(self, key):
        if ":" not in key:
            raise KeyError(key)
        self._sync(missed=key)
        return dict.__getitem__(self, key)

    def get(self, key, default=None):
        try:
            return self[key]
        except KeyError:
            return default

    def __contains__(self, key):
        return self.get(key) is not None

    def __iter__(self):
        self._sync()
        return iter(list(dict.keys(self)))

    def keys(self):
        self._sync()
        return list(dict.keys(self))

    def values(self):
        self._sync()
        return list(dict.values(self))

    def items(self):
        self._sync()
        return list(dict.items(self))
