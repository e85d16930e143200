"""Verbs of follow-ups: write, edit, remove, comment, and what happens to them with their record.

Each runs in one transaction and under the lock of the records whose dates it keeps: 最后跟进时间 and 下次联系时间 of a record
are always those of its newest follow-up. The views have asked the gate; what is written is checked again.
"""

from collections.abc import Callable, Iterable

from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F, OuterRef, Q, Subquery
from django.utils import timezone

from .. import modules, services, uploads
from ..fields import tidy
from ..models import Attachment, FollowUp, FollowUpComment, FollowUpLink, QuickText
from . import mentions

VISIT, PHONE = "上门拜访", "电话"
VISIT_FIELDS = ("place", "purpose", "result")
FIELDS = ("method", "topic", "title", "content", "next_contact_at", *VISIT_FIELDS)
PHRASES = 50
Place = tuple[int, int]  # (content type, id) of a record on whose timeline a follow-up shows
_WRITTEN: list[Callable] = []


def on_written(hook: Callable) -> Callable:
    """Have `hook(followup, places, by=...)` run in the transaction of every new follow-up; `places` = {place: kind of link}.
    Modules above close what a follow-up fulfils."""
    _WRITTEN.append(hook)
    return hook


def record_of(followup: FollowUp):
    """(module, record) a follow-up was written at; the record may lie in the recycle bin."""
    module = modules.of_content_type(ContentType.objects.get_for_id(followup.content_type_id))
    return module, module.model.objects.get(pk=followup.object_id)


def url_of(followup: FollowUp) -> str:
    return f"/follow-ups/{followup.pk}/"


# Timelines and dates --------------------------------------------------------------------------------------------------
def _place(record) -> Place:
    return ContentType.objects.get_for_model(type(record)).pk, record.pk


def _places(record, related: Iterable) -> dict[Place, int]:
    """{place: kind of link}: the record, its parents that are followed, the related records."""
    module, found = modules.of_model(type(record)), {_place(record): FollowUpLink.Kind.OWN}
    for name in module.parents:
        parent, pk = modules.get(name), getattr(record, f"{name}_id")
        if parent.followed and pk:
            found.setdefault((ContentType.objects.get_for_model(parent.model).pk, pk), FollowUpLink.Kind.PARENT)
    for other in related:
        found.setdefault(_place(other), FollowUpLink.Kind.RELATED)
    return found


def _dated(places: Iterable[Place]) -> list[tuple[type, int, list[int]]]:
    """(model, content type, ids) of the places whose records carry the dates of their follow-ups."""
    by_type: dict[int, list[int]] = {}
    for kind, pk in places:
        by_type.setdefault(kind, []).append(pk)
    found = []
    for kind, ids in sorted(by_type.items()):
        model = ContentType.objects.get_for_id(kind).model_class()
        if {"last_followed_at", "next_contact_at"} <= {field.name for field in model._meta.concrete_fields}:
            found.append((model, kind, sorted(ids)))
    return found


def _lock(places: Iterable[Place]) -> None:
    """Lock the records whose dates will be kept, always in the same order."""
    for model, _, ids in _dated(places):
        list(model.objects.filter(pk__any=ids).select_for_update().order_by("pk").values_list("pk", flat=True))


def keep_dates(places: Iterable[Place]) -> None:
    """Set 最后跟进时间 and 下次联系时间 of these records to those of their newest follow-up, on sets. The version goes up
    where the planned date changes: a form opened before must not put the old one back unseen."""
    for model, kind, ids in _dated(places):
        newest = FollowUpLink.objects.filter(content_type_id=kind, object_id=OuterRef("pk")).order_by("-followup_id")
        last = Subquery(newest.values("followup__created_at")[:1])
        newest_plan = Subquery(newest.values("followup__next_contact_at")[:1])
        rows = model.objects.filter(pk__any=ids)
        differs = (
            Q(next_contact_at=None, newest_plan__isnull=False)
            | Q(next_contact_at__isnull=False, newest_plan=None)
            | Q(next_contact_at__lt=F("newest_plan"))
            | Q(next_contact_at__gt=F("newest_plan"))
        )
        rows.annotate(newest_plan=newest_plan).filter(differs).update(version=F("version") + 1)
        rows.update(last_followed_at=last, next_contact_at=newest_plan)


def _where_newest(followup: FollowUp) -> list[Place]:
    """The timelines this follow-up stands on top of: their dates are its own."""
    newer = FollowUpLink.objects.filter(
        content_type=OuterRef("content_type"), object_id=OuterRef("object_id"), followup_id__gt=followup.pk
    )
    links = followup.links.annotate(newer=Subquery(newer.values("pk")[:1])).filter(newer=None)
    return list(links.values_list("content_type_id", "object_id"))


