"""批量编辑 of many records as a job: frozen ids, chunk by chunk, each chunk with its progress in one transaction."""

from django.core.exceptions import ValidationError

from .. import jobs, modules
from ..custom import definitions
from ..undoing import entries, packing
from . import forms, services

DIRECT = 2000  # more records than this are edited in the background
SHOWN = 200  # records that could not be edited are named up to this number


def begin(module, rows, new: dict, *, by):
    """Ask for `new` on allowed rows; records that somebody changes until it is their turn are left alone."""
    frozen = [list(pair) for pair in rows.order_by("pk").values_list("pk", "version")]
    return jobs.start(
        "edit",
        user=by,
        label=f"批量编辑{module.label}",
        module=module.name,
        total=len(frozen),
        params={"rows": frozen, "new": {name: packing.pack(value) for name, value in new.items()}},
    )


def _values(module, packed: dict) -> dict:
    known = definitions.custom(module.name)
    found = {}
    for name, value in packed.items():
        if name in known:
            found[name] = value
        else:
            found[packing.attribute(module.model, name)] = packing.unpack(module.model, name, value)
    return found


@jobs.kind(
    "edit",
    "批量编辑",
    rows=lambda result: [("已修改", result.get("changed", 0)), ("没有处理", result.get("refused", 0))],
)
def run(run: jobs.Run) -> None:
    """Edit what is left from the checkpoint on, with the rights the person has now."""
    module, user = modules.get(run.job.module), run.user
    try:
        forms.check_fields(module, user, list(run.job.params["new"]))
    except ValidationError as error:
        raise jobs.Refused("；".join(error.messages)) from None
    new, frozen = _values(module, run.job.params["new"]), run.job.params["rows"]
    while (start := run.job.checkpoint.get("place", 0)) < len(frozen):
        chunk = dict(frozen[start : start + services.CHUNK])
        label, begun = services.label_of(module), run.job.checkpoint.get("undo")
        with run.step() as job, entries.entry(module, "edit", by=user, label=label, pk=begun) as entry:
            allowed = module.model.objects.allowed(user, "edit").filter(pk__any=list(chunk))
            present = {
                pk: (version, module.titled(title))
                for pk, version, title in allowed.values_list("pk", "version", module.title_field)
            }
            same = [pk for pk, (version, _) in present.items() if version == chunk[pk]]
            try:
                done, failures = services.edit_chunk(module, same, new, by=user, job=job)
            except ValidationError as error:
                raise jobs.Refused("；".join(error.messages)) from None
            failures += [(present[pk][1], "选择之后被修改过，没有处理") for pk in present if pk not in set(same)]
            failures += [(f"编号 {pk}", "已不在您可操作的范围内") for pk in chunk if pk not in present]
            job.done = start + len(chunk)
            job.checkpoint = {"place": job.done, "undo": entry.pk}
            named = job.result.get("named", []) + [list(pair) for pair in failures]
            job.result = {
                "changed": job.result.get("changed", 0) + done,
                "refused": job.result.get("refused", 0) + len(failures),
                "named": named[:SHOWN],
            }
