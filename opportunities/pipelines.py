"""Which pipelines a person may use, and the stages in them.

`every` answers plain facts, read once for all and kept in the cache until somebody changes a pipeline (`touch`)."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from django.core.cache import cache
from django.db import transaction
from django.utils import timezone

from .models import Pipeline, Stage

CACHE = "pipelines"
KEPT = 300  # seconds


@dataclass(frozen=True)
class StageFacts:
    """A stage; see models.Stage."""

    pk: int
    name: str
    probability: int
    required: tuple[str, ...]
    checklist: tuple[str, ...]
    max_days: int | None
    remind_days: int | None


@dataclass(frozen=True)
class Facts:
    """A pipeline with its stages in order; `departments` = ids of those it serves, none for everybody."""

    pk: int
    name: str
    enabled: bool
    is_default: bool
    departments: frozenset[int]
    idle_days: int | None
    close_days: int | None
    stages: tuple[StageFacts, ...]

    def serves(self, user) -> bool:
        """Whether the person may start opportunities in it: by department, or because they may for everybody."""
        if not self.departments:
            return True
        reach = user.scope_for("opportunity.create")
        if reach is not None and reach.everything:
            return True
        path = user.department.path if user.department_id else ""
        return bool({int(part) for part in path.split("/") if part} & self.departments)

    def stage(self, pk: int) -> StageFacts | None:
        return next((one for one in self.stages if one.pk == pk), None)


def every() -> list[Facts]:
    """Every pipeline in its order, the disabled ones too."""
    found = cache.get(CACHE)
    if found is None:
        found = [
            Facts(
                one.pk,
                one.name,
                one.enabled,
                one.is_default,
                frozenset(department.pk for department in one.departments.all()),
                one.idle_days,
                one.close_days,
                tuple(
                    StageFacts(
                        stage.pk,
                        stage.name,
                        stage.probability,
                        tuple(stage.required),
                        tuple(stage.checklist),
                        stage.max_days,
                        stage.remind_days,
                    )
                    for stage in one.stages.all()
                ),
            )
            for one in Pipeline.objects.prefetch_related("departments", "stages")
        ]
        cache.set(CACHE, found, KEPT)
    return found


def get(pk: int) -> Facts | None:
    return next((one for one in every() if one.pk == pk), None)


def touch() -> None:
    """Forget the kept facts, now and again at the commit: a reader in between kept the old ones."""
    cache.delete(CACHE)
    transaction.on_commit(lambda: cache.delete(CACHE))


def default() -> Pipeline:
    return Pipeline.objects.get(is_default=True)


def first_stage(pipeline: Pipeline) -> Stage:
    return pipeline.stages.first()


def offered(user) -> list[Facts]:
    """The enabled pipelines with stages that serve this person, the default one first."""
    found = [one for one in every() if one.enabled and one.stages and one.serves(user)]
    return sorted(found, key=lambda one: not one.is_default)


def open_to(user) -> list[Pipeline]:
    """The same as rows, with their stages and departments read."""
    order = [one.pk for one in offered(user)]
    rows = Pipeline.objects.prefetch_related("departments", "stages").in_bulk(order)
    return [rows[pk] for pk in order if pk in rows]


def stage_labels(found: list[Facts]) -> list[tuple[int, str]]:
    """[(stage, label)] for selects; with several pipelines each stage says whose it is."""
    return [
        (stage.pk, f"{one.name} / {stage.name}" if len(found) > 1 else stage.name)
        for one in found
        for stage in one.stages
    ]


def days_ago(days: int, today: date) -> datetime:
    """The moment the local day `days` before `today` began."""
    return timezone.make_aware(datetime.combine(today - timedelta(days=days), time.min))
