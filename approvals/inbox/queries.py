"""The lists of the approval centre, their figures and their rows."""

from dataclasses import dataclass, field
from datetime import date, datetime, time
from urllib.parse import urlencode

from django.contrib.auth import get_user_model
from django.db.models import Count, F, Q, Subquery
from django.utils import timezone
from django.utils.dateparse import parse_date

from orgs.views.base import number

from .. import documents, reach
from ..line import CHIPS, SAID, names, spent
from ..models import Approval, Assignment, Copy, Step

EARLIEST = date(1990, 1, 1)
TABS = {"waiting": "待我审批", "decided": "我已审批", "mine": "我发起的", "copied": "抄送我的"}
ALL = "all"
SORTS = {
    "waiting": {"": ("-opened_at", "-pk"), "oldest": ("opened_at", "pk"), "due": ("step__due_at", "-pk")},
    "decided": {"": ("-decided_at", "-pk"), "oldest": ("decided_at", "pk")},
    "mine": {"": ("-pk",), "oldest": ("pk",)},
    "copied": {"": ("-pk",), "oldest": ("pk",)},
    ALL: {"": ("-pk",), "oldest": ("pk",)},
}
SORT_LABELS = {"": "最新在前", "oldest": "最早在前", "due": "快到期在前"}


def waiting(user):
    """What the person is to decide now."""
    return Assignment.objects.filter(employee=user, state=Assignment.State.OPEN)


def decided(user):
    """What the person decided: one row a decision."""
    return Assignment.objects.filter(employee=user, decided_at__isnull=False, state__in=SAID)


def mine(user):
    return Approval.objects.filter(submitter=user)


def copied(user):
    return Copy.objects.filter(employee=user)


LISTS = {"waiting": waiting, "decided": decided, "mine": mine, "copied": copied}
PATHS = {"waiting": "step__approval__", "decided": "step__approval__", "copied": "approval__"}


def figure(rows, by: str) -> Subquery:
    return Subquery(rows.order_by().values(by).annotate(n=Count("pk")).values("n"))


def waiting_expression(user) -> Subquery:
    """Number of open decisions as a subquery, NULL for none."""
    return figure(waiting(user), "employee")


def counts(user) -> dict[str, int]:
    """{list: how many rows}, in one statement."""
    parts = [figure(rows(user), "submitter" if key == "mine" else "employee") for key, rows in LISTS.items()]
    found = get_user_model().objects.filter(pk=user.pk).values_list(*parts).get()
    return {key: value or 0 for key, value in zip(LISTS, found, strict=True)}


@dataclass
class Asked:
    """What the URL asks for; `problems` names what it could not read."""

    tab: str = "waiting"
    document: str = ""
    submitter: int | None = None
    since: date | None = None
    until: date | None = None
    text: str = ""
    sort: str = ""
    unread: bool = False
    state: str = ""
    problems: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, data, user) -> "Asked":
        found = cls()
        tabs = [*TABS, *([ALL] if user.has_function(reach.FORCE) else [])]
        readers = {
            "tab": lambda text: text if text in tabs else None,
            "document": lambda text: text if text in documents.ALL else None,
            "submitter": number,
            "since": day,
            "until": day,
            "q": lambda text: " ".join(text.replace("\x00", "").split())[:100],
            "unread": lambda text: True if text == "1" else None,
            "state": lambda text: text if text in Approval.State.values else None,
            "sort": str,
        }
        for name in data:
            if name in ("page", "size"):
                continue
            text = data.get(name, "")
            if name not in readers:
                found.problems.append(f"未知的筛选条件“{name[:40]}”已忽略。")
            elif text:
                value = readers[name](text)
                if value is None:
                    found.problems.append(f"筛选条件“{LABELS[name]}”的值无效，已忽略。")
                else:
                    setattr(found, {"q": "text"}.get(name, name), value)
        if found.sort not in SORTS[found.tab]:
            found.problems.append("筛选条件“排序”的值无效，已忽略。")
            found.sort = ""
        return found

    def address(self, **changed) -> str:
        """The list as asked for, with changes."""
        values = {
            "tab": "" if self.tab == "waiting" else self.tab,
            "document": self.document,
            "submitter": self.submitter or "",
            "since": self.since or "",
            "until": self.until or "",
            "q": self.text,
            "sort": self.sort,
            "unread": "1" if self.unread else "",
            "state": self.state,
        } | changed
        kept = urlencode({name: value for name, value in values.items() if value != ""})
        return f"/approvals/?{kept}" if kept else "/approvals/"

    @property
    def narrowed(self) -> bool:
        return bool(
            self.document or self.submitter or self.since or self.until or self.text or self.unread or self.state
        )


