"""撤销导入: afterwards the tables are as before, except what somebody changed since, which is listed."""

from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.utils import timezone

from crm.records import jobs, modules, params, periodic, services, uploads
from crm.records.followups import services as followups
from crm.records.importing import job as importing
from crm.records.importing import undo
from crm.records.models import (
    DictionaryItem,
    FieldDefinition,
    ImportChange,
    Job,
    OperationLog,
    SearchRow,
    Undo,
    UniqueValue,
)
from crm.records.tagging import services as tagging
from crm.testing.followups import values as followup_values
from customers.models import Contact, Customer
from customers.tests.importing import HEAD, figures, run
from orgs.models import Role
from orgs.services import fields as verbs
from orgs.tests.factories import client_for, employee
from products.models import Product

pytestmark = pytest.mark.django_db


def undone(job, by, **options) -> Job:
    made = undo.begin(job.pk, by=by, send=False)
    jobs.execute(made.pk, **options)
    made.refresh_from_db()
    return made


def outcome(job) -> tuple:
    return tuple(job.result.get(key, 0) for key in ("restored", "deleted", "binned", "kept"))


def table(model, *without):
    names = [field.attname for field in model._meta.concrete_fields if field.attname not in without]
    return sorted(map(repr, model.objects.values_list(*names)))


def everything() -> dict:
    """All that undoing must bring back: every column of the records but their version, and what hangs on them."""
    return {
        "customers": table(Customer, "version"),
        "contacts": table(Contact, "version"),
        "products": table(Product, "version"),
        "search": table(SearchRow, "id"),
        "unique": table(UniqueValue, "id"),
        "live": Customer.objects.live().count(),
    }


@pytest.fixture
def small_chunks(monkeypatch):
    monkeypatch.setattr(importing, "CHUNK", 10)
    monkeypatch.setattr(importing, "SMALL", 10)
    monkeypatch.setattr(importing.Pace, "__init__", lambda self: self.__dict__.update(single=True, rows=10))
    monkeypatch.setattr(importing.Pace, "took", lambda self, seconds, rows: None)


@pytest.mark.parametrize("many", [300, pytest.param(5000, marks=pytest.mark.slow)])
def test_overwritten_rows_are_as_before_except_those_edited_since(many):
    person, admin = employee(), employee(roles=("super",))
    text, number = (
        verbs.create_field("customer", {"type": kind, "label": label, "unique": unique}, by=admin)
        for kind, label, unique in (("line", "信用代码", True), ("number", "注册资本", False))
    )
    head = (*HEAD, "市", "客户行业", "下次联系时间", "信用代码", "注册资本")
    first = [
        (
            f"公司{n}",
            f"1380000{n:04}",
            f"旧{n}" if n % 3 else "",
            "江苏",
            "苏州",
            "电子商务" if n % 2 else "",
            "",
            f"A{n}",
            n,
        )
        for n in range(many)
    ]
    run(person, head, *first)
    Customer.objects.update(updated_at=timezone.now() - timedelta(days=3, microseconds=123_457))
    before = everything()
    second = [
        (f"公司 {n}", f"1390000{n:04}", f"新{n}", "浙江", "杭州", "其他", "2026-12-01 09:30", f"B{n}", n + 0.5)
        for n in range(many)
    ]
    job = run(person, head, *second, on_duplicate="overwrite")
    assert figures(job) == (0, many, 0, 0)
    assert not set(before["customers"]) & set(everything()["customers"])
    result = undone(job, person)
    assert (result.state, outcome(result), result.done, result.total) == ("done", (many, 0, 0, 0), many, many)
    after = everything()
    for name, rows in before.items():
        assert after[name] == rows, name
    again = run(person, head, *second, on_duplicate="overwrite")
    edited = Customer.objects.order_by("pk")[7]
    services.update(edited, {"remark": "导入后改的"}, version=edited.version, by=person)
    result = undone(again, person)
    assert outcome(result) == (many - 1, 0, 0, 1)
    assert result.result["list"] == [["customer", edited.pk, "导入后又被修改"]]
    edited.refresh_from_db()
    assert (edited.remark, edited.phone, edited.extra) == (
        "导入后改的",
        "13900000007",
        {text.key: "B7", number.key: 7.5},
    )
    assert len(set(before["customers"]) - set(everything()["customers"])) == 1


def test_created_records_are_gone_for_good_and_dictionary_values_stay():
    person = employee()
    run(person, HEAD, ("老客户", "", "", ""))
    before = everything()
    job = run(
        person,
        ("客户名称", "客户行业", "备注"),
        *[(f"公司{n}", "远洋渔业", '"><img src=x onerror=1>🐟') for n in range(300)],
        ("老客户", "", "改"),
        ("公司1", "", "又一次"),
        on_duplicate="overwrite",
        unknown="create",
    )
    assert figures(job) == (300, 2, 0, 0)
    result = undone(job, person)
    assert outcome(result) == (1, 300, 0, 0) and everything() == before
    assert DictionaryItem.objects.filter(label="远洋渔业").exists()
    assert OperationLog.objects.filter(code="customer.import_undone", job=result, actor=person).count() == 301


