"""Which pipelines a person may use, and the stages in them."""

from .models import Pipeline, Stage


def default() -> Pipeline:
    return Pipeline.objects.get(is_default=True)


def first_stage(pipeline: Pipeline) -> Stage:
    return pipeline.stages.first()


def all_of() -> list[Pipeline]:
    """Every pipeline with its stages and departments: three statements."""
    return list(Pipeline.objects.prefetch_related("departments", "stages").order_by("order", "pk"))


def open_to(user, among: list[Pipeline] | None = None) -> list[Pipeline]:
    """The enabled pipelines that serve this person's department, the default one first; `among` = what `all_of` read."""
    path = user.department.path if user.department_id else ""
    mine = [
        one
        for one in (all_of() if among is None else among)
        if one.enabled
        and (not (chosen := one.departments.all()) or any(f"/{department.pk}/" in path for department in chosen))
    ]
    return sorted(mine, key=lambda one: not one.is_default)
