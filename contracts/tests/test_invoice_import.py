"""Invoices that are imported: history needs its function, the sum of the contract holds, an undo gives the amount back."""

import io

import pytest

from contracts.invoices import services
from contracts.models import Invoice
from contracts.tests import factories
from contracts.tests.billing import approved, figures
from crm.records import jobs, modules
from crm.records.exporting import xlsx
from crm.records.importing import job as importing
from crm.records.importing import targets, undo, upload
from orgs.tests.factories import department, employee

pytestmark = pytest.mark.django_db


@pytest.fixture
def firm():
    east = department("华东")
    manager = employee("经理", ["sales_manager"], east)
    return manager, employee("甲", ["seller"], east, supervisor=manager)


def run(by, *rows, **options):
    """The finished job of an import of these rows ({header: cell})."""
    heads = list(dict.fromkeys(head for row in rows for head in row))
    out, module = io.BytesIO(), modules.get("invoice")
    cells = [tuple(str(row.get(head, "")) for head in heads) for row in rows]
    xlsx.write(out, [(head, "text") for head in heads], cells, total=len(cells), title="发票")
    draft = upload.accept(io.BytesIO(out.getvalue()), "发票.xlsx", user=by, module=module)
    offered = targets.importer_of(module).allowed_targets(by)
    draft.options = {"mapping": targets.guess(draft.meta["headers"], offered), **options}
    job = importing.begin(draft, user=by, send=False)
    jobs.execute(job.pk)
    job.refresh_from_db()
    return job


def errors(job) -> str:
    return "；".join(map(str, job.result.get("errors", [])))


def test_historic_ones_come_in_approved_numbered_and_counted(firm):
    manager, seller = firm
    at = factories.approved(seller, amount="1000")
    here = {"合同编号": at.number, "发票抬头": "甲公司"}
    made = run(
        manager,
        {**here, "开票金额": "300", "状态": "已通过", "发票号码": "26512001", "开票日期": "2026-03-01"},
        {**here, "开票金额": "200", "状态": "已通过", "申请编号": "KP-202001-0007"},
        {**here, "开票金额": "900", "状态": "已作废", "作废原因": "重开"},
        {**here, "开票金额": "50"},
    )
    assert (made.result["created"], made.result["failed"]) == (4, 0), errors(made)
    assert figures(at) == ("500.00", "0.00")
    found = dict(Invoice.objects.values_list("amount", "number"))
    assert sorted(map(bool, found.values())) == [False, True, True, True]
    assert set(Invoice.objects.values_list("customer", flat=True)) == {at.customer_id}
    next_one = approved(seller, at, amount="1")
    assert next_one.number not in set(found.values())


def test_the_sum_of_a_contract_holds_within_the_file_to_the_cent(firm):
    manager, seller = firm
    at = factories.approved(seller, amount="0.30")
    row = {"合同编号": at.number, "发票抬头": "甲公司", "开票金额": "0.10", "状态": "已通过"}
    made = run(manager, row, row, row, row)
    assert (made.result["created"], made.result["failed"]) == (3, 1)
    assert "还能开 ¥0.00" in errors(made) and figures(at) == ("0.30", "0.00")


def test_without_the_function_only_drafts_come_in_and_only_on_contracts_in_reach(firm):
    manager, seller = firm
    at, theirs = factories.approved(seller), factories.approved(employee("丙", ["seller"], department("华南")))
    row = {"发票抬头": "甲公司", "开票金额": "5", "状态": "已通过", "发票号码": "1"}
    made = run(seller, {**row, "合同编号": at.number}, {**row, "合同编号": theirs.number})
    assert (made.result["created"], made.result["failed"]) == (1, 1) and theirs.number in errors(made)
    assert Invoice.objects.values_list("status", "number", "invoice_number").get() == ("draft", "", "")


@pytest.mark.parametrize(
    "wrong,said",
    [
        ({"开票金额": "-1"}, ""),
        ({"开票金额": "0"}, "大于 0"),
        ({"开票金额": "NaN"}, ""),
        ({"开票金额": "1e30"}, ""),
        ({"开票金额": "0.001"}, ""),
        ({"状态": "审批中"}, "只能导入"),
        ({"状态": "草稿", "发票号码": "9"}, "草稿还没有"),
        ({"状态": "已作废"}, "作废原因"),
        ({"发票号码": '"><img src=x>'}, "发票号码为"),
        ({"开票日期": "2999-01-01"}, "晚于今天"),
        ({"税号": "123"}, "15、18 或 20 位"),
        ({"合同编号": "HT-000000-0000"}, "已通过的合同"),
        ({"发票号码": "TAKEN"}, "另一张发票"),
    ],
)
def test_a_wrong_row_is_refused_in_words(firm, wrong, said):
    manager, seller = firm
    one = approved(seller, amount="1")
    services.issue(one, number="TAKEN", on=one.created_at.date(), version=one.version, by=manager)
    row = {"合同编号": one.contract.number, "发票抬头": "甲公司", "开票金额": "5", "状态": "已通过"}
    made = run(manager, {**row, **wrong})
    assert (made.result["created"], made.result["failed"]) == (0, 1)
    assert said in errors(made) and Invoice.objects.count() == 1


def test_an_undone_import_gives_the_amount_back(firm):
    manager, seller = firm
    at = factories.approved(seller, amount="1000")
    row = {"合同编号": at.number, "发票抬头": "甲公司", "开票金额": "400", "状态": "已通过"}
    made = run(manager, row, {**row, "开票金额": "500"})
    assert figures(at) == ("900.00", "0.00")
    kept = Invoice.objects.get(amount="500")
    services.issue(kept, number="1", on=kept.created_at.date(), version=kept.version, by=manager)
    jobs.execute(undo.begin(made.pk, by=manager, send=False).pk)
    assert list(Invoice.objects.live()) == [kept] and figures(at) == ("500.00", "0.00")


def test_a_number_that_exists_is_not_imported_again(firm):
    manager, seller = firm
    one = approved(seller, amount="1")
    row = {"合同编号": one.contract.number, "发票抬头": "甲公司", "开票金额": "5", "状态": "已通过"}
    made = run(manager, {**row, "申请编号": one.number})
    assert (made.result["created"], made.result["skipped"]) == (0, 1)
    made = run(manager, {**row, "申请编号": one.number}, on_duplicate="create")
    assert made.result["failed"] == 1 and Invoice.objects.count() == 1


def test_a_seller_who_brings_a_number_is_told_that_drafts_have_none(firm):
    seller = firm[1]
    row = {"合同编号": factories.approved(seller).number, "发票抬头": "甲公司", "开票金额": "5"}
    made = run(seller, {**row, "申请编号": "KP-202601-0001"})
    assert made.result["failed"] == 1 and "草稿还没有编号" in errors(made)