# Verbs ----------------------------------------------------------------------------------------------------------------
def _fit(values: dict) -> dict:
    """Only a visit has a place, a purpose and a result."""
    if values["method"].label != VISIT:
        values = {**values, **dict.fromkeys(VISIT_FIELDS, "")}
    return values


@transaction.atomic
def write(record, values: dict, *, by, related: Iterable = (), mentioned: Iterable[int] = (), files=()) -> FollowUp:
    """Write a follow-up at a record: `values` = {field: value} of FIELDS, `related` = further records on whose timelines it
    shows, `mentioned` = ids picked while typing @. Sets the dates of the record and its parent, tells whom it mentions."""
    module, places = modules.of_model(type(record)), _places(record, related)
    _lock(places)
    if type(record).objects.live().filter(pk=record.pk).select_for_update().first() is None:
        raise ValidationError(f"这条{module.label}已被删除，跟进没有保存。")
    people = mentions.named(values["content"], list(mentioned))
    mentions.check_sight(module, record, people)
    followup = FollowUp(
        content_type_id=_place(record)[0],
        object_id=record.pk,
        author=by,
        mentions=[[person.pk, person.name] for person in people],
        **_fit(values),
    )
    followup.full_clean()
    followup.save(force_insert=True)
    FollowUpLink.objects.bulk_create(
        [
            FollowUpLink(followup=followup, content_type_id=of, object_id=pk, kind=kind)
            for (of, pk), kind in places.items()
        ]
    )
    services.log(record, code=f"{module.name}.followup_added", by=by, text=f"写跟进（{followup.method.label}）")
    if files:
        uploads.attach(record, files, by=by, at=followup)
    keep_dates(places)
    for hook in _WRITTEN:
        hook(followup, places, by=by)
    title = f"{by.name}在{module.label}“{module.title_of(record)}”的跟进中提到您"
    mentions.tell(people, by=by, title=title, body=followup.content, url=url_of(followup))
    return followup


@transaction.atomic
def edit(
    followup: FollowUp,
    values: dict,
    *,
    version: int,
    by,
    related: Iterable | None = None,
    mentioned: Iterable[int] = (),
    files=(),
    drop: Iterable[int] = (),
) -> FollowUp:
    """The author changes their follow-up if it still has `version` (else services.Stale): `related` replaces the related
    records (None: they stay), `drop` = ids of its files to delete. Newly mentioned people are told."""
    module, record = record_of(followup)
    places = set(followup.links.values_list("content_type_id", "object_id")) | set(_places(record, related or ()))
    _lock(places)
    current = FollowUp.objects.select_for_update(of=("self",)).get(pk=followup.pk)
    if current.author_id != by.pk:
        raise ValidationError("只有写跟进的人可以修改它。")
    if current.version != version:
        raise services.Stale(current)
    people = mentions.named(values["content"], [*mentioned, *(pk for pk, _ in current.mentions)])
    mentions.check_sight(module, record, people)
    changes, moved = [], False
    for name, value in _fit(values).items():
        field, old = FollowUp._meta.get_field(name), getattr(current, name)
        if old == value:
            continue
        setattr(current, name, value)
        moved = moved or name == "next_contact_at"
        label = str(field.verbose_name)
        changes.append({"label": label, "old": services.display(field, old), "new": services.display(field, value)})
    before = {pk for pk, _ in current.mentions}
    current.mentions = [[person.pk, person.name] for person in people]
    current.full_clean()
    current.version += 1
    current.updated_at = timezone.now()
    current.save()
    touched = set(_where_newest(current)) if moved else set()
    touched |= _relate(current, record, related) if related is not None else set()
    dropped = _drop_files(Attachment.objects.filter(files_of([current.pk]), pk__in=list(drop)))
    changes += [{"label": "附件", "old": name, "new": ""} for name in dropped]
    services.log(record, code=f"{module.name}.followup_updated", by=by, text="修改跟进", changes=changes)
    if files:
        uploads.attach(record, files, by=by, at=current)
    keep_dates(touched)
    new = [person for person in people if person.pk not in before]
    title = f"{by.name}在{module.label}“{module.title_of(record)}”的跟进中提到您"
    mentions.tell(new, by=by, title=title, body=current.content, url=url_of(current))
    return current


def _relate(followup: FollowUp, record, related: Iterable) -> set[Place]:
    """Make exactly these the related records; returns the timelines that won or lost the follow-up."""
    wanted = {place for place, kind in _places(record, related).items() if kind == FollowUpLink.Kind.RELATED}
    stood = followup.links.filter(kind=FollowUpLink.Kind.RELATED)
    had = {(link.content_type_id, link.object_id): link.pk for link in stood}
    followup.links.filter(pk__in=[pk for place, pk in had.items() if place not in wanted]).delete()
    FollowUpLink.objects.bulk_create(
        [
            FollowUpLink(followup=followup, content_type_id=of, object_id=pk, kind=FollowUpLink.Kind.RELATED)
            for of, pk in sorted(wanted - set(had))
        ]
    )
    return wanted ^ set(had)


