"""合并客户 and 撤销合并: nothing is lost, the log is complete, everything goes back exactly."""

import threading
from datetime import date

import pytest
from django.core.exceptions import ValidationError
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext

from crm.notices.models import Message
from crm.records import fieldset, services, stars, teams
from crm.records.followups import services as followups
from crm.records.models import Attachment, FollowUp, FollowUpLink, OperationLog, Star, Undo
from crm.records.tagging import services as tagging
from crm.records.undoing import services as undoing
from crm.testing.followups import values
from customers import services as verbs
from customers.handover import services as handover
from customers.merging import carrying, preview
from customers.merging import services as merging
from customers.models import (
    Contact,
    ContactCustomer,
    Customer,
    CustomerGrant,
    CustomerRelation,
    Pool,
    PoolEvent,
    TransferRequest,
)
from customers.pools import book
from customers.pools import kinds as pool_kinds
from customers.pools import services as pools
from customers.relations import services as relations
from opportunities.tests.factories import opportunity
from orgs.models import Role
from orgs.tests.factories import client_for, department, employee

from .merging import at, contact, customer, everything, file, furnish, kind, merge, team, versions

pytestmark = pytest.mark.django_db


@pytest.fixture
def firm():
    """(manager, two sellers of theirs)."""
    east = department("华东")
    manager = employee("经理", ["sales_manager"], east)
    return manager, *(employee(name, ["seller"], east, supervisor=manager) for name in ("甲", "乙"))


def fresh(record):
    return type(record).objects.get(pk=record.pk)


def test_a_customer_transferred_merged_and_unmerged_loses_nothing_and_its_log_is_complete(firm):
    manager, first, second = firm
    survivor, other = customer(first, "云澜智造科技有限公司"), customer(second, "云澜智造", phone="05125550186")
    third = customer(second, "第三家", remark="第三家的备注")
    far = customer(first, "别的客户")
    furnish(survivor, first, far, label="一", contacts=30, talks=50)
    furnish(other, second, far, label="二")
    furnish(third, second, far, label="三")
    double = contact(
        other, "一联系人3", mobile=Contact.objects.get(name="一联系人3").mobile, email="a@b.cn", qq="12345"
    )
    followups.write(double, values("跟重复的人谈过"), by=second)
    file(double, "名片.txt", second)
    teams.add([survivor, other], [employee("丙", ["seller"])], write=False, by=manager)
    moved = services.transfer(
        Customer.objects.filter(pk=survivor.pk), second, by=manager, keep="read", children=["contact"]
    )
    assert moved == 1 and Contact.objects.filter(customer=survivor, owner=second).count() == 30
    assert FollowUpLink.objects.filter(object_id=survivor.pk, followup__content__startswith="一跟进").count() >= 50
    before, logs = everything(), OperationLog.objects.count()

    done = merge(survivor, other, third, by=manager, picks={"phone": other.pk, "remark": third.pk})
    kept = fresh(survivor)
    assert (kept.name, kept.phone, kept.remark) == ("云澜智造科技有限公司", "05125550186", "第三家的备注")
    assert Contact.objects.live().filter(customer=kept).count() == 30 + 3 + 3
    folded = Contact.objects.get(name="一联系人3", customer=kept)
    assert (folded.email, folded.qq) == ("a@b.cn", "12345") and fresh(double).deleted_at is not None
    assert set(at(FollowUp, folded).values_list("content", flat=True)) >= {"跟重复的人谈过"}
    assert at(Attachment, folded).count() == 1 and at(Attachment, kept).count() == 3
    assert (
        FollowUpLink.objects.filter(
            object_id__in=[other.pk, third.pk], content_type=at(FollowUp, kept)[0].content_type
        ).count()
        == 0
    )
    assert at(FollowUpLink, kept).values("followup").distinct().count() == 50 + 5 + 5 + 1
    assert sorted(tag.name for tag in tagging.loaded(Customer, [kept.pk])[kept.pk]) == ["一", "三", "二", "共同"]
    assert kept.last_followed_at == FollowUp.objects.latest("pk").created_at
    assert [fresh(one).merged_into_id for one in (other, third)] == [kept.pk] * 2
    codes = list(at(OperationLog, kept).values_list("code", flat=True))
    assert codes.count("customer.merged") == 1 and "customer.followup_added" in codes
    assert at(OperationLog, other).filter(code="customer.merged_away").count() == 1
    # every live contact that changed says so
    changed = Contact.objects.filter(version__gt=1, customer=kept).exclude(owner=first).values_list("pk", flat=True)
    told = set(OperationLog.objects.filter(code="contact.merged").values_list("object_id", flat=True))
    assert told <= set(changed) and len(told) == 7
    assert OperationLog.objects.count() > logs

    assert undoing.undo(Undo.objects.get(pk=done.undo), by=manager) == (3, [])
    after = everything()
    assert {key: after[key] for key in after if after[key] != before[key]} == {}
    assert at(OperationLog, kept).filter(code="customer.merge_undone").count() == 1
    assert at(OperationLog, double).filter(code="contact.merge_undone").count() == 1


