"""客户流失: who is warned, what the owner decides, what nobody may do with a lost customer."""

from datetime import date, timedelta

import pytest
from django.db.models import Q
from django.utils import timezone

from crm.notices.models import Message
from crm.records import params, scope, services, teams
from crm.records.models import DictionaryItem, OperationLog
from crm.testing.base import XSS
from customers.churn import services as churn
from customers.models import ChurnRecord, Contact, Customer
from orgs.tests.factories import client_for, department, employee

from .importing import faults, figures, run

pytestmark = pytest.mark.django_db
LOST = "已确定流失，只能查看和跟进；请先恢复正常"


@pytest.fixture
def people():
    east, south = department("华东"), department("华南")
    manager = employee("华东经理", ["sales_manager"], east)
    return {
        "manager": manager,
        "seller": employee("甲", ["seller"], east, supervisor=manager),
        "stranger": employee("丙", ["seller"], south),
    }


def customer(owner, name="青岚公司", *, days=400, **values):
    record = services.create(Customer(name=name, owner=owner), by=owner)
    Customer.objects.filter(pk=record.pk).update(created_at=timezone.now() - timedelta(days=days), **values)
    return Customer.objects.get(pk=record.pk)


def reason():
    return DictionaryItem.objects.filter(dictionary="customer.churn_reason").first()


def lost(owner, **more):
    record = customer(owner, churn_state="warned", **more)
    churn.confirm(Customer.objects.filter(pk=record.pk), by=owner, reason=reason())
    return Customer.objects.get(pk=record.pk)


def states(*records):
    return [Customer.objects.get(pk=record.pk).churn_state for record in records]


def test_months_before_keeps_to_the_end_of_shorter_months():
    assert churn.months_before(date(2026, 8, 31), 6) == date(2026, 2, 28)
    assert churn.months_before(date(2028, 8, 31), 6) == date(2028, 2, 29)
    assert churn.months_before(date(2026, 1, 15), 1) == date(2025, 12, 15)
    assert churn.months_before(date(2026, 12, 31), -2) == date(2027, 2, 28)


def test_the_night_warns_once_by_the_last_deal_else_by_the_creation_and_tells_each_owner_once(people):
    seller, today = people["seller"], timezone.localdate()
    edge = churn.months_before(today, 6)
    start = timezone.make_aware(timezone.datetime(edge.year, edge.month, edge.day))
    old, other = customer(seller, "老客户"), customer(seller, "另一个", days=200)
    dealt = customer(seller, "刚成交", last_deal_at=timezone.now() - timedelta(days=20))
    exact = customer(seller, "正好六个月")
    Customer.objects.filter(pk=exact.pk).update(created_at=start)
    late = customer(people["stranger"], "很久没成交", days=10, last_deal_at=start - timedelta(seconds=1))
    gone = customer(seller, "删了的")
    services.delete(Customer.objects.filter(pk=gone.pk), by=seller)
    version = old.version
    assert churn.run(today) == (3, 0)
    assert churn.run(today) == (0, 0)
    assert states(old, other, dealt, exact, late, gone) == ["warned", "warned", "", "", "warned", ""]
    assert OperationLog.objects.filter(code="customer.churn_warned").count() == 3
    told = Message.objects.filter(kind="churn").order_by("recipient")
    assert sorted((one.recipient.name, one.title) for one in told) == [
        ("丙", "您有 1 个客户进入流失预警"),
        ("甲", "您有 2 个客户进入流失预警"),
    ]
    assert Customer.objects.get(pk=old.pk).version == version  # an open form still saves


def test_a_deal_or_the_rule_switched_off_takes_the_warning_back(people):
    record, today = customer(people["seller"]), timezone.localdate()
    churn.run(today)
    Customer.objects.filter(pk=record.pk).update(last_deal_at=timezone.now())
    assert churn.run(today) == (0, 1)
    assert states(record) == [""]
    Customer.objects.filter(pk=record.pk).update(last_deal_at=None)
    churn.run(today)
    params.store("churn_months", 0)
    assert churn.run(today) == (0, 1)
    assert OperationLog.objects.filter(code="customer.churn_cleared", object_id=record.pk).count() == 2


