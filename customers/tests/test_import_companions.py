"""Customers and their contacts in one sheet."""

import io

import openpyxl
import pytest

from crm.records import jobs, modules, services, teams
from crm.records.importing import targets, undo
from crm.records.importing.plan import Invalid
from crm.records.models import FieldDefinition, OperationLog, SearchRow
from customers.models import Contact, Customer
from customers.tests.importing import faults, figures, run
from orgs.models import Role
from orgs.services import fields as verbs
from orgs.tests.factories import client_for, department, employee

pytestmark = pytest.mark.django_db
HEAD = ("客户名称", "电话", "备注", "联系人", "手机", "职位", "QQ", "是否关键决策人")


def row(name, contact="", mobile="", position="", *, phone="", remark="", qq="", decider=""):
    return (name, phone, remark, contact, mobile, position, qq, decider)


def people(**conditions) -> list[tuple]:
    rows = Contact.objects.live().filter(**conditions).order_by("pk")
    return list(rows.values_list("customer__name", "name", "mobile", "position", "is_primary"))


def beside(job) -> tuple:
    return job.result["companions_added"], job.result["companions_changed"]


def test_the_first_row_makes_the_customer_and_the_others_add_contacts():
    person = employee()
    job = run(
        person,
        HEAD,
        row("甲公司", "张一", "138 0000 0001", "经理", decider="是"),
        row("乙公司"),
        row("甲公司", "张二", "13800000002"),
        row("甲公司", "张一", "13800000009"),
        row("甲 公司"),
    )
    assert figures(job) == (2, 0, 3, 0) and beside(job) == (2, 0)
    assert people() == [
        ("甲公司", "张一", "13800000001", "经理", True),
        ("甲公司", "张二", "13800000002", "", False),
    ]
    contact = Contact.objects.get(name="张一")
    assert (contact.owner, contact.created_by, contact.is_decider) == (person, person, True)
    assert OperationLog.objects.filter(code="contact.created", job=job).count() == 2
    assert SearchRow.objects.filter(text="13800000002", key="phone").count() == 1
    page = client_for(person).get(f"/jobs/{job.pk}/").content.decode()
    assert "新增联系人" in page


def test_contacts_are_owned_like_their_customer():
    team = department("一部")
    boss = employee(roles=("sales_manager",), department=team)
    seller = employee("王敏", department=team)
    run(boss, ("客户名称", "负责人", "联系人"), ("甲", "王敏", "张一"), ("甲", "", "张二"))
    assert set(Contact.objects.values_list("owner", flat=True)) == {seller.pk}


def test_skip_adds_contacts_the_customer_does_not_have_and_leaves_the_rest_alone():
    person = employee()
    run(person, HEAD, row("甲公司", "张一", "13800000001"))
    job = run(
        person,
        HEAD,
        row("甲公司", "张一", "13800000009", phone="13900000000"),
        row("甲公司", "张三", "13800000003"),
        row("甲公司", "张三", "13800000004"),
    )
    assert figures(job) == (0, 0, 3, 0) and beside(job) == (1, 0)
    assert [(name, mobile) for _, name, mobile, _, _ in people()] == [("张一", "13800000001"), ("张三", "13800000003")]
    assert Customer.objects.get().phone == ""


def test_overwrite_and_fill_change_contacts_by_name_within_the_customer():
    person = employee()
    run(person, HEAD, row("甲公司", "张一", "13800000001", "经理"), row("乙公司", "张一", "13800000002"))
    job = run(
        person,
        HEAD,
        row("甲公司", "张一", "13800000009", "总监"),
        row("乙公司", "李二", remark="改"),
        row("甲公司", "张一", "", "董事"),
        on_duplicate="overwrite",
    )
    assert figures(job) == (0, 1, 2, 0) and beside(job) == (1, 2)
    job = run(person, HEAD, row("乙公司", "张一", "13800000008", "主管"), on_duplicate="fill")
    assert beside(job) == (0, 1)
    assert people() == [
        ("甲公司", "张一", "13800000009", "董事", True),
        ("乙公司", "张一", "13800000002", "主管", True),
        ("乙公司", "李二", "", "", False),
    ]