LABELS = {
    "tab": "列表",
    "document": "单据",
    "submitter": "发起人",
    "since": "提交时间从",
    "until": "提交时间到",
    "q": "搜索",
    "unread": "未读",
    "state": "状态",
    "sort": "排序",
}


def day(text: str) -> date | None:
    try:
        found = parse_date(text) if text.isascii() and len(text) == 10 else None
    except ValueError:
        return None
    return found if found and EARLIEST <= found < date(9999, 1, 1) else None


def start_of(found: date) -> datetime:
    return timezone.make_aware(datetime.combine(found, time()))


def listed(user, asked: Asked):
    """The rows of the list, narrowed and sorted."""
    rows = Approval.objects.all() if asked.tab == ALL else LISTS[asked.tab](user)
    path, condition = PATHS.get(asked.tab, ""), Q()
    if asked.document:
        condition &= Q(**{f"{path}document": asked.document})
    if asked.submitter:
        condition &= Q(**{f"{path}submitter": asked.submitter})
    if asked.since:
        condition &= Q(**{f"{path}submitted_at__gte": start_of(asked.since)})
    if asked.until:
        condition &= Q(**{f"{path}submitted_at__date__lte": asked.until})
    if asked.state:
        condition &= Q(**{f"{path}state": asked.state})
    if asked.text and asked.tab != ALL:  # a title nobody may read there must not be found by either
        condition &= Q(**{f"{path}title__icontains": asked.text})
    if asked.unread and asked.tab == "copied":
        condition &= Q(read_at=None)
    joins = {
        "": ("submitter",),
        "step__approval__": ("step__approval__submitter",),
        "approval__": ("approval__submitter",),
    }
    rows = rows.filter(condition).select_related(*joins[path])
    order = SORTS[asked.tab][asked.sort]
    if asked.sort == "due":
        rows = rows.order_by(F("step__due_at").asc(nulls_last=True), "-pk")
        return rows
    return rows.order_by(*order)


def approval_of(row) -> Approval:
    return row if isinstance(row, Approval) else row.step.approval if isinstance(row, Assignment) else row.approval


def shown(rows, user, tab: str) -> list[dict]:
    """What the list shows of these rows: a fixed number of statements, however many they are."""
    rows, now = list(rows), timezone.now()
    approvals = [approval_of(row) for row in rows]
    at = current(approvals)
    readable = {}
    if tab == ALL:  # whoever supervises approvals sees titles of what they see anyway
        taken = set(reach.involving(user).filter(pk__in=[one.pk for one in approvals]).values_list("pk", flat=True))
        readable = {one.pk: one.pk in taken for one in approvals} | dict.fromkeys(reach.places(approvals, user), True)
    money: dict[str, bool] = {}
    found = []
    for row, approval in zip(rows, approvals, strict=True):
        if approval.document not in money:
            money[approval.document] = reach.shows_amount(approval.document, user)
        clear = readable.get(approval.pk, True)
        step = row.step if tab == "waiting" else at.get(approval.pk)
        entry = {
            "pk": row.pk,
            "approval": approval,
            "url": f"/approvals/{approval.pk}/",
            "title": approval.title if clear else "不在您的数据范围内",
            "clear": clear,
            "kind": reach.label_of(approval),
            "amount": approval.amount if clear and money[approval.document] else None,
            "css": CHIPS.get(approval.state, ""),
            "step": step.name if step else "",
            "people": names([one.employee.name for one in live(step)], 2) if step and tab != "waiting" else "",
            "due_at": step.due_at if step else None,
            "late": bool(step and step.due_at and step.due_at < now),
        }
        if tab == "waiting":
            entry |= {"since": row.opened_at, "waited": spent(now - row.opened_at) if row.opened_at else ""}
        elif tab == "decided":
            entry |= {"said": SAID[row.state], "comment": row.comment, "since": row.decided_at}
        elif tab == "copied":
            entry |= {"unread": row.read_at is None, "since": row.created_at}
        else:
            entry["since"] = approval.submitted_at
        found.append(entry)
    return found


def current(approvals) -> dict[int, Step]:
    """{approval id: its open step with who is asked}."""
    pending = [one.pk for one in approvals if one.state == Approval.State.PENDING]
    rows = Step.objects.filter(approval__in=pending, state=Step.State.OPEN).prefetch_related("assignments__employee")
    return {step.approval_id: step for step in rows} if pending else {}


def live(step) -> list[Assignment]:
    return [one for one in step.assignments.all() if one.state == Assignment.State.OPEN]
