"""Importing: whose rows, which places, whose rights, which values."""

import io
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from crm.records import jobs, modules
from crm.records.importing import job as importing
from crm.records.importing import upload
from crm.records.importing.plan import Invalid
from crm.records.models import DictionaryItem, ImportDraft, ImportFailure, ImportMapping, Job, OperationLog
from crm.records.tests.workbooks import cells_of, xlsx
from customers.models import Contact, Customer
from customers.tests.importing import HEAD, companies, faults, figures, run
from orgs.models import Role
from orgs.tests.factories import client_for, department, employee

pytestmark = pytest.mark.django_db
DATA = Path(__file__).parent / "data"


# Whose, when, where -----------------------------------------------------------------------------------------------------------
def test_owners_are_found_by_phone_or_a_name_only_one_has_within_reach():
    team = department("一部")
    boss = employee(roles=("sales_manager",), department=team)
    seller = employee("王敏", department=team)
    employee("李雷", department=team), employee("李雷", department=team)
    outside = employee("赵外", department=department("二部"))
    gone = employee("孙停", department=team)
    type(gone).objects.filter(pk=gone.pk).update(is_active=False)
    people = ("王敏", seller.phone, float(seller.phone), "李雷", "赵外", outside.phone, "孙停", "", "没有此人")
    job = run(boss, ("客户名称", "负责人"), *[(f"公司{n}", person) for n, person in enumerate(people)])
    owners = dict(Customer.objects.values_list("name", "owner"))
    assert owners == {"公司0": seller.pk, "公司1": seller.pk, "公司2": seller.pk, "公司7": boss.pk}
    assert [text for _, _, text in faults(job)] == [
        "有 2 位“李雷”，请改用手机号",
        "没有“赵外”这位同事，或对方不在您的数据范围内",
        f"没有手机号为 {outside.phone} 的同事，或对方不在您的数据范围内",
        "没有“孙停”这位同事，或对方不在您的数据范围内",
        "没有“没有此人”这位同事，或对方不在您的数据范围内",
    ]


def test_a_seller_gives_customers_to_nobody_else():
    seller, other = employee(), employee("王敏")
    assert figures(run(seller, ("客户名称", "负责人"), ("甲", "王敏"), ("乙", other.phone))) == (0, 0, 0, 2)


def test_provinces_by_short_name_and_cities_that_imply_them():
    rows = [
        ("甲", "内蒙", ""),
        ("乙", "深圳", ""),
        ("丙", "江苏", "苏州"),
        ("丁", "", "杭州"),
        ("戊", "江苏省", "杭州"),
        ("己", "火星", ""),
    ]
    job = run(employee(), ("客户名称", "省", "市"), *rows)
    places = {
        name: (province, city) for name, province, city in Customer.objects.values_list("name", "province", "city")
    }
    assert places == {
        "甲": ("内蒙古自治区", ""),
        "乙": ("广东省", "深圳市"),
        "丙": ("江苏省", "苏州市"),
        "丁": ("浙江省", "杭州市"),
    }
    assert faults(job) == [(6, "市", "江苏省没有“杭州”这个城市"), (7, "省", "没有“火星”这个省份")]


def test_an_address_in_one_cell_is_taken_apart():
    run(employee(), ("客户名称", "客户联系地址"), ("甲", "江苏省苏州市星湖街 1 号"), ("乙", "老街 2 号"))
    assert set(Customer.objects.values_list("name", "province", "city", "address")) == {
        ("甲", "江苏省", "苏州市", "星湖街 1 号"),
        ("乙", "", "", "老街 2 号"),
    }


def test_original_creator_and_time_need_their_own_function():
    seller, witness = employee(), employee("许一诺")
    head, row = ("客户名称", "创建人", "创建时间"), ("甲", witness.phone, "2020-01-31 14:05")
    run(seller, head, row)
    assert Customer.objects.get().created_by == seller
    with pytest.raises(Invalid, match="不能导入这些字段"):
        run(seller, head, row, mapping={"name": 0, "created_by": 1, "created_at": 2})
    Customer.objects.all().delete()
    role = Role.objects.create(
        name="搬家", reach="self", permissions=["customer.view", "customer.import", "customer.history"]
    )
    mover = employee(roles=(role,))
    run(mover, head, row)
    record = Customer.objects.get()
    assert (
        record.created_by == witness
        and record.created_at.isoformat() == "2020-01-31T06:05:00+00:00"
        and record.owner == mover
    )


def test_status_fields_need_their_functions():
    with pytest.raises(Invalid):
        run(employee(), ("客户名称", "成交状态"), ("甲", "已成交"), mapping={"name": 0, "deal_status": 1})


