"""Importing customers and contacts: every row exactly once, under the rights of the importer."""

import io
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from crm.records import jobs, modules, params, search
from crm.records.importing import job as importing
from crm.records.importing import targets, upload
from crm.records.importing.plan import Invalid
from crm.records.models import DictionaryItem, ImportDraft, ImportFailure, ImportMapping, Job, OperationLog, SearchRow
from crm.records.tests.workbooks import cells_of, xlsx
from customers.models import Contact, Customer
from orgs.models import Role
from orgs.tests.factories import client_for, department, employee

pytestmark = pytest.mark.django_db
DATA = Path(__file__).parent / "data"
FIGURES = ("created", "updated", "skipped", "failed")


def run(user, *rows, module="customer", mapping=None, **options):
    """Import these rows (the first is the header) as `user`; returns the finished job."""
    module = modules.get(module)
    draft = upload.accept(io.BytesIO(xlsx(*rows)), "名单.xlsx", user=user, module=module)
    offered = targets.importer_of(module).allowed_targets(user)
    draft.options = {"mapping": mapping or targets.guess(draft.meta["headers"], offered), **options}
    job = importing.begin(draft, user=user, send=False)
    jobs.execute(job.pk)
    job.refresh_from_db()
    assert job.state in ("done", "cancelled"), job.error
    return job


def figures(job) -> tuple:
    assert sum(job.result[key] for key in FIGURES) == job.total
    return tuple(job.result[key] for key in FIGURES)


def faults(job) -> list:
    return [tuple(fault) for fault in job.result["errors"]]


# The sample of odd names: what becomes of each row ----------------------------------------------------------------------
LONG = "五十个字的公司名称" + "长" * 41
ODD = [  # (row, name as stored, phone as stored) or (row, None, what happened)
    (2, LONG, "13800138000"),
    (3, None, "最多 50 个字"),
    (4, "=1+1", "13800138002"),
    (5, "@SUM(A1)", "13800138003"),
    (6, "-2+3", "13800138004"),
    (7, '"><img src=x onerror=1>', "13800138005"),
    (8, "O'Brien & Söhne (中国)", "13800138006"),
    (9, "全角空格 公司", "13800138007"),
    (10, "ＡＢＣ科技", "13800138008"),
    (11, None, "skipped"),
    (12, "🐟海产🦐", "13800138010"),
    (13, "重庆啤酒", "13800138011"),
    (14, "长青股份", "13800138012"),
    (15, "长青集团", "13800138013"),
    (16, "étoile", "13800138014"),
    (17, None, "skipped"),
    (18, "换行 公司", "13800138016"),
    (19, "制表 公司", "13800138017"),
    (20, None, "请填写客户名"),
    (21, None, "请填写客户名"),
    (22, None, "手机号格式不正确"),
    (23, "号码座机", "0512-65550186"),
    (24, "浮点号码", "13800138020"),
    (25, "NULL", "13800138021"),
    (26, "true", "13800138022"),
    (27, "00123", "13800138023"),
    (28, "1e5", "13800138024"),
    (29, "2026-11-21", "13800138025"),
    (30, "反向公司", "13800138026"),
    (31, "零宽公司", "13800138027"),
    (32, "同名公司", "13800138028"),
    (33, None, "skipped"),
]


def test_each_odd_name_becomes_what_was_decided_on_both_databases(capsys):
    person = employee()
    call_command("import_records", "customer", str(DATA / "odd-names.csv"), "--as", person.phone)
    lines = capsys.readouterr().out.splitlines()
    stored = [(name, phone) for _, name, phone in ODD if name]
    assert list(Customer.objects.order_by("pk").values_list("name", "phone")) == stored
    refused = {number: what for number, name, what in ODD if name is None and what != "skipped"}
    found = dict(ImportFailure.objects.values_list("number", "reasons"))
    assert {number: reasons[0][1] for number, reasons in found.items()} == refused
    skipped = sum(1 for _, _, what in ODD if what == "skipped")
    assert lines[-1] == f"created={len(stored)} updated=0 skipped={skipped} failed={len(refused)}"
    assert sum((len(stored), skipped, len(refused))) == len(ODD) == Job.objects.get().total


