"""What must hold of the contracts that `demo` and `seed` make."""

from django.db.models import Count
from django.utils import timezone

from approvals.models import Approval, Status
from contracts import execution, outcomes, services
from contracts.models import Contract, Execution
from contracts.tests import factories
from crm.records.models import OperationLog
from orgs.models import Employee


def contracts_of_the_demo() -> None:
    live = Contract.objects.live()
    for field, values in (("status", Status.values), ("execution", Execution.values)):
        counts = dict(live.order_by().values_list(field).annotate(n=Count("pk")))
        assert set(counts) == set(values) and min(counts.values()) >= 3, counts
    assert live.filter(renewed_from__isnull=False).count() >= 3 and live.filter(quotation__isnull=False).exists()
    for one in live.order_by("?")[:25]:
        one.full_clean()
        assert (one.number != "") == (one.status != "draft"), one
        assert one.versions.exclude(state__in=("draft", "pending")).count() == one.edition
    numbers = list(live.exclude(number="").values_list("number", flat=True))
    assert len(numbers) == len(set(numbers))
    assert outcomes.recheck() == 0
    assert execution.follow_dates(timezone.now()) == "更新 0 个合同"
    waiting = Approval.objects.filter(state="pending", document="contract").values("object_id")
    assert live.filter(status="pending").count() == live.filter(pk__in=waiting, status="pending").count() >= 3


def contracts_of_the_seed() -> None:
    assert Contract.objects.count() == 200
    for one in Contract.objects.select_related("customer")[:50]:
        one.full_clean()
        assert one.customer.deleted_at is None and one.owner_id == one.customer.owner_id
        assert one.versions.count() == one.edition
    assert OperationLog.objects.filter(code="contract.created").count() == 200
    assert outcomes.recheck() == 0
    later = services.submit(factories.contract(Employee.objects.first(), name="后来的"), by=Employee.objects.first())
    assert Contract.objects.filter(number=later.number).count() == 1