def test_contacts_join_customers_one_may_edit():
    mine, other = employee(), employee()
    run(mine, HEAD, ("甲公司", "", "", ""))
    run(other, HEAD, ("乙公司", "", "", ""))
    head = ("姓名", "所属客户", "手机", "生日", "关键决策人", "性别")
    rows = [
        ("张一", "甲公司", "+86 138-0000-0001", "1990-05-20", "是", "女"),
        ("张二", "甲公司", "", "", "", ""),
        ("张三", "乙公司", "", "", "", ""),
        ("张四", "", "", "", "", ""),
        ("张五", "甲公司", "0512-6555", "", "", ""),
        ("张六", "甲公司", "", "昨天", "", ""),
        ("张一", "甲公司", "", "", "", ""),
    ]
    job = run(mine, head, *rows, module="contact")
    assert figures(job) == (2, 0, 1, 4)
    assert [(number, text) for number, _, text in faults(job)] == [
        (4, "没有“乙公司”这个客户，或您没有编辑它的权限"),
        (5, "请填写所属客户"),
        (6, "手机号格式不正确"),
        (7, "日期格式应为 2026-01-31"),
    ]
    first, second = Contact.objects.order_by("pk")
    assert (first.mobile, first.is_primary, first.is_decider, first.gender, second.is_primary) == (
        "13800000001",
        True,
        True,
        "f",
        False,
    )


# The job --------------------------------------------------------------------------------------------------------------------
def test_without_the_function_nothing_starts_and_losing_it_later_ends_the_job():
    with pytest.raises(Invalid, match="没有导入客户的权限"):
        run(employee(roles=("finance",)), HEAD, ("甲", "", "", ""))
    seller = employee()
    draft = upload.accept(
        io.BytesIO(xlsx(HEAD, ("甲", "", "", ""))), "a.xlsx", user=seller, module=modules.get("customer")
    )
    draft.options = {"mapping": {"name": 0}}
    job = importing.begin(draft, user=seller, send=False)
    seller.roles.set([Role.objects.get(code="finance")])
    jobs.execute(job.pk)
    job.refresh_from_db()
    assert job.state == "failed" and "没有导入客户的权限" in job.error and not Customer.objects.exists()


def test_required_fields_must_be_mapped():
    with pytest.raises(Invalid, match="请先对应必填的字段：客户名称"):
        run(employee(), HEAD, ("甲", "", "", ""), mapping={"phone": 1})


@pytest.fixture
def small_chunks(monkeypatch):
    monkeypatch.setattr(importing, "CHUNK", 10)
    monkeypatch.setattr(importing, "SMALL", 10)
    monkeypatch.setattr(importing.Pace, "took", lambda self, seconds, rows: setattr(self, "rows", 10))


def test_an_import_that_dies_between_any_two_chunks_goes_on_and_every_row_is_there_once(small_chunks, monkeypatch):
    person = employee()
    rows = [(f"公司{n}" if n % 7 else "", "", "", "") for n in range(60)]
    draft = upload.accept(
        io.BytesIO(xlsx(HEAD, *[(*row[:2], f"第 {n} 条", "") for n, row in enumerate(rows)])),
        "a.xlsx",
        user=person,
        module=modules.get("customer"),
    )
    draft.options = {"mapping": {"name": 0, "remark": 2}}
    job = importing.begin(draft, user=person, send=False)
    write = importing.load.run
    calls = []

    def sometimes_dies(chunk, job):
        calls.append(1)
        counts = write(chunk, job)
        if len(calls) % 2:
            raise RuntimeError("killed after the rows, before the commit")
        return counts

    monkeypatch.setattr(importing.load, "run", sometimes_dies)
    for _ in range(80):
        jobs.execute(job.pk)
    job.refresh_from_db()
    assert job.state == "done" and figures(job) == (51, 0, 0, 9)
    assert Customer.objects.count() == 51 == OperationLog.objects.filter(job=job).count()
    assert ImportFailure.objects.filter(job=job).count() == 9


def test_cancelling_keeps_what_was_written_and_the_failed_rows(small_chunks, monkeypatch):
    person = employee()
    write = importing.load.run

    def cancel_later(chunk, job):
        jobs.cancel(job)
        return write(chunk, job)

    monkeypatch.setattr(importing.load, "run", cancel_later)
    job = run(person, HEAD, ("", "", "x", ""), *[(f"公司{n}", "", "", "") for n in range(30)])
    assert job.state == "cancelled" and 0 < job.done < 31 and Customer.objects.count() == job.done - 1
    assert job.output and client_for(person).get(f"/jobs/{job.pk}/failed/").status_code == 200


