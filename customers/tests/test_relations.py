"""关联客户 and contacts of several customers: who sees them, what the log says, what is refused."""

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext

from crm.records import fieldset, services, teams
from crm.records.models import DictionaryItem, OperationLog
from customers import services as verbs
from customers.models import Contact, ContactCustomer, Customer, CustomerRelation
from customers.relations import queries
from customers.relations import services as relations
from orgs import services as org
from orgs.tests.factories import client_for, department, employee

from .merging import at, contact, customer, kind

pytestmark = pytest.mark.django_db
XSS = '"><img src=x onerror=1>'


@pytest.fixture
def people():
    """(seller, a seller of another department)."""
    return employee("甲", ["seller"], department("华东")), employee("丙", ["seller"], department("华南"))


def tab(person, record, key="relations"):
    return client_for(person).get(f"/customers/{record.pk}/?tab={key}")


def test_a_relation_reads_from_both_sides_and_stands_once(people):
    me, _ = people
    one, two, three = (customer(me, name) for name in ("一", "二", "三"))
    relations.relate(two, one, kind("母公司"), by=me)
    relations.relate(three, one, kind("合作"), note=XSS, by=me)
    assert [(row.customer, row.other) for row in CustomerRelation.objects.order_by("pk")] == [(one, two), (one, three)]
    shown = {
        record.name: [(o.name, word) for _, o, word in queries.related(record, me).rows] for record in (one, two, three)
    }
    assert shown == {"一": [("二", "子公司"), ("三", "合作")], "二": [("一", "母公司")], "三": [("一", "合作")]}
    for pair in ((one, two, "子公司"), (two, one, "母公司"), (one, three, "合作"), (three, one, "合作")):
        with pytest.raises(ValidationError):
            relations.relate(pair[0], pair[1], kind(pair[2]), by=me)
    relations.relate(one, three, kind("同一老板"), by=me)
    page = tab(me, one).content.decode()
    assert "<img src=x" not in page and "关联客户" in page and "(3)" in page
    for record in (one, three):
        logs = at(OperationLog, record).filter(code="customer.relation_added").values_list("text", flat=True)
        assert all("一" not in text.replace("同一老板", "") and "三" not in text for text in logs) and logs


def test_no_customer_is_its_own_relative_and_no_group_is_a_circle(people):
    me, other = people
    one, two, three = (customer(me, name) for name in ("一", "二", "三"))
    hidden = customer(other, "金丝雀公司")
    with pytest.raises(ValidationError, match="不能和自己关联"):
        relations.relate(one, one, kind("合作"), by=me)
    relations.relate(one, two, kind("子公司"), by=me)
    relations.relate(two, hidden, kind("子公司"), by=other)
    relations.relate(hidden, three, kind("子公司"), by=other)
    for top, bottom, word in ((three, one, "子公司"), (one, three, "母公司")):
        with pytest.raises(ValidationError, match=f"“一” → “二” → 编号 {hidden.pk} → “三”"):
            relations.relate(top, bottom, kind(word), by=me)
    with pytest.raises(ValidationError):
        relations.relate(two, one, kind("子公司"), by=me)
    assert CustomerRelation.objects.count() == 3
    assert relations.chain(one.pk, three.pk) == [one.pk, two.pk, hidden.pk, three.pk]


def test_customers_out_of_sight_are_counted_and_never_named(people):
    me, other = people
    mine, seen, hidden = customer(me, "我的"), customer(me, "看得到"), customer(other, "金丝雀公司")
    relations.relate(mine, hidden, kind("子公司"), note="金丝雀说明", by=other)
    relations.relate(mine, seen, kind("合作"), by=me)
    for key in ("relations", "log"):
        page = tab(me, mine, key).content.decode()
        assert "金丝雀公司" not in page
    page = tab(me, mine)
    assert "另有 1 个您看不到的关联客户" in page.content.decode() and "金丝雀" not in page.content.decode()
    assert page.context["tab"]["group"] == []
    verbs.delete_customers(Customer.objects.filter(pk=hidden.pk), by=other)
    assert "看不到的关联客户" not in tab(me, mine).content.decode()