def test_the_widest_right_and_the_latest_day_win_and_former_owners_stay_in_the_team(firm):
    manager, first, second = firm
    one, two = customer(first, "一"), customer(second, "二")
    mate, end, later = employee("丙", ["seller"]), date(2099, 1, 1), date(2099, 5, 1)
    teams.add([one], [mate], write=False, until=later, by=manager)
    teams.add([two], [mate], write=True, until=end, by=manager)
    teams.add([two], [first], write=False, by=manager)  # the owner needs none
    stars.toggle(one, user=manager)
    stars.toggle(two, user=manager)
    stars.toggle(two, user=second)
    before = everything()
    outlook = preview.outlook(one, [two], owner=first, by=manager)
    assert sorted(outlook.people) == [("丙", "只读，至 2099-05-01", "读写，至 2099-05-01"), ("乙", "", "读写")]
    done = merge(one, two, by=manager)
    assert team(one) == {"丙": (True, later), "乙": (True, None)}
    assert at(Star, one).count() == 2 and not CustomerGrant.objects.filter(content_object=two).exists()
    assert Customer.objects.allowed(second, "edit").filter(pk=one.pk).exists()
    log = at(OperationLog, one).get(code="customer.merged")
    assert {change["label"] for change in log.changes} == {"团队 丙", "团队 乙"}
    assert undoing.undo(Undo.objects.get(pk=done.undo), by=manager) == (2, [])
    assert everything() == before


def test_the_owner_may_be_chosen_and_the_owners_concerned_are_told(firm):
    manager, first, second = firm
    one, two = customer(first, "一"), customer(second, "二")
    done = merge(one, two, by=manager, picks={"owner": two.pk, "name": two.pk})
    kept = fresh(one)
    assert (kept.owner, kept.name, fresh(two).name) == (second, "二", "二")
    assert team(kept) == {"甲": (True, None)}
    told = {message.recipient: message for message in Message.objects.filter(kind="merge")}
    assert set(told) == {first, second} and told[second].body == "现在由您负责。"
    assert told[first].title == "经理把“二”合并到了“一”（现名“二”）"
    assert undoing.undo(Undo.objects.get(pk=done.undo), by=manager) == (2, [])
    assert (fresh(one).name, fresh(one).owner, fresh(two).name) == ("一", first, "二")
    assert Message.objects.filter(recipient=second, title__contains="撤销了合并").exists()


def test_relations_and_links_go_along_without_doubles_and_come_back(firm):
    manager, first, second = firm
    one, two, far, other = (customer(first, name) for name in ("一", "二", "三", "四"))
    relations.relate(one, two, kind("母公司"), by=first)  # between the two: ends
    relations.relate(one, far, kind("合作"), by=first)
    relations.relate(two, far, kind("合作"), note="二的说明", by=first)
    relations.relate(other, two, kind("子公司"), by=first)
    person = contact(far, "老王", mobile="13800001111")
    mine = contact(one, "老李", mobile="13800002222")
    relations.link_contact(person, two, position="顾问", by=first)
    relations.link_contact(person, one, by=first)
    relations.link_contact(mine, two, by=first)
    before = everything()
    me = first_with_merge(first)
    done = merge(one, two, by=me)
    assert set(CustomerRelation.objects.values_list("customer__name", "other__name", "note")) == {
        ("一", "三", "二的说明"),
        ("四", "一", ""),
    }
    assert list(ContactCustomer.objects.values_list("contact__name", "customer__name", "position")) == [
        ("老王", "一", "顾问")
    ]
    assert undoing.undo(Undo.objects.get(pk=done.undo), by=me) == (2, [])
    assert everything() == before


def test_a_circle_of_parents_refuses_the_merge_in_words(firm):
    manager, first, _ = firm
    one, two, middle = (customer(first, name) for name in ("一", "二", "中间"))
    relations.relate(one, middle, kind("子公司"), by=first)
    relations.relate(middle, two, kind("子公司"), by=first)
    with pytest.raises(ValidationError, match="“一” → “中间” → “一”"):
        merge(one, two, by=manager)
    assert fresh(two).deleted_at is None and not Undo.objects.exists()