def test_a_row_with_a_wrong_contact_fails_as_a_whole_with_the_contacts_own_sentences():
    person = employee()
    job = run(
        person,
        HEAD,
        row("甲", "张" * 51),
        row("乙", "", "13800000001"),
        row("丙", "李", "0512-6555"),
        row("丁", "王", qq="1" * 21),
        row("戊", "   ", "\u3000"),
        row("己", "赵", decider="也许"),
        row("庚", '"><img src=x onerror=1>🐟'),
    )
    assert figures(job) == (2, 0, 0, 5)
    assert faults(job) == [
        (2, "联系人姓名", "最多 50 个字"),
        (3, "联系人姓名", "联系人姓名不能为空"),
        (4, "联系人手机", "手机号格式不正确"),
        (5, "联系人QQ", "QQ 号为最多 20 位数字"),
        (7, "联系人关键决策人", "请填写“是”或“否”"),
    ]
    assert set(Customer.objects.values_list("name", flat=True)) == {"戊", "庚"}
    assert [name for _, name, *_ in people()] == ['"><img src=x onerror=1>🐟']


def test_no_contact_is_added_to_a_customer_one_may_not_edit():
    mine, other = employee(), employee()
    run(other, HEAD, row("金丝雀公司", "藏身者"))
    teams.add([Customer.objects.get()], [mine], write=False, by=other)
    for mode in ("skip", "overwrite", "fill"):
        job = run(mine, HEAD, row("金丝雀公司", "混入"), row("金丝雀公司"), on_duplicate=mode)
        assert faults(job)[0] == (2, "客户名称", "已有同名客户，您没有编辑它的权限")
        assert figures(job) == ((0, 0, 1, 1) if mode == "skip" else (0, 0, 0, 2))
    assert [name for _, name, *_ in people()] == ["藏身者"]


def test_a_contact_one_may_not_edit_fails_the_row():
    mine, other = employee(), employee()
    run(mine, HEAD, row("甲公司"))
    customer = Customer.objects.get()
    services.create(Contact(name="别人的", customer=customer, owner=other), by=other, keep_check=False)
    job = run(mine, HEAD, row("甲公司", "别人的", "13800000001", remark="新"), on_duplicate="overwrite")
    assert figures(job) == (0, 0, 0, 1)
    assert faults(job) == [(2, "联系人姓名", "该客户下已有同名联系人，您没有编辑它的权限")]
    assert Customer.objects.get().remark == "" and Contact.objects.get().mobile == ""


def test_the_rights_on_contacts_and_their_fields_decide_what_may_stand_in_the_sheet():
    role = Role.objects.create(
        name="只管客户",
        reach="self",
        permissions=["customer.view", "customer.import", "customer.create", "contact.view"],
    )
    person = employee(roles=(role,))
    offered = targets.importer_of(modules.get("customer")).allowed_targets(person)
    assert not [target.key for target in offered if target.companion]
    with pytest.raises(Invalid, match="不能导入这些字段"):
        run(person, HEAD, row("甲", "张一"), mapping={"name": 0, "contact.name": 3})
    role.permissions += ["contact.import"]
    role.field_rights = {"contact": {"qq": 0}}
    role.save()
    person = type(person).objects.get(pk=person.pk)
    offered = {target.key for target in targets.importer_of(modules.get("customer")).allowed_targets(person)}
    assert "contact.mobile" in offered and "contact.qq" not in offered and "contact.owner" not in offered
    role.permissions += ["customer.edit"]
    role.save()
    person = type(person).objects.get(pk=person.pk)
    with pytest.raises(Invalid, match="您没有编辑联系人的权限"):
        run(person, HEAD, row("甲", "张一"), on_duplicate="overwrite")


def test_a_contact_needs_its_name_mapped_and_what_the_company_demands():
    person, admin = employee(), employee(roles=("super",))
    with pytest.raises(Invalid, match="请先对应必填的字段：联系人姓名"):
        run(person, HEAD, row("甲", "张一"), mapping={"name": 0, "contact.mobile": 4})
    verbs.change_builtin("contact", "position", {"required": True}, by=admin)
    job = run(person, HEAD, row("甲", "张一"), row("乙", "张二", "", "经理"), row("丙"))
    assert figures(job) == (2, 0, 0, 1) and faults(job) == [(2, "联系人职位", "请填写联系人职位")]