def test_odd_names_are_found_by_what_people_type(capsys):
    person = employee()
    call_command("import_records", "customers", str(DATA / "odd-names.csv"), "--as", person.phone)

    def found(text):
        rows = Customer.objects.allowed(person, "view")
        return set(search.narrow(rows, modules.get("customer"), text).values_list("name", flat=True))

    assert found("重庆") == found("cqpj") == found("zqpj") == {"重庆啤酒"}
    assert found("abc科技") == {"ＡＢＣ科技"} and found("0138020") == {"浮点号码"} and found("=1+1") == {"=1+1"}


# The sample of listed companies -------------------------------------------------------------------------------------------
def companies(count: int) -> bytes:
    places, trades = ["深圳", "北京", "内蒙", "上海"], ["银行", "全国地产", "软件服务"]
    rows = [(f"{n:06}", f"上市公司{n}", places[n % 4], trades[n % 3], "1991-04-03") for n in range(count)]
    return xlsx(("代码", "公司名称", "所在地区", "所属行业", "上市日期"), *rows)


def test_a_list_of_companies_is_taken_whole_with_new_dictionary_values_and_once_only(tmp_path, capsys):
    person = employee()
    path = tmp_path / "listed-companies.xlsx"
    path.write_bytes(companies(2874))
    options = [
        "--as",
        person.phone,
        "--map",
        "客户名称=公司名称",
        "客户行业=所属行业",
        "地区=所在地区",
        "--unknown",
        "create",
    ]
    call_command("import_records", "customer", str(path), *options)
    assert capsys.readouterr().out.splitlines()[-1] == "created=2874 updated=0 skipped=0 failed=0"
    call_command("import_records", "customer", str(path), *options)
    assert capsys.readouterr().out.splitlines()[-1] == "created=0 updated=0 skipped=2874 failed=0"
    assert Customer.objects.filter(owner=person, created_by=person).count() == 2874
    assert Customer.objects.get(name="上市公司7").industry.label == "全国地产"
    assert set(
        DictionaryItem.objects.filter(dictionary="customer.region", label__in=["深圳", "内蒙"]).values_list(
            "active", flat=True
        )
    ) == {True}
    assert OperationLog.objects.filter(code="customer.created", actor=person).count() == 2874
    assert SearchRow.objects.filter(key="name").count() == 2874


def test_without_create_unknown_values_fail_their_rows_and_nothing_is_added():
    before = DictionaryItem.objects.count()
    job = run(employee(), ("客户名称", "客户行业"), ("甲", "电子商务"), ("乙", "银行"), ("丙", ""))
    assert figures(job) == (2, 0, 0, 1) and faults(job) == [(3, "客户行业", "字典中没有“银行”")]
    assert DictionaryItem.objects.count() == before


def test_only_rows_that_are_written_create_dictionary_values():
    job = run(employee(), ("客户名称", "客户行业"), ("甲", "银行"), ("", "证券"), ("乙", "长" * 51), unknown="create")
    assert figures(job) == (1, 0, 0, 2) and DictionaryItem.objects.filter(label__in=["银行", "证券"]).count() == 1


def test_unknown_values_may_be_replaced_one_by_one():
    other = DictionaryItem.objects.get(dictionary="customer.industry", label="其他")
    chosen = {"industry": {"银行": other.pk, "证券": None}}
    job = run(
        employee(),
        ("客户名称", "客户行业"),
        ("甲", "银行"),
        ("乙", "证券"),
        ("丙", "期货"),
        unknown="map",
        values=chosen,
    )
    assert figures(job) == (2, 0, 0, 1)
    assert dict(Customer.objects.values_list("name", "industry__label")) == {"甲": "其他", "乙": None}


def test_a_retired_value_cannot_be_chosen_anew():
    DictionaryItem.objects.filter(dictionary="customer.industry", label="其他").update(active=False)
    job = run(employee(), ("客户名称", "客户行业"), ("甲", "其他"), unknown="create")
    assert faults(job) == [(2, "客户行业", "“其他”已停用，不能再选")]


# Duplicates -----------------------------------------------------------------------------------------------------------------
HEAD = ("客户名称", "电话", "备注", "省")


