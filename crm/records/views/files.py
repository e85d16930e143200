"""Attachments: uploaded to a record, served only through the check of that record."""

from urllib.parse import quote

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import FileResponse, Http404
from django.views.decorators.http import require_http_methods, require_safe

from .. import fieldset, modules, uploads
from ..models import Attachment, FollowUp
from .base import ModuleView, deny, go, render_page

ACCEPT = ",".join(f".{kind}" for kind in uploads.EXTENSIONS)
LIMIT_TEXT = f"{'、'.join(uploads.EXTENSIONS)}，每个不超过 50 MB"


def previewable(attachment) -> bool:
    """Pictures may be shown in the page; everything else is a download."""
    return attachment.mime.startswith("image/")


def icon_of(attachment) -> str:
    return "image" if previewable(attachment) else "file"


class UploadView(ModuleView):
    """POST /<prefix>/<pk>/files/"""

    action = "edit"

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
    """GET /files/<pk>/ (?preview=1 shows a picture): always through the record, always nosniff."""
    attachment, _, _ = _found(request, pk, "view")
    inline = request.GET.get("preview") == "1" and previewable(attachment)
    try:
        response = FileResponse(
            attachment.file.open("rb"), content_type=attachment.mime if inline else "application/octet-stream"
        )
    except FileNotFoundError:
        raise Http404 from None
    response["Content-Disposition"] = (
        f"{'inline' if inline else 'attachment'}; filename*=UTF-8''{quote(attachment.name)}"
    )
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = "private, no-store"
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