def test_the_group_is_drawn_from_the_topmost_parent_in_sight(people):
    me, _ = people
    top, left, right, low = (customer(me, name) for name in ("总公司", "左", "右", "底"))
    for above, below in ((top, left), (top, right), (left, low), (right, low)):
        relations.relate(above, below, kind("子公司"), by=me)
    drawn = [(depth, one.name, here) for depth, one, here in queries.group(low, me)]
    assert drawn == [
        (0, "总公司", False),
        (1, "右", False),
        (2, "底", True),
        (1, "左", False),
        (2, "底", True),
    ]


def test_the_tab_takes_the_same_statements_for_few_relations_and_for_many(people):
    me, _ = people
    record, counts = customer(me, "总公司"), []
    for size in (2, 12):
        for n in range(size):
            relations.relate(record, customer(me, f"{size}下{n}"), kind("子公司"), by=me)
            relations.link_contact(contact(customer(me, f"{size}别{n}"), f"人{n}"), record, by=me)
        found = []
        for key in ("relations", "contacts"):
            client = client_for(me)
            client.get("/customers/")  # notes when the session was last seen
            with CaptureQueriesContext(connection) as captured:
                assert client.get(f"/customers/{record.pk}/?tab={key}").status_code == 200
            found.append(len(captured))
        counts.append(found)
    assert counts[0] == counts[1] and max(counts[1]) <= 20


def test_adding_and_removing_go_through_the_gate_and_are_logged_on_both_sides(people):
    me, other = people
    mine, second, hidden = customer(me, "我的"), customer(me, "第二家"), customer(other, "金丝雀公司")
    client, stranger = client_for(me), client_for(other)
    url, word = f"/customers/{mine.pk}/relations/new/", kind("母公司").pk
    assert "给“我的”添加关联客户" in client.get(url).content.decode()
    for bad, words in (
        ({"other": hidden.pk, "kind": word}, "请选择列表中的选项"),
        ({"other": mine.pk, "kind": word}, "请选择列表中的选项"),
        ({"other": second.pk}, "请选择关系"),
        ({"other": second.pk, "kind": word, "note": "长" * 10_000}, "最多 200 个字"),
        ({"other": second.pk, "kind": "x"}, "请选择列表中的选项"),
    ):
        assert words in client.post(url, bad).content.decode()
    assert not CustomerRelation.objects.exists()
    answer = client.post(url, {"other": second.pk, "kind": word, "note": "😀 =1+1"})
    assert (answer.status_code, answer["Location"]) == (302, f"/customers/{mine.pk}/?tab=relations")
    relation = CustomerRelation.objects.get()
    assert (relation.customer, relation.other, relation.kind.label, relation.note) == (
        second,
        mine,
        "子公司",
        "😀 =1+1",
    )
    assert "这两个客户已有这种关系" in client.post(url, {"other": second.pk, "kind": word}).content.decode()
    remove = f"/customers/relations/{relation.pk}/remove/"
    teams.add([mine], [other], write=False, by=me)
    for ask in (stranger.get, stranger.post):
        assert ask(remove).status_code == 404 and ask(url).status_code == 403
    teams.add([second], [other], write=False, by=me)
    assert stranger.post(remove).status_code == 403 and CustomerRelation.objects.exists()
    assert "“第二家”和“我的”不再互相关联" in client.get(f"{remove}?at={mine.pk}").content.decode()
    assert client.post(f"{remove}?at={mine.pk}")["Location"] == f"/customers/{mine.pk}/?tab=relations"
    for record in (mine, second):
        codes = list(at(OperationLog, record).order_by("pk").values_list("code", flat=True))
        assert codes[-2:] == ["customer.relation_added", "customer.relation_removed"] or "customer.team_added" in codes
    assert client.post(remove).status_code == 404


def test_the_words_the_code_knows_cannot_be_renamed_or_deleted():
    for label in ("母公司", "子公司"):
        item = kind(label)
        with pytest.raises(ValidationError, match="系统使用的值"):
            org.catalog.rename_item(item, "总公司", by=None)
        with pytest.raises(ValidationError, match="系统使用的值"):
            org.catalog.delete_item(kind(label), by=None)
    org.catalog.rename_item(kind("合作"), "伙伴", by=None)
    assert DictionaryItem.objects.filter(dictionary="customer.link", label="伙伴").exists()


