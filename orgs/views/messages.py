"""消息: the inbox, reading, deleting, letters to colleagues."""

from django import forms
from django.contrib import messages as toasts
from django.core.exceptions import ValidationError
from django.http import Http404
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from crm.notices import kinds
from crm.notices import services as notices
from crm.records import formatting
from crm.records.formfields import RemotePickers, SeveralPicked

from ..models import Employee
from ..services import letters
from .base import Pager, done, form_page, go, move_errors, number, render_page

INBOX = "/messages/"
CRUMB = {"label": "消息", "list_url": INBOX}
EARLIER = 20
MOST = 1000  # ids one request may name; a page shows 100


@require_safe
def inbox(request):
    """/messages/?kind=&unread=1: my messages, newest first."""
    kind, unread = request.GET.get("kind", ""), request.GET.get("unread") == "1"
    rows, problems = notices.inbox(request.user).select_related("sender"), []
    waiting = notices.unread_by_kind(request.user)
    if kind and kind not in kinds.ALL:
        kind, problems = "", ["忽略了无法识别的类型"]
    if kind:
        rows = rows.filter(kind=kind)
    if unread:
        rows = rows.filter(read_at=None)
    pager = Pager(request, rows, size=30)

    def address(chosen: str, only_unread: bool) -> str:
        parts = [f"kind={chosen}"] * bool(chosen) + ["unread=1"] * only_unread
        return INBOX + (f"?{'&'.join(parts)}" if parts else "")

    tabs = [("", "全部", sum(waiting.values()))]
    tabs += [(one.key, one.label, waiting.get(one.key, 0)) for one in kinds.ordered()]
    return render_page(
        request,
        "messages/list.html",
        {
            "tabs": [
                {"label": label, "url": address(key, unread), "active": key == kind, "count": count}
                for key, label, count in tabs
            ],
            "items": list(pager.rows),
            "kind": kind,
            "unread_only": unread,
            "any_unread": bool(waiting),
            "all_url": address(kind, False),
            "unread_url": address(kind, True),
            "pager": pager.context(),
            "problems": problems,
        },
    )


def chosen_ids(data) -> list[int]:
    """Ids out of repeated fields or "1,2"."""
    parts = ",".join(data.getlist("ids")).split(",")
    return [found for part in parts[:MOST] if (found := number(part)) is not None]


def came_from(request) -> str:
    """The inbox as it was filtered: only an address of the inbox itself."""
    back = request.POST.get("back", "")
    return back if back.startswith(f"{INBOX}?") and back.isprintable() and "\\" not in back else INBOX


def nothing_chosen(request):
    toasts.warning(request, "请先选择消息。")
    return go(request, came_from(request))


@require_POST
def read(request):
    """POST /messages/read/: the chosen `ids`, or with all=1 everything."""
    ids = None if request.POST.get("all") == "1" else chosen_ids(request.POST)
    if ids == []:
        return nothing_chosen(request)
    notices.mark_read(request.user, ids)
    return done(request, came_from(request), "已标为已读")


@require_POST
def delete(request):
    """POST /messages/delete/: one message at once, several after a question."""
    ids = list(dict.fromkeys(chosen_ids(request.POST)))
    if not ids:
        return nothing_chosen(request)
    count = notices.inbox(request.user).filter(pk__in=ids).count()
    if len(ids) > 1 and request.POST.get("confirmed") != "1":
        hidden = [("ids", ",".join(map(str, ids))), ("confirmed", "1"), ("back", came_from(request))]
        return render_page(
            request,
            "records/confirm.html",
            {
                "heading": f"删除 {count} 条消息？",
                "body": "删除后不能恢复；只从您的消息里删除，不影响同事和有关的记录。",
                "submit_label": f"删除（{count} 条）",
                "danger": True,
                "hidden": hidden,
                "module": CRUMB,
                "back_url": came_from(request),
            },
        )
    gone = notices.delete(request.user, ids)
    return done(request, came_from(request), f"已删除 {formatting.count(gone)} 条消息")