def test_postponing_asks_for_measures_and_a_day_and_holds_the_warning_until_it_has_passed(people):
    seller, today = people["seller"], timezone.localdate()
    record = customer(seller, churn_state="warned", churn_since=timezone.now())
    http, url = client_for(seller), "/customers/bulk/churn-postpone/"
    assert http.get(f"{url}?ids={record.pk}").context["fields"]["until"].value() == today + timedelta(days=30)
    sent = {"ids": record.pk, "confirmed": "1"}
    for wrong in (
        {"measures": "", "until": today + timedelta(days=30)},
        {"measures": "去拜访", "until": today},
        {"measures": "去拜访", "until": today + timedelta(days=181)},
        {"measures": "去拜访", "until": "明天"},
        {"measures": "长" * 1001, "until": today + timedelta(days=3)},
    ):
        assert http.post(url, sent | wrong).context["fields"].errors
    assert states(record) == ["warned"]
    until = today + timedelta(days=180)
    assert http.post(url, sent | {"measures": f"{XSS} 😀=1+1", "until": until}).status_code == 302
    fresh = Customer.objects.get(pk=record.pk)
    assert (fresh.churn_state, fresh.churn_hold, fresh.version) == ("", until, record.version + 1)
    assert churn.run(until) == (0, 0)
    assert churn.run(until + timedelta(days=1)) == (1, 0)
    page = http.get(f"/customers/{record.pk}/?tab=care").content.decode()
    assert "暂缓流失" in page and "😀=1+1" in page and XSS not in page
    churn.postpone(Customer.objects.all(), by=seller, measures="再来", until=today + timedelta(days=5))
    assert ChurnRecord.objects.filter(customer=record, kind="postponed").count() == 2


def test_only_warned_customers_can_be_given_up_and_the_rest_is_named(people):
    seller = people["seller"]
    warned, normal = customer(seller, "预警的", churn_state="warned"), customer(seller, "正常的")
    http = client_for(seller)
    page = http.post("/customers/bulk/churn-confirm/", {"ids": f"{warned.pk},{normal.pk}"})
    answer = http.post("/customers/bulk/churn-confirm/", dict(page.context["hidden"]) | {"words": "没有原因"})
    assert "请选择流失原因" in answer.content.decode()
    answer = http.post("/customers/bulk/churn-confirm/", dict(page.context["hidden"]) | {"reason": reason().pk})
    assert answer.context["done"] == 1
    assert answer.context["failures"] == [{"title": "正常的", "reason": "没有流失预警"}]
    assert states(warned, normal) == ["lost", ""]
    log = OperationLog.objects.get(code="customer.churn_confirmed")
    assert (log.object_id, log.text) == (warned.pk, f"确定流失（{reason().label}）")


def test_a_lost_customer_is_open_to_nothing_but_looking_and_following_up(people):
    seller, manager = people["seller"], people["manager"]
    record = lost(seller)
    for user in (seller, manager, employee("超管", ["super"])):
        rights = scope.rights(user, record)
        for action in ("edit", "delete", "transfer", "share", "release", "assign", "lock", "merge", "mail"):
            assert not scope.may(user, action, record), action
            assert action not in rights, action
        for action in ("view", "follow", "export", "print"):
            assert scope.may(user, action, record) == (action in rights), action
        assert {"view", "follow"} <= rights
    http = client_for(seller)
    item = DictionaryItem.objects.filter(dictionary="followup.method").first()
    assert http.post(f"/customers/{record.pk}/follow-ups/", {"method": item.pk, "content": "再联系"}).status_code == 302
    record.refresh_from_db()
    for url, data in (
        (f"/customers/{record.pk}/edit/", {"name": "改名", "version": record.version}),
        (f"/customers/{record.pk}/tags/", {"tags": "新"}),
        (f"/customers/{record.pk}/transfer/", {"ids": record.pk, "confirmed": "1", "owner": manager.pk}),
        (f"/customers/{record.pk}/plan/", {"period": "5"}),
        ("/customers/bulk/delete/", {"ids": record.pk, "confirmed": "1"}),
        ("/customers/bulk/edit/", {"ids": record.pk, "confirmed": "1"}),
        ("/customers/bulk/tags/", {"ids": record.pk, "confirmed": "1", "add": "新"}),
    ):
        answer = http.post(url, data)
        assert (answer.status_code, LOST in answer.content.decode()) == (403, True), url
    fresh = Customer.objects.get(pk=record.pk)
    assert (fresh.name, fresh.owner_id, fresh.version, fresh.deleted_at) == (
        "青岚公司",
        seller.pk,
        record.version,
        None,
    )


def test_the_list_offers_no_edit_for_a_lost_customer_and_bulk_names_it(people):
    seller = people["seller"]
    record, other = lost(seller), customer(seller, "正常的")
    http = client_for(seller)
    rows = {row["pk"]: row["edit_url"] for row in http.get("/customers/").context["rows"]}
    assert rows[record.pk] is None and rows[other.pk]
    page = http.post("/customers/bulk/delete/", {"ids": f"{record.pk},{other.pk}"})
    assert page.context["details"] == ["正常的"]
    assert f"另有 1 个{LOST}" in page.context["body"]
    only = http.post("/customers/bulk/delete/", {"ids": f"{record.pk},"})
    assert LOST in only.content.decode()


