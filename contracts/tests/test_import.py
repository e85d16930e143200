"""Contracts out of a file: drafts for everybody, contracts of the past for those who may."""

import io
from datetime import date

import pytest
from django.utils import timezone

from contracts import services
from contracts.models import Contract
from contracts.tests.factories import approved, contract
from crm.records import jobs, modules
from crm.records.importing import job as importing
from crm.records.importing import plan, targets, undo, upload
from crm.records.models import ImportFailure, Job
from customers.models import Customer
from opportunities.tests.factories import customer

HEAD = ("合同名称", "客户", "合同金额", "签约日期")
PAST = (*HEAD, "状态", "合同编号", "结束日期")


def run(user, head, *rows, undone=False, **options):
    """Import the rows; the job."""
    text = "\n".join(",".join(map(str, row)) for row in (head, *rows))
    module = modules.get("contract")
    draft = upload.accept(io.BytesIO(text.encode("utf-8-sig")), "名单.csv", user=user, module=module)
    mapping = targets.guess(draft.meta["headers"], targets.importer_of(module).allowed_targets(user))
    draft.options = {"mapping": mapping, "unknown": "reject", **options}
    job = importing.begin(draft, user=user, send=False)
    jobs.execute(job.pk)
    job.refresh_from_db()
    return job


def faults(job) -> list[str]:
    rows = ImportFailure.objects.filter(job=job).order_by("number").values_list("reasons", flat=True)
    return [sentence for reasons in rows for _, sentence in reasons]


def deal(at) -> tuple:
    found = Customer.objects.get(pk=at.pk)
    return found.deal_status, found.last_deal_at and timezone.localdate(found.last_deal_at), found.contract_ends_on


def test_a_seller_imports_drafts_and_nothing_of_the_past(staff):
    customer(staff.ann, "云澜")
    job = run(staff.ann, HEAD, ("一期", "云澜", "1,200.50".replace(",", ""), "2026-01-31"))
    made = Contract.objects.get()
    assert (made.status, made.number, str(made.amount), made.owner) == ("draft", "", "1200.50", staff.ann)
    assert job.result["created"] == 1 and made.versions.count() == 0
    with pytest.raises(plan.Invalid):
        run(staff.ann, PAST, ("二期", "云澜", "1", "2026-01-31", "已通过", "", ""), mapping={"name": 0, "status": 4})


def test_contracts_of_the_past_come_in_force_with_version_number_and_figures(staff):
    at, day = customer(staff.ann, "云澜"), timezone.localdate()
    start = f"HT-{day:%Y%m}-000"
    run(
        staff.boss,
        (*PAST, "负责人"),
        ("一期", "云澜", "100", "2025-03-01", "已通过", f"{start}2", "2026-02-28", staff.ann.phone),
        ("二期", "云澜", "200", "2026-03-01", "已通过", "旧-7", "2099-02-28", staff.ann.phone),
        ("三期", "云澜", "300", "2026-04-01", "已通过", "", "", staff.ann.phone),
    )
    first, second, third = Contract.objects.order_by("pk")
    assert [one.execution for one in (first, second, third)] == ["expired", "running", "running"]
    assert (first.edition, first.version, first.versions.get().data["fields"]["amount"]) == (1, 1, "100.00")
    assert timezone.localdate(first.approved_at) == date(2025, 3, 1)
    assert third.number.startswith("HT-202604-")
    assert deal(at) == (1, date(2026, 4, 1), date(2099, 2, 28))
    numbers = [approved(staff.ann, at=at, name=f"新{n}").number for n in range(3)]
    assert numbers == [f"{start}1", f"{start}3", f"{start}4"]  # what was imported is passed over


def test_a_number_is_taken_once_in_the_company_and_in_the_file(staff):
    at = customer(staff.ann, "云澜")
    taken = approved(staff.ann, at=at).number
    rows = [
        ("甲", "云澜", "1", "2026-01-01", "已通过", taken, ""),
        ("乙", "云澜", "1", "2026-01-01", "已通过", "旧-1", ""),
        ("丙", "云澜", "1", "2026-01-01", "已作废", "旧-1", ""),
    ]
    job = run(staff.admin, (*PAST, "作废原因"), *[(*row, "重签") if row[4] == "已作废" else (*row, "") for row in rows])
    assert (job.result["created"], faults(job)) == (1, ["这个编号已被使用", "这个编号已被使用"])


