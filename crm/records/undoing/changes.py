"""What changed on records, for the operation log of acts on many of them."""

from dataclasses import dataclass, field

from django.db import models

from .. import services
from ..custom.columns import CustomColumn, Names
from . import packing
from .entries import Line


@dataclass
class Change:
    """A record with its new values; `before` = {attribute: former value}, `moved` = (definition, old, new) of custom ones."""

    record: models.Model
    before: dict
    moved: list = field(default_factory=list)

    def line(self) -> Line:
        """What the undo entry keeps; the record in hand still has the version and time from before."""
        fields = {"updated_at": packing.pack(self.record.updated_at)}
        fields |= {name: packing.pack(old) for name, old in self.before.items()}
        extra = {definition.key: old for definition, old, _ in self.moved}
        return Line(self.record.pk, self.record.version + 1, fields, extra)


def differences(module, changes: list[Change]) -> list[list[dict]]:
    """Log differences of each change in display values; related rows are read once for all."""
    fields = {one.attname: one for one in module.model._meta.concrete_fields}
    names = Names()
    moved = {definition.key: CustomColumn(definition, names) for change in changes for definition, _, _ in change.moved}
    for place in (1, 2):
        names.prepare(list(moved.values()), [{one[0].key: one[place] for one in change.moved} for change in changes])
    wanted: dict[str, set] = {}
    for change in changes:
        for name, old in change.before.items():
            if fields[name].is_relation:
                wanted.setdefault(name, set()).update({old, getattr(change.record, name)} - {None})
    related = {name: fields[name].related_model._base_manager.in_bulk(ids) for name, ids in wanted.items()}

    def shown(name, value):
        return services.display(fields[name], related[name].get(value) if name in related else value)

    return [
        [
            {
                "key": fields[name].name,
                "label": str(fields[name].verbose_name),
                "old": shown(name, old),
                "new": shown(name, getattr(change.record, name)),
            }
            for name, old in change.before.items()
            if fields[name].editable
        ]
        + services.custom_changes(change.moved, names)
        for change in changes
    ]
