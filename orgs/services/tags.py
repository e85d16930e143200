"""Tags as administrators keep them: make, rename, colour, order, merge, delete. Each leaves a row in the system log."""

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Count, Max

from crm.records import modules
from crm.records.models import Tag, TagLink
from crm.records.tagging import services as tagging

from .oplog import differences, record


def counts(module) -> dict[int, int]:
    """{tag id: records that carry it, the recycle bin included}: one statement."""
    links = TagLink.objects.filter(tag__module=module.name).order_by()
    return dict(links.values_list("tag_id").annotate(number=Count("pk")))


def _target(tag: Tag) -> str:
    return f"{modules.get(tag.module).label}标签“{tag.name}”"


def _check_free(tag: Tag) -> None:
    same = Tag.objects.filter(module=tag.module, key=tag.key).exclude(pk=tag.pk).first()
    if same is not None:
        raise ValidationError({"name": [f"已有标签“{same.name}”，可以用“合并”"]})


@transaction.atomic
def create_tag(module, name: str, colour: int, *, by) -> Tag:
    """Add a tag at the end; ValidationError where it exists or is no name."""
    name = _name(name)
    kept = Tag.objects.filter(module=module.name).aggregate(n=Count("pk"), last=Max("order"))
    if kept["n"] >= tagging.KINDS:
        raise ValidationError(f"每个模块最多 {tagging.KINDS} 个标签，请先合并或删除不用的标签")
    tag = Tag(module=module.name, name=name, key=tagging.key_of(name), colour=colour, order=(kept["last"] or 0) + 10)
    _check_free(tag)
    tag.save()
    record("tag.created", _target(tag), by=by, text="新增标签")
    return tag


def _name(text) -> str:
    try:
        return tagging.clean_name(text)
    except ValidationError as error:
        raise ValidationError({"name": error.messages}) from None


def locked(pk: int) -> Tag:
    return Tag.objects.select_for_update().get(pk=pk)


@transaction.atomic
def update_tag(tag: Tag, name: str, colour: int, *, by) -> Tag:
    """Rename or colour a tag everywhere it stands."""
    tag, name = locked(tag.pk), _name(name)
    before = (tag.name, tag.get_colour_display())
    tag.name, tag.key, tag.colour = name, tagging.key_of(name), colour
    _check_free(tag)
    changes = differences([("名称", before[0], name), ("颜色", before[1], tag.get_colour_display())])
    if changes:
        tag.save(update_fields=["name", "key", "colour"])
        record("tag.updated", _target(tag), by=by, text="修改标签", changes=changes)
    return tag


@transaction.atomic
def move_tag(tag: Tag, step: int, *, by) -> None:
    """Move a tag one place up (-1) or down (1) in its module."""
    rows = list(Tag.objects.select_for_update().filter(module=tag.module))
    place = next((n for n, row in enumerate(rows) if row.pk == tag.pk), None)
    if place is None or not 0 <= place + step < len(rows):
        return
    rows[place], rows[place + step] = rows[place + step], rows[place]
    for n, row in enumerate(rows, 1):
        row.order = n * 10
    Tag.objects.bulk_update(rows, ["order"])
    record("tag.moved", _target(tag), by=by, text="上移标签" if step < 0 else "下移标签")


@transaction.atomic
def merge_tag(tag: Tag, into: Tag, *, by) -> int:
    """Let every record that carries `tag` carry `into` instead; `tag` goes. Returns how many records it was."""
    if tag.pk == into.pk or tag.module != into.module:
        raise ValidationError({"into": ["请选择同一模块的另一个标签"]})
    found = {row.pk: row for row in Tag.objects.select_for_update().filter(pk__in=[tag.pk, into.pk]).order_by("pk")}
    if len(found) != 2:
        raise ValidationError({"into": ["请选择同一模块的另一个标签"]})
    links = TagLink.objects.filter(tag=tag)
    number = links.count()
    doubled = TagLink.objects.filter(tag=into).values("object_id")  # one module, so one content type
    links.filter(object_id__in=doubled).delete()
    links.update(tag=into)
    tag.delete()
    record("tag.merged", _target(tag), by=by, text=f"合并到“{into.name}”，涉及 {number:,} 条记录")
    return number


@transaction.atomic
def delete_tag(tag: Tag, *, by) -> int:
    """Delete a tag and take it off every record; returns how many carried it."""
    tag = locked(tag.pk)
    target = _target(tag)
    number, _ = TagLink.objects.filter(tag=tag).delete()
    tag.delete()
    record("tag.deleted", target, by=by, text=f"删除标签，从 {number:,} 条记录上去掉")
    return number
