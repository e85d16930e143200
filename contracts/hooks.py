"""What modules above (payments, invoices, customers' figures) have to say about contracts: they register here."""

from collections.abc import Callable

# blocker(ids, action) -> {contract id: sentence}: why these locked contracts may not be deleted ("delete"), voided ("void")
# or shut ("finish").
BLOCKERS: list[Callable] = []

# taken(contract id) -> Decimal: what is spoken for of a locked contract; its amount may not be changed below that.
TAKEN: list[Callable] = []

# after(ids, what, by=...): called in the transaction that changed locked contracts; what = "approved", "changed", "voided",
# "ended", "reopened", "deleted", "restored".
AFTER: list[Callable] = []


def blocked(ids: list[int], action: str) -> dict[int, str]:
    """The contracts among these that somebody objects to, with the first objection."""
    found: dict[int, str] = {}
    for blocker in BLOCKERS:
        for pk, sentence in blocker(ids, action).items():
            found.setdefault(pk, sentence)
    return found


def tell(ids: list[int], what: str, *, by) -> None:
    """Say what happened to contracts."""
    for after in AFTER:
        after(ids, what, by=by)
