"""Columns about the pool: the deadline of owned rows, how often a row was followed up."""

from types import SimpleNamespace

from django.contrib.contenttypes.models import ContentType
from django.db.models import Count
from django.utils import timezone
from django.utils.html import format_html

from crm.records.columns import Column
from crm.records.models import FollowUpLink

from . import kinds, rules

URGENT = 3  # days: shown in red


class DeadlineColumn(Column):
    """距到期天数: days until a pool takes the row, None where no rule applies; 0 is the last day, less is overdue."""

    computed = True

    def __init__(self, kind: str):
        self.kind_name = kind
        super().__init__("deadline", "距到期天数", paths=("pk",), kind="int", css="k-w-96", m="side", default=True)

    def bind(self, model):
        kind = kinds.get(self.kind_name)
        events = [rule.event for rule in kind.rules if rule.event]
        ends = [one.ends for one in kind.exemptions if one.ends]
        plain = ["locked", "deleted_at", "created_at", "received_at", kind.level, *events, *ends, *kind.facts]
        self.names = list(dict.fromkeys(plain))
        self.paths = (*self.names, "owner_id", "owner__department__path")
        self.combine = self.days
        return super().bind(model)

    @property
    def depends(self):
        return frozenset({self.key})

    def days(self, *values):
        *facts, owner, path = values
        person = SimpleNamespace(pk=owner, department=SimpleNamespace(path=path or "")) if owner else None
        record = SimpleNamespace(**dict(zip(self.names, facts, strict=True)))
        found = rules.deadline(kinds.get(self.kind_name), record, person)
        return None if found is None else (found.day - timezone.localdate()).days

    def html(self, record, value):
        if value is None:
            return super().html(record, value)
        if value < 0:
            return format_html('<b class="k-danger-text" title="今晚回收">{}</b>', "今晚")
        css = "k-danger-text" if value <= URGENT else ""
        return format_html('<span class="{}">{}</span>', css, value)


class FollowUpCount(Column):
    """历史跟进: how many follow-ups stand at the row, read for the page in one statement."""

    computed = True

    def __init__(self):
        super().__init__("followup_count", "历史跟进", paths=("pk",), kind="int", css="k-w-88", default=True)
        self.known: dict[int, int] = {}
        self.combine = self.times

    def bind(self, model):
        self.model = model
        return super().bind(model)

    @property
    def depends(self):
        return frozenset({self.key})

    def fresh(self):
        one = FollowUpCount()
        one.css, one.label = self.css, self.label
        return one.bind(self.model)

    def load(self, pks) -> None:
        """Count those of these records at once."""
        missing = [pk for pk in pks if pk not in self.known]
        if missing:
            content_type = ContentType.objects.get_for_model(self.model)
            links = FollowUpLink.objects.filter(content_type=content_type, object_id__any=missing).order_by()
            counted = dict(links.values_list("object_id").annotate(number=Count("pk")))
            self.known |= {pk: counted.get(pk, 0) for pk in missing}

    def times(self, pk) -> int:
        self.load([pk])
        return self.known[pk]
