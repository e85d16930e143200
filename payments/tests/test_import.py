"""Plans and payments out of files."""

import io

import pytest

from approvals.models import Status
from crm.records import jobs, modules
from crm.records.exporting import xlsx
from crm.records.importing import job as importing
from crm.records.importing import targets, undo, upload
from crm.records.importing.plan import Invalid
from payments.models import Payment, PaymentPlan

from .factories import approved, fresh, plan


def imported(person, module: str, rows, **options):
    """The job of a file of these rows."""
    out, cells = io.BytesIO(), [tuple(map(str, row)) for row in rows[1:]]
    xlsx.write(out, [(head, "text") for head in rows[0]], cells, total=len(cells), title="名单")
    module = modules.get(module)
    draft = upload.accept(io.BytesIO(out.getvalue()), "名单.xlsx", user=person, module=module)
    mapping = targets.guess(draft.meta["headers"], targets.importer_of(module).allowed_targets(person))
    draft.options = {"mapping": mapping, "unknown": "create", **options}
    job = importing.begin(draft, user=person, send=False)
    jobs.execute(job.pk)
    job.refresh_from_db()
    assert job.state == "done", job.error
    return job


def test_historic_payments_come_in_as_approved_are_numbered_and_go_to_the_oldest_plans(staff):
    contract = approved(staff.ann, amount="100")
    one, two = plan(contract, "60"), plan(contract, "40")
    head = ("合同编号", "回款日期", "金额", "类型", "方式", "回款编号")
    rows = [
        (contract.number, "2026-01-05", "50", "", "现金", "旧-1"),
        (contract.number, "2026-02-05", "30", "回款", "新方式", ""),
        (contract.number, "2026-03-05", "20.01", "", "", ""),
        (contract.number, "2026-03-05", "10", "退款", "", ""),
        ("没有这个", "2026-03-05", "1", "", "", ""),
        (contract.number, "2026-03-05", "0", "", "", ""),
    ]
    job = imported(staff.manager, "payment", [head, *rows])
    # the manager may pass the contract: 50 + 30 + 20.01 - 10
    assert (job.result["created"], job.result["failed"]) == (4, 2), job.result
    found = fresh(contract)
    assert (found.received, found.pending) == (__import__("decimal").Decimal("90.01"), 0)
    assert [fresh(each).received for each in (one, two)] == [60, 30]
    made = Payment.objects.order_by("pk")
    assert {each.status for each in made} == {Status.APPROVED}
    assert made[0].number == "旧-1" and made[1].number.startswith("HK-") and made[0].owner == staff.ann
    assert made[0].customer_id == contract.customer_id


def test_who_may_not_pass_the_contract_is_told_row_by_row_and_without_the_permission_they_are_drafts(staff):
    contract = approved(staff.ann, amount="100")
    head = ("合同", "回款日期", "金额")
    rows = [(contract.number, "2026-01-05", "60"), (contract.number, "2026-01-05", "40.01")]
    job = imported(staff.cash, "payment", [head, *rows])
    assert (job.result["created"], job.result["failed"]) == (1, 1)
    assert "已回与待审批 ¥60.00，不能再登记 ¥40.01" in str(job.result["errors"])
    job = imported(staff.ann, "payment", [head, *rows])
    assert (job.result["created"], job.result["failed"]) == (2, 0)
    drafts = Payment.objects.filter(status=Status.DRAFT)
    assert drafts.count() == 2 and {one.number for one in drafts} == {""}
    assert fresh(contract).received == 60
    with pytest.raises(Invalid):
        imported(staff.ann, "payment", [(*head, "状态"), (*rows[0], "已通过")], mapping={"status": 3})
    other = imported(staff.eve, "payment", [head, *rows])
    assert other.result["failed"] == 2 and "不在您负责的范围内" in str(other.result["errors"])


def test_undoing_an_import_of_approved_payments_takes_their_money_out_again(staff):
    contract = approved(staff.ann, amount="100")
    plan(contract, "60")
    job = imported(staff.manager, "payment", [("合同", "回款日期", "金额"), (contract.number, "2026-01-05", "60")])
    assert fresh(contract).received == 60
    jobs.execute(undo.begin(job.pk, by=staff.manager, send=False).pk)
    assert not Payment.objects.exists()
    assert fresh(contract).received == 0 and PaymentPlan.objects.get().received == 0


def test_plans_are_imported_one_after_the_other_and_stay_within_the_contract(staff):
    contract = approved(staff.ann, amount="100")
    head = ("合同编号", "计划日期", "计划金额", "提前几天提醒", "备注")
    rows = [
        (contract.number, "2026-01-05", "60", "7", "首付"),
        (contract.number, "2026-02-05", "40.01", "", ""),
        (contract.number, "2026-02-05", "40", "", "尾款"),
        (contract.number, "2026-02-05", "NaN", "", ""),
        (contract.number, "2026-02-30", "1", "400", ""),
    ]
    job = imported(staff.ann, "payment_plan", [head, *rows])
    assert (job.result["created"], job.result["failed"]) == (2, 3), job.result
    made = PaymentPlan.objects.order_by("period")
    assert [(one.period, one.amount, one.remind_days) for one in made] == [(1, 60, 7), (2, 40, None)]
    assert fresh(contract).planned == 100 and {one.owner for one in made} == {staff.ann}