def test_skip_leaves_what_exists_alone_even_when_it_is_somebody_elses_or_in_the_pool():
    mine, other = employee(), employee()
    run(other, HEAD, ("甲公司", "1380000 0001", "", ""))
    Customer.objects.create(name="池中公司", name_key="池中公司", owner=None)
    job = run(
        mine,
        HEAD,
        ("甲公司", "无", "", ""),
        ("甲 公司", "", "新", ""),
        ("池中公司", "", "新", ""),
        ("乙", "", "", ""),
        ("乙", "", "二", ""),
    )
    assert figures(job) == (1, 0, 3, 1)  # the phone of the first is wrong, whoever it belongs to
    assert Customer.objects.get(name="甲公司").owner == other


def test_a_deleted_customer_does_not_block_its_name():
    person = employee()
    run(person, HEAD, ("甲", "", "", ""))
    modules.get("customer").verb("delete")(Customer.objects.filter(name="甲"), by=person)
    assert figures(run(person, HEAD, ("甲", "", "", ""))) == (1, 0, 0, 0)


def test_create_fails_a_name_that_is_taken_and_doubles_it_where_names_may_repeat():
    person = employee()
    job = run(person, HEAD, ("甲", "", "", ""), ("甲", "", "", ""), on_duplicate="create")
    assert figures(job) == (1, 0, 0, 1) and faults(job) == [(3, "客户名称", "已有同名客户")]
    params.store("duplicate_names", "warn")
    assert figures(run(person, HEAD, ("甲", "", "", ""), on_duplicate="create")) == (1, 0, 0, 0)
    assert figures(run(person, HEAD, ("甲", "", "", ""), ("乙", "", "", ""), ("乙", "", "", ""))) == (1, 0, 2, 0)


def test_overwrite_replaces_values_and_logs_them_but_keeps_the_owner_and_empty_cells():
    person, other = employee(), employee()
    run(person, HEAD, ("甲", "13800000001", "旧", "江苏"))
    record = Customer.objects.get()
    head = (*HEAD, "负责人", "客户行业")
    job = run(person, head, ("甲", "13800000002", "", "浙江", "", "电子商务"), on_duplicate="overwrite")
    assert figures(job) == (0, 1, 0, 0)
    record.refresh_from_db()
    assert (record.phone, record.remark, record.province, record.owner, record.version) == (
        "13800000002",
        "旧",
        "浙江省",
        person,
        2,
    )
    log = OperationLog.objects.get(code="customer.updated")
    assert {"label": "电话", "old": "138 0000 0001", "new": "138 0000 0002"} in log.changes
    assert {"label": "客户行业", "old": "", "new": "电子商务"} in log.changes and log.job == job
    assert set(SearchRow.objects.filter(key="phone").values_list("text", flat=True)) == {"13800000002"}
    assert figures(run(person, head, ("甲", "13800000002", "", "", "", ""), on_duplicate="overwrite")) == (0, 0, 1, 0)
    assert other.pk != record.owner_id


def test_fill_writes_empty_fields_only():
    person = employee()
    run(person, HEAD, ("甲", "13800000001", "", ""))
    assert figures(run(person, HEAD, ("甲", "13800000002", "新", ""), on_duplicate="fill")) == (0, 1, 0, 0)
    assert figures(run(person, HEAD, ("甲", "13800000003", "更新", ""), on_duplicate="fill")) == (0, 0, 1, 0)
    record = Customer.objects.get()
    assert (record.phone, record.remark) == ("13800000001", "新")


def test_the_same_name_twice_under_overwrite_meets_the_record_as_the_first_left_it():
    person = employee()
    job = run(person, HEAD, ("甲", "", "一", ""), ("甲", "", "二", ""), ("甲", "", "三", ""), on_duplicate="overwrite")
    assert figures(job) == (1, 2, 0, 0) and Customer.objects.get().remark == "三"


def test_overwrite_cannot_touch_what_one_may_not_edit():
    mine, other = employee(), employee()
    run(other, HEAD, ("甲", "", "原来", ""))
    for mode in ("overwrite", "fill"):
        job = run(mine, HEAD, ("甲", "13800000002", "改了", ""), on_duplicate=mode)
        assert figures(job) == (0, 0, 0, 1) and faults(job) == [(2, "客户名称", "已有同名客户，您没有编辑它的权限")]
    record = Customer.objects.get()
    assert (record.remark, record.phone, record.version) == ("原来", "", 1)


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
