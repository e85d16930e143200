"""Which pipelines a person may use, and the stages in them."""

from .models import Pipeline, Stage


def default() -> Pipeline:
    return Pipeline.objects.get(is_default=True)


def first_stage(pipeline: Pipeline) -> Stage:
    return pipeline.stages.first()


def open_to(user) -> list[Pipeline]:
    """The enabled pipelines that serve this person's department, the default one first."""
    found = Pipeline.objects.filter(enabled=True).prefetch_related("departments", "stages").order_by("order", "pk")
    path = user.department.path if user.department_id else ""
    mine = [
        one
        for one in found
        if not (chosen := one.departments.all()) or any(f"/{department.pk}/" in path for department in chosen)
    ]
    return sorted(mine, key=lambda one: not one.is_default)