@transaction.atomic
def remove(followup: FollowUp, *, by) -> None:
    """Delete a follow-up with its comments and files; the dates go back to those of the one before it."""
    module, record = record_of(followup)
    places = list(followup.links.values_list("content_type_id", "object_id"))
    _lock(places)
    if FollowUp.objects.select_for_update().filter(pk=followup.pk).first() is None:
        return
    top = _where_newest(followup)
    _drop_files(Attachment.objects.filter(files_of([followup.pk])))
    change = {"label": "跟进内容", "old": followup.content, "new": ""}
    services.log(record, code=f"{module.name}.followup_removed", by=by, text="删除跟进", changes=[change])
    FollowUp.objects.filter(pk=followup.pk).delete()
    keep_dates(top)


@transaction.atomic
def comment(followup: FollowUp, content: str, *, by, mentioned: Iterable[int] = ()) -> FollowUpComment:
    """Say something to a follow-up; its author and whom it mentions are told, if they may see the record."""
    module, record = record_of(followup)
    people = mentions.named(content, list(mentioned))
    mentions.check_sight(module, record, people)
    said = FollowUpComment(
        followup=followup, author=by, content=content, mentions=[[person.pk, person.name] for person in people]
    )
    said.full_clean()
    said.save(force_insert=True)
    services.log(record, code=f"{module.name}.followup_commented", by=by, text="评论跟进")
    place, url = f"{module.label}“{module.title_of(record)}”的跟进", url_of(followup)
    mentions.tell(people, by=by, title=f"{by.name}在{place}评论中提到您", body=said.content, url=url)
    author = followup.author
    known = {person.pk for person in people}
    if author.pk not in known and module.model.objects.allowed(author, "view").filter(pk=record.pk).exists():
        mentions.tell([author], by=by, title=f"{by.name}评论了您在{place}", body=said.content, url=url)
    return said


@transaction.atomic
def remove_comment(said: FollowUpComment, *, by) -> None:
    """Take back a comment; the log keeps what it said."""
    module, record = record_of(said.followup)
    change = {"label": "评论", "old": said.content, "new": ""}
    services.log(record, code=f"{module.name}.followup_comment_removed", by=by, text="删除跟进评论", changes=[change])
    said.delete()


# Files and the end of a record ----------------------------------------------------------------------------------------
def files_of(ids: Iterable[int]) -> Q:
    """The condition of the attachments of these follow-ups."""
    return Q(content_type=ContentType.objects.get_for_model(FollowUp), object_id__in=list(ids))


def _drop_files(rows) -> list[str]:
    """Delete attachments, their files once that is committed; returns the names."""
    gone = list(rows)
    uploads.forget(gone)
    return [file.name for file in gone]


def forget(content_type: ContentType, ids: list[int]) -> None:
    """Records are purged: what was written at them goes with its files, other follow-ups leave their timelines, and the
    dates of the records above them are set anew. Part of the caller's transaction."""
    gone = list(FollowUp.objects.filter(content_type=content_type, object_id__any=ids).values_list("pk", flat=True))
    above = set(
        FollowUpLink.objects.filter(followup_id__any=gone, kind=FollowUpLink.Kind.PARENT).values_list(
            "content_type_id", "object_id"
        )
    )
    _lock(above)
    _drop_files(Attachment.objects.filter(files_of(gone)))
    FollowUpLink.objects.filter(Q(content_type=content_type, object_id__any=ids) | Q(followup_id__any=gone)).delete()
    FollowUp.objects.filter(pk__any=gone).delete()
    keep_dates(above)


# Phrases --------------------------------------------------------------------------------------------------------------
@transaction.atomic
def keep_phrase(text: str, *, by, company: bool = False) -> QuickText:
    """Keep a phrase (常用语) for oneself, or for everybody (`company`: holders of 数据字典). The same text stands once."""
    if company and not by.has_function("admin.dictionary"):
        raise ValidationError("您没有维护公司常用语的权限。")
    text = tidy(text, multiline=True)
    owner = None if company else by
    phrase = QuickText(user=owner, text=text)
    phrase.full_clean()
    same = QuickText.objects.filter(user=owner, text=phrase.text).first()
    if same is not None:
        return same
    if QuickText.objects.filter(user=owner).count() >= PHRASES:
        raise ValidationError(f"常用语最多 {PHRASES} 条，请先删除不用的。")
    phrase.save(force_insert=True)
    return phrase


def drop_phrase(phrase: QuickText) -> None:
    phrase.delete()
