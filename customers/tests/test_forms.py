"""Customer and contact forms: every limit with its exact message, the primary contact block, names, places, hints."""

import json

import pytest
from django.core.exceptions import ValidationError

from crm.records import areas, params, services
from crm.records.fields import name_key, tidy
from crm.records.models import DictionaryItem, OperationLog, SearchRow
from customers.models import Contact, Customer
from customers.services import create_customer, make_primary
from orgs.tests.factories import client_for, department, employee

LONG = "长" * 10_000


@pytest.fixture
def seller(db):
    return employee("甲", ["seller"], department("华东"))


@pytest.fixture
def client(seller):
    return client_for(seller)


def post(client, url="/customers/new/", **data):
    return client.post(url, data)


def errors(response) -> dict:
    return {name: list(found) for name, found in response.context["form"].errors.items()}


@pytest.mark.parametrize(
    "field,value,message",
    [
        ("name", "", "请填写客户名"),
        ("name", "　  ", "请填写客户名"),
        ("name", "五" * 51, "最多 50 个字"),
        ("name", LONG, "最多 50 个字"),
        ("postcode", "21500", "邮编为 6 位数字"),
        ("postcode", "21500A", "邮编为 6 位数字"),
        ("phone", "1" * 21, "最多 20 个字"),
        ("website", "http://", "网址格式不正确"),
        ("website", "javascript://x", "网址格式不正确"),
        ("address", "路" * 101, "最多 100 个字"),
        ("remark", "备" * 501, "最多 500 个字"),
        ("rating", "4", "请选择列表中的选项"),
        ("industry", "999999", "请选择列表中的选项"),
        ("industry", "abc", "请选择列表中的选项"),
        ("province", "火星省", "请选择列表中的选项"),
        ("city", "苏州市", "请选择该省的城市"),
        ("owner", "abc", "请选择列表中的选项"),
        ("owner", "", "请选择负责人"),
        ("next_contact_at", "明天", "时间格式应为 2026-01-31 14:00"),
        ("contact_email", "a@b", "邮箱格式不正确"),
        ("contact_email", "a" * 45 + "@x.com", "最多 50 个字"),
        ("contact_position", "职" * 51, "最多 50 个字"),
        ("contact_qq", "12a", "QQ 号为最多 20 位数字"),
        ("contact_qq", "1" * 21, "QQ 号为最多 20 位数字"),
        ("contact_mobile", "1380013", "手机号格式不正确"),
        ("contact_mobile", "12800138000", "手机号格式不正确"),
        ("contact_remark", "备" * 501, "最多 500 个字"),
        ("contact_name", "名" * 51, "最多 50 个字"),
    ],
)
def test_each_limit_has_its_message_and_nothing_is_saved(client, seller, field, value, message):
    response = post(client, **{"name": "好公司", "owner": seller.pk, "contact_name": "某人", field: value})
    assert response.status_code == 200
    assert errors(response)[field] == [message]
    assert Customer.objects.count() == 0
    if value and len(value) < 200:
        assert value.encode()[:20] in response.content or field in ("industry", "rating", "province", "city", "owner")


def test_the_model_says_the_same_as_the_form(seller):
    customer = Customer(name="五" * 51, postcode="1", remark="备" * 501, owner=seller)
    with pytest.raises(ValidationError) as caught:
        customer.full_clean()
    assert caught.value.message_dict["name"] == ["最多 50 个字"]
    assert caught.value.message_dict["postcode"] == ["邮编为 6 位数字"]
    assert caught.value.message_dict["remark"] == ["最多 500 个字"]


def test_fifty_characters_emoji_and_markup_are_kept_as_they_are(client, seller):
    for name in (
        "五" * 50,
        "🐟海产🦐",
        '"><img src=x onerror=1>',
        "=1+1",
        "O'Brien & Söhne (中国)",
        "NULL",
        "true",
        "00123",
    ):
        assert post(client, name=name, owner=seller.pk).status_code == 302
        assert Customer.objects.latest("pk").name == name


