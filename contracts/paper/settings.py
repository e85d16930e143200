"""/settings/contract-templates/: what contracts are printed with."""

from urllib.parse import quote

from django.core.exceptions import ValidationError
from django.http import FileResponse, Http404
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from crm.records import uploads
from orgs import pages
from orgs.views.base import done, form_page, move_errors, needs, render_page

from ..models import ContractTemplate
from . import placeholders, services, text
from .docx import fill as fill_docx
from .forms import DocxForm, TextForm

ROOT = "/settings/contract-templates/"
CRUMB = {"label": "合同模板", "list_url": ROOT}
Kind = ContractTemplate.Kind

pages.PAGES.append(
    pages.Page("admin.sales", "合同模板", ROOT, "contract", "打印合同用的文本模板和 Word 模板，占位符填入合同内容")
)


@require_safe
@needs("admin.sales")
def index(request):
    """/settings/contract-templates/: the templates, and what may stand in them."""
    rows = ContractTemplate.objects.select_related("by")[: services.MOST]
    return render_page(
        request,
        "contracts/paper_settings.html",
        {"rows": rows, "groups": [one for one in placeholders.offered() if one[1]], "nav_active": "settings"},
    )


def _page(request, form, heading: str):
    return form_page(
        request, form, heading=heading, sections=form.sections, crumb=CRUMB, back_url=ROOT, no_draft=form.is_multipart()
    )


def _number(form) -> int:
    return form.cleaned_data.get("version") or 0


@require_http_methods(["GET", "HEAD", "POST"])
@needs("admin.sales")
def create(request):
    """/settings/contract-templates/new/"""
    form = TextForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            data = form.cleaned_data
            made = services.save_text(ContractTemplate(), name=data["name"], body=data["body"], by=request.user)
            return done(request, f"{ROOT}{made.pk}/preview/", "保存成功")
        except ValidationError as error:
            move_errors(form, error)
    return _page(request, form, "新建文本模板")


@require_http_methods(["GET", "HEAD", "POST"])
@needs("admin.sales")
def upload(request):
    """/settings/contract-templates/upload/"""
    form = DocxForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        try:
            data = form.cleaned_data
            services.save_docx(ContractTemplate(), name=data["name"], upload=data["file"], by=request.user)
            return done(request, ROOT, "保存成功")
        except ValidationError as error:
            move_errors(form, error)
    return _page(request, form, "上传 Word 模板")


@require_http_methods(["GET", "HEAD", "POST"])
@needs("admin.sales")
def edit(request, pk: int):
    """/settings/contract-templates/<pk>/"""
    one = get_object_or_404(ContractTemplate, pk=pk)
    if one.kind == Kind.TEXT:
        form = TextForm(request.POST or None, instance=one)
    else:
        form = DocxForm(request.POST or None, request.FILES or None, instance=one)
    if request.method == "POST" and form.is_valid():
        data, version = form.cleaned_data, _number(form)
        try:
            if one.kind == Kind.TEXT:
                services.save_text(one, name=data["name"], body=data["body"], version=version, by=request.user)
            else:
                services.save_docx(one, name=data["name"], upload=data["file"], version=version, by=request.user)
            return done(request, ROOT, "保存成功")
        except ValidationError as error:
            move_errors(form, error)
    return _page(request, form, "修改模板")


@require_safe
@needs("admin.sales")
def preview(request, pk: int):
    """/settings/contract-templates/<pk>/preview/: a text with a sample; a .docx filled with the same sample."""
    one = get_object_or_404(ContractTemplate, pk=pk)
    filled = placeholders.sample()
    if one.kind == Kind.DOCX:
        return answer(fill_docx(stored(one), filled), f"示例 {one.name}")
    return render(
        request,
        "contracts/paper_text.html",
        {"title": f"{one.name}（示例）", "blocks": text.blocks(one.body, filled), "filled": filled, "back_url": ROOT},
    )


@require_safe
@needs("admin.sales")
def original(request, pk: int):
    """/settings/contract-templates/<pk>/file/: the .docx as it was uploaded."""
    one = get_object_or_404(ContractTemplate, pk=pk, kind=Kind.DOCX)
    return FileResponse(
        one.file.open("rb"), as_attachment=True, filename=one.file_name, content_type=uploads.MIMES["docx"]
    )


@require_POST
@needs("admin.sales")
def toggle(request, pk: int):
    """/settings/contract-templates/<pk>/toggle/"""
    one = get_object_or_404(ContractTemplate, pk=pk)
    services.set_enabled(one, not one.enabled, by=request.user)
    return done(request, ROOT, "操作成功")


@require_http_methods(["GET", "HEAD", "POST"])
@needs("admin.sales")
def remove(request, pk: int):
    """/settings/contract-templates/<pk>/delete/"""
    one = get_object_or_404(ContractTemplate, pk=pk)
    if request.method == "POST":
        services.delete(one, by=request.user)
        return done(request, ROOT, "删除成功")
    return render_page(
        request,
        "records/confirm.html",
        {
            "module": CRUMB,
            "nav_active": "settings",
            "heading": f"删除模板“{one.name}”？",
            "body": "已经打印和下载的合同不受影响，删除后不能恢复。",
            "submit_label": "删除",
            "danger": True,
            "back_url": ROOT,
        },
    )


def stored(template: ContractTemplate) -> bytes:
    """The bytes of a .docx template (404 where the storage lost it)."""
    try:
        with template.file.open("rb") as file:
            return file.read()
    except OSError:
        raise Http404 from None


def answer(data: bytes, name: str):
    """A .docx as a download under a safe name."""
    from django.http import HttpResponse

    response = HttpResponse(data, content_type=uploads.MIMES["docx"])
    response["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(safe(name))}.docx"
    response["X-Content-Type-Options"] = "nosniff"
    return response


def safe(name: str) -> str:
    """A name every system takes as that of a file."""
    kept = "".join(" " if one in '\\/:*?"<>|' or not one.isprintable() else one for one in name)
    return " ".join(kept.split())[:80].strip(". ") or "合同"
