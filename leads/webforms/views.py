"""/lead-forms/: the public forms of the company, for whoever holds 公开表单."""

import io
from functools import wraps

import segno
from django.conf import settings
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.html import format_html
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from crm.records import formatting, modules
from customers.pools import access, kinds
from orgs.views.base import Pager, done, form_page, move_errors, render_page

from ..models import Lead, WebForm
from . import public, services
from .answering import PublicForm
from .forms import WebFormForm
from .offered import offers

ROOT = "/lead-forms/"
CRUMB = {"label": "公开表单", "list_url": ROOT}
LATEST = 10  # submissions on a form's page


def _guarded(view):
    """For holders of lead.form: 403 with a sentence for everybody else."""

    @wraps(view)
    def guarded(request, *args, **kwargs):
        if not request.user.has_function("lead.form"):
            raise PermissionDenied("您的角色没有“线索”的“公开表单”权限。")
        return view(request, *args, **kwargs)

    guarded.function = "lead.form"
    return guarded


def _forms():
    return WebForm.objects.select_related("pool", "campaign", "source", "created_by")


def form_of(pk: int) -> WebForm:
    return get_object_or_404(_forms(), pk=pk)


def address(request, form: WebForm) -> str:
    """The address to give away: below PUBLIC_URL, else below the one this page was opened at."""
    base = settings.PUBLIC_URL.rstrip("/") or request.build_absolute_uri("/").rstrip("/")
    return base + form.path


@require_safe
@_guarded
def index(request):
    """/lead-forms/: every form with its figures."""
    pager = Pager(request, _forms())
    rows = [{"form": form, "address": address(request, form)} for form in pager.rows]
    return render_page(
        request, "webforms/list.html", {"rows": rows, "pager": pager.context(), "nav_active": "lead-forms"}
    )


@require_safe
@_guarded
def detail(request, pk: int):
    """/lead-forms/<pk>/: address, QR code, snippet and the latest submissions."""
    form = form_of(pk)
    url = address(request, form)
    snippet = format_html(
        '<iframe src="{}" title="{}" width="100%" height="720" frameborder="0"></iframe>', url, form.title
    )
    known = offers()
    context = {
        "form": form,
        "address": url,
        "snippet": snippet,
        "asks": [{**ask, "offer": known.get(ask["key"])} for ask in form.asks],
        "watchers": [one.name for one in form.watchers.order_by("name", "pk")],
        "latest": latest(form, request.user),
        "nav_active": "lead-forms",
    }
    return render_page(request, "webforms/detail.html", context)


def latest(form: WebForm, user) -> list[dict]:
    """The latest submissions; leads out of this person's sight are dates alone."""
    sent = list(form.intakes.order_by("-created_at", "-pk").values_list("lead_id", "created_at")[:LATEST])
    ids, module = [pk for pk, _ in sent], modules.get("lead")
    seen = {lead.pk: lead for lead in Lead.objects.allowed(user, "view").filter(pk__any=ids).select_related("owner")}
    seen |= {lead.pk: lead for lead in access.rows(kinds.get("lead"), user).filter(pk__any=ids)}
    return [{"lead": seen.get(pk), "url": module.url(pk=pk), "at": formatting.moment(at)} for pk, at in sent]


@require_safe
@_guarded
def qr(request, pk: int):
    """/lead-forms/<pk>/qr/: the address as an SVG to print."""
    out = io.BytesIO()
    segno.make(address(request, form_of(pk)), error="m").save(out, kind="svg", scale=8, border=2, xmldecl=False)
    response = HttpResponse(out.getvalue(), content_type="image/svg+xml")
    if "download" in request.GET:
        response["Content-Disposition"] = 'attachment; filename="form-qr.svg"'
    return response


@require_safe
@_guarded
def preview(request, pk: int):
    """/lead-forms/<pk>/preview/: the page as strangers see it, also of one that is closed; nothing can be sent."""
    form = form_of(pk)
    return public.page(request, form, PublicForm(form=form), preview=True)


def _edited(request, form: WebForm, *, heading: str, back: str):
    made, status = WebFormForm(request.POST or None, instance=form, user=request.user), None
    if request.method == "POST" and made.is_valid():
        data = made.cleaned_data
        try:
            saved = services.save_form(
                form, made.values(), data["watchers"], version=data["version"] or 0, by=request.user
            )
        except services.Stale as stale:
            made.data = made.data.copy()
            made.data["version"] = stale.current.version
            made.add_error(None, "刚刚有人修改了这个表单。您填的内容还在，再保存一次就以您的为准。")
            status = 409
        except ValidationError as error:
            move_errors(made, error)
        else:
            return done(request, f"{ROOT}{saved.pk}/", "保存成功")
    return form_page(
        request,
        made,
        heading=heading,
        sections=made.sections,
        crumb=CRUMB,
        back_url=back,
        status=status,
        no_draft=True,
        nav_active="lead-forms",
    )


@require_http_methods(["GET", "HEAD", "POST"])
@_guarded
def create(request):
    """/lead-forms/new/"""
    return _edited(request, WebForm(), heading="新建公开表单", back=ROOT)


@require_http_methods(["GET", "HEAD", "POST"])
@_guarded
def edit(request, pk: int):
    """/lead-forms/<pk>/edit/"""
    form = form_of(pk)
    return _edited(request, form, heading=f"修改公开表单“{form.name}”", back=f"{ROOT}{pk}/")


@require_POST
@_guarded
def switch(request, pk: int, key: str):
    """POST /lead-forms/<pk>/switch/<on or off>/"""
    form = form_of(pk)
    if key not in ("on", "off"):
        raise Http404
    try:
        services.set_enabled(form, key == "on", by=request.user)
    except ValidationError:  # deleted at this moment
        raise Http404 from None
    return done(request, f"{ROOT}{pk}/", "操作成功")


def _confirmed(request, form: WebForm, *, act, heading: str, body: str, label: str, then: str, message: str):
    """A question, and the deed behind it."""
    trouble = ""
    if request.method == "POST":
        try:
            act(form, by=request.user)
            return done(request, then, message)
        except ValidationError as error:
            trouble = "；".join(error.messages)
    context = {
        "heading": heading,
        "body": trouble or body,
        "submit_label": label,
        "danger": True,
        "module": CRUMB,
        "back_url": f"{ROOT}{form.pk}/",
        "nav_active": "lead-forms",
    }
    return render_page(request, "records/confirm.html", context, status=422 if trouble else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@_guarded
def renew(request, pk: int):
    """/lead-forms/<pk>/renew/"""
    form = form_of(pk)
    return _confirmed(
        request,
        form,
        act=services.renew_token,
        heading=f"更换“{form.name}”的地址？",
        body="旧的链接、二维码和嵌入代码马上失效，打开的人看到“没有这个表单”。",
        label="更换地址",
        then=f"{ROOT}{pk}/",
        message="已更换地址",
    )


@require_http_methods(["GET", "HEAD", "POST"])
@_guarded
def delete(request, pk: int):
    """/lead-forms/<pk>/delete/"""
    form = form_of(pk)
    return _confirmed(
        request,
        form,
        act=services.delete_form,
        heading=f"删除公开表单“{form.name}”？",
        body=f"地址马上失效。它产生的 {form.submissions:,} 条线索不变。只是暂时不用时可以停用。",
        label="删除表单",
        then=ROOT,
        message="删除成功",
    )