def test_names_that_differ_by_width_case_or_spaces_are_the_same_and_share_no_key_with_another_company(client, seller):
    post(client, name="ＡＢＣ科技", owner=seller.pk)
    for twin in ("abc科技", "ABC 科技", " ＡＢＣ科技 "):
        assert errors(post(client, name=twin, owner=seller.pk)) == {"name": ["已有同名客户"]}
    asked = post(client, name="ABC科技集团", owner=seller.pk)
    assert list(errors(asked)) == ["__all__"]  # likely, not the same: who says so again may save
    token = asked.context["form"].doubts_token
    assert post(client, name="ABC科技集团", owner=seller.pk, duplicates_ok=token).status_code == 302


def test_a_deleted_customer_does_not_block_its_name_and_restoring_into_a_conflict_is_explained(client, seller):
    post(client, name="同名公司", owner=seller.pk)
    first = Customer.objects.get()
    services.delete(Customer.objects.filter(pk=first.pk), by=seller)
    assert post(client, name="同名公司", owner=seller.pk).status_code == 302
    with pytest.raises(ValidationError, match="“同名公司”不能还原：已有同名客户"):
        services.restore(Customer.objects.filter(pk=first.pk), by=seller)


def test_the_rule_can_be_switched_to_warn_and_back_lists_collisions(client, seller):
    params.store("duplicate_names", "warn")
    params.store("duplicates_form_name", "off")
    for _ in range(2):
        assert post(client, name="同名公司", owner=seller.pk).status_code == 302
    with pytest.raises(ValidationError, match="还有 1 个重名客户，请先处理：同名公司"):
        params.store("duplicate_names", "forbid")
    assert params.get("duplicate_names") == "warn"


def test_the_contact_block_makes_the_primary_contact_and_an_empty_one_makes_none(client, seller):
    post(
        client,
        name="有联系人",
        owner=seller.pk,
        contact_name="许一诺",
        contact_salutation="女士",
        contact_mobile="+86 138-0013-8000",
        contact_qq="10001",
    )
    contact = Contact.objects.get()
    assert (contact.name, contact.mobile, contact.is_primary, contact.owner, contact.created_by) == (
        "许一诺",
        "13800138000",
        True,
        seller,
        seller,
    )
    post(client, name="无联系人", owner=seller.pk)
    assert Contact.objects.count() == 1


def test_a_contact_block_without_a_name_asks_for_it(client, seller):
    assert errors(post(client, name="公司", owner=seller.pk, contact_mobile="13800138000")) == {
        "contact_name": ["联系人姓名不能为空"]
    }
    assert Customer.objects.count() == 0


def test_save_goes_to_the_list_and_save_and_new_to_an_empty_form(client, seller):
    assert post(client, name="一", owner=seller.pk).headers["Location"] == "/customers/"
    assert post(client, name="二", owner=seller.pk, _new="1").headers["Location"] == "/customers/new/"


def test_the_owner_is_preset_and_cannot_be_set_when_editing(client, seller):
    page = client.get("/customers/new/")
    assert page.context["form"]["owner"].value() == seller.pk
    assert seller.name in page.content.decode()
    customer = services.create(Customer(name="公司", owner=seller), by=seller)
    assert "owner" not in client.get(f"/customers/{customer.pk}/edit/").context["form"].fields


def test_a_retired_value_stays_on_the_record_and_cannot_be_chosen_anew(client, seller):
    item = DictionaryItem.objects.filter(dictionary="customer.industry").first()
    customer = services.create(Customer(name="公司", owner=seller, industry=item), by=seller)
    DictionaryItem.objects.filter(pk=item.pk).update(active=False)
    assert item.label in client.get(f"/customers/{customer.pk}/edit/").content.decode()
    assert errors(post(client, name="另一家", owner=seller.pk, industry=item.pk)) == {
        "industry": ["请选择列表中的选项"]
    }


def test_an_edit_is_logged_in_display_values_and_found_under_its_new_name(client, seller):
    customer = create_customer(Customer(name="旧名字公司", owner=seller), by=seller)
    industry = DictionaryItem.objects.get(dictionary="customer.industry", label="电子商务")
    services.update(customer, {"name": "新名字公司", "industry": industry, "rating": 3}, version=1, by=seller)
    changes = {c["label"]: (c["old"], c["new"]) for c in OperationLog.objects.latest("pk").changes}
    assert changes == {"客户名称": ("旧名字公司", "新名字公司"), "客户行业": ("", "电子商务"), "评分": ("", "3星")}
    assert client.get("/customers/?q=新名").context["pager"]["count"] == 1
    assert client.get("/customers/?q=旧名").context["pager"]["count"] == 0


