"""Attachments: uploaded to a record, served only through the check of that record."""

from urllib.parse import quote

from django.contrib import messages
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import FileResponse, Http404, StreamingHttpResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from .. import fieldset, formatting, modules, uploads
from ..exporting import zipping
from ..models import Attachment, FollowUp
from .base import ModuleView, deny, go, render_page

ACCEPT = ",".join(f".{kind}" for kind in uploads.EXTENSIONS)
LIMIT_TEXT = f"{'、'.join(uploads.EXTENSIONS)}，每个不超过 50 MB"


PDF = uploads.MIMES["pdf"]
SMALL = 2**20  # a picture up to this size may stand for its own thumbnail
SHOWN = 500
# The one place where a document of ours may stand in a frame of ours, with no rights of its own.
FRAMED = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'; sandbox"


def previewable(attachment) -> bool:
    """Pictures and PDF may be shown in the page; everything else is a download."""
    return attachment.mime.startswith("image/") or attachment.mime == PDF


def icon_of(attachment) -> str:
    return "image" if attachment.mime.startswith("image/") else "file"


def listed(record):
    """The files of a record itself: those of custom fields and follow-ups stand with theirs."""
    content_type = ContentType.objects.get_for_model(type(record))
    return Attachment.objects.filter(content_type=content_type, object_id=record.pk, purpose="file")


def tab(module, record, rights) -> dict:
    """What records/tabs/files.html shows."""
    may = "edit" in rights
    return {
        "can_upload": "attach" in rights,
        "accept": ACCEPT,
        "limit": uploads.LIMIT,
        "limit_text": LIMIT_TEXT,
        "upload_url": module.url("files", record.pk),
        "zip_url": module.url("files/zip", record.pk),
        "files": [
            {
                "pk": file.pk,
                "name": file.name,
                "size_text": formatting.file_size(file.size),
                "uploaded_by": file.created_by.name if file.created_by else "",
                "created_at": file.created_at,
                "url": reverse("file", args=[file.pk]),
                "view": "pdf" if file.mime == PDF else "image" if previewable(file) else "",
                "thumb": bool(file.thumbnail) or (file.mime.startswith("image/") and file.size <= SMALL),
                "remove_url": reverse("file-remove", args=[file.pk]) if may else None,
                "icon": icon_of(file),
            }
            for file in listed(record).select_related("created_by").order_by("-pk")[:SHOWN]
        ],
    }


class ZipView(ModuleView):
    """POST /<prefix>/<pk>/files/zip/ with `file` ids (none = all of them): the record's files in one zip."""

    def post(self, request, pk):
        record = self.record()
        rows = listed(record)
        wanted = request.POST.getlist("file")
        if wanted:
            rows = rows.filter(
                pk__any=[int(one) for one in wanted if one.isascii() and one.isdigit() and len(one) < 19]
            )
        files = list(rows.order_by("-pk"))
        if not files:
            messages.error(request, "没有可以下载的附件。")
            return go(request, f"{self.module.url(pk=pk)}?tab=files")
        uploads.note_download(record, files, by=self.user)
        response = StreamingHttpResponse(zipping.stream(files), content_type="application/zip")
        name = quote(f"{self.module.title_of(record)}-附件.zip")
        response["Content-Disposition"] = f"attachment; filename*=UTF-8''{name}"
        response["Cache-Control"] = "private, no-store"
        return response


class UploadView(ModuleView):
    """POST /<prefix>/<pk>/files/: what is signed and closed may still get a scan; taking one away is an edit."""

    action = "attach"

    def post(self, request, pk):
        record = self.record()
        try:
            uploads.attach(record, request.FILES.getlist("files"), by=self.user)
        except ValidationError as error:
            for text in error.messages:
                messages.error(request, text)
        else:
            messages.success(request, "上传成功")
        return go(request, f"{self.module.url(pk=pk)}?tab=files")


def _found(request, pk: int, action: str):
    """(attachment, module, record) where the person may `action` the record; 404 where it is out of sight."""
    attachment = Attachment.objects.select_related("content_type").filter(pk=pk).first()
    if attachment is None:
        raise Http404
    place = (attachment.content_type, attachment.object_id)
    if attachment.content_type.model_class() is FollowUp:  # its visibility is that of the record it was written at
        followup = FollowUp.objects.select_related("content_type").filter(pk=attachment.object_id).first()
        if followup is None:
            raise Http404
        place = (followup.content_type, followup.object_id)
    module = modules.of_content_type(place[0])
    if not module.may(request.user, "view"):
        raise Http404
    record = module.model.objects.allowed(request.user, "view").filter(pk=place[1]).first()
    if record is None:
        raise Http404
    if attachment.purpose != "file":  # a file of a custom field shows with the field and is changed on the form
        fields = fieldset.of(module, request.user)
        if action != "view" or not fields.readable(attachment.purpose):
            raise Http404
    if action != "view" and not module.model.objects.allowed(request.user, action).filter(pk=record.pk).exists():
        deny(module, action)
    if action != "view" and place[0] != attachment.content_type:
        raise PermissionDenied("跟进的附件在修改跟进时删除。")
    return attachment, module, record


@require_safe
def download(request, pk):
    """GET /files/<pk>/ (?preview=1 shows a picture or PDF, ?thumb=1 the small picture): always through the record, always
    nosniff."""
    attachment, _, _ = _found(request, pk, "view")
    if request.GET.get("thumb") == "1":
        return thumbnail(attachment)
    inline = request.GET.get("preview") == "1" and previewable(attachment)
    try:
        response = FileResponse(
            attachment.file.open("rb"), content_type=attachment.mime if inline else "application/octet-stream"
        )
    except FileNotFoundError:
        raise Http404 from None
    response["Content-Length"] = attachment.size
    if inline and attachment.mime == PDF:
        response["Content-Security-Policy"], response["X-Frame-Options"] = FRAMED, "SAMEORIGIN"
    response["Content-Disposition"] = (
        f"{'inline' if inline else 'attachment'}; filename*=UTF-8''{quote(attachment.name)}"
    )
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = "private, no-store"
    return response


def thumbnail(attachment):
    """The small picture; the original where none was made."""
    stored = attachment.thumbnail or attachment.file
    if not attachment.mime.startswith("image/"):
        raise Http404
    try:
        file = stored.open("rb")
    except FileNotFoundError:
        raise Http404 from None
    head = file.read(8)
    file.seek(0)
    kind = "image/png" if head.startswith(b"\x89PNG") else "image/gif" if head.startswith(b"GIF") else "image/jpeg"
    response = FileResponse(file, content_type=kind)
    response["Content-Disposition"] = "inline"
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = "private, max-age=3600"
    return response


@require_http_methods(["GET", "POST"])
def remove(request, pk):
    """/files/<pk>/remove/"""
    attachment, module, record = _found(request, pk, "edit")
    back = f"{module.url(pk=record.pk)}?tab=files"
    if request.method == "POST":
        uploads.remove(attachment, record, by=request.user)
        messages.success(request, "删除成功")
        return go(request, back)
    return render_page(
        request,
        "records/confirm.html",
        {
            "heading": f"删除附件“{attachment.name}”？",
            "body": "删除后不能恢复。",
            "submit_label": "删除附件",
            "danger": True,
            "hidden": [],
            "action": request.path,
            "module": module,
            "back_url": back,
        },
    )
