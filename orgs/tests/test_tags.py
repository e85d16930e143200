"""The page 标签: what an administrator does to tags, and that nobody else does."""

import pytest
from django.core.exceptions import ValidationError

from crm.records import modules, services
from crm.records.models import Tag, TagLink
from crm.records.tagging import services as tagging
from customers.models import Customer
from orgs.models import OrgLog
from orgs.services import tags as verbs
from orgs.tests.factories import client_for, employee

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin():
    return employee("管理员", ["super"])


@pytest.fixture
def tagged(admin):
    """Two customers: one with 甲 and 乙, one with 甲."""
    rows = [services.create(Customer(name=f"公司{n}", owner=admin), by=admin) for n in range(2)]
    tagging.put(rows[0], ["甲", "乙"], by=admin)
    tagging.put(rows[1], ["甲"], by=admin)
    return rows


def names(record):
    return [tag.name for tag in tagging.loaded(Customer, [record.pk]).get(record.pk, [])]


def test_a_tag_is_made_renamed_and_coloured_with_log_rows(admin):
    client = client_for(admin)
    assert client.post("/settings/tags/customer/new/", {"name": " 重点 ", "colour": 5}).status_code == 302
    tag = Tag.objects.get()
    assert (tag.module, tag.name, tag.colour) == ("customer", "重点", 5)
    again = client.post("/settings/tags/customer/new/", {"name": "重 点", "colour": 1})
    assert "已有标签" in again.content.decode()
    client.post(f"/settings/tags/items/{tag.pk}/edit/", {"name": '"><img src=x>', "colour": 7})
    tag.refresh_from_db()
    assert (tag.name, tag.colour) == ('"><img src=x>', 7)
    page = client.get("/settings/tags/customer/").content.decode()
    assert "<img src=x" not in page and "k-tag-7" in page
    assert {"tag.created", "tag.updated"} <= set(OrgLog.objects.values_list("code", flat=True))


@pytest.mark.parametrize(
    "name,sentence",
    [("", "请填写标签名称"), ("长" * 21, "最多 20 个字"), ("甲、乙", "不能含"), ("\x00\u202e", "请填写标签名称")],
)
def test_a_bad_name_is_refused_with_its_sentence(admin, name, sentence):
    response = client_for(admin).post("/settings/tags/customer/new/", {"name": name, "colour": 1})
    assert sentence in response.content.decode()
    assert not Tag.objects.exists()


def test_a_strange_colour_is_refused(admin):
    response = client_for(admin).post("/settings/tags/customer/new/", {"name": "甲", "colour": "8"})
    assert "请选择列表中的选项" in response.content.decode()


def test_merging_moves_every_record_once_and_names_the_number(admin, tagged):
    first, second = Tag.objects.get(name="甲"), Tag.objects.get(name="乙")
    page = client_for(admin).get(f"/settings/tags/items/{first.pk}/merge/").content.decode()
    assert "有 2 条客户" in page
    client_for(admin).post(f"/settings/tags/items/{first.pk}/merge/", {"into": second.pk})
    assert [names(row) for row in tagged] == [["乙"], ["乙"]]
    assert OrgLog.objects.filter(code="tag.merged", text__contains="2 条").count() == 1
    other = Tag.objects.create(module="contact", name="人", key="人")
    with pytest.raises(ValidationError):
        verbs.merge_tag(second, other, by=admin)


def test_deleting_says_how_many_and_takes_it_off(admin, tagged):
    tag = Tag.objects.get(name="甲")
    assert "2 条客户" in client_for(admin).get(f"/settings/tags/items/{tag.pk}/delete/").content.decode()
    client_for(admin).post(f"/settings/tags/items/{tag.pk}/delete/")
    assert [names(row) for row in tagged] == [["乙"], []]
    assert TagLink.objects.count() == 1


def test_order_is_that_of_chips(admin, tagged):
    tag = Tag.objects.get(name="乙")
    client_for(admin).post(f"/settings/tags/items/{tag.pk}/move/up/")
    assert names(tagged[0]) == ["乙", "甲"]
    client_for(admin).post(f"/settings/tags/items/{tag.pk}/move/up/")
    assert [one.name for one in tagging.of_module(modules.get("customer"))] == ["乙", "甲"]


def test_a_role_can_be_kept_from_the_field(admin):
    from orgs.fieldrights import restrictable

    for module in modules.ordered():
        assert "tags" in [row["key"] for row in restrictable(module)]
