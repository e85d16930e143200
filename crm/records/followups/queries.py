"""Which follow-ups a person sees, and how they are read: one record's timeline, the events of a page."""

from dataclasses import dataclass
from itertools import groupby

from django.contrib.contenttypes.models import ContentType
from django.db.models import Count, Exists, IntegerField, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce
from django.urls import reverse
from django.utils import timezone

from .. import formatting, modules
from ..models import Attachment, FollowUp, FollowUpComment, FollowUpLink, OperationLog
from . import mentions

PAGE = 20
ALL, TALK, LOG = "all", "talk", "log"
SHOWN = ((ALL, "全部"), (TALK, "沟通记录"), (LOG, "操作"))
# Method of the dictionary -> (icon, tint); what administrators add gets the note.
ICONS = {
    "电话": ("phone", "accent"),
    "微信": ("chat", "success"),
    "短信": ("chat", "info"),
    "邮件": ("mail", "info"),
    "上门拜访": ("visit", "violet"),
    "会议": ("team", "warning"),
}


def icon_of(method: str) -> str:
    return ICONS.get(method, ("note", ""))[0]


def kind_of(module) -> ContentType:
    return ContentType.objects.get_for_model(module.model)


def followed_modules(user, action: str = "view") -> list:
    """Modules with follow-ups in which the person holds 查看 and the function of `action`."""
    return [m for m in modules.ordered() if m.followed and m.may(user, "view") and m.may(user, action)]


def condition(user, action: str = "view", among=None) -> Q:
    """What a follow-up must meet: the record it was written at is one on which the person may do `action`."""
    found = Q(pk__in=[])
    for module in followed_modules(user, action) if among is None else among:
        rows = module.model.objects.allowed(user, action).order_by()
        # Asked row by row: there are few follow-ups on a page and perhaps a million records.
        found |= Q(content_type=kind_of(module)) & Q(Exists(rows.filter(pk__at=OuterRef("object_id"))))
    return found


def allowed(user, action: str = "view"):
    """The follow-ups of records on which the person may do `action`."""
    return FollowUp.objects.filter(condition(user, action))


def at_record(record, user):
    """The follow-ups on a visible record's timeline that the person may see: its own, and others that concern it."""
    module = modules.of_model(type(record))
    kind = kind_of(module)
    here = FollowUp.objects.filter(links__content_type=kind, links__object_id=record.pk)
    return here.filter(Q(content_type=kind, object_id=record.pk) | condition(user))


def log_at(record):
    """The operation log of a record without what stands on the timeline as a follow-up itself."""
    module = modules.of_model(type(record))
    rows = OperationLog.objects.filter(content_type=kind_of(module), object_id=record.pk)
    shown_already = ("followup_added", "followup_commented", "followup_file_added")
    return rows.exclude(code__in=[f"{module.name}.{code}" for code in shown_already])


# Reading --------------------------------------------------------------------------------------------------------------
def for_reading(rows):
    """With everything an event shows that a join can bring."""
    said = FollowUpComment.objects.filter(followup=OuterRef("pk")).order_by().values("followup")
    count = Subquery(said.annotate(n=Count("pk")).values("n"), output_field=IntegerField())
    return rows.select_related("author__department", "method", "topic").annotate(comment_count=Coalesce(count, 0))


def fetch(places) -> dict[tuple[int, int], object]:
    """{(content type, id): record}, one statement a module."""
    found = {}
    for kind, group in groupby(sorted(places), key=lambda place: place[0]):
        model = ContentType.objects.get_for_id(kind).model_class()
        for pk, record in model.objects.in_bulk([place[1] for place in group]).items():
            found[kind, pk] = record
    return found


def titled(place, record) -> dict:
    """Label, name and address of a record an event names."""
    module = modules.of_model(type(record))
    return {
        "label": module.label,
        "child": bool(module.parents),
        "title": module.title_of(record),
        "url": module.url(pk=place[1]),
    }


def rights_over(followups, user) -> tuple[set[int], set[int]]:
    """(ids the person may edit, ids they may delete): the author while they may follow up the record; who may delete the
    record deletes its follow-ups too. Two statements a module, none where nothing is theirs."""
    edit, delete = set(), set()
    by_type: dict[int, list] = {}
    for followup in followups:
        by_type.setdefault(followup.content_type_id, []).append(followup)
    for kind, written in by_type.items():
        module = modules.of_content_type(ContentType.objects.get_for_id(kind))
        mine = {f.object_id for f in written if f.author_id == user.pk}
        may = _allowed_ids(module, user, "follow", mine)
        may_delete = _allowed_ids(module, user, "delete", {f.object_id for f in written})
        edit |= {f.pk for f in written if f.author_id == user.pk and f.object_id in may}
        delete |= {f.pk for f in written if f.object_id in may_delete}
    return edit, edit | delete


def _allowed_ids(module, user, action: str, ids: set[int]) -> set[int]:
    if not ids or not module.may(user, action):
        return set()
    return set(module.model.objects.allowed(user, action).filter(pk__any=ids).order_by().values_list("pk", flat=True))


