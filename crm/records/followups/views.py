"""Doors of follow-ups: the composer and timeline of a record, and one follow-up with its comments."""

import json

from django.contrib import messages
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_http_methods, require_POST

from .. import modules
from ..models import Attachment, FollowUp, FollowUpComment, FollowUpLink, QuickText
from ..services import Stale
from ..views.base import ModuleView, deny, go, render_page
from ..views.detail import DetailView
from ..views.logs import log_events
from . import queries, services
from .forms import CommentForm, FollowUpForm, phrases


def told(response: HttpResponse, text: str, **events) -> HttpResponse:
    """The answer to a fragment's request with a toast, and what the page should know of."""
    response["HX-Trigger"] = json.dumps({"toast": {"text": text}, **events})
    return response


def composer_context(form, user, *, action: str) -> dict:
    return {
        "form": form,
        "composer": action,
        "phrases": phrases(user),
        "company_phrases": user.has_function("admin.dictionary"),
        "errors": [text for found in form.errors.values() for text in found],
    }


def flow_context(record, module, request, user) -> dict:
    """The timeline with its type filter, from the position of the address on."""
    show = request.GET.get("show", queries.ALL)
    show = show if show in dict(queries.SHOWN) else queries.ALL
    found = queries.timeline(
        record,
        user,
        show=show,
        before=request.GET.get("before", ""),
        log_events=lambda rows: log_events(module, user, rows),
    )
    url = module.url("follow-ups", record.pk)
    return {
        "flow_url": url,
        "shown": [{"key": key, "label": label, "active": key == show} for key, label in queries.SHOWN],
        "days": found.days,
        "more_url": f"{url}?show={show}&before={found.more}" if found.more else None,
        "first": not request.GET.get("before"),
        "empty_text": "还没有操作记录" if show == queries.LOG else "还没有跟进记录",
    }


def tab(record, module, request, user, rights) -> dict:
    """The tab of a record's page: composer where the person may follow up, then the timeline."""
    context = flow_context(record, module, request, user)
    if "follow" in rights:
        form = FollowUpForm(record=record, user=user)
        context |= composer_context(form, user, action=module.url("follow-ups", record.pk))
    return context


class FollowUpsView(ModuleView):
    """/<prefix>/<pk>/follow-ups/: GET the timeline from a position on, POST what the composer sends."""

    def dispatch(self, request, *args, **kwargs):
        self.action = "follow" if request.method == "POST" else "view"
        return super().dispatch(request, *args, **kwargs)

    def get(self, request, pk):
        record = self.record()
        if not request.htmx:
            return HttpResponseRedirect(f"{self.module.url(pk=pk)}?tab=followups")
        template = "followups/events.html" if request.GET.get("before") else "followups/flow.html"
        return render_page(request, template, {"tab": flow_context(record, self.module, request, self.user)})

    def post(self, request, pk):
        record = self.record()
        form = FollowUpForm(request.POST, record=record, user=self.user)
        if form.is_valid():
            try:
                services.write(
                    record,
                    form.values(),
                    by=self.user,
                    related=form.related(),
                    mentioned=form.cleaned_data["mentions"],
                    files=request.FILES.getlist("files"),
                )
            except ValidationError as error:
                form.add_error(None, error.messages)
            else:
                return self.written(request, pk)
        return composer(request, form, module=self.module, record=record)

    def written(self, request, pk):
        if not request.htmx:
            messages.success(request, "保存成功")
            return HttpResponseRedirect(f"{self.module.url(pk=pk)}?tab=followups")
        if request.htmx.target == "dialog":
            return told(HttpResponse(), "保存成功", followed={"url": self.module.url(pk=pk)})
        page = DetailView()
        page.setup(request, pk=pk)
        page.module, page.user = self.module, self.user
        response = page.get(request, pk)
        response["HX-Retarget"], response["HX-Reselect"] = "closest .k-page", ".k-page"
        response["HX-Reswap"] = "outerHTML show:none"
        return told(response, "保存成功")


def composer(request, form, *, module, record, followup=None, status: int = 422, **more):
    """The composer alone, in the page, the dialog or on a page of its own; errors above it."""
    action = f"/follow-ups/{followup.pk}/edit/" if followup else module.url("follow-ups", record.pk)
    in_page = request.htmx and request.htmx.target != "dialog"
    template = "followups/composer.html" if in_page else "followups/dialog.html"
    context = {"module": module, "record": record, "title": module.title_of(record), "followup": followup, **more}
    context["tab"] = composer_context(form, request.user, action=action)
    return render_page(request, template, context, status=status)