@pytest.mark.parametrize(
    ("cells", "sentence"),
    [
        ({"状态": "审批中"}, "只能导入草稿、已通过和已作废的合同"),
        ({"合同编号": "HT-1"}, "草稿不能有编号、通过时间、完成、关闭和作废"),
        ({"状态": "已作废"}, "已作废的请填写作废原因"),
        ({"状态": "已通过", "执行状态": "已关闭"}, "已关闭的请填写关闭原因"),
        ({"状态": "已通过", "关闭原因": "停产"}, "只有已完成和已关闭的合同有完成或关闭时间和原因"),
        ({"状态": "已通过", "作废原因": "停产"}, "只有已作废的合同有作废时间和原因"),
        ({"状态": "已通过", "合同编号": "长" * 61}, "最多 60 个字"),
        ({"结束日期": "2025-01-01", "开始日期": "2025-01-02"}, "结束日期不能早于开始日期"),
        ({"签约日期": "0001-01-01"}, "日期不能早于 1900 年"),
        ({"整单折扣（%）": "101"}, "折扣应在 0 到 100 之间"),
        ({"合同金额": "-1"}, "金额应在 0 到 999,999,999,999.99 之间"),
        ({"合同金额": "NaN"}, "金额应在 0 到 999,999,999,999.99 之间"),
        ({"合同金额": "0.001"}, "金额最多两位小数"),
        ({"到期前几天提醒": "366"}, "请填写 0 到 365 的整数"),
        ({"商机": "没有的"}, "该客户没有“没有的”这个商机"),
        ({"客户签约人": "没有的"}, "该客户没有“没有的”这位联系人"),
        ({"公司签约人": "没有的"}, "没有“没有的”这位同事"),
    ],
)
def test_rows_that_cannot_be_are_named_and_write_nothing(staff, cells, sentence):
    customer(staff.ann, "云澜")
    row = {**dict(zip(HEAD, ("一期", "云澜", "1", "2026-01-31"), strict=True)), **cells}
    job = run(staff.admin, tuple(row), tuple(row.values()))
    assert not Contract.objects.exists() and sentence in faults(job), faults(job)


def test_an_import_never_writes_over_an_approved_contract(staff):
    at = customer(staff.ann, "云澜")
    made = approved(staff.ann, at=at, name="一期", amount="100")
    draft = contract(staff.ann, at, name="二期", amount="100")
    for mode in ("overwrite", "fill"):
        head, row = (*HEAD, "备注"), ("云澜", "999", "2026-01-31", "改")
        job = run(staff.ann, head, ("一期", *row), ("二期", *row), on_duplicate=mode)
        made.refresh_from_db()
        assert (str(made.amount), made.remark, job.result["failed"]) == ("100.00", "", 1)
    draft.refresh_from_db()
    assert str(draft.amount) == "999.00"


def test_an_import_of_the_past_is_taken_back_but_for_what_somebody_built_upon(staff, monkeypatch):
    from contracts import hooks

    at = customer(staff.ann, "云澜")
    rows = [(name, "云澜", "1", "2026-01-01", "已通过", "", "") for name in ("甲", "乙", "丙")]
    job = run(staff.admin, PAST, *rows)
    assert deal(at)[0] == 1
    changed = Contract.objects.get(name="乙")
    Contract.objects.filter(pk=changed.pk).update(version=2)
    paid = Contract.objects.get(name="丙")
    monkeypatch.setattr(
        hooks, "BLOCKERS", [lambda ids, action: {paid.pk: "有回款，不能删除。"} if paid.pk in ids else {}]
    )
    undo.begin(job.pk, by=staff.admin, send=False)
    taking = Job.objects.get(kind=undo.KIND)
    jobs.execute(taking.pk)
    taking.refresh_from_db()
    assert taking.state == "done" and taking.result["deleted"] == 1 and taking.result["kept"] == 2
    assert set(Contract.objects.live().values_list("name", flat=True)) == {"乙", "丙"}
    assert deal(at) == (1, date(2026, 1, 1), None)
    with pytest.raises(services.ValidationError):
        services.delete_contracts(Contract.objects.filter(pk=changed.pk), by=staff.admin)