def test_quick_search_takes_two_characters_initials_of_every_reading_and_phone_fragments(client, seller):
    services.create(Customer(name="重庆啤酒", owner=seller, phone="0512-65550186"), by=seller)
    bank = services.create(Customer(name="平安银行", owner=seller), by=seller)
    services.create(Contact(name="欧阳娜", customer=bank, owner=seller, mobile="13800138000"), by=seller)
    for text, found in (
        ("重庆", 1),
        ("zqpj", 1),
        ("cqpj", 1),
        ("payh", 1),
        ("平安", 1),
        ("6555", 1),
        ("0512-6555", 1),
        ("欧阳", 1),
        ("38001380", 1),
        ("平", 1),
        ("安银", 1),
        ("银平", 0),
    ):
        assert client.get("/customers/", {"q": text}).context["pager"]["count"] == found, text


def test_only_one_primary_contact_stands_and_making_another_moves_the_mark(client, seller):
    customer = create_customer(Customer(name="公司", owner=seller), by=seller, contact={"name": "一"})
    second = services.create(Contact(name="二", customer=customer, owner=seller), by=seller)
    make_primary(second, by=seller)
    assert list(Contact.objects.filter(is_primary=True)) == [second]


def test_deleting_a_customer_takes_its_contacts_to_the_bin_and_brings_them_back(seller):
    from crm.records import modules

    customer = create_customer(Customer(name="公司", owner=seller), by=seller, contact={"name": "一"})
    kept = services.create(Contact(name="早已删除", customer=customer, owner=seller), by=seller)
    services.delete(Contact.objects.filter(pk=kept.pk), by=seller)
    verbs = modules.get("customer")
    verbs.verb("delete")(Customer.objects.filter(pk=customer.pk), by=seller)
    assert Contact.objects.live().count() == 0
    verbs.verb("restore")(Customer.objects.filter(pk=customer.pk), by=seller)
    assert [contact.name for contact in Contact.objects.live()] == ["一"]


@pytest.mark.parametrize(
    "province,city,expected",
    [
        ("内蒙", "", ("内蒙古自治区", "")),
        ("深圳", "", ("广东省", "深圳市")),
        ("广东", "深圳", ("广东省", "深圳市")),
        ("江苏省", "苏州市", ("江苏省", "苏州市")),
        ("北京", "", ("北京市", "")),
        ("", "苏州", ("江苏省", "苏州市")),
        ("", "", ("", "")),
    ],
)
def test_places_are_understood_in_short(province, city, expected):
    assert areas.place(province, city) == expected


@pytest.mark.parametrize(
    "province,city,field", [("火星", "", "province"), ("江苏", "深圳", "city"), ("", "火星", "city")]
)
def test_unknown_places_are_named(province, city, field):
    with pytest.raises(ValidationError) as caught:
        areas.place(province, city)
    assert list(caught.value.message_dict) == [field]


def test_tidy_removes_what_cannot_be_seen():
    assert tidy("　全角空格　公司") == "全角空格 公司"
    assert tidy("换行\n公司") == "换行 公司"
    assert tidy("\u202e反向公司") == "反向公司"
    assert tidy("零宽\u200b公司\x00") == "零宽公司"
    assert tidy("e\u0301toile") == "étoile"
    assert tidy(13800138000.0) == "13800138000"
    assert name_key("ＡＢＣ 科技") == name_key("abc科技")


def test_cities_load_for_the_chosen_province(client):
    names = [row["text"] for row in json.loads(client.get("/pick/city/?province=江苏省").content)["results"]]
    assert "苏州市" in names and "深圳市" not in names


def test_search_lines_go_with_a_purged_record(seller):
    customer = services.create(Customer(name="将被清除", owner=seller), by=seller)
    services.delete(Customer.objects.filter(pk=customer.pk), by=seller)
    services.purge(Customer.objects.filter(pk=customer.pk), by=seller)
    assert not SearchRow.objects.filter(object_id=customer.pk).exists()
