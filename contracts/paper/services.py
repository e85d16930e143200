"""Verbs of contract templates. Each keeps its change in the system log."""

from pathlib import PurePath

from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile
from django.db import transaction

from crm.records.fields import tidy
from orgs.services import oplog

from ..models import ContractTemplate
from . import docx, text

Kind = ContractTemplate.Kind
STALE = "这个模板刚被同事修改过，请核对后再保存；您填写的内容还在。"
MOST = 100


def _locked(template: ContractTemplate, version: int | None = None) -> ContractTemplate:
    found = ContractTemplate.objects.select_for_update().filter(pk=template.pk).first()
    if found is None:
        raise ValidationError("模板已被删除。")
    if version is not None and found.version != version:
        raise ValidationError(STALE)
    return found


def read(upload) -> tuple[str, bytes]:
    """(name, bytes) of an acceptable .docx; ValidationError at "file" otherwise."""
    name = tidy(PurePath(upload.name.replace("\\", "/")).name)[-200:]
    if not name.lower().endswith(".docx"):
        raise ValidationError(
            {
                "file": "只支持 .docx 文件"
                if not name.lower().endswith(".docm")
                else "含有宏的 .docm 不能用作模板，请另存为 .docx"
            }
        )
    data = upload.read(docx.LIMIT + 1)
    docx.check(data)
    return name, data


@transaction.atomic
def save_text(template: ContractTemplate, *, name: str, body: str, version: int | None = None, by) -> ContractTemplate:
    """Create or change a text template. ValidationError by field."""
    old = None
    if template.pk:
        template = _locked(template, version)
        old = (template.name, template.body)
        template.version += 1
    elif ContractTemplate.objects.count() >= MOST:
        raise ValidationError(f"最多 {MOST} 个模板，请先删除不用的。")
    template.kind, template.name, template.body, template.by = Kind.TEXT, name, body, by
    text.check(body)
    template.full_clean()
    template.save()
    changes = oplog.differences([("名称", old[0] if old else None, template.name)])
    if old and old[1] != template.body:
        changes.append({"label": "内容", "old": f"{len(old[1])} 个字", "new": f"{len(template.body)} 个字"})
    code = "contract_template.updated" if old else "contract_template.created"
    oplog.record(code, template, by=by, text=f"{'修改' if old else '新建'}合同模板", changes=changes)
    return template


@transaction.atomic
def save_docx(
    template: ContractTemplate, *, name: str, upload=None, version: int | None = None, by
) -> ContractTemplate:
    """Create or change a .docx template; without an upload the file stays. ValidationError by field."""
    former, fresh = None, template.pk is None
    if not fresh:
        template = _locked(template, version)
        former = template.file.name
        template.version += 1
    elif ContractTemplate.objects.count() >= MOST:
        raise ValidationError(f"最多 {MOST} 个模板，请先删除不用的。")
    before = (template.name, template.file_name)
    template.kind, template.name, template.by = Kind.DOCX, name, by
    if upload is not None:
        template.file_name, data = read(upload)
        template.file = ContentFile(data, name="template.docx")
    elif fresh:
        raise ValidationError({"file": "请选择 .docx 文件"})
    template.full_clean()
    template.save()
    if upload is not None and former:
        storage = template.file.storage
        transaction.on_commit(lambda: storage.delete(former))
    changes = oplog.differences(
        [
            ("名称", None if fresh else before[0], template.name),
            ("文件", None if fresh else before[1], template.file_name),
        ]
    )
    code = "contract_template.created" if fresh else "contract_template.updated"
    oplog.record(code, template, by=by, text=f"{'上传' if fresh else '修改'}合同模板", changes=changes)
    return template


@transaction.atomic
def set_enabled(template: ContractTemplate, enabled: bool, *, by) -> None:
    """Offer it, or no more."""
    found = _locked(template)
    if found.enabled != enabled:
        found.enabled, found.version = enabled, found.version + 1
        found.save(update_fields=["enabled", "version", "updated_at"])
        oplog.record("contract_template.updated", found, by=by, text="启用合同模板" if enabled else "停用合同模板")


@transaction.atomic
def delete(template: ContractTemplate, *, by) -> None:
    """Delete it with its file."""
    found = _locked(template)
    name, storage = found.file.name, found.file.storage
    oplog.record("contract_template.deleted", found, by=by, text="删除合同模板")
    found.delete()
    if name:
        transaction.on_commit(lambda: storage.delete(name))