def test_the_only_lost_row_changed_behind_a_confirm_page_is_reported_with_the_sentence(people):
    seller = people["seller"]
    record, other = customer(seller, churn_state="warned"), customer(seller, "正常的")
    http = client_for(seller)
    page = http.post("/customers/bulk/delete/", {"ids": f"{record.pk},{other.pk}"})
    churn.confirm(Customer.objects.filter(pk=record.pk), by=seller, reason=reason())
    answer = http.post("/customers/bulk/delete/", dict(page.context["hidden"]))
    assert answer.context["failures"] == [{"title": "青岚公司", "reason": LOST}]
    assert Customer.objects.get(pk=record.pk).deleted_at is None


def test_an_import_does_not_overwrite_a_lost_customer_nor_give_it_contacts(people):
    seller = people["seller"]
    record = lost(seller)
    job = run(seller, ("客户名称", "备注"), ("青岚公司", "覆盖"), on_duplicate="overwrite")
    assert figures(job)[1] == 0 and len(faults(job)) == 1
    assert Customer.objects.get(pk=record.pk).remark == ""
    answer = client_for(seller).post("/contacts/new/", {"name": "混入", "customer": record.pk, "owner": seller.pk})
    assert answer.context["form"].errors and not Contact.objects.exists()


def test_a_write_grant_does_not_open_a_lost_customer(people):
    record, mate = lost(people["seller"]), people["stranger"]
    Customer.objects.filter(pk=record.pk).update(churn_state="")
    teams.add([record], [mate], write=True, by=people["seller"])
    assert scope.may(mate, "edit", Customer.objects.get(pk=record.pk))
    Customer.objects.filter(pk=record.pk).update(churn_state="lost")
    record.refresh_from_db()
    assert not scope.may(mate, "edit", record) and scope.may(mate, "follow", record)
    assert "edit" not in scope.rights(mate, record) and "follow" in scope.rights(mate, record)


def test_the_manager_restores_with_a_reason_and_the_owner_may_not(people):
    seller, manager = people["seller"], people["manager"]
    record = lost(seller)
    sent = {"ids": record.pk, "confirmed": "1", "words": "客户回来了"}
    url = "/customers/bulk/churn-restore/"
    assert client_for(seller).post(url, sent).status_code == 403
    assert client_for(people["stranger"]).post(url, sent).status_code == 403
    other = employee("华南经理", ["sales_manager"], people["stranger"].department)
    assert client_for(other).post(url, sent).status_code == 404
    assert states(record) == ["lost"]
    assert client_for(manager).post(url, sent | {"words": ""}).context["fields"].errors
    assert client_for(manager).post(url, sent).status_code == 302
    assert states(record) == [""]
    assert scope.may(seller, "edit", Customer.objects.get(pk=record.pk))
    assert Message.objects.get(recipient=seller, kind="churn").title == "华东经理把您的 1 个客户恢复正常"
    assert churn.run(timezone.localdate()) == (0, 0)  # not warned again tomorrow
    assert ChurnRecord.objects.filter(customer=record, kind="restored", by=manager, text="客户回来了").count() == 1


def test_a_new_contract_clears_every_state(people):
    seller = people["seller"]
    gone, warned = lost(seller), customer(seller, "预警的", churn_state="warned")
    held = customer(seller, "暂缓的", churn_hold=timezone.localdate() + timedelta(days=9))
    normal = customer(seller, "正常的")
    ids = [one.pk for one in (gone, warned, held, normal)]
    assert churn.clear(ids, by=people["manager"]) == 3
    assert churn.clear(ids, by=people["manager"]) == 0
    assert not Customer.objects.exclude(churn_state="", churn_hold=None).exists()
    assert ChurnRecord.objects.filter(kind="restored").count() == 1
    codes = OperationLog.objects.filter(Q(code="customer.churn_restored") | Q(code="customer.churn_cleared"))
    assert sorted(codes.values_list("object_id", flat=True)) == sorted([gone.pk, warned.pk, held.pk])


def test_the_view_and_its_actions_stand_where_they_belong(people):
    seller = people["seller"]
    record, normal = customer(seller, churn_state="warned"), customer(seller, "正常的")
    http = client_for(seller)
    page = http.get("/customers/?view=churn")
    assert [row["pk"] for row in page.context["rows"]] == [record.pk]
    assert {"churn-postpone", "churn-confirm"} <= {one["key"] for one in page.context["bulk"]["actions"]}
    assert not {one["key"] for one in http.get("/customers/").context["bulk"]["actions"]} & {
        "churn-postpone",
        "churn-confirm",
        "churn-restore",
    }
    labels = [action["label"] for action in http.get(f"/customers/{record.pk}/").context["actions"]]
    assert "暂缓流失" in labels and "确定流失" in labels and "恢复正常" not in labels
    labels = [action["label"] for action in http.get(f"/customers/{normal.pk}/").context["actions"]]
    assert "暂缓流失" not in labels
    assert client_for(people["stranger"]).get("/customers/?view=churn").context["pager"]["count"] == 0
