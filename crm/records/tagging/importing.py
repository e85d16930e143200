"""Tags in an import: one column of names."""

from django.core.exceptions import ValidationError

from .. import fieldset
from . import services
from .columns import KEY, LABEL


def targets_of(module, user) -> list:
    """The target 标签 for whoever may change the field."""
    from ..importing.targets import Target

    company = fieldset.of(module, user)
    if not company.editable(KEY):
        return []

    def look(user, texts):
        """{text: names or sentence} of the cells."""
        found = {}
        create = services.may_create(user)
        known = {tag.key for tag in services.of_module(module)}
        for text in texts:
            try:
                names = services.split(text)
            except ValidationError as error:
                found[text] = error.messages[0]
                continue
            strange = [name for name in names if services.key_of(name) not in known]
            if len(names) > services.MOST:
                found[text] = f"每条{module.label}最多 {services.MOST} 个标签"
            elif strange and not create:
                found[text] = f"没有“{strange[0]}”这个标签"
            else:
                found[text] = names
        return found

    target = Target(
        KEY, company.label(KEY, LABEL), field="", lookup=look, example="重点、老客户", note="多个标签用、隔开"
    )
    return [target]


def written(chunk, rows_of: dict[int, int], job, *, created: bool) -> dict[int, list[list[str]]]:
    """Put the tags of a chunk on its records {id: row}; an empty cell changes nothing. Returns {id: [names before, names
    after]} of those that changed, what `put_back` takes."""
    column = chunk.values.get(KEY)
    if column is None:
        return {}
    plan = chunk.plan
    wanted = {pk: column[row] for pk, row in rows_of.items() if column[row]}
    if not wanted:
        return {}
    had = services.loaded(plan.model, wanted)
    only_empty = plan.mode == "fill" and not created
    ids = services.replace(plan.module, wanted, by=plan.user, job=job, only_empty=only_empty)
    have = services.loaded(plan.model, ids)
    return {pk: [[tag.name for tag in tags.get(pk, [])] for tags in (had, have)] for pk in ids}


def put_back(module, moved: dict[int, list[list[str]]], *, by, job) -> None:
    """Undo `written`: the tags from before, where nobody has changed them since."""
    have = services.loaded(module.model, moved)
    wanted = {
        pk: before for pk, (before, after) in moved.items() if {tag.name for tag in have.get(pk, [])} == set(after)
    }
    if wanted:
        services.replace(module, wanted, by=by, job=job)
