"""Tables of customers that are no record types and go along with a merged customer."""

from ..models import CareTask, ChurnRecord, ContactPlan, MailingRecipient, PoolEvent, TransferRequest
from ..pools import kinds, quotas
from . import carrying


def _requests(journal, source: int, target: int) -> None:
    """Of two waiting requests of one person the later one goes: both ask for the same customer now."""
    waiting = TransferRequest.objects.filter(state=TransferRequest.State.WAITING)
    askers = waiting.filter(customer=target).values_list("asked_by", flat=True)
    journal.drop(waiting.filter(customer=source, asked_by__in=list(askers)))
    journal.move(TransferRequest.objects.filter(customer=source), customer_id=target)


def _cares(journal, source: int, target: int) -> None:
    """Of the same care on the same day one is enough; a customer has one plan, so the survivor's own stays."""
    for task in CareTask.objects.filter(customer=source, contact=None, rule__isnull=False):
        same = CareTask.objects.filter(customer=target, contact=None, rule=task.rule_id, occurs_on=task.occurs_on)
        if same.exists():
            journal.drop(CareTask.objects.filter(pk=task.pk))
    planned = ContactPlan.objects.filter(customer=target).exists()
    tasks = CareTask.objects.filter(customer=source)
    journal.move(tasks.filter(plan=None) if planned else tasks, customer_id=target)
    if not planned:
        journal.move(ContactPlan.objects.filter(customer=source), customer_id=target)


def _events(ids):
    content_type = quotas.content_type(kinds.get("customer"))
    return PoolEvent.objects.filter(content_type=content_type, object_id__any=list(ids))


carrying.register(
    "移交申请",
    "份",
    move=_requests,
    count=lambda ids: TransferRequest.objects.filter(customer__in=list(ids)).count(),
)
carrying.register(
    "邮件记录",
    "封",
    move=lambda journal, source, target: journal.move(
        MailingRecipient.objects.filter(customer=source), customer_id=target
    ),
    count=lambda ids: MailingRecipient.objects.filter(customer__in=list(ids)).count(),
)
carrying.register(
    "公海进出",
    "条",
    move=lambda journal, source, target: journal.move(_events([source]), object_id=target),
    count=lambda ids: _events(ids).count(),
)
carrying.register(
    "客户关怀",
    "个",
    move=_cares,
    count=lambda ids: CareTask.objects.filter(customer__in=list(ids)).count(),
)
carrying.register(
    "流失处理",
    "条",
    move=lambda journal, source, target: journal.move(ChurnRecord.objects.filter(customer=source), customer_id=target),
    count=lambda ids: ChurnRecord.objects.filter(customer__in=list(ids)).count(),
)