def first_with_merge(person):
    """The seller with a role that may merge their own."""
    own = Role.objects.create(name="合并员", permissions=["customer.merge", "customer.view"])
    person.roles.add(own)
    return type(person).objects.get(pk=person.pk)


def test_wrong_selections_are_refused_in_words(firm):
    manager, first, _ = firm
    rows = [customer(first, f"客户{n}") for n in range(6)]
    pool, gone = rows[4], rows[5]
    Customer.objects.filter(pk=pool.pk).update(owner=None, pool=Pool.objects.get(kind="customer"))
    verbs.delete_customers(Customer.objects.filter(pk=gone.pk), by=manager)
    stranger = customer(employee("外人", ["seller"], department("华南")), "外面的客户")
    for others, words in (
        ([rows[0]], "至少 2 个不同的客户"),
        ([pool], "公海中的客户请先领取"),
        ([gone], "已被删除或合并"),
        ([stranger], f"编号 {stranger.pk} 不能合并"),
        ([*rows, stranger], "一次最多合并 5 个客户"),
    ):
        with pytest.raises(ValidationError, match=words):
            merge(rows[0], *others, by=manager)
    ids = [rows[0].pk, rows[1].pk]
    with pytest.raises(ValidationError, match="保留哪个"):
        merging.merge(ids, rows[2].pk, {}, versions=versions(*rows), by=manager)
    seen = versions(*rows[:2])
    services.update(rows[1], {"remark": "刚改的"}, version=1, by=first)
    with pytest.raises(merging.Changed, match="“客户1”被修改过"):
        merging.merge(ids, rows[0].pk, {}, versions=seen, by=manager)
    assert not Undo.objects.filter(action="merge").exists() and Customer.objects.live().count() == 6


def test_what_is_hidden_masked_or_read_only_keeps_the_survivors_value_whatever_is_sent(firm):
    manager, first, _ = firm
    one = customer(first, "一", phone="05121111111", remark="原备注")
    two = customer(first, "二", phone="05122222222", remark="机密备注", website="two.cn", postcode="215000")
    tagging.put(two, ["机密标签"], by=first)
    role = manager.roles.get()
    levels = {"remark": fieldset.HIDDEN, "phone": fieldset.MASKED, "website": fieldset.READ, "tags": fieldset.HIDDEN}
    role.field_rights = {"customer": levels}
    role.save()
    manager = type(manager).objects.get(pk=manager.pk)
    page = client_for(manager).get(f"/customers/merge/?ids={one.pk},{two.pk}")
    text = page.content.decode()
    assert "机密" not in text and "05122222222" not in text and "215000" in text
    keys = {row["key"] for row in page.context["rows"]}
    assert not keys & {"remark", "phone", "website"} and "postcode" in keys
    merge(one, two, by=manager, picks=dict.fromkeys(("remark", "phone", "website", "postcode", "locked", "id"), two.pk))
    kept = fresh(one)
    assert (kept.remark, kept.phone, kept.website, kept.postcode) == ("原备注", "05121111111", "", "215000")
    assert tagging.loaded(Customer, [kept.pk]) == {}


def test_a_merged_customer_says_where_it_went_and_comes_back_only_by_undoing(firm):
    manager, first, _ = firm
    one, two = customer(first, "一"), customer(first, '"><img src=x onerror=1>')
    person = contact(two, "老王", mobile="13800001111")
    contact(one, "老王", mobile="13800001111")
    done, client = merge(one, two, by=manager), client_for(manager)
    page = client.get(f"/customers/recycle/{two.pk}/").content.decode()
    assert f'已合并到 <a class="k-link" href="/customers/{one.pk}/">一</a>' in page
    assert f"/undo/{done.undo}/" in page and "onerror=1>" not in page.replace("&gt;", "")
    refused = client.post("/customers/bulk/restore/", {"ids": two.pk, "confirmed": "1"}).content.decode()
    assert "不能单独还原，请在“我的操作”中撤销合并" in refused
    with pytest.raises(ValidationError, match="请在“我的操作”中撤销合并"):
        verbs.restore_contacts(Contact.objects.filter(pk=person.pk), by=manager)
    assert fresh(two).deleted_at is not None
    assert client.get(f"/customers/{two.pk}/").status_code == 404
    assert client.post(f"/undo/{done.undo}/").status_code == 302
    assert fresh(two).deleted_at is None and fresh(person).deleted_at is None


