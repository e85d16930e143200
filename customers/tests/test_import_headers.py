"""Headers of other systems, remembered mappings, and --map beside the guess."""

import pytest
from django.core.management import CommandError, call_command

from crm.records import modules
from crm.records.importing import targets
from crm.records.models import ImportMapping
from crm.records.tests.workbooks import xlsx
from customers.models import Customer
from customers.tests.importing import figures, run
from orgs.models import Role
from orgs.tests.factories import client_for, employee

pytestmark = pytest.mark.django_db


@pytest.fixture
def mover():
    """Somebody who moves the data of another system: holds the functions for original creators, deals and locks."""
    role = Role.objects.create(
        name="搬家",
        reach="self",
        permissions=[
            *[f"customer.{key}" for key in ("view", "create", "edit", "import", "history", "deal", "lock")],
            *[f"contact.{key}" for key in ("view", "create", "edit", "import", "history")],
            *[f"product.{key}" for key in ("view", "create", "edit", "import", "shelf")],
        ],
    )
    return employee(roles=(role,))


def guessed(user, module, *headers) -> dict:
    offered = targets.importer_of(modules.get(module)).allowed_targets(user)
    return {headers[place]: key for key, place in targets.guess(list(headers), offered).items()}


def test_an_export_of_wukong_is_matched(mover):
    assert guessed(
        mover,
        "customer",
        *("客户名称*", "客户级别", "客户行业", "客户来源", "成交状态", "手机", "电话", "网址", "下次联系时间", "备注"),
        *(
            "负责人",
            "创建人",
            "创建时间",
            "更新时间",
            "定位",
            "区域",
            "详细地址",
            "锁定状态",
            "最后跟进时间",
            "最后跟进记录",
        ),
    ) == {
        "客户名称*": "name",
        "客户级别": "level",
        "客户行业": "industry",
        "客户来源": "source",
        "成交状态": "deal_status",
        "电话": "phone",
        "网址": "website",
        "下次联系时间": "next_contact_at",
        "备注": "remark",
        "负责人": "owner",
        "创建人": "created_by",
        "创建时间": "created_at",
        "更新时间": "updated_at",
        "定位": "full_address",
        "区域": "region",
        "详细地址": "address",
        "锁定状态": "locked",
        "最后跟进时间": "last_followed_at",
    }
    assert guessed(
        mover,
        "contact",
        *("姓名*", "客户名称*", "手机", "电话", "电子邮箱", "是否关键决策人", "职务", "性别", "地址", "备注", "负责人"),
    ) == {
        "姓名*": "name",
        "客户名称*": "customer",
        "手机": "mobile",
        "电话": "phone",
        "电子邮箱": "email",
        "是否关键决策人": "is_decider",
        "职务": "position",
        "性别": "gender",
        "地址": "address",
        "备注": "remark",
        "负责人": "owner",
    }
    assert guessed(
        mover, "product", "产品名称(*)", "产品类别", "产品编码", "是否上架", "单位", "标准价格", "产品描述"
    ) == {
        "产品名称(*)": "name",
        "产品类别": "category",
        "产品编码": "code",
        "是否上架": "on_shelf",
        "单位": "unit",
        "标准价格": "price",
        "产品描述": "description",
    }


def test_an_export_of_cordys_is_matched(mover):
    assert guessed(
        mover,
        "customer",
        *("客户名称", "客户行业", "客户等级", "客户类型", "客户来源", "线上来源详情", "客户标签", "地区", "负责人"),
        *("最近跟进人", "最近跟进时间", "剩余归属天数", "创建人", "创建时间", "更新人", "更新时间"),
    ) == {
        "客户名称": "name",
        "客户行业": "industry",
        "客户等级": "level",
        "客户类型": "type",
        "客户来源": "source",
        "地区": "region",
        "负责人": "owner",
        "最近跟进时间": "last_followed_at",
        "创建人": "created_by",
        "创建时间": "created_at",
        "更新时间": "updated_at",
    }
    assert guessed(mover, "contact", "客户名称", "姓名", "邮箱", "手机号", "负责人") == {
        "客户名称": "customer",
        "姓名": "name",
        "邮箱": "email",
        "手机号": "mobile",
        "负责人": "owner",
    }


