"""What decides whether a row is a record that exists, as the person chose."""

import pytest

from crm.records.importing.plan import Invalid
from crm.records.models import FieldDefinition
from customers.models import Contact, Customer
from customers.tests.importing import HEAD, faults, figures, run
from orgs.services import fields as verbs
from orgs.tests.factories import client_for, employee
from products.models import Product

pytestmark = pytest.mark.django_db
Type = FieldDefinition.Type


def custom(module="customer", **more):
    return verbs.create_field(
        module, {"type": Type.LINE, "label": "统一信用代码", "unique": True, **more}, by=employee(roles=("super",))
    )


def test_by_phone_a_row_renames_and_updates_the_customer_that_has_it():
    person = employee()
    run(person, HEAD, ("旧名", "0512-65550186", "", ""))
    job = run(person, HEAD, ("新名", "0512-65550186", "备注", ""), on_duplicate="overwrite", key="phone")
    record = Customer.objects.get()
    assert figures(job) == (0, 1, 0, 0)
    assert (record.name, record.name_key, record.remark, record.version) == ("新名", "新名", "备注", 2)
    assert figures(run(person, HEAD, ("旧名", "", "", ""))) == (1, 0, 0, 0)  # the old name is free again


@pytest.mark.parametrize("mode,figure", [("skip", (1, 0, 1, 1)), ("fill", (1, 1, 0, 1)), ("create", (1, 0, 0, 2))])
def test_by_phone_the_other_modes_keep_the_name_unique(mode, figure):
    person = employee()
    run(person, HEAD, ("甲", "13800000001", "", ""), ("乙", "", "", ""))
    job = run(
        person,
        HEAD,
        ("甲", "13800000001", "补", ""),
        ("乙", "13800000002", "", ""),
        ("丙", "", "", ""),
        on_duplicate=mode,
        key="phone",
    )
    assert figures(job) == figure
    assert "已有同名客户" in {sentence for _, _, sentence in faults(job)}
    assert Customer.objects.count() == 3


def test_a_row_without_the_deciding_value_is_a_new_record_and_repeats_no_name():
    person = employee()
    run(person, HEAD, ("甲", "13800000001", "", ""))
    job = run(
        person,
        HEAD,
        ("甲", "", "", ""),
        ("丁", "", "", ""),
        ("丁", "", "", ""),
        ("丁", "13800000001", "", ""),
        on_duplicate="overwrite",
        key="phone",
    )
    assert figures(job) == (1, 0, 0, 3)
    assert faults(job) == [(n, "客户名称", "已有同名客户") for n in (2, 4, 5)]
    assert set(Customer.objects.values_list("name", flat=True)) == {"甲", "丁"}


def test_a_key_of_two_records_fails_the_row_in_words_whoever_owns_them():
    person, other = employee(), employee()
    run(person, HEAD, ("甲", "13800000001", "", ""))
    run(other, HEAD, ("乙", "13800000001", "机密", ""))
    for mode in ("overwrite", "fill"):
        job = run(person, HEAD, ("丙", "13800000001", "新", ""), on_duplicate=mode, key="phone")
        assert figures(job) == (0, 0, 0, 1)
        assert faults(job) == [(2, "电话", "有多条记录的电话与这一行相同，无法判断更新哪一条")]
    assert set(Customer.objects.values_list("remark", flat=True)) == {"", "机密"}


def test_a_record_out_of_reach_fails_the_row_and_tells_nothing_of_itself():
    person, other = employee(), employee("赵外")
    run(other, HEAD, ("金丝雀公司", "13800000001", "机密", ""))
    job = run(person, HEAD, ("丙", "13800000001", "新", ""), on_duplicate="overwrite", key="phone")
    assert faults(job) == [(2, "电话", "已有电话相同的客户，您没有编辑它的权限")]
    assert "金丝雀" not in str(job.result) and "赵外" not in str(job.result)
    assert Customer.objects.get().version == 1


def test_contacts_by_mobile_and_products_by_code():
    person = employee()
    run(person, HEAD, ("甲公司", "", "", ""))
    head = ("姓名", "所属客户", "手机", "职位")
    run(person, head, ("张一", "甲公司", "13800000001", ""), module="contact")
    job = run(
        person,
        head,
        ("张一改", "甲公司", "13800000001", "经理"),
        module="contact",
        on_duplicate="overwrite",
        key="mobile",
    )
    assert figures(job) == (0, 1, 0, 0)
    assert Contact.objects.values_list("name", "position").get() == ("张一改", "经理")
    keeper = employee(roles=("super",))
    goods = ("产品名称", "产品编码", "标准价")
    run(keeper, goods, ("泵", "CP-1", "10"), module="product")
    job = run(keeper, goods, ("大泵", "ｃｐ-1", "12"), module="product", on_duplicate="overwrite")
    assert figures(job) == (0, 1, 0, 0) and Product.objects.values_list("name", "code").get() == ("大泵", "ｃｐ-1")


def test_a_unique_custom_field_may_decide():
    person, row = employee(), custom()
    head = ("客户名称", "统一信用代码", "备注")
    run(person, head, ("甲", "91-A", ""), ("乙", "91-B", ""))
    job = run(
        person,
        head,
        ("甲甲", "９１-ａ", "改"),
        ("乙", "91-C", ""),
        ("丙", "91-D", ""),
        on_duplicate="overwrite",
        key=row.key,
    )
    assert figures(job) == (1, 1, 0, 1) and faults(job) == [(3, "客户名称", "已有同名客户")]
    found = {name: extra[row.key] for name, extra in Customer.objects.values_list("name", "extra")}
    assert found == {"甲甲": "９１-ａ", "乙": "91-B", "丙": "91-D"}
    again = run(person, head, ("戊", "91-a", ""), on_duplicate="create", key=row.key)
    assert faults(again) == [(2, "统一信用代码", "“91-a”已被使用")]


def test_only_offered_and_mapped_fields_may_decide():
    person = employee()
    row = custom()
    for key in ("owner", "name_key", "owner__password", "f999999", '"><img src=x onerror=1>'):
        with pytest.raises(Invalid, match="不能按所选的字段判断重复"):
            run(person, HEAD, ("甲", "", "", ""), key=key)
    with pytest.raises(Invalid, match="要按“统一信用代码”判断重复，请先对应这个字段"):
        run(person, HEAD, ("甲", "", "", ""), key=row.key)
    custom(label="不唯一", unique=False)
    assert not Customer.objects.exists()


def test_the_page_offers_the_keys_and_the_check_says_what_will_happen(import_page):
    person = employee()
    run(person, HEAD, ("甲", "13800000001", "", ""), ("乙", "", "", ""))
    client, step2 = client_for(person), import_page(person, HEAD, ("新甲", "13800000001", "", ""), ("乙", "1", "", ""))
    page = client.get(step2).content.decode()
    assert "以 客户名称 判断重复" in page and '<option value="phone">电话</option>' in page
    columns = {f"column-{place}": key for place, key in enumerate(("name", "phone", "remark", ""))}
    refused = client.post(step2, {**columns, "column-1": "", "on_duplicate": "overwrite", "key": "phone"})
    assert "要按“电话”判断重复，请先对应这个字段" in refused.content.decode()
    step3 = client.post(step2, {**columns, "on_duplicate": "overwrite", "key": "phone"})["Location"]
    context = client.get(step3).context
    report = context["report"]
    assert (report.fresh, report.known, report.failed, context["key_label"]) == (0, 1, 1, "电话")
    assert '<option value="phone" selected>' in client.get(step2).content.decode()
