"""Letters to customers: two templates of the company and one mailing that is over. Nothing is sent."""

from datetime import timedelta
from random import Random

from django.contrib.contenttypes.models import ContentType
from django.utils import timezone

from crm.records.models.system import file_token
from customers.models import Contact, Customer, Mailing, MailingRecipient, MailOptOut, MailTemplate
from customers.models.mailing import address_key

SENDER = "13800000012"
RECIPIENTS = 38
TEMPLATES = [
    (
        "新品发布邀请",
        "{{客户名称}}：邀请您参加开海新品发布会",
        "{{联系人姓名}}{{联系人尊称|老师}}，您好：\n\n我们将在下个月举办新品发布会，展示产线数据采集和质量追溯的最新方案，"
        "诚邀您和同事参加。\n\n如需预留席位，请直接回复这封邮件，或致电 {{负责人}}：{{负责人电话}}。\n\n{{公司名称}}\n{{发件人}}",
    ),
    (
        "节日问候",
        "{{公司名称}}祝您节日快乐",
        "{{联系人姓名}}{{联系人尊称|老师}}，您好：\n\n感谢{{客户名称}}一直以来的信任。节日期间我们的服务热线照常值守，"
        "有任何需要请随时联系 {{负责人}}（{{负责人电话}}）。\n\n祝您和家人节日快乐！\n\n{{公司名称}}",
    ),
]
ENDS = {  # place in the list -> state and reason; the others were sent
    5: ("failed", "邮件服务器不接受收件地址（550 5.1.1 User unknown）"),
    17: ("failed", "邮件服务器不接受收件地址（552 5.2.2 Mailbox full）"),
    23: ("unknown", "发送途中断开：等待超时，不知道对方是否收到"),
    30: ("dropped", "对方已退订"),
    33: ("dropped", "邮箱在确认之后改过"),
}


def make(people: dict, made, pick: Random) -> list[tuple]:
    """Templates, the mailing of one seller two days ago, one who unsubscribed. Returns the log rows that sending would have
    left: (at, content type, id, actor, code, text, changes)."""
    for name, subject, body in TEMPLATES:
        MailTemplate.objects.create(name=name, subject=subject, body=body)
    sender, at = people[SENDER], _at()
    theirs = [
        contact
        for contact in made.contacts
        if contact.owner_id == sender.pk and contact.is_primary and contact.created_at < at
    ]
    addressed = list({address_key(one.email): one for one in theirs if one.email}.values())
    chosen = sorted(pick.sample(addressed, min(RECIPIENTS, len(addressed))), key=lambda one: one.customer_id)
    _, subject, body = TEMPLATES[0]
    mailing = Mailing.objects.create(
        created_by=sender,
        module="customer",
        subject=subject,
        body=body,
        token=file_token(),
        total=len(chosen),
        excluded={"none": len(theirs) - len(addressed)},
    )
    Mailing.objects.filter(pk=mailing.pk).update(created_at=at)
    rows = []
    for place, contact in enumerate(chosen):
        state, error = ENDS.get(place, ("sent", ""))
        rows.append(
            MailingRecipient(
                mailing=mailing,
                customer_id=contact.customer_id,
                contact=contact,
                address=contact.email,
                address_key=address_key(contact.email),
                state=state,
                error=error,
                sent_at=at + timedelta(seconds=place) if state == "sent" else None,
            )
        )
    MailingRecipient.objects.bulk_create(rows)
    out = next(row for row in rows if row.error == "对方已退订")
    MailOptOut.objects.create(address=out.address, address_key=out.address_key)
    kinds, text = ContentType.objects.get_for_models(Customer, Contact), f"发送邮件：{subject}"
    log = []
    for row in rows:
        if row.state != "dropped":
            log.append((at, kinds[Customer].pk, row.customer_id, sender.pk, "customer.mailed", text, []))
            log.append((at, kinds[Contact].pk, row.contact_id, sender.pk, "contact.mailed", text, []))
    return log


def _at():
    day = timezone.localtime() - timedelta(days=2)
    return day.replace(hour=10, minute=5, second=0, microsecond=0)
