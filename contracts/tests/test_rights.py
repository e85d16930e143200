"""What a person may not read of contracts stays unread in refusals, in the log, in copies; what a card says is what rows say."""

import pytest
from django.core.exceptions import ValidationError

from contracts import approving, copying, services
from contracts.changes import voiding
from contracts.models import Contract
from contracts.tabs import _money
from crm.records import fieldset
from crm.records.custom import definitions
from crm.records.models import FieldDefinition, OperationLog
from opportunities.tests import quoting
from opportunities.tests.factories import customer
from orgs.models import Employee, Role
from orgs.tests.factories import client_for

from .factories import approved, contract
from .test_changes import consistent, propose, send
from .test_outcomes import fresh

pytestmark = pytest.mark.django_db
FIGURES = {"received": "98765", "pending": "11", "planned": "87654", "invoiced": "76543"}


def hide(person, module="contract", **levels) -> Employee:
    """The person as they are once their roles have these levels."""
    for role in Role.objects.filter(code__in=("seller", "sales_manager")):
        role.field_rights = {module: levels}
        role.save()
    return Employee.objects.get(pk=person.pk)


def test_refusals_name_figures_to_those_who_may_read_them(staff):
    made = approved(staff.ann)
    Contract.objects.filter(pk=made.pk).update(**FIGURES)
    propose(made, staff.ann, {"amount": 1})
    with pytest.raises(
        ValidationError, match="变更后的合同金额 ¥1.00 低于回款（含审批中） ¥98,776.00、计划回款 ¥87,654.00"
    ):
        send(made, staff.ann)
    with pytest.raises(ValidationError, match="已回款 ¥98,765.00、审批中的回款 ¥11.00、已开票 ¥76,543.00"):
        voiding.void(made, "错", by=staff.boss)
    ann = hide(staff.ann, **dict.fromkeys(FIGURES, fieldset.HIDDEN))
    page = client_for(ann).get(f"/contracts/{made.pk}/").content.decode()
    assert "98,765" not in page and "98765" not in page
    with pytest.raises(ValidationError, match="¥1.00 低于回款（含审批中）、计划回款、开票（含审批中），"):
        send(made, ann)
    with pytest.raises(ValidationError, match="合同还有已回款、审批中的回款、已开票，"):
        voiding.void(made, "错", by=Employee.objects.get(pk=staff.boss.pk))


def test_the_log_keeps_a_hidden_number_and_a_hidden_reason_to_itself(staff):
    made = approved(staff.ann)
    voiding.void(made, "机密原因", by=staff.boss)
    url = f"/contracts/{made.pk}/?tab=log"
    page = client_for(staff.ann).get(url).content.decode()
    assert "机密原因" in page and made.number in page
    ann = hide(staff.ann, void_reason=fieldset.HIDDEN, number=fieldset.HIDDEN)
    page = client_for(ann).get(url).content.decode()
    assert "合同作废" in page and "机密原因" not in page and made.number not in page


def test_a_quotation_whose_money_is_hidden_becomes_no_contract(staff):
    deal = quoting.opportunity(staff.ann)
    found = quoting.quote(deal, by=staff.ann)
    ann = hide(staff.ann, module="opportunity", amount=fieldset.HIDDEN)
    client_for(ann).post(f"/quotations/{found.pk}/contract/")
    assert not Contract.objects.exists()
    with pytest.raises(ValidationError, match="不能查看报价单的金额"):
        copying.from_quotation(found, by=ann)


def test_what_the_company_demands_is_asked_at_the_submission_of_a_copy(staff):
    made = approved(staff.ann)
    one = FieldDefinition.objects.create(module="contract", label="交货方式", type="text", required=True)
    definitions.touch()
    ann = Employee.objects.get(pk=staff.ann.pk)
    draft, _ = copying.renew(made, by=ann)
    page = client_for(ann).post(f"/contracts/{draft.pk}/submit/")
    assert page.status_code == 422 and "请填写交货方式" in page.content.decode()
    assert (fresh(draft).status, fresh(draft).number) == ("draft", "")
    Contract.objects.filter(pk=draft.pk).update(extra={f"f{one.pk}": "自提"})
    assert services.submit(draft, by=ann).status == "approved"


def test_what_an_approval_sets_afterwards_stands_in_the_version_in_force(staff):
    made = approved(staff.ann)
    approving.set_field(made.pk, "remark", "已备案", approval=None, by=staff.boss)
    assert consistent(made).remark == "已备案"
    assert OperationLog.objects.filter(object_id=made.pk, text="审批通过后自动设置").exists()


def test_the_card_of_a_customer_adds_up_what_each_contract_lacks(staff):
    at = customer(staff.ann)
    paid = approved(staff.ann, at=at, name="甲", amount="100.10")
    approved(staff.ann, at=at, name="乙", amount="0.20")
    contract(staff.ann, at=at, name="丙", amount="7")
    Contract.objects.filter(pk=paid.pk).update(received="120")
    assert {one["label"]: one["text"] for one in _money(at, staff.ann)} == {
        "成交金额": "¥100.30",
        "已回款": "¥120.00",
        "未回款": "¥0.20",
    }
