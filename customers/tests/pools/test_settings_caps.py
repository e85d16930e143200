"""拥有上限: the page of the caps."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from customers.models import OwnerCap
from customers.pools import cap_settings, declared
from orgs.models import OrgLog
from orgs.tests.factories import client_for, department, employee, role

from .conftest import make

ROOT = "/settings/pools/caps/"
NEW = f"{ROOT}new/customer/"


@pytest.fixture
def client(sea):
    return client_for(employee("系统管理员", ["admin"]))


def test_caps_are_added_changed_and_deleted_with_log_rows(client, sea):
    data = {"what": "own", "whom": "role", "role": role("seller").pk, "limit": "200", "uncounted": ["dealt"]}
    assert client.post(NEW, data).headers["Location"] == ROOT
    cap = OwnerCap.objects.get()
    assert (cap.role.code, cap.department, cap.limit, cap.uncounted) == ("seller", None, 200, ["dealt"])
    edited = {"what": "lock", "whom": "department", "department": sea.east.pk, "limit": "1,000", "role": cap.role_id}
    assert client.post(f"{ROOT}{cap.pk}/edit/", edited).status_code == 302
    cap.refresh_from_db()
    assert (cap.role, cap.department, cap.limit, cap.uncounted, cap.what) == (None, sea.east, 1000, [], "lock")
    assert "部门“华东”及下级" in client.get(ROOT).content.decode()
    assert "最多锁定 1,000 个客户" in client.get(f"{ROOT}{cap.pk}/delete/").content.decode()
    client.post(f"{ROOT}{cap.pk}/delete/")
    assert not OwnerCap.objects.exists()
    codes = list(OrgLog.objects.filter(code__startswith="cap.").order_by("pk").values_list("code", flat=True))
    assert codes == ["cap.created", "cap.updated", "cap.deleted"]
    changes = {one["label"]: (one["old"], one["new"]) for one in OrgLog.objects.get(code="cap.updated").changes}
    assert changes["上限"] == ("200 个", "1,000 个") and changes["不计入"] == ("已成交", "")


@pytest.mark.parametrize(
    "changed,sentence",
    [
        ({"limit": ""}, "请填写上限"),
        ({"limit": "-1"}, "请输入 0 到 1,000,000 的整数"),
        ({"limit": "1000001"}, "请输入 0 到 1,000,000 的整数"),
        ({"limit": "9" * 10_000}, "请输入 0 到 1,000,000 的整数"),
        ({"limit": "=1+1"}, "请输入 0 到 1,000,000 的整数"),
        ({"what": "steal"}, "请选择列表中的选项"),
        ({"whom": "role"}, "请选择角色"),
        ({"whom": "department", "department": "999999"}, "请选择列表中的选项"),
        ({"uncounted": ["locked"]}, "请选择列表中的选项"),
    ],
)
def test_wrong_input_is_refused_in_words(client, changed, sentence):
    response = client.post(NEW, {"what": "own", "whom": "all", "limit": "5", **changed})
    assert response.status_code == 422 and sentence in response.content.decode()
    assert not OwnerCap.objects.exists()


def test_each_object_has_one_cap(client):
    data = {"what": "own", "whom": "all", "limit": "5"}
    client.post(NEW, data)
    again = client.post(NEW, {**data, "limit": "9"})
    assert again.status_code == 422 and "已有同样对象的上限" in again.content.decode()
    assert client.post(NEW, {**data, "what": "lock"}).status_code == 302
    assert OwnerCap.objects.count() == 2


def test_the_largest_cap_decides_and_people_over_it_are_counted_there(client, sea):
    for n in range(3):
        make(f"安{n}", sea.ann, locked=n == 0)
        make(f"外{n}", sea.eve)
    make("波0", sea.bob)
    low = OwnerCap.objects.create(what="own", limit=1)
    high = OwnerCap.objects.create(what="own", limit=2, department=sea.east)
    locks = OwnerCap.objects.create(what="lock", limit=0)
    over = cap_settings.over_now(declared.CUSTOMERS)
    assert over[high.pk] == (4, 1) and over[low.pk][1] == 1 and over[locks.pk][1] == 1
    text = client.get(ROOT).content.decode()
    assert "几个上限都适用时取最大的一个" in text and "1 人" in text


def test_the_list_costs_the_same_whatever_there_is(client, sea):
    OwnerCap.objects.create(what="own", limit=1)

    def cost():
        client.get(ROOT)
        with CaptureQueriesContext(connection) as found:
            assert client.get(ROOT).status_code == 200
        return len(found)

    few = cost()
    for n in range(5):
        OwnerCap.objects.create(what="own", limit=n, department=department(f"部门{n}"))
        make(f"客户{n}", employee(f"人{n}", ["seller"], sea.east))
    assert cost() == few <= 24


def test_names_are_text(client, sea):
    place = department('"><img src=x onerror=1>')
    cap = OwnerCap.objects.create(what="own", limit=1, department=place)
    for page in (ROOT, f"{ROOT}{cap.pk}/edit/", f"{ROOT}{cap.pk}/delete/"):
        assert "<img src=x" not in client.get(page).content.decode()


def test_a_cap_that_is_gone_is_404_and_a_strange_kind_too(client):
    assert client.get(f"{ROOT}999/edit/").status_code == 404
    assert client.post(f"{ROOT}999/delete/").status_code == 404
    assert client.get(f"{ROOT}new/product/").status_code == 404