def test_what_others_built_upon_goes_to_the_recycle_bin_and_what_was_edited_stays():
    person, admin = employee(), employee(roles=("super",))
    job = run(person, HEAD, *[(name, "", "", "") for name in ("净", "有联系人", "有跟进", "有附件", "改过", "删过")])
    made = {record.name: record for record in Customer.objects.all()}
    services.create(Contact(name="后来的人", customer=made["有联系人"], owner=person), by=person)
    followups.write(made["有跟进"], followup_values("谈过一次", next_contact_at=None), by=person)
    uploads.attach(made["有附件"], [SimpleUploadedFile("a.txt", b"x")], by=person)
    services.update(made["改过"], {"remark": "手工"}, version=1, by=person)
    modules.get("customer").verb("delete")(Customer.objects.filter(name="删过"), by=person)
    result = undone(job, admin)
    assert outcome(result) == (0, 1, 3, 2)
    left = {record.name: record.deleted_at is not None for record in Customer.objects.all()}
    assert left == {"有联系人": True, "有跟进": True, "有附件": True, "改过": False, "删过": True}
    assert Contact.objects.get().deleted_at is not None
    page = client_for(admin).get(f"/jobs/{result.pk}/").content.decode()
    assert f'href="/customers/{made["改过"].pk}/"' in page and "导入后又被修改" in page
    assert f'href="/customers/recycle/{made["有跟进"].pk}/"' in page and "已有跟进、附件或下级记录，移入回收站" in page


def test_names_freed_by_the_import_and_taken_since_are_listed_and_the_others_go_back():
    person = employee()
    run(person, HEAD, ("甲", "13800000001", "", ""), ("乙", "13800000002", "", ""))
    job = run(
        person,
        HEAD,
        ("甲甲", "13800000001", "", ""),
        ("乙乙", "13800000002", "", ""),
        on_duplicate="overwrite",
        key="phone",
    )
    run(person, HEAD, ("甲", "", "", ""))
    result = undone(job, person)
    assert outcome(result) == (1, 0, 0, 1)
    assert result.result["list"][0][2] == "原来的值已被其他记录使用"
    assert set(Customer.objects.values_list("name", flat=True)) == {"甲", "甲甲", "乙"}


def test_a_chain_of_renames_goes_back_in_reverse():
    person = employee()
    run(person, HEAD, ("甲", "13800000001", "", ""), ("乙", "13800000002", "", ""))
    before = everything()
    rows = (("丙", "13800000001", "", ""), ("丁", "13800000003", "", ""))
    job = run(person, HEAD, *rows, on_duplicate="overwrite", key="phone")
    assert undone(job, person).state == "done" and everything() == before


def test_an_undo_that_dies_between_any_two_chunks_goes_on_and_undoes_everything_once(small_chunks, monkeypatch):
    person = employee()
    run(person, HEAD, *[(f"旧{n}", "", "一", "") for n in range(35)])
    before = everything()
    rows = [(f"旧{n}", "", "二", "") for n in range(35)] + [(f"新{n}", "", "", "") for n in range(35)]
    job = run(person, HEAD, *rows, on_duplicate="overwrite")
    made = undo.begin(job.pk, by=person, send=False)
    calls = []
    for name in ("restore", "remove"):
        work = getattr(undo.Undo, name)

        def sometimes_dies(self, size, work=work):
            count = work(self, size)
            calls.append(count)
            if len(calls) % 2:
                raise RuntimeError("killed after the rows, before the commit")
            return count

        monkeypatch.setattr(undo.Undo, name, sometimes_dies)
    for _ in range(40):
        jobs.execute(made.pk)
    made.refresh_from_db()
    assert (made.state, outcome(made), made.done) == ("done", (35, 35, 0, 0), 70) and everything() == before


def test_a_cancelled_undo_is_taken_up_again_and_ends_the_same(small_chunks):
    person = employee()
    before = everything()
    job = run(person, HEAD, *[(f"新{n}", "", "", "") for n in range(40)])
    made = undo.begin(job.pk, by=person, send=False)
    jobs.execute(made.pk, on_step=lambda run: jobs.cancel(run.job))
    made.refresh_from_db()
    assert made.state == "cancelled" and jobs.retry(made)
    jobs.execute(made.pk)
    made.refresh_from_db()
    assert made.state == "done" and everything() == before


