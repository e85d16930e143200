"""The way of a contract to approval."""

import pytest
from django.core.exceptions import ValidationError

from contracts import services
from contracts.models import Contract
from contracts.tests import factories
from crm.records.models import OperationLog
from orgs.tests.factories import department, employee


@pytest.mark.django_db
def test_without_a_flow_a_contract_is_approved_at_once_and_says_so():
    seller = employee("甲", ["seller"], department("华东"))
    made = factories.approved(seller)
    assert (made.status, made.edition, made.execution) == ("approved", 1, "running")
    assert made.number.startswith("HT-") and made.number.endswith("-0001")
    assert made.versions.get().data["fields"]["amount"] == "120000.00"
    log = OperationLog.objects.filter(object_id=made.pk, content_type__model="contract").order_by("pk")
    codes = list(log.values_list("code", flat=True))
    assert codes[-3:] == ["contract.submitted", "approval.none", "contract.approved"]
    with pytest.raises(ValidationError):
        services.submit(made, by=seller)
    assert not Contract.objects.allowed(seller, "edit").exists()