class ComposeView(ModuleView):
    """GET /<prefix>/<pk>/follow-ups/new/?method=phone: the composer in a dialog, from a list's row or a phone number."""

    action = "follow"

    def get(self, request, pk):
        record = self.record()
        form = FollowUpForm(record=record, user=self.user, method=request.GET.get("method", ""))
        return composer(request, form, module=self.module, record=record, status=200)


# One follow-up --------------------------------------------------------------------------------------------------------
def found(request, pk: int, action: str = "view"):
    """(follow-up, module, record) where the person may see the record; 404 else, 403 where only `action` is missing."""
    followup = queries.for_reading(FollowUp.objects.filter(pk=pk)).first()
    if followup is None:
        raise Http404
    module = modules.of_content_type(ContentType.objects.get_for_id(followup.content_type_id))
    if not module.may(request.user, "view"):
        raise Http404
    record = module.model.objects.allowed(request.user, "view").filter(pk=followup.object_id).first()
    if record is None:
        raise Http404
    if action != "view" and not module.model.objects.allowed(request.user, action).filter(pk=record.pk).exists():
        deny(module, action)
    return followup, module, record


def event(request, followup, status: int = 200):
    """The article of one follow-up, as it stands on the timeline of the page it is shown on."""
    module, record = services.record_of(followup)
    on_its_page = (request.htmx.current_url_abs_path or "").startswith(module.url(pk=record.pk))
    shown = queries.events([followup], request.user, here=record)[0]
    return render_page(request, "followups/event.html", {"event": shown, "dated": on_its_page}, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
def edit(request, pk):
    """/follow-ups/<pk>/edit/: in place, by the author."""
    followup, module, record = found(request, pk)
    if followup.author_id != request.user.pk:
        raise PermissionDenied("只有写跟进的人可以修改它。")
    found(request, pk, "follow")
    related = related_of(followup)
    stored = Attachment.objects.filter(services.files_of([pk])).order_by("pk")
    form = FollowUpForm(request.POST or None, instance=followup, record=record, user=request.user, related=related)
    more = {"stored": [{"pk": file.pk, "name": file.name} for file in stored], "version": followup.version}
    if request.method != "POST":
        return composer(request, form, module=module, record=record, followup=followup, status=200, **more)
    if form.is_valid():
        kept = unseen(related, form)
        try:
            followup = services.edit(
                followup,
                form.values(),
                version=form.cleaned_data["version"] or 0,
                by=request.user,
                related=[*form.related(), *kept],
                mentioned=form.cleaned_data["mentions"],
                files=request.FILES.getlist("files"),
                drop=[int(text) for text in request.POST.getlist("drop") if text.isascii() and text.isdigit()],
            )
        except Stale as stale:
            form.add_error(None, "这条跟进在您打开之后被改过，下面是您填的内容；再次保存会覆盖对方的改动。")
            more |= {"version": stale.current.version, "theirs": stale.current.content}
        except ValidationError as error:
            form.add_error(None, error.messages)
        else:
            if not request.htmx or request.htmx.target == "dialog":
                messages.success(request, "保存成功")
                return go(request, services.url_of(followup))
            fresh = queries.for_reading(FollowUp.objects.filter(pk=pk)).get()
            return told(event(request, fresh), "保存成功", followed={"url": module.url(pk=record.pk)})
    return composer(request, form, module=module, record=record, followup=followup, **more)


def related_of(followup) -> list:
    """The related records a follow-up names."""
    links = followup.links.filter(kind=FollowUpLink.Kind.RELATED).values_list("content_type_id", "object_id")
    return list(queries.fetch(set(links)).values())


def unseen(related: list, form) -> list:
    """Those of the related records the form could not offer: they stay."""
    kept = list(related)
    for name in form.related_fields:
        rows = form.fields[name].queryset
        offered = set(rows.filter(pk__in=[other.pk for other in kept if type(other) is rows.model]))
        kept = [other for other in kept if other not in offered]
    return kept


@require_http_methods(["GET", "HEAD", "POST"])
def remove(request, pk):
    """/follow-ups/<pk>/remove/: by the author, or who may delete the record."""
    followup, module, record = found(request, pk)
    if pk not in queries.rights_over([followup], request.user)[1]:
        raise PermissionDenied(f"只有写跟进的人，或可以删除这条{module.label}的人，才能删除跟进。")
    back = f"{module.url(pk=record.pk)}?tab=followups"
    if request.method == "POST":
        services.remove(followup, by=request.user)
        if request.htmx:
            return told(HttpResponse(), "删除成功", unfollowed={"pk": pk}, followed={"url": module.url(pk=record.pk)})
        messages.success(request, "删除成功")
        return HttpResponseRedirect(back)
    body = "评论和附件一起删除，不能恢复。下次联系时间和最后跟进时间回到上一条跟进。"
    return confirm(request, "删除这条跟进？", body, "删除跟进", back)


def confirm(request, heading: str, body: str, label: str, back: str):
    context = {"heading": heading, "body": body, "submit_label": label, "danger": True, "back_url": back}
    return render_page(request, "records/confirm.html", {**context, "hidden": [], "action": request.path})


@require_http_methods(["GET", "HEAD", "POST"])
def comments(request, pk):
    """/follow-ups/<pk>/comments/: what was said to it; POST says something."""
    followup, _, _ = found(request, pk)
    form = CommentForm(request.POST or None)
    status = 200
    if request.method == "POST":
        if form.is_valid():
            try:
                services.comment(
                    followup, form.cleaned_data["content"], by=request.user, mentioned=form.cleaned_data["mentions"]
                )
                form = CommentForm()
            except ValidationError as error:
                form.add_error("content", error.messages)
        if form.is_bound:
            status = 422
    if not request.htmx:
        return HttpResponseRedirect(services.url_of(followup))
    return thread(request, followup, form, status)


def said(followup, user) -> dict:
    """The comments of a follow-up and an empty form for the next."""
    shown = [
        {
            "pk": one.pk,
            "author": one.author,
            "at": one.created_at,
            "text": queries.mentions.linked(one.content, one.mentions),
            "mine": one.author_id == user.pk,
        }
        for one in followup.comments.select_related("author")
    ]
    return {"said": shown, "comments": len(shown), "form": CommentForm()}


def thread(request, followup, form, status: int = 200):
    """The fold of comments below a follow-up, open or (?closed=1) shut."""
    found = said(followup, request.user)
    event = {"pk": followup.pk, "comments": found["comments"]}
    shut = request.GET.get("closed") == "1"
    context = {"event": event, "open": not shut, "said": found["said"], "form": form}
    return render_page(request, "followups/talk.html", context, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
def remove_comment(request, pk):
    """/follow-ups/comments/<pk>/remove/: by who wrote it."""
    comment = FollowUpComment.objects.select_related("followup").filter(pk=pk).first()
    if comment is None:
        raise Http404
    followup, _, _ = found(request, comment.followup_id)
    if comment.author_id != request.user.pk:
        raise PermissionDenied("只有写评论的人可以删除它。")
    if request.method == "POST":
        services.remove_comment(comment, by=request.user)
        if request.htmx:
            return told(
                HttpResponse(), "删除成功", said={"url": f"{services.url_of(followup)}comments/", "pk": followup.pk}
            )
        return HttpResponseRedirect(services.url_of(followup))
    return confirm(request, "删除这条评论？", "删除后不能恢复。", "删除评论", services.url_of(followup))


# Phrases --------------------------------------------------------------------------------------------------------------
def _phrases(request, status: int = 200, error: str = ""):
    context = {"phrases": phrases(request.user), "company_phrases": request.user.has_function("admin.dictionary")}
    return render_page(request, "followups/phrases.html", {"tab": context, "error": error}, status=status)


def _composing(user) -> None:
    if not queries.followed_modules(user, "follow"):
        raise PermissionDenied("您的角色没有写跟进的权限。")


@require_POST
def keep_phrase(request):
    """POST /follow-ups/phrases/: keep `text` as a phrase of one's own, or with `company` of everybody's."""
    _composing(request.user)
    try:
        services.keep_phrase(request.POST.get("text", ""), by=request.user, company=request.POST.get("company") == "1")
    except ValidationError as error:
        return _phrases(request, 422, "；".join(error.messages))
    return told(_phrases(request), "已存为常用语")


@require_POST
def drop_phrase(request, pk):
    """POST /follow-ups/phrases/<pk>/remove/: one's own; the company's by who keeps the dictionaries."""
    _composing(request.user)
    phrase = QuickText.objects.filter(pk=pk).first()
    if phrase is None or phrase.user_id not in (None, request.user.pk):
        raise Http404
    if phrase.user_id is None and not request.user.has_function("admin.dictionary"):
        raise PermissionDenied("您没有维护公司常用语的权限。")
    services.drop_phrase(phrase)
    return told(_phrases(request), "删除成功")
