"""The pieces of a handover, in the order in which they go: records of each module, teams of each module, other parts."""

from collections.abc import Callable
from dataclasses import dataclass

from django.db.models import Count, QuerySet

from crm.records import modules

from . import parts


@dataclass(frozen=True)
class Piece:
    """`key` = "customer", "team.customer" or "part.manager"."""

    key: str
    label: str
    icon: str
    rows: Callable[[object], QuerySet]
    module: modules.Module | None = None
    part: parts.Part | None = None

    @property
    def is_records(self) -> bool:
        return self.module is not None and not self.key.startswith("team.")

    @property
    def single(self) -> bool:
        return self.part is not None and self.part.single

    @property
    def parents(self) -> list[modules.Module]:
        """Modules whose records may take these along."""
        if not self.is_records:
            return []
        return [found for name in self.module.parents if (found := modules.ALL.get(name)) and found.owned]


def owned(module) -> Callable:
    return lambda person: module.model.objects.live().filter(owner=person)


def teams(module) -> Callable:
    return lambda person: module.grant_model.objects.filter(user=person, source="team")


def ordered() -> list[Piece]:
    """Every piece there can be."""
    own = [module for module in modules.ordered() if module.owned]
    found = [Piece(module.name, module.label, module.icon, owned(module), module) for module in own]
    found += [
        Piece(f"team.{module.name}", f"参与的{module.label}团队", "team", teams(module), module)
        for module in own
        if module.grant_model
    ]
    return found + [
        Piece(f"part.{part.key}", part.label, "department", part.rows, part=part) for part in parts.ordered()
    ]


def get(key: str) -> Piece | None:
    """The piece, None for one whose module is gone."""
    return next((piece for piece in ordered() if piece.key == key), None)


def counts(person) -> dict[str, int]:
    """{key: how many the person has} of what there is any of; one statement a piece."""
    found = {piece.key: piece.rows(person).order_by().count() for piece in ordered()}
    return {key: number for key, number in found.items() if number}


def owned_by(ids) -> dict[int, int]:
    """{employee: records they own}; one statement a module."""
    found: dict[int, int] = {}
    for module in modules.ordered():
        if module.owned:
            rows = module.model.objects.live().filter(owner_id__any=list(ids)).order_by()
            for pk, number in rows.values_list("owner_id").annotate(number=Count("pk")):
                found[pk] = found.get(pk, 0) + number
    return found