def test_unique_custom_fields_of_contacts_hold_across_the_sheet():
    person, admin = employee(), employee(roles=("super",))
    made = verbs.create_field("contact", {"type": FieldDefinition.Type.LINE, "label": "工号", "unique": True}, by=admin)
    head = ("客户名称", "联系人", "联系人工号")
    job = run(person, head, ("甲", "张一", "A1"), ("乙", "张二", "a1"), ("甲", "张三", "A2"))
    assert figures(job) == (1, 0, 1, 1) and faults(job) == [(3, "联系人工号", "“a1”已被使用")]
    assert [extra[made.key] for extra in Contact.objects.order_by("pk").values_list("extra", flat=True)] == ["A1", "A2"]


def test_headers_are_guessed_for_contacts_only_where_the_sheet_names_one():
    offered = targets.importer_of(modules.get("customer")).allowed_targets(employee())

    def guess(*headers):
        return {headers[place]: key for key, place in targets.guess(list(headers), offered).items()}

    assert guess("公司名称", "联系人", "手机号", "电话", "职务", "邮箱", "微信号", "备注") == {
        "公司名称": "name",
        "联系人": "contact.name",
        "手机号": "contact.mobile",
        "电话": "phone",
        "职务": "contact.position",
        "邮箱": "contact.email",
        "微信号": "contact.wechat",
        "备注": "remark",
    }
    assert guess("公司名称", "手机号", "邮箱") == {"公司名称": "name", "手机号": "phone"}
    assert guess("客户名称", "联系人姓名", "联系人手机", "联系人备注信息")["联系人备注信息"] == "contact.remark"


def test_the_template_has_the_contact_columns_and_undo_takes_both_away():
    person = employee()
    client = client_for(person)
    book = openpyxl.load_workbook(io.BytesIO(client.get("/customers/import/template.xlsx").content))
    heads = [cell.value for cell in book.active[1]]
    assert {"联系人姓名", "联系人手机", "联系人QQ"} <= set(heads) and "联系人所属客户" not in heads
    run(person, HEAD, row("老客户", "老联系人"))
    before = (Customer.objects.count(), people(), SearchRow.objects.count())
    job = run(
        person,
        HEAD,
        *[row(f"公司{n // 2}", f"人{n}", f"138{n:08}") for n in range(60)],
        row("老客户", "老联系人", "13900000000"),
        row("老客户", "新联系人"),
        on_duplicate="overwrite",
    )
    assert beside(job) == (61, 1)
    made = undo.begin(job.pk, by=person, send=False)
    jobs.execute(made.pk)
    made.refresh_from_db()
    assert made.state == "done" and (Customer.objects.count(), people(), SearchRow.objects.count()) == before
    assert (made.result["deleted"], made.result["restored"]) == (91, 1)


def test_a_contact_sheet_may_say_who_is_primary_within_the_rule_of_one():
    person = employee()
    run(person, ("客户名称",), ("甲",), ("乙",))
    head = ("姓名", "所属客户", "首要联系人")
    rows = [
        ("张一", "甲", "否"),
        ("张二", "甲", "是"),
        ("张三", "甲", "是"),
        ("李四", "乙", ""),
        ("李五", "乙", "也许"),
    ]
    job = run(person, head, *rows, module="contact")
    assert figures(job) == (4, 0, 0, 1) and faults(job) == [(6, "首要联系人", "请填写“是”或“否”")]
    assert list(Contact.objects.filter(is_primary=True).values_list("name", flat=True)) == ["张二"]
    run(person, head, ("张一", "甲", "是"), module="contact", on_duplicate="overwrite")
    assert list(Contact.objects.filter(is_primary=True).values_list("name", flat=True)) == ["张二"]
    role = Role.objects.get(code="seller")
    role.field_rights = {"contact": {"is_primary": 0}}
    role.save()
    limited = type(person).objects.get(pk=person.pk)
    offered = {target.key for target in targets.importer_of(modules.get("contact")).allowed_targets(limited)}
    assert "mobile" in offered and "primary" not in offered