# Contacts of several customers ----------------------------------------------------------------------------------------
def test_a_linked_contact_shows_name_position_and_number_to_whoever_sees_the_customer(people):
    """The named exception of docs/architecture.md: nothing else of it, and its own page stays closed."""
    me, other = people
    main, second = customer(me, "金丝雀公司"), customer(me, "第二家")
    person = contact(main, "老王", mobile="13800001111", remark="金丝雀备注", wechat="canary", position="厂长")
    relations.link_contact(person, second, position="董事", by=me)
    teams.add([second], [other], write=False, by=me)
    page = tab(other, second, "contacts").content.decode()
    assert "老王" in page and "董事" in page and "138 0000 1111" in page and "兼任" in page and "(1)" in page
    assert "金丝雀" not in page and "canary" not in page and f"/contacts/{person.pk}/" not in page
    client = client_for(other)
    assert client.get(f"/contacts/{person.pk}/").status_code == 404
    assert not Contact.objects.allowed(other, "view").filter(pk=person.pk).exists()
    role = other.roles.get()
    role.field_rights = {"contact": {"mobile": fieldset.MASKED, "position": fieldset.HIDDEN}}
    role.save()
    page = tab(type(other).objects.get(pk=other.pk), second, "contacts").content.decode()
    assert "138****1111" in page and "13800001111" not in page and "tel:138" not in page
    assert "金丝雀公司" in tab(me, second, "contacts").content.decode()
    verbs_page = client_for(me).get(f"/contacts/{person.pk}/").content.decode()
    assert "任职的客户" in verbs_page and "第二家" in verbs_page
    services.delete(Contact.objects.filter(pk=person.pk), by=me)
    assert "老王" not in tab(other, second, "contacts").content.decode()


def test_linking_a_contact_needs_both_the_customer_and_the_contact(people):
    me, other = people
    mine, second, theirs = customer(me, "我的"), customer(me, "第二家"), customer(other, "金丝雀公司")
    person, foreign = contact(mine, XSS, mobile="13800001111"), contact(theirs, "金丝雀人")
    client, url = client_for(me), f"/customers/{second.pk}/contacts/link/"
    assert "关联已有联系人" in tab(me, second, "contacts").content.decode()
    assert "请选择另一个客户的、您可以编辑的联系人" in client.post(url, {"contact": foreign.pk}).content.decode()
    teams.add([theirs], [me], write=False, by=other)  # seen, not theirs to hand on
    assert "请选择另一个客户的" in client.post(url, {"contact": foreign.pk}).content.decode()
    assert "最多 50 个字" in client.post(url, {"contact": person.pk, "position": "长" * 51}).content.decode()
    assert client_for(other).post(url, {"contact": foreign.pk}).status_code == 404
    answer = client.post(url, {"contact": person.pk, "position": "董事"})
    assert answer["Location"] == f"/customers/{second.pk}/?tab=contacts"
    assert "该联系人已在这个客户下" in client.post(url, {"contact": person.pk}).content.decode()
    page = tab(me, second, "contacts").content.decode()
    assert "<img src=x" not in page
    link = ContactCustomer.objects.get()
    remove = f"/customers/contact-links/{link.pk}/remove/"
    assert client_for(other).post(remove).status_code == 404
    assert "<img src=x" not in client.get(remove).content.decode()
    assert client.post(remove).status_code == 302 and not ContactCustomer.objects.exists()
    for record, name in ((second, "customer"), (person, "contact")):
        codes = set(at(OperationLog, record).values_list("code", flat=True))
        assert {f"{name}.contact_linked", f"{name}.contact_unlinked"} <= codes


def test_a_contact_cannot_be_saved_below_a_customer_that_was_merged_meanwhile(people):
    me, _ = people
    one = customer(me, "一")
    Customer.objects.filter(pk=one.pk).update(deleted_at=one.created_at)
    with pytest.raises(ValidationError, match="已被删除或合并"):
        verbs.create_contact(Contact(name="老王", customer=one, owner=me), by=me)