@pytest.mark.parametrize(
    "header",
    [
        "客户名称*",
        "*客户名称",
        "＊客户名称",
        "客户名称(*)",
        "客户名称（必填）",
        "【必填】客户名称",
        "客户名称*（不超过50字）：",
        "※客户 名称",
        "客户名称 [必填]",
    ],
)
def test_required_marks_and_hints_are_no_part_of_a_header(header):
    assert targets.plain(header) == "客户名称"


@pytest.mark.parametrize("header", ["", "*", "（）", "(备注)", "长" * 10_000, '"><img src=x onerror=1>', "🐟"])
def test_odd_headers_match_nothing_and_break_nothing(header):
    assert guessed(employee(), "customer", header, "客户名称") == {"客户名称": "name"}


def test_a_remembered_mapping_may_be_set_back(import_page):
    person = employee()
    client = client_for(person)
    head, values = ("客户名称", "电话", "备注"), ("甲", "13800000001", "一")
    step2 = import_page(person, head, values)
    assert "恢复自动对应" not in client.get(step2).content.decode()
    client.post(step2, {"column-0": "name", "column-1": "", "column-2": "address"})
    client.post(f"{step2}run/")
    assert ImportMapping.objects.get(user=person).columns == {"客户名称": "name", "电话": "", "备注": "address"}
    step2 = import_page(person, head, values)
    page = client.get(step2)
    chosen = [row["chosen"] for row in page.context["rows"]]
    assert chosen == ["name", "", "address"] and f'href="{step2}?auto=1"' in page.content.decode()
    back = client.get(f"{step2}?auto=1")
    assert [row["chosen"] for row in back.context["rows"]] == ["name", "phone", "remark"]
    assert "恢复自动对应" not in back.content.decode()
    assert ImportMapping.objects.get(user=person).columns["备注"] == "address"  # until the import runs
    other = import_page(employee(), head, values)
    assert client.get(other).status_code == 404


def test_map_adds_to_what_the_headers_say(tmp_path, capsys):
    person = employee()
    path = tmp_path / "a.xlsx"
    path.write_bytes(xlsx(("单位", "电话", "备注", "说明"), ("甲", "13800000001", "一", "街 1 号")))
    call_command(
        "import_records", "customer", str(path), "--as", person.phone, "--map", "客户名称=单位", "详细地址=说明"
    )
    assert capsys.readouterr().out.splitlines()[-1] == "created=1 updated=0 skipped=0 failed=0"
    record = Customer.objects.get()
    assert (record.name, record.phone, record.remark, record.address) == ("甲", "13800000001", "一", "街 1 号")
    options = ["--on-duplicate", "overwrite", "--key", "phone", "--map", "客户名称=备注", "备注="]
    call_command("import_records", "customer", str(path), "--as", person.phone, *options)
    record.refresh_from_db()
    assert (record.name, record.remark) == ("一", "一")
    with pytest.raises(CommandError, match="不能按所选的字段判断重复"):
        call_command(
            "import_records", "customer", str(path), "--as", person.phone, "--key", "owner", "--map", "客户名称=单位"
        )


def test_original_creator_and_times_come_along_for_holders_of_the_function_only(mover):
    witness = employee("许一诺")
    head = ("客户名称", "创建人", "创建时间", "更新时间", "最后跟进时间", "成交状态", "锁定状态")
    row = ("甲", "许一诺", "2020-01-31 14:05", "2021-02-03 04:05:06", "2021-02-01", "已成交", "是")
    run(mover, head, row)
    record = Customer.objects.get()
    assert (record.created_by, record.owner, record.deal_status, record.locked) == (witness, mover, 1, True)
    assert record.created_at.isoformat() == "2020-01-31T06:05:00+00:00"
    assert record.updated_at.isoformat() == "2021-02-02T20:05:06+00:00"
    changed = ("甲", mover.phone, "2019-01-01", "2019-01-01", "2019-01-01", "未成交", "否")
    run(mover, head, changed, on_duplicate="overwrite")
    again = Customer.objects.get()
    assert (again.created_by, again.created_at, again.locked) == (witness, record.created_at, True)
    job = run(mover, head, ("乙", "没有此人", "昨天", "", "", "", ""))
    assert figures(job) == (0, 0, 0, 1)
    assert {label for _, label, _ in job.result["errors"]} <= {"创建人", "创建时间"}
    offered = {target.key for target in targets.importer_of(modules.get("customer")).allowed_targets(employee())}
    assert not offered & {"created_by", "created_at", "updated_at", "last_followed_at", "deal_status", "locked"}