class ColleaguePickers(RemotePickers):
    def optgroups(self, name, value, attrs=None):
        return super().optgroups(name, [one for one in value if number(one)], attrs)


class Colleagues(SeveralPicked):
    """Colleagues picked by typing; an id that can be none never reaches the database."""

    def __init__(self, **kwargs):
        super().__init__(Employee.objects.all(), kind="colleague", widget=ColleaguePickers(kind="colleague"), **kwargs)

    def clean(self, value):
        if any(number(one) is None for one in value or ()):
            raise ValidationError(self.error_messages["invalid_choice"], code="invalid_choice")
        return super().clean(value)


class ReplyForm(forms.Form):
    """The text of a letter."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["text"] = letters.TEXT.formfield()
        self.fields["text"].widget.attrs["rows"] = 4


class LetterForm(ReplyForm):
    """A new letter."""

    field_order = ("recipients", "title", "text")

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["recipients"] = Colleagues(label="收件人", error_messages={"required": "请选择收件人"})
        self.fields["recipients"].widget.choices = self.fields["recipients"].choices
        self.fields["recipients"].widget.attrs |= {"placeholder": "输入姓名、手机号或拼音首字母", "data-wide": ""}
        self.fields["title"] = letters.TITLE.formfield(required=False)
        self.fields["title"].help_text = "可以不填，不填时显示内容的开头"
        self.fields["title"].widget.attrs["data-wide"] = ""
        self.fields["text"].widget.attrs["rows"] = 7
        self.fields["text"].help_text = "最多 2,000 个字"
        self.order_fields(self.field_order)


@require_http_methods(["GET", "HEAD", "POST"])
def write(request):
    """/messages/new/?to=<employee>: a letter to colleagues."""
    to = number(request.GET.get("to"))
    form = LetterForm(request.POST or None, initial={"recipients": [to] if to else []})
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            sent = letters.send_letter(
                list(data["recipients"]), title=data["title"], text=data["text"], by=request.user
            )
            return done(request, INBOX, "已发送" if sent == 1 else f"已发送给 {sent} 位同事")
        except ValidationError as error:
            move_errors(form, error)
    return form_page(
        request,
        form,
        heading="写站内信",
        sections=[("", "", ("recipients", "title", "text"))],
        crumb=CRUMB,
        back_url=INBOX,
        save_label="发送",
        nav_active="messages",
    )


def own(request, pk: int):
    return get_object_or_404(notices.inbox(request.user).select_related("sender__department"), pk=pk)


@require_safe
def open_message(request, pk: int):
    """/messages/<pk>/: mark it read and go where it points; a letter is shown with what was written before."""
    message = own(request, pk)
    notices.mark_read(request.user, [pk])
    if message.url.startswith("/") and not message.url.startswith(("//", "/\\")):
        return go(request, message.url)
    return reading(request, message, ReplyForm())


def reading(request, message, form):
    earlier = []
    if message.sender_id:
        rows = notices.between(request.user, message.sender).filter(pk__lt=message.pk).select_related("sender")
        earlier = list(rows[:EARLIER])
    return render_page(
        request,
        "messages/detail.html",
        {"message": message, "form": form, "earlier": earlier},
        status=422 if form.errors else 200,
    )


@require_POST
def reply(request, pk: int):
    """POST /messages/<pk>/reply/: answer a letter on its own page."""
    message = own(request, pk)
    if message.sender_id is None:
        raise Http404
    form = ReplyForm(request.POST)
    if form.is_valid():
        title = message.title.removeprefix("回复：")
        title = f"回复：{title}"[: letters.TITLE.max_length]
        try:
            letters.send_letter(
                [message.sender], title=title, text=form.cleaned_data["text"], by=request.user, answers=message
            )
            return done(request, INBOX, "已回复")
        except ValidationError as error:
            form.add_error(None, error.messages)
    return reading(request, message, form)