def test_what_changed_since_the_merge_stays_and_is_explained(firm):
    manager, first, second = firm
    one, two, three = customer(first, "一"), customer(second, "二"), customer(first, "三")
    followups.write(two, values("合并前"), by=second)
    person, moved = contact(two, "老王"), contact(two, "老李")
    done = merge(one, two, by=manager)
    followups.write(fresh(one), values("合并后"), by=first)
    services.update(fresh(person), {"remark": "合并后改的"}, version=fresh(person).version, by=manager)
    page = client_for(manager).get(f"/undo/{done.undo}/").content.decode()
    assert "合并后写的跟进记录" in page and "1 条，留在保留的客户" in page and "之后被修改过" in page
    count, failures = undoing.undo(Undo.objects.get(pk=done.undo), by=manager)
    assert (count, failures) == (2, [("老王", "之后被修改过")])
    assert fresh(two).deleted_at is None and fresh(moved).customer_id == two.pk and fresh(person).customer_id == one.pk
    assert [f.content for f in at(FollowUp, one)] == ["合并后"] and [f.content for f in at(FollowUp, two)] == ["合并前"]
    for record in (one, two):
        assert fresh(record).last_followed_at == at(FollowUp, record).get().created_at
    again = merge(fresh(one), fresh(two), by=manager, picks={"name": two.pk})
    later = merge(three, fresh(one), by=manager)
    with pytest.raises(ValidationError, match="请先撤销那次合并"):
        undoing.undo(Undo.objects.get(pk=again.undo), by=manager)
    assert undoing.undo(Undo.objects.get(pk=later.undo), by=manager) == (2, [])
    services.update(fresh(one), {"remark": "改了"}, version=fresh(one).version, by=first)
    count, failures = undoing.undo(Undo.objects.get(pk=again.undo), by=manager)
    # the survivor was changed and keeps the name it took: the other cannot come back under it
    assert (count, {name for name, _ in failures}) == (0, {"二", "老李"})
    assert fresh(two).merged_into_id == one.pk


def test_another_table_goes_along_where_it_is_registered(firm, monkeypatch):
    """Contracts, opportunities and letters to come: children by their declaration, other tables by `carrying.register`."""
    manager, first, _ = firm
    one, two = customer(first, "一"), customer(first, "二")
    calls = []
    monkeypatch.setattr(carrying, "CARRIERS", [])
    carrying.register("工单", "张", move=lambda journal, a, b: calls.append((a, b)), count=lambda ids: 2)
    assert ("工单", "2 张") in preview.outlook(one, [two], owner=first, by=manager).moves
    merge(one, two, by=manager)
    assert calls == [(two.pk, one.pk)]


def test_the_pages_ask_which_customer_and_what_stays_then_merge(firm):
    manager, first, second = firm
    one = customer(first, "一😀", remark="=1+1")
    two = customer(second, "二", remark='"><img src=x onerror=1>', phone="05121111111")
    client, ids = client_for(manager), f"{one.pk},{two.pk}"
    shown = client.post("/customers/merge/", {"ids": ids})
    text = shown.content.decode()
    assert "保留哪些内容？" in text and "=1+1" in text and "<img src=x" not in text and "「二」会进入回收站" in text
    listed = client.get("/customers/").content.decode()
    assert 'formaction="/customers/merge/"' in listed
    assert "合并到…" in client.get(f"/customers/{one.pk}/").content.decode()
    assert "把“一😀”合并到哪个客户？" in client.get(f"/customers/merge/?ids={one.pk}").content.decode()
    assert "请选择合并到哪个客户" in client.post("/customers/merge/", {"ids": one.pk, "into": ""}).content.decode()
    same = client.post("/customers/merge/", {"ids": one.pk, "into": one.pk}).content.decode()
    assert "请选择另一个您可以合并的客户" in same
    picked = client.post("/customers/merge/", {"ids": one.pk, "into": two.pk})
    assert picked.context["kept"] == two
    body = dict(picked.context["hidden"]) | {"survivor": two.pk, "pick_name": one.pk, "pick_remark": "x" * 10_000}
    stale = client.post("/customers/merge/", {**body, "versions": f"{one.pk}:1,{two.pk}:99"})
    assert stale.status_code == 409 and "“二”被修改过" in stale.content.decode()
    answer = client.post("/customers/merge/", body)
    assert (answer.status_code, answer["Location"]) == (302, f"/customers/{two.pk}/")
    kept = fresh(two)
    assert (kept.name, kept.remark, fresh(one).merged_into) == ("一😀", '"><img src=x onerror=1>', kept)
    again = client.post("/customers/merge/", body)
    assert again.status_code == 400 and "已被删除或合并" in again.content.decode()
    for bad in ("", "x", "0", f"{two.pk}", "9" * 30):
        assert client.get(f"/customers/merge/?ids={bad}").status_code in (200, 400, 404)


