"""The verbs of tags: put them on records, make them while tagging, read them for many records at once."""

import unicodedata

from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ValidationError
from django.db import models, transaction

from .. import fieldset, modules, params
from ..fields import name_key
from ..models import Tag, TagLink
from ..services import write_log

MOST = 20  # tags of one record
KINDS = 300  # tags of one module
SEPARATORS = "、，,；;|"
_SPLIT = str.maketrans(dict.fromkeys(SEPARATORS + "\n", "\n"))


def clean_name(text) -> str:
    """A tag's name as it is stored; ValidationError with the sentence."""
    name = Tag._meta.get_field("name").clean_value(text)
    if any(char in SEPARATORS for char in name):
        raise ValidationError("标签名称不能含顿号、逗号、分号和竖线")
    if not key_of(name):
        raise ValidationError("请填写标签名称")
    return name


def key_of(name: str) -> str:
    """What "the same tag" means, within the length of its column: NFKC may lengthen a text."""
    return unicodedata.normalize("NFC", name_key(name))[:40]


def split(text: str) -> list[str]:
    """The names in one text ("A、B"), each once; ValidationError with the sentence of the first bad one."""
    parts = [part for part in str(text).translate(_SPLIT).split("\n") if part.strip()]
    return once([clean_name(part) for part in parts])


def once(names) -> list[str]:
    """The names without those that mean the same as an earlier one."""
    return list({key_of(name): name for name in reversed(list(names))}.values())[::-1]


def may_create(user) -> bool:
    """Whether the person may make a tag that does not exist yet."""
    return bool(params.get("tag_create")) or user is None or user.has_function("admin.dictionary")


def of_module(module) -> list[Tag]:
    """The tags of a module in their order."""
    return list(Tag.objects.filter(module=module.name))


def loaded(model: type, pks) -> dict[int, list[Tag]]:
    """{record id: its tags in order} for many records of one type: one statement."""
    found: dict[int, list[Tag]] = {}
    links = TagLink.objects.filter(content_type=ContentType.objects.get_for_model(model), object_id__any=list(pks))
    for link in links.select_related("tag").order_by("tag__order", "tag_id"):
        found.setdefault(link.object_id, []).append(link.tag)
    return found


def words(tags) -> str:
    """Tags as the log, files and tooltips show them."""
    return "、".join(tag.name for tag in tags)


def unknown(module, names) -> list[str]:
    """Those of the names no tag of the module has."""
    keys = {key_of(name): name for name in names}
    known = set(Tag.objects.filter(module=module.name, key__in=list(keys)).values_list("key", flat=True))
    return [name for key, name in keys.items() if key not in known]


@transaction.atomic
def ensure(module, names, *, by) -> list[Tag]:
    """The tags of these names, locked against being deleted meanwhile; missing ones are made where `by` may, else
    ValidationError names them."""
    keys = {key_of(name): name for name in names}
    if missing := unknown(module, names):
        if not may_create(by):
            raise ValidationError(f"没有“{missing[0]}”这个标签，您不能新建标签")
        kept = Tag.objects.filter(module=module.name).aggregate(n=models.Count("pk"), last=models.Max("order"))
        if kept["n"] + len(missing) > KINDS:
            raise ValidationError(f"每个模块最多 {KINDS} 个标签，请先合并或删除不用的标签")
        Tag.objects.bulk_create(
            [
                Tag(
                    module=module.name,
                    name=name,
                    key=key_of(name),
                    colour=(kept["n"] + n) % len(Tag.Colour),
                    order=(kept["last"] or 0) + 10 * n,
                )
                for n, name in enumerate(missing, 1)
            ],
            ignore_conflicts=True,  # somebody else made the same one at the same moment
        )
    return list(Tag.objects.select_for_update().filter(module=module.name, key__in=list(keys)).order_by("pk"))


def check_editable(module, by) -> None:
    """ValidationError where the person may not change the field 标签."""
    if by is not None and not fieldset.of(module, by).editable("tags"):
        raise ValidationError("您的角色不能修改标签")


@transaction.atomic
def change(rows, *, by, add=(), drop=(), job=None) -> int:
    """Put tags (by name) on allowed rows and take others off; one log row for each record that changed. Returns how many."""
    module = modules.of_model(rows.model)
    check_editable(module, by)
    ids = _locked(module, rows)
    wanted = ensure(module, add, by=by) if add else []
    gone = set(Tag.objects.filter(module=module.name, key__in=[key_of(name) for name in drop]))
    gone -= set(wanted)
    have = loaded(module.model, ids)
    new = {}
    for pk in ids:
        old = have.get(pk, [])
        after = [tag for tag in old if tag not in gone] + [tag for tag in wanted if tag not in old]
        if after != old:
            new[pk] = after
    return len(_write(module, have, new, by=by, job=job))


@transaction.atomic
def put(record, names, *, by) -> list[Tag]:
    """Let a record carry exactly these tags; returns them."""
    module = modules.of_model(type(record))
    replace(module, {record.pk: list(names)}, by=by)
    return loaded(type(record), [record.pk]).get(record.pk, [])


@transaction.atomic
def replace(module, names_of: dict[int, list[str]], *, by, job=None, only_empty: bool = False) -> set[int]:
    """Let each record {id: names} carry exactly these tags (`only_empty`: those that carry none). Returns the ids
    that changed."""
    check_editable(module, by)
    ids = _locked(module, module.model.objects.filter(pk__any=list(names_of)))
    have = loaded(module.model, ids)
    if only_empty:
        ids = [pk for pk in ids if not have.get(pk)]
    every = once([name for pk in ids for name in names_of[pk]])
    tags = {tag.key: tag for tag in ensure(module, every, by=by)} if every else {}
    new = {}
    for pk in ids:
        after = [tags[key] for name in names_of[pk] if (key := key_of(name)) in tags]
        if set(after) != set(have.get(pk, [])):
            new[pk] = after
    return _write(module, have, new, by=by, job=job)


def _locked(module, rows) -> list[int]:
    ids = module.model.objects.filter(pk__in=rows.order_by().values("pk")).select_for_update().order_by("pk")
    return list(ids.values_list("pk", flat=True))


def _write(module, have, new: dict[int, list[Tag]], *, by, job) -> set[int]:
    """Make the links of these records what `new` says: two statements and the log, however many there are."""
    for pk, after in new.items():
        if len(after) > MOST and len(after) > len(have.get(pk, [])):
            raise ValidationError(f"每条{module.label}最多 {MOST} 个标签")
    content_type = ContentType.objects.get_for_model(module.model)
    gone: dict[int, list[int]] = {}
    fresh, entries = [], []
    for pk, after in new.items():
        old = have.get(pk, [])
        after = sorted(after, key=lambda tag: (tag.order, tag.pk))
        for tag in old:
            if tag not in after:
                gone.setdefault(tag.pk, []).append(pk)
        fresh += [TagLink(content_type=content_type, object_id=pk, tag=tag) for tag in after if tag not in old]
        entries.append((pk, "修改标签", [{"key": "tags", "label": "标签", "old": words(old), "new": words(after)}]))
    for tag, ids in gone.items():
        TagLink.objects.filter(content_type=content_type, tag_id=tag, object_id__any=ids).delete()
    TagLink.objects.bulk_create(fresh, batch_size=1000, ignore_conflicts=True)
    write_log(module.model, entries, code=f"{module.name}.tagged", by=by, job=job)
    return set(new)


def forget(content_type, ids) -> None:
    """Take the links of purged records away."""
    TagLink.objects.filter(content_type=content_type, object_id__any=list(ids)).delete()
