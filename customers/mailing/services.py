"""Verbs of letters to customers: begin, queue, stop, send the failed ones again; templates; unsubscribing."""

from datetime import timedelta

from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import F, Max, OuterRef, Q, Subquery, Sum
from django.utils import timezone

from crm.notices import delivery
from crm.notices.models import Delivery
from crm.records import jobs, modules, params, services, uploads
from crm.records.models import OperationLog, Selection
from orgs.services.oplog import differences, record

from ..models import Contact, Customer, Mailing, MailingFile, MailingRecipient, MailOptOut, MailTemplate
from ..models.mailing import BODY, SUBJECT, address_key
from ..pools import quotas
from . import audience, letters, merge

FILES, FILES_SIZE = 5, 10 * 2**20
CHUNK = 500
State = Delivery.State


def left_today(by) -> int:
    """How many letters this person may still send today (系统参数)."""
    midnight = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    sent = Mailing.objects.filter(created_by=by, created_at__gte=midnight).aggregate(n=Sum("total"))["n"] or 0
    return max(0, params.get("mail_per_day") - sent)


def check_files(files) -> list[tuple]:
    """[(upload, name, extension)] of acceptable attachments: at most FILES of FILES_SIZE bytes together."""
    if len(files) > FILES:
        raise ValidationError({"files": f"附件最多 {FILES} 个。"})
    if sum(file.size for file in files) > FILES_SIZE:
        raise ValidationError({"files": f"附件合计不能超过 {FILES_SIZE // 2**20} MB。"})
    try:
        return [(file, *uploads.check(file)) for file in files]
    except ValidationError as error:
        raise ValidationError({"files": error.messages}) from None


def check_text(module: str, subject: str, body: str, *, by) -> tuple[str, str]:
    """Subject and body as they are kept; ValidationError by field for limits and merge fields."""
    problems, fields, found = {}, merge.Fields(module, by), []
    for name, field, value in (("subject", SUBJECT, subject), ("body", BODY, body)):
        try:
            found.append(field.clean_value(value))
            fields.check(found[-1])
        except ValidationError as error:
            problems[name] = error.messages
    if problems:
        raise ValidationError(problems)
    return found[0], found[1]


@transaction.atomic
def begin(
    module: str, ids, *, who: str, subject: str, body: str, files=(), token: str, selection: str = "", by
) -> Mailing:
    """Freeze the recipients and hand them to a job. `token` names the page it was confirmed on: the same page again answers
    the mailing it made. ValidationError where nothing may be sent; PermissionDenied without the function."""
    if not modules.get(module).may(by, "mail"):
        raise PermissionDenied(f"您的角色没有“{modules.get(module).label}”的“发送邮件”权限。")
    quotas.lock([by.pk])  # two windows at once count one after the other
    if made := Mailing.objects.filter(created_by=by, token=token).first():
        return made
    if reason := letters.ready():
        raise ValidationError(reason)
    subject, body = check_text(module, subject, body, by=by)
    checked = check_files(files)
    found = audience.of(module, ids, by=by, who=who)
    if not found.people:
        raise ValidationError("没有可以收信的联系人，没有发送。")
    if len(found.people) > (left := left_today(by)):
        most = params.get("mail_per_day")
        raise ValidationError(
            f"每人每天最多发 {most:,} 封，今天还能发 {left:,} 封，这次有 {len(found.people):,} 封。请缩小范围或明天再发。"
        )
    mailing = Mailing.objects.create(
        created_by=by,
        module=module,
        who=who,
        subject=subject,
        body=body,
        token=token,
        total=len(found.people),
        excluded=found.excluded,
    )
    for upload, name, kind in checked:
        MailingFile.objects.create(mailing=mailing, file=upload, name=name, size=upload.size, mime=uploads.MIMES[kind])
    MailingRecipient.objects.bulk_create(
        [
            MailingRecipient(
                mailing=mailing,
                customer_id=person.customer,
                contact_id=person.contact,
                address=person.address,
                address_key=address_key(person.address),
            )
            for person in found.people
        ],
        batch_size=1000,
    )
    mailing.job = jobs.start(
        "mailing", user=by, label=f"发送邮件：{subject}", params={"mailing": mailing.pk}, total=mailing.total
    )
    mailing.save(update_fields=["job"])
    if selection:
        Selection.objects.filter(token=selection, user=by).delete()
    return mailing


