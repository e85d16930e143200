"""放入, 领取, 分配, 移动, 锁定: rules, refusals with their reasons, history, undo."""

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.utils import timezone

from crm.notices.models import Message
from crm.records import formatting, teams
from crm.records import services as records
from crm.records.models import OperationLog, Undo
from crm.records.undoing import services as undoing
from customers.models import Contact, Customer, CustomerGrant, OwnerCap, Pool, PoolEvent
from customers.pools import book, declared, services
from orgs.models import Role

from .conftest import change_pool, make

KIND = declared.CUSTOMERS


def rows(*found):
    return Customer.objects.filter(pk__in=[one.pk for one in found])


def release(sea, *found, by=None):
    return services.release(rows(*found), book.get("customer", sea.pool.pk), by=by or sea.ann, reason="暂无需求")


def cap(limit, **more):
    return OwnerCap.objects.create(kind="customer", limit=limit, **more)


def test_releasing_takes_owner_and_contacts_and_can_be_undone(sea):
    customer = make("云澜智造", sea.ann, contacts=2)
    before = Customer.objects.values().get(pk=customer.pk)
    contacts = list(Contact.objects.order_by("pk").values("pk", "owner_id", "updated_at"))
    assert release(sea, customer) == 1
    customer.refresh_from_db()
    assert (customer.owner, customer.pool, customer.former_owner) == (None, sea.pool, sea.ann)
    assert customer.pool_reason == "手动放入：暂无需求"
    assert not Contact.objects.exclude(owner=None).exists()
    assert not Customer.objects.allowed(sea.ann, "view").exists() and not Contact.objects.allowed(sea.ann).exists()
    event = PoolEvent.objects.get()
    assert (event.action, event.owner, event.actor, event.reason) == (
        "released",
        sea.ann,
        sea.ann,
        "手动放入：暂无需求",
    )
    done, failed = undoing.undo(Undo.objects.get(action="release"), by=sea.ann)
    assert (done, failed) == (1, [])
    after = Customer.objects.values().get(pk=customer.pk)
    assert {k: v for k, v in after.items() if k != "version"} == {k: v for k, v in before.items() if k != "version"}
    assert list(Contact.objects.order_by("pk").values("pk", "owner_id", "updated_at")) == contacts
    assert PoolEvent.objects.order_by("-pk").first().action == "undone"


def test_undoing_a_release_of_several_owners_gives_each_their_own_back(sea):
    one, two = make("一", sea.ann), make("二", sea.bob)
    release(sea, one, two, by=sea.manager)
    assert undoing.undo(Undo.objects.get(), by=sea.manager) == (2, [])
    assert dict(Customer.objects.values_list("name", "owner__name")) == {"一": "安", "二": "波"}
    assert Message.objects.filter(kind="pool", recipient=sea.ann).exists()


def test_what_somebody_claimed_meanwhile_is_not_undone(sea):
    customer = make("云澜智造", sea.ann)
    release(sea, customer)
    assert services.claim(KIND, [customer.pk], by=sea.bob).done == [customer.pk]
    done, failed = undoing.undo(Undo.objects.get(), by=sea.ann)
    assert done == 0 and len(failed) == 1
    assert Customer.objects.get().owner == sea.bob


def test_team_members_of_a_pooled_customer_lose_sight_of_it_and_do_not_come_along(sea):
    customer = make("云澜智造", sea.ann)
    teams.add([customer], [sea.eve], write=True, by=sea.ann)
    assert Customer.objects.allowed(sea.eve, "view").exists()
    release(sea, customer)
    assert not Customer.objects.allowed(sea.eve, "view").exists()
    assert not Customer.objects.allowed(sea.eve, "edit").exists()
    services.claim(KIND, [customer.pk], by=sea.bob)
    assert not CustomerGrant.objects.exists() and not Customer.objects.allowed(sea.eve, "view").exists()