def test_nobody_merges_what_is_not_theirs(firm):
    manager, first, second = firm
    one, two = customer(first, "金丝雀一"), customer(second, "金丝雀二")
    outsider = employee("华南经理", ["sales_manager"], department("华南"))
    body = {"ids": f"{one.pk},{two.pk}", "survivor": one.pk, "versions": f"{one.pk}:1,{two.pk}:1"}
    for person, status in ((first, 403), (outsider, 404)):
        client = client_for(person)
        for answer in (client.get("/customers/merge/", body), client.post("/customers/merge/", body)):
            assert answer.status_code == status and "金丝雀" not in answer.content.decode()
    own = customer(outsider, "自己的")
    mixed = client_for(outsider).get(f"/customers/merge/?ids={own.pk},{one.pk}")
    assert mixed.status_code == 400 and "金丝雀" not in mixed.content.decode()
    assert f"编号 {one.pk} 不能合并" in mixed.content.decode()
    teams.add([one], [outsider], write=True, by=first)
    assert client_for(outsider).get(f"/customers/merge/?ids={one.pk}").status_code == 403
    assert Customer.objects.live().count() == 3


def test_the_page_takes_the_same_statements_for_few_rows_and_for_many(firm, django_assert_num_queries):
    manager, first, second = firm
    one, two, far = customer(first, "一"), customer(second, "二"), customer(first, "远")
    client, counts = client_for(manager), []
    for label in ("少", "多", "更多"):
        furnish(two, second, far, label=label, contacts=4) if label == "少" else [
            followups.write(two, values(f"{label}{n}"), by=second) for n in range(9)
        ]
        [contact(two, f"{label}人{n}") for n in range(5)]
        with CaptureQueriesContext(connection) as queries:
            assert client.get(f"/customers/merge/?ids={one.pk},{two.pk}").status_code == 200
        counts.append(len(queries))
    assert counts[1] == counts[2] <= counts[0] + 1 and counts[2] <= 35


@pytest.mark.pg
@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_of_two_people_merging_the_same_customers_at_once_one_is_told():
    east = department("华东")
    people = [employee(f"经理{n}", ["sales_manager"], east) for n in range(2)]
    seller = employee("甲", ["seller"], east)
    one, two = customer(seller, "一"), customer(seller, "二")
    seen, barrier, told = versions(one, two), threading.Barrier(2), []

    def work(person, survivor):
        try:
            barrier.wait()
            merging.merge([one.pk, two.pk], survivor, {}, versions=seen, by=person)
        except ValidationError as error:
            told.append(error.messages[0])
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work, args=pair) for pair in zip(people, (one.pk, two.pk), strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(told) == 1 and "已被删除或合并" in told[0]
    assert Customer.objects.live().count() == 1 and Undo.objects.filter(action="merge").count() == 1


def test_pool_history_requests_and_what_the_pool_rules_read_go_along_and_come_back(firm):
    manager, first, second = firm
    survivor, other = customer(first, "一"), customer(second, "二")
    Pool.objects.update(former_days=0)
    book.touch("customer")
    pool = book.get("customer", Pool.objects.get(kind="customer").pk)
    pools.release(Customer.objects.filter(pk=other.pk), pool, by=second, reason="其他")
    pools.claim(pool_kinds.get("customer"), [other.pk], by=second)
    mate = employee("丙", ["seller"])
    for one in (survivor, other):
        handover.ask(fresh(one), "我认识他们", by=mate)
    for one, owner in ((survivor, first), (other, second), (other, second)):
        opportunity(owner, fresh(one))
    Customer.objects.filter(pk=survivor.pk).update(contract_ends_on=date(2026, 1, 1))
    Customer.objects.filter(pk=other.pk).update(contract_ends_on=date(2027, 1, 1))
    survivor, other = fresh(survivor), fresh(other)
    before = everything()
    done = merge(survivor, other, by=manager)
    kept = fresh(survivor)
    assert (kept.open_opportunities, kept.contract_ends_on) == (3, date(2027, 1, 1))
    assert set(PoolEvent.objects.values_list("object_id", flat=True)) == {kept.pk}
    assert list(TransferRequest.objects.values_list("customer", flat=True)) == [kept.pk]
    assert undoing.undo(Undo.objects.get(pk=done.undo), by=manager)[1] == []
    after = everything()
    assert {key: after[key] for key in after if after[key] != before[key]} == {}