# Into the outbox -------------------------------------------------------------------------------------------------------
def _slots(number: int) -> list:
    """Moments at which that many letters may leave: behind those that wait already, so many a minute for the whole site."""
    apart = timedelta(seconds=60 / params.get("mail_per_minute"))
    waiting = Delivery.objects.filter(state=State.WAITING, kind=letters.KIND, attempts=0)
    last = waiting.aggregate(last=Max("next_at"))["last"]
    now = timezone.now()
    start = max(now, last + apart) if last else now
    return [start + place * apart for place in range(number)]


@jobs.kind(
    "mailing",
    "发送邮件",
    rows=lambda result: [("放入发件箱", result.get("queued", 0)), ("未发送", result.get("dropped", 0))],
)
def run(run: jobs.Run) -> None:
    """Put the recipients into the outbox, CHUNK at a time; each is put there once however often a worker dies."""
    while True:
        with run.step() as job:
            mailing = Mailing.objects.get(pk=job.params["mailing"])
            rows = MailingRecipient.objects.filter(mailing=mailing, pk__gt=job.checkpoint.get("last", 0))
            rows = list(rows.order_by("pk")[:CHUNK])
            if not rows or mailing.stopped_at:
                return
            queued = _queue(mailing, rows, by=run.user, job=job)
            job.checkpoint["last"], job.done = rows[-1].pk, job.done + len(rows)
            for key, number in (("queued", queued), ("dropped", len(rows) - queued)):
                job.result[key] = job.result.get(key, 0) + number


def _queue(mailing: Mailing, rows: list[MailingRecipient], *, by, job) -> int:
    gone = audience.lost(mailing, rows, by=by)
    for one in rows:
        one.state, one.error = (State.DROPPED, gone[one.pk]) if one.pk in gone else (State.WAITING, "")
    going = [one for one in rows if one.pk not in gone]
    made = delivery.queue(
        Delivery(
            channel=Delivery.Channel.MAIL,
            kind=letters.KIND,
            address=one.address,
            subject=mailing.subject,
            next_at=slot,
        )
        for one, slot in zip(going, _slots(len(going)), strict=True)
    )
    for one, row in zip(going, made, strict=True):
        one.delivery = row
    MailingRecipient.objects.bulk_update(rows, ["delivery", "state", "error"], batch_size=CHUNK)
    text = f"发送邮件：{mailing.subject}"
    if mailing.module == "customer":
        logged = set(
            OperationLog.objects.filter(
                job=job,
                content_type=ContentType.objects.get_for_model(Customer),
                object_id__in={one.customer_id for one in going},
            ).values_list("object_id", flat=True)
        )
        customers = dict.fromkeys(one.customer_id for one in going if one.customer_id not in logged)
        services.write_log(Customer, ((pk, text, []) for pk in customers), code="customer.mailed", by=by, job=job)
    services.write_log(Contact, ((one.contact_id, text, []) for one in going), code="contact.mailed", by=by, job=job)
    return len(going)


# Afterwards -------------------------------------------------------------------------------------------------------------
@transaction.atomic
def stop(mailing: Mailing, *, by) -> int:
    """Send no more of it: letters that have not left end as 未发送. Returns how many; a second stop changes nothing."""
    if not Mailing.objects.filter(pk=mailing.pk, stopped_at=None).update(stopped_at=timezone.now()):
        return 0
    reason = f"{by.name}停止了发送"
    waiting = Delivery.objects.filter(state=State.WAITING, mailing_recipient__mailing=mailing)
    stopped = Delivery.objects.filter(pk__in=waiting.values("pk"), state=State.WAITING).update(
        state=State.DROPPED, error=reason
    )
    rest = MailingRecipient.objects.filter(mailing=mailing, delivery=None, state=State.WAITING)
    stopped += rest.update(state=State.DROPPED, error=reason)
    record("mailing.stopped", mailing.subject, by=by, text=f"停止群发邮件，{stopped:,} 封没有发送")
    return stopped