def test_only_the_importer_and_administrators_undo_once_and_in_time():
    person, other, admin = employee(), employee(), employee(roles=("admin",))
    job = run(person, HEAD, ("甲", "", "", ""))
    assert client_for(other).get(f"/jobs/{job.pk}/undo/").status_code == 404
    assert client_for(other).post(f"/jobs/{job.pk}/undo/").status_code == 404
    assert client_for(admin).get(f"/jobs/{job.pk}/undo/").status_code == 200
    with pytest.raises(jobs.Refused, match="只有导入的人和管理员可以撤销"):
        undo.begin(job.pk, by=other)
    person.roles.set([Role.objects.get(code="finance")])
    with pytest.raises(jobs.Refused, match="您没有导入客户的权限"):
        undo.begin(job.pk, by=type(person).objects.get(pk=person.pk))
    Job.objects.filter(pk=job.pk).update(finished_at=timezone.now() - timedelta(days=31))
    with pytest.raises(jobs.Refused, match="超过 30 天"):
        undo.begin(job.pk, by=admin)
    Job.objects.filter(pk=job.pk).update(finished_at=timezone.now())
    undo.begin(job.pk, by=admin, send=False)
    with pytest.raises(jobs.Refused, match="已经撤销过"):
        undo.begin(job.pk, by=admin)
    assert client_for(admin).get(f"/jobs/{job.pk}/undo/").status_code == 403
    Job.objects.filter(pk=job.pk).update(state="cancelled")
    assert not jobs.retry(Job.objects.get(pk=job.pk))
    nothing = run(admin_importer := employee(), HEAD, ("", "", "", ""), ("", "1", "", ""))
    with pytest.raises(jobs.Refused, match="没有写入记录"):
        undo.begin(nothing.pk, by=admin_importer)


def test_the_list_of_what_stayed_names_only_what_the_reader_may_see():
    person, admin = employee(), employee(roles=("admin",))
    job = run(person, HEAD, ("金丝雀公司", "", "", ""))
    record = Customer.objects.get()
    services.update(record, {"remark": "手工"}, version=1, by=person)
    result = undone(job, admin)
    page = client_for(admin).get(f"/jobs/{result.pk}/").content.decode()
    assert "金丝雀" not in page and "另有 1 条没有列出" in page
    assert client_for(person).get(f"/jobs/{result.pk}/").status_code == 404


def test_the_page_offers_the_undo_and_says_when_it_was_done(django_capture_on_commit_callbacks):
    person = employee()
    job = run(person, HEAD, ("甲", "", "", ""))
    client = client_for(person)
    assert f'href="/jobs/{job.pk}/undo/"' in client.get(f"/jobs/{job.pk}/").content.decode()
    question = client.get(f"/jobs/{job.pk}/undo/").content.decode()
    assert "删除新建的 1 条记录" in question and "导入时新建的字典值保留" in question and Customer.objects.exists()
    address = client.post(f"/jobs/{job.pk}/undo/")["Location"]
    jobs.execute(Job.objects.get(kind="import_undo").pk)
    assert not Customer.objects.exists()
    assert "删除" in client.get(address).content.decode()
    page = client.get(f"/jobs/{job.pk}/").content.decode()
    assert "这次导入已撤销" in page and f'href="/jobs/{job.pk}/undo/"' not in page
    twice = client.post(f"/jobs/{job.pk}/undo/", follow=True).content.decode()
    assert "这次导入已经撤销过" in twice


def test_what_undo_needs_is_dropped_when_its_time_is_over():
    person = employee()
    job = run(person, HEAD, ("甲", "", "", ""))
    fresh = run(person, HEAD, ("乙", "", "", ""))
    Job.objects.filter(pk=job.pk).update(finished_at=timezone.now() - timedelta(days=params.get("undo_days") + 1))
    periodic.run("clean_up", by_hand=True)
    assert set(ImportChange.objects.values_list("job", flat=True)) == {fresh.pk}


def test_a_field_retired_since_gets_its_values_back_all_the_same():
    person, admin = employee(), employee(roles=("super",))
    row = verbs.create_field("customer", {"type": FieldDefinition.Type.LINE, "label": "展位"}, by=admin)
    head = ("客户名称", "展位")
    run(person, head, ("甲", "E1"))
    job = run(person, head, ("甲", "E2"), on_duplicate="overwrite")
    verbs.retire_field(row, True, by=admin)
    with transaction.atomic():
        undone(job, person)
    assert Customer.objects.get().extra == {row.key: "E1"}


def tags_of(record) -> list[str]:
    return [tag.name for tag in tagging.loaded(type(record), [record.pk]).get(record.pk, [])]


def test_tags_go_back_with_the_rest_unless_somebody_changed_them_since():
    person = employee()
    head = (*HEAD, "标签")
    run(person, head, ("甲", "", "", "", "老客户"), ("乙", "", "", "", "老客户"), ("丙", "", "", "", ""))
    first, second, third = Customer.objects.order_by("pk")
    again = (("甲", "", "", "", "重点"), ("乙", "13800000001", "", "", "重点"), ("丙", "", "", "", "重点"))
    job = run(person, head, *again, ("丁", "", "", "", "重点"), on_duplicate="overwrite")
    assert figures(job) == (1, 3, 0, 0)
    assert [tags_of(one) for one in (first, second, third)] == [["重点"]] * 3
    tagging.put(third, ["重点", "后来加的"], by=person)
    result = undone(job, person)
    assert outcome(result) == (3, 1, 0, 0)
    assert [tags_of(one) for one in (first, second)] == [["老客户"]] * 2
    assert set(tags_of(third)) == {"重点", "后来加的"}
    second.refresh_from_db()
    assert second.phone == ""
    assert not Undo.objects.exists()
