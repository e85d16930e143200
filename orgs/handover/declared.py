"""What the machinery knows of handovers: messages, jobs, the way back, the schedule."""

from django.urls import reverse

from crm.notices import kinds as messages
from crm.records.periodic import periodic
from crm.records.undoing import handlers

from . import job, services, undo  # noqa: F401  the jobs register themselves
from .models import HandoverPiece

messages.register("handover", "离职交接", "客户与公海", icon="transfer", mail=True, order=12)


def _rows(module, user, own: bool):
    """Whoever administers the organisation gives back what it took, whatever rows they see."""
    if user.has_function(job.MEMBER):
        return module.model.objects.live()
    return module.model.objects.none()


def _page(entry) -> str:
    found = HandoverPiece.objects.filter(undo=entry).values_list("handover_id", flat=True).first()
    return reverse("employee-handover", args=[found]) if found else reverse("handovers")


handlers.register(
    "handover", "离职交接", icon="transfer", rows=_rows, days=services.DAYS, page=_page, disabled_too=True
)


@periodic("handovers", "定时的离职交接", schedule="每 5 分钟", period="%Y-%m-%d %H:%M")
def handovers(now) -> str:
    """Start handovers whose time has come, close those whose job ended early, forget what can no longer go back."""
    begun, closed = services.begin_due(now), services.settle()
    services.forget(now)
    return f"开始 {begun} 个，中断 {closed} 个"