@transaction.atomic
def resend_failed(mailing: Mailing, *, by) -> int:
    """Put those that certainly were not sent into the outbox again, paced as before. Returns how many."""
    mailing = Mailing.objects.select_for_update().get(pk=mailing.pk)
    if mailing.stopped_at:
        raise ValidationError("这次发送已停止，不能重发。")
    failed = Delivery.objects.filter(state=State.FAILED, mailing_recipient__mailing=mailing).select_for_update(
        of=("self",)
    )
    rows = list(failed.order_by("pk"))
    if not rows:
        raise ValidationError("没有失败的邮件。")
    for row, slot in zip(rows, _slots(len(rows)), strict=True):
        row.state, row.next_at, row.attempts, row.error, row.answer, row.claim = State.WAITING, slot, 0, "", "", ""
    Delivery.objects.bulk_update(rows, ["state", "next_at", "attempts", "error", "answer", "claim"], batch_size=CHUNK)
    now = timezone.now()
    due = [row.pk for row in rows if row.next_at <= now]
    transaction.on_commit(lambda: delivery.announce(due))
    record("mailing.resent", mailing.subject, by=by, text=f"重发失败的群发邮件 {len(rows):,} 封")
    return len(rows)


def keep_states() -> int:
    """Copy the ends of the outbox onto the recipients, before the outbox forgets them. Returns how many changed."""
    behind = MailingRecipient.objects.filter(delivery__isnull=False).exclude(state=F("delivery__state"))
    found = Delivery.objects.filter(pk=OuterRef("delivery_id"))
    return MailingRecipient.objects.filter(pk__in=behind.values("pk")).update(
        state=Subquery(found.values("state")[:1]),
        error=Subquery(found.values("error")[:1]),
        sent_at=Subquery(found.values("sent_at")[:1]),
    )


# Unsubscribing ----------------------------------------------------------------------------------------------------------
@transaction.atomic
def opt_out(recipient: MailingRecipient) -> bool:
    """Note that this address wants no more letters, with a row in the log of its live contacts; False when it was noted
    before."""
    _, new = MailOptOut.objects.get_or_create(
        address_key=recipient.address_key, defaults={"address": recipient.address, "mailing": recipient.mailing}
    )
    if new:
        _log_contacts(recipient.address, "contact.opted_out", "退订了邮件", by=None)
    return new


@transaction.atomic
def opt_in(row: MailOptOut, reason: str, *, by) -> None:
    """Take an address off the list of the unsubscribed, with the reason (1 to 200 characters) in the logs."""
    reason = " ".join(reason.split())
    if not reason:
        raise ValidationError({"reason": "请填写原因"})
    if len(reason) > 200:
        raise ValidationError({"reason": "最多 200 个字"})
    if not MailOptOut.objects.filter(pk=row.pk).delete()[0]:
        raise ValidationError("这个地址已不在退订名单中。")
    record("mailing.optout_removed", row.address, by=by, text=f"取消退订：{reason}")
    _log_contacts(row.address, "contact.opted_in", f"取消退订：{reason}", by=by)


def _log_contacts(address: str, code: str, text: str, *, by) -> None:
    contacts = Contact.objects.live().filter(email__iexact=address).order_by("pk").values_list("pk", flat=True)
    services.write_log(Contact, ((pk, text, []) for pk in contacts[:1000]), code=code, by=by)


# Templates --------------------------------------------------------------------------------------------------------------
def templates_of(by):
    """Those a person may use: their own and the company's, the company's first."""
    return MailTemplate.objects.filter(Q(owner=by) | Q(owner=None)).order_by(F("owner").asc(nulls_first=True), "name")


@transaction.atomic
def save_template(template: MailTemplate, values: dict, *, company: bool, by) -> MailTemplate:
    """Create or change a template ({"name", "subject", "body"}); the company's belong to holders of 系统设置."""
    admin = by.has_function("admin.settings")
    if (company or (template.pk and template.owner_id is None)) and not admin:
        raise PermissionDenied("公司模板由有“系统设置”的人管理。")
    before = {name: getattr(template, name) for name in ("name", "subject", "body")} if template.pk else {}
    for name, value in values.items():
        setattr(template, name, value)
    template.owner = None if company else by
    template.full_clean()
    template.save()
    if company:
        labels = {"name": "模板名称", "subject": "主题", "body": "正文"}
        changes = differences((labels[name], before.get(name), values[name]) for name in values)
        record("mailing.template", template.name, by=by, text="保存公司邮件模板", changes=changes)
    return template


@transaction.atomic
def delete_template(template: MailTemplate, *, by) -> None:
    """Delete one's own template, or the company's with 系统设置; letters that were sent keep their words."""
    if template.owner_id is None:
        if not by.has_function("admin.settings"):
            raise PermissionDenied("公司模板由有“系统设置”的人管理。")
        record("mailing.template", template.name, by=by, text="删除公司邮件模板")
    template.delete()
