"""The morning before a quotation runs out: one message to the owner of the opportunity, once a version."""

from collections import defaultdict
from datetime import date, timedelta

from django.db import transaction
from django.utils import timezone

from crm.notices import services as notices
from crm.records import formatting, params

from ..models import Opportunity, Quotation, QuotationState

CHUNK = 1000
NAMED = 20  # quotations of one message that are named


@transaction.atomic
def _some(today: date, last: date) -> int | None:
    """Tell of the next CHUNK of them; how many people were told, None when none are left."""
    due = Quotation.objects.filter(
        state=QuotationState.SENT,
        reminded_at=None,
        current__valid_until__range=(today, last),
        opportunity__deleted_at=None,
        opportunity__state=Opportunity.State.OPEN,  # a closed one is quoted no more
        opportunity__owner__is_active=True,
    )
    rows = list(
        due.select_related("current", "opportunity").order_by("pk").select_for_update(of=("self",))[:CHUNK],
    )
    if not rows:
        return None
    Quotation.objects.filter(pk__any=[row.pk for row in rows]).update(reminded_at=timezone.now())
    theirs: dict[int, list[Quotation]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: (row.current.valid_until, row.pk)):
        theirs[row.opportunity.owner_id].append(row)
    for owner, found in theirs.items():
        said = [
            f"{one.number} {one.current.title}：有效期至 {formatting.day(one.current.valid_until)}" for one in found
        ]
        more = [f"还有 {len(said) - NAMED} 份"] if len(said) > NAMED else []
        url = f"/quotations/{found[0].pk}/" if len(found) == 1 else "/quotations/?state=sent"
        title = f"{len(found)} 份报价单即将到期" if len(found) > 1 else f"报价单 {found[0].number} 即将到期"
        notices.notify([owner], kind="quotation", title=title, body="\n".join([*said[:NAMED], *more]), url=url)
    return len(theirs)


def run(today: date) -> int:
    """Tell the owners of sent quotations that run out within the days of the parameter (0: nobody). Returns how many messages
    were written."""
    days, told = params.get("quotation_remind_days"), 0
    while days and (some := _some(today, today + timedelta(days=days))) is not None:
        told += some
    return told