def test_claiming_gives_owner_contacts_and_a_fresh_clock(sea):
    customer = make("云澜智造", sea.ann, contacts=1)
    Customer.objects.update(received_at=timezone.now() - timedelta(days=99))
    release(sea, customer)
    outcome = services.claim(KIND, [customer.pk], by=sea.bob)
    customer.refresh_from_db()
    assert outcome.done == [customer.pk] and outcome.refused == []
    assert (customer.owner, customer.pool, customer.pooled_at, customer.pool_reason) == (sea.bob, None, None, "")
    assert timezone.now() - customer.received_at < timedelta(minutes=1)
    assert Contact.objects.get().owner == sea.bob
    assert OperationLog.objects.filter(code="customer.claimed", actor=sea.bob).count() == 1


def test_who_comes_second_is_told_who_has_it(sea):
    customer = make("恒屿机电", sea.ann)
    release(sea, customer)
    services.claim(KIND, [customer.pk], by=sea.bob)
    outcome = services.claim(KIND, [customer.pk], by=sea.ann)
    (refusal,) = outcome.refused
    assert refusal[0] == "恒屿机电" and refusal[1].startswith("晚了一步") and "被波领取" in refusal[1]


def test_somebody_the_pool_does_not_serve_claims_nothing_and_learns_no_name(sea):
    customer = make("云澜智造", sea.ann)
    release(sea, customer)
    outcome = services.claim(KIND, [customer.pk], by=sea.eve)
    assert outcome.done == [] and outcome.refused == [(f"编号 {customer.pk}", "已不在您可领取的公海中")]
    services.claim(KIND, [customer.pk], by=sea.bob)
    assert services.claim(KIND, [customer.pk], by=sea.eve).refused[0][0] == f"编号 {customer.pk}"


def test_an_owned_customer_cannot_be_claimed(sea):
    customer = make("云澜智造", sea.ann)
    assert services.claim(KIND, [customer.pk], by=sea.bob).done == []
    customer.refresh_from_db()
    assert customer.owner == sea.ann


def test_the_daily_limit_counts_claims_also_of_what_was_put_back(sea):
    change_pool(sea.pool, claim_limit=2)
    found = [make(f"客户{place}", sea.ann) for place in range(3)]
    release(sea, *found)
    assert len(services.claim(KIND, [found[0].pk, found[1].pk], by=sea.bob).done) == 2
    release(sea, found[0], by=sea.bob)
    outcome = services.claim(KIND, [found[2].pk], by=sea.bob)
    tomorrow = formatting.day(timezone.localdate() + timedelta(days=1))
    assert outcome.done == []
    assert outcome.refused == [("客户2", f"“公海”每人每天最多领取 2 个，今天已领满，{tomorrow} 起可以再领")]
    PoolEvent.objects.filter(action="claimed").update(created_at=timezone.now() - timedelta(days=1))
    assert services.claim(KIND, [found[2].pk], by=sea.bob).done == [found[2].pk]


def test_administrators_of_the_pool_are_exempt_from_the_daily_limit(sea):
    change_pool(sea.pool, claim_limit=0)
    sea.pool.admins.set([sea.bob])
    book.touch("customer")
    customer = make("客户", sea.ann)
    release(sea, customer)
    assert services.claim(KIND, [customer.pk], by=sea.bob).done == [customer.pk]


def test_the_former_owner_and_new_arrivals_wait_and_the_refusal_says_until_when(sea):
    change_pool(sea.pool, former_days=7, freeze_days=2)
    customer = make("客户", sea.ann)
    release(sea, customer)
    (refusal,) = services.claim(KIND, [customer.pk], by=sea.bob).refused
    assert refusal[1].startswith("新入池的 2 天内谁都不能领取，") and refusal[1].endswith(" 起可以领取")
    Customer.objects.update(pooled_at=timezone.now() - timedelta(days=3))
    (refusal,) = services.claim(KIND, [customer.pk], by=sea.ann).refused
    assert refusal[1].startswith("原负责人 7 天内不能领回，")
    assert services.claim(KIND, [customer.pk], by=sea.bob).done == [customer.pk]


# The cap of owned customers ----------------------------------------------------------------------------------------------


