"""/settings/numbering/: the editor, its sample, who may, what is refused."""

import pytest

from contracts.tests import factories
from crm.records import numbering
from crm.records.models import NumberCounter, NumberRule
from orgs.models import OrgLog
from orgs.tests.factories import client_for, department, employee

pytestmark = pytest.mark.django_db
URL = "/settings/numbering/contract/"
PARTS = {"kind": ["text", "date", "date", "field", "text", "seq"], "value": ["合", "yy", "mm", "kind", "-", "3"]}


@pytest.fixture
def boss():
    return employee("管", ["admin"])


def send(person, url=URL, **more):
    return client_for(person).post(url, {**PARTS, "restart": "month", "start": "1", "version": "0", **more})


def test_a_rule_saved_numbers_what_comes_next_and_is_kept_in_the_log(boss):
    seller = employee("甲", ["seller"], department("华东"))
    assert factories.approved(seller).number.startswith("HT-")
    assert send(boss).status_code == 302
    second = factories.approved(seller).number
    assert second.startswith("合") and second.endswith("-002")
    line = OrgLog.objects.get(code="numbering.updated")
    assert line.changes[0]["old"].startswith("HT- + 年（2026）") and "合同类型" in line.changes[0]["new"]
    assert NumberRule.objects.get().version == 1
    page = client_for(boss).get("/settings/numbering/").content.decode()
    assert "流水号 3 位" in page and page.count('data-m="title"') >= 4


def test_the_sample_is_the_servers_and_writes_nothing(boss):
    seller = employee("甲", ["seller"], department("华东"))
    factories.approved(seller)
    before = list(NumberCounter.objects.values())
    page = send(boss, URL + "draft/").content.decode()
    assert page.count("-002</code>") == page.count("-003</code>") == page.count("-004</code>") == 1
    assert "HTLX" in page  # the field by the initials of its own name
    assert list(NumberCounter.objects.values()) == before and not NumberRule.objects.exists()


def test_parts_are_added_and_dropped_without_saving(boss):
    page = send(boss, URL + "draft/", add="field")
    assert [one["kind"] for one in page.context["parts"]][-1] == "field" and page.context["fresh"]
    page = send(boss, URL + "draft/", drop="1")
    assert [one["value"] for one in page.context["parts"]] == ["yy", "mm", "kind", "-", 3]
    assert not NumberRule.objects.exists()


@pytest.mark.parametrize(
    "wrong,said",
    [
        ({"kind": ["text", "seq"], "value": ["A", "4"]}, "号码会重复"),
        ({"kind": ["seq", "seq"], "value": ["4", "4"]}, "只有一段流水号"),
        ({"value": ["合", "yy", "mm", "owner__password", "-", "3"]}, "不能用的内容"),
        ({"value": ['"><img src=x onerror=1>', "yy", "mm", "kind", "-", "3"]}, "文字为"),
        ({"value": ["\x00", "yy", "mm", "kind", "-", "3"]}, "文字为"),
        ({"value": ["a" * 10_000, "yy", "mm", "kind", "-", "3"]}, "文字为"),
        ({"value": ["合", "yy", "mm", "kind", "-", "NaN"]}, "不能用的内容"),
        ({"restart": "weekly"}, "何时重新开始"),
        ({"start": "1e30"}, "起始号"),
        ({"start": "-1"}, "起始号"),
        ({"start": "9" * 30}, "起始号"),
        ({"kind": [], "value": []}, "1 到 12 段"),
        ({"kind": ["evil"], "value": ["x"]}, "1 到 12 段"),
    ],
)
def test_what_cannot_number_is_refused_in_words(boss, wrong, said):
    answer = send(boss, **wrong)
    page = answer.content.decode()
    assert answer.status_code == 422 and said in page and "<img src=x" not in page
    assert not NumberRule.objects.exists()
    assert send(boss, URL + "draft/", **wrong).status_code == 200


def test_a_stale_page_keeps_what_was_typed_and_saves_nothing(boss):
    assert send(boss).status_code == 302
    answer = send(boss, value=["新", "yy", "mm", "kind", "-", "5"])
    assert answer.status_code == 409 and "刚被别人修改" in answer.content.decode() and "新" in answer.content.decode()
    assert NumberRule.objects.get().parts[0] == {"text": "合"}
    assert (
        send(boss, version=str(answer.context["version"]), value=["新", "yy", "mm", "kind", "-", "5"]).status_code
        == 302
    )


def test_only_holders_of_sales_settings_open_it_and_unknown_kinds_are_404(boss):
    seller = employee("甲", ["seller"], department("华东"))
    for url in ("/settings/numbering/", URL):
        assert client_for(seller).get(url).status_code == 403
    assert send(seller).status_code == 403 and send(seller, URL + "draft/").status_code == 403
    assert not NumberRule.objects.exists()
    assert client_for(boss).get("/settings/numbering/nothing/").status_code == 404
    assert set(numbering.ALL) >= {"lead", "quotation", "contract", "invoice"}
