"""Importing straight into a pool."""

from django.utils import timezone

from crm.records.importing.targets import Importer

from . import access, kinds
from .services import note


class PoolImporter(Importer):
    """The importer of a pooled type; its `rows` calls `fill_pool`."""

    def into(self, user, text):
        kind = kinds.get(self.module)
        pool = next((one for one in access.pools_of(kind, user) if str(one.pk) == text), None)
        if pool is None or not access.may_manage(kind, user, pool):
            return None
        return text, pool.name

    def created(self, chunk, ids, job):
        """What lies in a pool has a history there."""
        if pool := chunk.plan.into:
            kind, now = kinds.get(self.module), timezone.now()
            lines = [(pk, int(pool), None, imported(kind), "") for pk in ids]
            note(kind, lines, action="imported", by=chunk.plan.user, now=now)

    def fill_pool(self, chunk) -> None:
        """Rows that go into a pool have no owner."""
        if pool := chunk.plan.into:
            kind, values, number = kinds.get(self.module), chunk.values, len(chunk)
            values["owner_id"], values["pool_id"] = [None] * number, [int(pool)] * number
            values["pooled_at"] = [timezone.now()] * number
            values["pool_reason"] = [imported(kind)] * number
            for name, value in kind.entering.items():
                values[kind.model._meta.get_field(name).attname] = [value] * number


def imported(kind: kinds.Kind) -> str:
    """The reason kept with what was imported into a pool."""
    return f"导入到{kind.label}"