def test_the_largest_matching_cap_counts_and_dealt_customers_may_be_spared(sea):
    seller = Role.objects.get(code="seller")
    cap(1)
    cap(2, role=seller, uncounted=["dealt"])
    found = [make(f"池{place}", sea.ann) for place in range(2)]
    release(sea, *found)
    make("波的", sea.bob)
    make("波的成交", sea.bob, deal_status=1)
    outcome = services.claim(KIND, [one.pk for one in found], by=sea.bob)
    assert outcome.done == [found[0].pk]
    words = "您最多拥有 2 个客户（不计已成交），现有 2 个，请先放入公海或转移一些再领取"
    assert outcome.refused == [("池1", words)]


def test_creating_transferring_and_assigning_stop_at_the_cap_and_say_how_many_fit(sea):
    cap(2, department=sea.east)
    found = [make(f"外{place}", sea.eve) for place in range(3)]
    make("安一", sea.ann)
    words = "安最多拥有 2 个客户，现有 1 个，还能接收 1 个，这次要接收 3 个。"
    with pytest.raises(ValidationError, match=words):
        records.transfer(rows(*found), sea.ann, by=sea.boss)
    assert Customer.objects.filter(owner=sea.eve).count() == 3
    make("安二", sea.ann)
    with pytest.raises(ValidationError, match="不能再接收"):
        make("安三", sea.ann)
    other = make("外", sea.eve)
    release(sea, other, by=sea.boss)
    with pytest.raises(ValidationError, match="安最多拥有 2 个客户，现有 2 个，不能再接收"):
        services.assign(rows(other), sea.ann, by=sea.boss)


def test_a_cap_of_locked_customers_stops_locking(sea):
    cap(1, what="lock")
    one, two = make("一", sea.ann), make("二", sea.ann)
    with pytest.raises(ValidationError, match="安最多锁定 1 个客户，现有 0 个，还能锁定 1 个，这次要锁定 2 个"):
        services.lock_records(rows(one, two), by=sea.manager)
    assert services.lock_records(rows(one), by=sea.manager) == 1


# Assigning, moving -------------------------------------------------------------------------------------------------------


def test_a_manager_assigns_inside_their_reach_only_and_the_employee_is_told(sea):
    customer = make("客户", sea.ann)
    release(sea, customer)
    with pytest.raises(ValidationError, match="外不在您的数据范围内"):
        services.assign(rows(customer), sea.eve, by=sea.manager)
    with pytest.raises(ValidationError, match="不在您的数据范围内"):
        services.assign(rows(customer), sea.bob, by=sea.ann)
    Message.objects.all().delete()
    assert services.assign(rows(customer), sea.bob, by=sea.manager) == 1
    assert Message.objects.get().title == "华东经理分配给您 1 个客户"
    assert Customer.objects.get().owner == sea.bob
    event = PoolEvent.objects.order_by("-pk").first()
    assert (event.action, event.owner, event.actor) == ("assigned", sea.bob, sea.manager)


def test_moving_to_another_pool_keeps_the_time_of_arrival(sea):
    other = Pool.objects.create(kind="customer", name="全国公海")
    book.touch("customer")
    customer = make("客户", sea.ann)
    release(sea, customer)
    arrived = Customer.objects.get().pooled_at
    assert services.move(rows(customer), book.get("customer", other.pk), by=sea.boss) == 1
    moved = Customer.objects.get()
    assert (moved.pool, moved.pooled_at) == (other, arrived)
    Pool.objects.filter(pk=sea.pool.pk).update(is_default=False)
    Pool.objects.filter(pk=other.pk).update(is_default=True)
    facts = change_pool(sea.pool, enabled=False)
    with pytest.raises(ValidationError, match="“公海”已停用"):
        services.move(rows(customer), facts, by=sea.boss)


def test_a_customer_has_an_owner_or_a_pool(sea):
    with pytest.raises(ValidationError):
        records.create(Customer(name="谁的都不是"), by=sea.ann)
    with pytest.raises(ValidationError, match="请选择负责人或公海"):
        records.create(Customer(name="两边都是", owner=sea.ann, pool=sea.pool), by=sea.ann)
    with pytest.raises(IntegrityError):
        Customer.objects.create(name="谁的都不是")
