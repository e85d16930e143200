"""The preview beside the rules: what it says is what the run then does."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from crm.records import jobs
from crm.records.models import Job, OperationLog
from customers.models import Customer, Pool
from customers.pools import book, declared, previews, reclaim, setting_services
from customers.pools.setting_forms import PoolForm
from orgs.models import OrgLog
from orgs.tests.factories import client_for, employee

from .conftest import change_pool, days_ago, levels, make, rule
from .settings_form import sent

KIND = declared.CUSTOMERS


def tomorrow():
    return timezone.localdate() + timedelta(days=1)


def old(days):
    return {"received_at": days_ago(days), "created_at": days_ago(days)}


@pytest.fixture
def fleet(sea):
    """Customers of every sort, the stored rules of one pool and a second pool for everybody."""
    level = levels()
    change_pool(sea.pool, rules={"followup": rule(60)}, exempt=["dealt"])
    for n, days in enumerate((10, 20, 30, 61, 100)):
        for owner in (sea.ann, sea.bob, sea.eve):
            make(f"{owner.name}{n}", owner, level_id=level["A 重点"] if n % 2 else None, **old(days))
    make("锁定", sea.ann, locked=True, **old(200))
    make("成交", sea.ann, deal_status=1, **old(200))
    make("合同到期", sea.bob, contract_ends_on=timezone.localdate() - timedelta(days=40), **old(200))
    other = Pool.objects.create(kind="customer", name="全国公海", order=99, everyone=True)
    change_pool(other, rules={"deal": rule(90)})
    return sea


def shown(pool, user, **changed):
    form = PoolForm(sent(pool, **changed), pool=pool)
    assert form.is_valid(), form.errors
    return previews.preview(KIND, form.facts(), form.switched_on(), user=user), form


def test_the_numbers_are_what_the_run_takes_once_the_rules_are_saved(fleet):
    level = levels()
    changed = {
        "followup__by": "level",
        f"followup-level-{level['A 重点']}": "25",
        "followup__rest": "9",
        "opportunity__on": "on",
        "opportunity__days": "20",
        "exempt": [],
    }
    found, form = shown(fleet.pool, fleet.boss, **changed)
    every = Customer.objects.all()
    stored = sum(rows.count() for _, rows in reclaim.expected(KIND, tomorrow(), every))
    lineup = previews.lineup(form.facts())
    expected = {}
    for clause, rows in reclaim.expected(KIND, tomorrow(), every, pools=lineup):
        key = (clause.pool.pk, clause.rule.key)
        expected[key] = expected.get(key, 0) + rows.count()
    owners = set(
        Customer.objects.filter(previews.any_of(reclaim.clauses(KIND, tomorrow(), lineup))).values_list("owner_id")
    )
    assert found.saved == stored > 0 and found.owners == len(owners)
    for line in found.lines:
        assert line.count == expected.get((fleet.pool.pk, line.rule.key), 0)
    assert found.total == sum(expected.values()) and found.elsewhere > 0
    assert found.total - found.saved == found.added - found.gone
    setting_services.update_pool(fleet.pool, form.values(), version=fleet.pool.version, by=fleet.boss)
    assert reclaim.run(KIND, tomorrow()) == found.total
    log = OperationLog.objects.filter(code="customer.reclaimed")
    assert log.count() == found.total


def test_a_rule_that_is_off_says_what_it_would_take_besides(fleet):
    found, _ = shown(fleet.pool, fleet.boss, contract__days="30", opportunity__days="", exempt=["dealt"])
    lines = {line.rule.key: line for line in found.lines}
    assert not lines["contract"].on
    alone = Customer.objects.filter(name="合同到期").count()
    taken = found.total
    assert lines["contract"].other == 0  # the other pool's 90 days take it already
    change_pool(Pool.objects.get(name="全国公海"), rules={})
    found, _ = shown(fleet.pool, fleet.boss, followup__on=None, contract__days="30", exempt=["dealt"])
    lines = {line.rule.key: line for line in found.lines}
    assert (lines["contract"].other, lines["contract"].text) == (alone, "已停用；启用后明日另有 1 个")
    assert lines["opportunity"].text == "已停用" and taken > 0


def test_what_comes_and_goes_is_told_apart(fleet):
    change_pool(Pool.objects.get(name="全国公海"), rules={})
    more, _ = shown(fleet.pool, fleet.boss, followup__days="30")
    assert (more.added, more.gone) == (more.total - more.saved, 0) and more.added > 0
    assert f"多出 {more.added} 个" in more.difference and f"已保存的规则是 {more.saved} 个" in more.difference
    none, _ = shown(fleet.pool, fleet.boss, followup__on=None)
    assert (none.total, none.gone) == (0, none.saved)
    assert none.samples == [] and none.bars == []


def test_the_boundary_is_exact(sea):
    change_pool(sea.pool, rules={"followup": rule(30)}, exempt=[])
    make("今天满三十天", sea.ann, received_at=days_ago(30), last_followed_at=days_ago(30))
    make("差一天", sea.ann, received_at=days_ago(29), last_followed_at=days_ago(29))
    found, _ = shown(sea.pool, sea.boss)
    assert [row["title"] for row in found.samples] == ["今天满三十天"]
    assert "第 30 天的次日凌晨 00:30 回收" in found.lines[0].boundary
    assert reclaim.run(KIND) == 0 and reclaim.run(KIND, tomorrow()) == 1


def test_new_ones_are_marked_and_come_first(fleet):
    found, _ = shown(fleet.pool, fleet.boss, followup__days="15")
    assert len(found.samples) == previews.SAMPLES
    fresh = [row["fresh"] for row in found.samples]
    assert fresh[0] and fresh == sorted(fresh, reverse=True)


def page(user, pool, **changed):
    response = client_for(user).post(
        f"/settings/pools/{pool.pk}/preview/",
        sent(pool, **changed),
        headers={"HX-Request": "true", "HX-Target": "preview"},
    )
    assert response.status_code == 200
    return response.content.decode()


def test_a_system_administrator_sees_numbers_and_no_names(fleet):
    text = page(employee("系统管理员", ["admin"]), fleet.pool, followup__days="15")
    assert "不能查看客户，这里只显示数量" in text
    assert "安" not in text and "波" not in text and "明日将回收" in text


def test_samples_stay_within_the_reach_of_the_person(fleet):
    role = employee("甲", ["seller"]).roles.get()
    role.permissions = [*role.permissions, "admin.pools"]
    role.save()
    keeper = employee("自己管", [role], fleet.east)
    make("自己的客户", keeper, **old(99))
    found, _ = shown(fleet.pool, keeper)
    assert {row["title"] for row in found.samples} == {"自己的客户"} and found.total > 1
    assert "只列出您数据范围内的客户" in page(keeper, fleet.pool)


def test_the_preview_writes_nothing_and_names_wrong_numbers(fleet):
    before = (Pool.objects.filter(pk=fleet.pool.pk).values().get(), OrgLog.objects.count(), Customer.objects.count())
    text = page(fleet.boss, fleet.pool, followup__days="很久", claim_limit="0")
    assert "请输入 1 到 3,650 的整数" in text and "明日将回收" not in text
    text = page(fleet.boss, fleet.pool, claim_limit="0")
    assert "最多领取 0 个" in text
    assert before == (
        Pool.objects.filter(pk=fleet.pool.pk).values().get(),
        OrgLog.objects.count(),
        Customer.objects.count(),
    )


def test_names_of_customers_are_text(fleet):
    make('"><img src=x onerror=1>', fleet.ann, **old(80))
    text = page(fleet.boss, fleet.pool)
    assert "<img src=x" not in text and "&lt;img src=x" in text


def test_a_disabled_pool_is_counted_as_if_it_were_on(fleet):
    other = Pool.objects.get(name="全国公海")
    change_pool(other, enabled=False)
    found, _ = shown(other, fleet.boss)
    lines = {line.rule.key: line.count for line in found.lines}
    assert lines["deal"] > 0 and found.added == lines["deal"]


def test_counts_of_what_is_spared(fleet):
    found, _ = shown(fleet.pool, fleet.boss)
    assert (found.spared["locked"], found.spared["dealt"], found.spared["opportunity"]) == (1, 1, 0)


def test_the_preview_costs_the_same_whatever_there_is(fleet):
    def cost():
        page(fleet.boss, fleet.pool)
        client = client_for(fleet.boss)
        data = sent(fleet.pool, followup__days="15")
        with CaptureQueriesContext(connection) as found:
            client.post(f"/settings/pools/{fleet.pool.pk}/preview/", data)
        return len(found)

    few = cost()
    for n in range(10):
        make(f"多{n}", employee(f"人{n}", ["seller"], fleet.east), **old(100))
    assert cost() == few <= 34


def test_the_run_by_hand_asks_with_the_number_and_goes_through_the_jobs_page(fleet):
    client = client_for(employee("系统管理员", ["admin"]))
    due = sum(rows.count() for _, rows in reclaim.expected(KIND, timezone.localdate(), Customer.objects.all()))
    assert f"今天到期的 {due} 个客户、0 个线索" in client.get("/settings/pools/run/").content.decode()
    assert not Job.objects.exists()
    response = client.post("/settings/pools/run/")
    job = Job.objects.get(kind="periodic")
    assert response.headers["Location"] == f"/jobs/{job.pk}/" and job.params == {"name": "pool_reclaim"}
    jobs.execute(job.pk)
    job.refresh_from_db()
    assert job.result["text"] == f"客户 {due} 个；线索 0 个"


def test_the_run_reads_rules_another_process_saved(fleet):
    assert book.get("customer", fleet.pool.pk).rules["followup"] == (60, {})
    Pool.objects.filter(pk=fleet.pool.pk).update(rules={"followup": rule(9)}, exempt=[])  # past this process's cache
    reclaim.nightly(timezone.now())
    assert not Customer.objects.filter(owner=fleet.ann, received_at__lt=days_ago(10.5), locked=False).exists()