def events(followups: list, user, *, here=None) -> list[dict]:
    """Follow-ups as the timeline shows them; `here` = the record whose page it is (its name is not repeated)."""
    ids = [f.pk for f in followups]
    if not ids:
        return []
    edit, delete = rights_over(followups, user)
    links = list(
        FollowUpLink.objects.filter(followup_id__any=ids, kind=FollowUpLink.Kind.RELATED).values_list(
            "followup_id", "content_type_id", "object_id"
        )
    )
    mine = (ContentType.objects.get_for_model(type(here)).pk, here.pk) if here is not None else None
    places = {(f.content_type_id, f.object_id) for f in followups} | {(kind, pk) for _, kind, pk in links}
    records = fetch(places - {mine})
    files: dict[int, list] = {}
    kind = ContentType.objects.get_for_model(FollowUp)
    for file in Attachment.objects.filter(content_type=kind, object_id__any=ids).order_by("pk"):
        files.setdefault(file.object_id, []).append(file)
    found = []
    for f in followups:
        own = (f.content_type_id, f.object_id)
        about = [(kind, pk) for followup, kind, pk in links if followup == f.pk and (kind, pk) != mine]
        shown = files.get(f.pk, [])
        pictures = [file for file in shown if file.mime.startswith("image/")]
        icon, tint = ICONS.get(f.method.label, ("note", ""))
        found.append(
            {
                "pk": f.pk,
                "talk": True,
                "at": f.created_at,
                "actor": f.author,
                "method": f.method.label,
                "icon": icon,
                "tint": tint,
                "title": f.title,
                "topic": f.topic.label if f.topic_id else "",
                "text": mentions.linked(f.content, f.mentions),
                "visit": [
                    (FollowUp._meta.get_field(name).verbose_name, getattr(f, name))
                    for name in ("place", "purpose", "result")
                    if getattr(f, name)
                ],
                "next": f.next_contact_at,
                "edited": f.updated_at if f.version > 1 else None,
                "at_record": titled(own, records[own]) if own != mine and own in records else None,
                "about": [titled(place, records[place]) for place in about if place in records],
                "pictures": [(file.name, reverse("file", args=[file.pk])) for file in pictures],
                "files": [
                    (file.name, reverse("file", args=[file.pk]), formatting.file_size(file.size))
                    for file in shown
                    if file not in pictures
                ],
                "comments": f.comment_count,
                "edit": f.pk in edit,
                "remove": f.pk in delete,
            }
        )
    return found


@dataclass
class Timeline:
    """A page of a record's timeline: `days` = [(heading, [event])], `more` the position behind it ("" at the end)."""

    days: list
    more: str


def timeline(record, user, *, show: str = ALL, before: str = "", log_events) -> Timeline:
    """Follow-ups and operation log of a record, newest first, from the position `before` on. Both run backwards by their
    ids, so a page is two index scans however deep it lies. `log_events(entries)` makes events of log rows."""
    talk_before, log_before = _position(before)
    talks, logs = [], []
    if show != LOG:
        rows = at_record(record, user) if talk_before is None else at_record(record, user).filter(pk__lt=talk_before)
        talks = list(for_reading(rows).order_by("-pk")[: PAGE + 1])
    if show != TALK:
        rows = log_at(record) if log_before is None else log_at(record).filter(pk__lt=log_before)
        logs = list(rows.select_related("actor").order_by("-pk")[: PAGE + 1])
    merged = _merge(talks, logs)
    page, rest = merged[:PAGE], merged[PAGE:]
    shown_talks = [row for row in page if isinstance(row, FollowUp)]
    shown_logs = [row for row in page if isinstance(row, OperationLog)]
    made = {("f", event["pk"]): event for event in events(shown_talks, user, here=record)}
    made |= {("l", event["pk"]): event for event in log_events(shown_logs)}
    shown = [made["f" if isinstance(row, FollowUp) else "l", row.pk] for row in page]
    more = ""
    if rest:
        last_talk = shown_talks[-1].pk if shown_talks else talk_before
        last_log = shown_logs[-1].pk if shown_logs else log_before
        more = f"{last_talk or ''}.{last_log or ''}"
    return Timeline(by_day(shown), more)


def _merge(talks: list, logs: list) -> list:
    """Two lists, each newest id first, into one by time; neither is ever reordered within itself."""
    found, talks, logs = [], talks[::-1], logs[::-1]
    while talks and logs:
        found.append((talks if talks[-1].created_at >= logs[-1].created_at else logs).pop())
    return found + talks[::-1] + logs[::-1]


def _position(text: str) -> tuple[int | None, int | None]:
    first, _, second = text.partition(".")
    return tuple(
        int(part) if part.isascii() and part.isdigit() and len(part) < 19 else None for part in (first, second)
    )


def by_day(shown: list[dict]) -> list[tuple[str, list[dict]]]:
    """Events in their order under the headings of their local days."""
    days: list[tuple[str, list[dict]]] = []
    for event in shown:
        day = timezone.localtime(event["at"]).date()
        text = heading(day)
        if not days or days[-1][0] != text:
            days.append((text, []))
        days[-1][1].append(event)
    return days


def heading(day) -> str:
    """今天 · 2026-11-20 周五; days farther back without the first word."""
    days = (timezone.localdate() - day).days
    near = {0: "今天", 1: "昨天", 2: "前天"}.get(days, "")
    return (f"{near} · " if near else "") + f"{formatting.day(day)} 周{formatting.WEEKDAYS[day.weekday()]}"
