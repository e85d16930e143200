"""Importing customers and contacts: every row exactly once, under the rights of the importer."""

from pathlib import Path

import pytest
from django.core.management import call_command

from crm.records import modules, params, search
from crm.records.models import DictionaryItem, ImportFailure, Job, OperationLog, SearchRow
from customers.models import Customer, Pool
from customers.tests.importing import HEAD, companies, faults, figures, run
from orgs.tests.factories import employee

pytestmark = pytest.mark.django_db
DATA = Path(__file__).parent / "data"


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
        return set(search.narrow(rows, modules.get("customer"), text, user=None).values_list("name", flat=True))

    assert found("重庆") == found("cqpj") == found("zqpj") == {"重庆啤酒"}
    assert found("abc科技") == {"ＡＢＣ科技"} and found("0138020") == {"浮点号码"} and found("=1+1") == {"=1+1"}


# The sample of listed companies -------------------------------------------------------------------------------------------
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


def test_skip_leaves_what_exists_alone_even_when_it_is_somebody_elses_or_in_the_pool():
    mine, other = employee(), employee()
    run(other, HEAD, ("甲公司", "1380000 0001", "", ""))
    Customer.objects.create(name="池中公司", name_key="池中公司", owner=None, pool=Pool.objects.get(kind="customer"))
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
    assert {"key": "phone", "label": "电话", "old": "138 0000 0001", "new": "138 0000 0002"} in log.changes
    assert {"key": "industry", "label": "客户行业", "old": "", "new": "电子商务"} in log.changes and log.job == job
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