def test_refused_rows_come_back_as_a_workbook_with_the_reason_and_can_be_mended():
    person = employee()
    job = run(person, ("客户名称", "电话", "别的"), ("甲", 13800000001, "留着"), ("", "abc", "'=1+1"), ("乙", "", ""))
    content = b"".join(client_for(person).get(f"/jobs/{job.pk}/failed/").streaming_content)
    assert cells_of(content) == [
        ["客户名称", "电话", "别的", "失败原因"],
        ["", "abc", "'=1+1", "客户名称：请填写客户名；电话：电话格式不正确"],
    ]
    assert figures(run(person, *[(*row[:3],) for row in [cells_of(content)[0], ["丙", "0512-65550186", "x"]]])) == (
        1,
        0,
        0,
        0,
    )


# The wizard -----------------------------------------------------------------------------------------------------------------
def test_the_wizard_from_upload_to_result():
    person = employee()
    client = client_for(person)
    file = io.BytesIO(companies(40))
    file.name = "上市公司.xlsx"
    step2 = client.post("/customers/import/", {"file": file})["Location"]
    page = client.get(step2).content.decode()
    assert "上市公司.xlsx" in page and "3 个值不在字典中" in page and "以 客户名称 判断重复" in page
    choice = {
        "column-1": "name",
        "column-2": "region",
        "column-3": "industry",
        "on_duplicate": "skip",
        "unknown": "map",
    }
    assert "请先对应必填的字段：客户名称" in client.post(step2, {**choice, "column-1": ""}).content.decode()
    assert "多个列对应了同一个字段" in client.post(step2, {**choice, "column-0": "name"}).content.decode()
    step3 = client.post(step2, choice)["Location"]
    page = client.get(step3).content.decode()
    assert "字典中没有“深圳”" in page and not Customer.objects.exists()
    other = DictionaryItem.objects.get(dictionary="customer.industry", label="其他")
    client.post(step3, {"value-industry-0": other.pk, "value-industry-1": "empty", "value-industry-2": "999999"})
    client.post(step2, {**choice, "unknown": "create"})
    page = client.get(step3).content.decode()
    assert "将新建字典值" in page and "第 2 行" not in page
    step4 = client.post(f"{step2}run/")["Location"]
    job = Job.objects.get()
    assert step4 == f"/jobs/{job.pk}/" and not ImportDraft.objects.exists() and job.total == 40
    assert "正在进行" in client.get(step4).content.decode()
    jobs.execute(job.pk)
    assert "下载失败的行" not in client.get(step4).content.decode()
    assert Customer.objects.filter(owner=person).count() == 40
    assert client.get(step2).status_code == 404
    assert ImportMapping.objects.get(user=person).columns["所属行业"] == "industry"


def test_a_draft_is_its_uploaders_alone():
    mine, other = employee(), employee()
    draft = upload.accept(
        io.BytesIO(xlsx(HEAD, ("甲", "", "", ""))), "a.xlsx", user=mine, module=modules.get("customer")
    )
    for path in ("", "check/"):
        assert client_for(other).get(f"/customers/import/{draft.token}/{path}").status_code == 404
        assert client_for(mine).get(f"/contacts/import/{draft.token}/{path}").status_code == 404
    assert client_for(other).post(f"/customers/import/{draft.token}/run/").status_code == 404


def test_the_command_says_what_is_wrong(tmp_path):
    person = employee()
    path = tmp_path / "a.xlsx"
    path.write_bytes(xlsx(HEAD, ("甲", "", "", "")))

    def error(*arguments) -> str:
        with pytest.raises(CommandError) as found:
            call_command("import_records", *arguments)
        return str(found.value)

    assert "没有“nothing”这个模块" in error("nothing", str(path), "--as", person.phone)
    assert "没有手机号为 1 的启用员工" in error("customer", str(path), "--as", "1")
    assert "找不到文件" in error("customer", str(tmp_path / "b.xlsx"), "--as", person.phone)
    assert "文件中没有“名称”这一列" in error("customer", str(path), "--as", person.phone, "--map", "客户名称=名称")
    assert "没有“名字吧”这个字段" in error("customer", str(path), "--as", person.phone, "--map", "名字吧=客户名称")
    assert "没有导入客户的权限" in error("customer", str(path), "--as", employee(roles=("finance",)).phone)
    assert not Job.objects.exists() and not Customer.objects.exists()
