"""Tables of customers that are no record types and go along with a merged customer."""

from ..models import MailingRecipient, PoolEvent, TransferRequest
from ..pools import kinds, quotas
from . import carrying


def _requests(journal, source: int, target: int) -> None:
    """Of two waiting requests of one person the later one goes: both ask for the same customer now."""
    waiting = TransferRequest.objects.filter(state=TransferRequest.State.WAITING)
    askers = waiting.filter(customer=target).values_list("asked_by", flat=True)
    journal.drop(waiting.filter(customer=source, asked_by__in=list(askers)))
    journal.move(TransferRequest.objects.filter(customer=source), customer_id=target)


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
