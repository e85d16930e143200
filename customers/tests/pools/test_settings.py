"""公海规则: who may open it, what a form refuses and warns of, what happens to a pool as a whole."""

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from crm.records import jobs, services
from crm.records.models import Job, OperationLog
from customers.models import Customer, Pool, PoolEvent
from customers.pools import advice, book, declared, rules, setting_services
from orgs import pages
from orgs.models import OrgLog
from orgs.tests.factories import client_for, department, employee

from .conftest import change_pool, days_ago, levels, make, rule
from .settings_form import sent

KIND = declared.CUSTOMERS
ROOT = "/settings/pools/"


@pytest.fixture
def admin(sea):
    return employee("系统管理员", ["admin"])


@pytest.fixture
def client(admin):
    return client_for(admin)


def new_pool(name="教育池", by=None, **values):
    pool = setting_services.create_pool(KIND, name, by=by or employee(roles=["super"]))
    if values:
        change_pool(pool, **values)
        pool.refresh_from_db()
    return pool


def lying(name, former, pool):
    """A customer in a pool."""
    customer = make(name, former)
    Customer.objects.filter(pk=customer.pk).update(owner=None, pool=pool, pooled_at="2026-01-01T00:00Z")
    return customer


def url(pool, page=""):
    return f"{ROOT}{pool.pk}/" + (f"{page}/" if page else "")


def saved(client, pool, **changed):
    """Send the form and answer the response."""
    return client.post(url(pool), sent(pool, **changed))


# Rights -----------------------------------------------------------------------------------------------------------------


def test_only_the_function_opens_the_pages_and_a_foreign_post_changes_nothing(sea):
    pool, before = sea.pool, Pool.objects.filter(pk=sea.pool.pk).values().get()
    for person in (sea.ann, sea.eve, sea.manager):
        client = client_for(person)
        for page in ("", "disable", "delete", "move"):
            assert client.get(url(pool, page)).status_code == 403
        for page in ("", "preview", "disable", "delete", "move", "do/default", "do/down"):
            response = client.post(url(pool, page), {**sent(pool), "name": "夺走", "to": 1})
            assert response.status_code == 403
            assert "公海规则" in response.content.decode()
        assert client.post(f"{ROOT}run/").status_code == 403
        assert client.post(f"{ROOT}new/customer/", {"name": "夺走"}).status_code == 403
        assert client.post(f"{ROOT}caps/new/customer/", {"what": "own", "whom": "all", "limit": 1}).status_code == 403
    assert Pool.objects.filter(pk=pool.pk).values().get() == before
    assert Pool.objects.filter(kind="customer").count() == 1 and not Job.objects.exists()


def test_the_function_puts_the_page_on_the_index_and_opens_the_department_picker(sea, admin):
    assert "公海规则" in [page.label for page in pages.open_to(admin)]
    assert "公海规则" not in [page.label for page in pages.open_to(sea.manager)]
    role = employee("公海管理", ["seller"]).roles.get()
    role.permissions = ["admin.pools"]
    role.save()
    only = client_for(employee("只管公海", [role]))
    assert only.get(ROOT).status_code == 200
    assert only.get("/pick/department/?q=华东").json()["results"]
    assert only.get("/pick/employee/?q=安&for=admin.pools").json()["results"]


def test_pools_that_are_gone_or_strange_are_404(client, sea):
    gone = new_pool()
    Pool.objects.filter(pk=gone.pk).update(removed_at="2026-01-01T00:00Z", enabled=False)
    assert client.get(url(gone)).status_code == 404
    assert client.get(f"{ROOT}new/product/").status_code == 404
    assert client.post(url(sea.pool, "do/explode")).status_code == 404


# Saving -----------------------------------------------------------------------------------------------------------------


def test_what_the_page_shows_is_what_it_stores(client, sea):
    level = levels()
    a, b = level["A 重点"], level["B 普通"]
    south = department("华南二部", sea.south)
    response = saved(
        client,
        sea.pool,
        name="华东公海",
        followup__on="on",
        followup__by="level",
        **{f"followup-level-{a}": "45", f"followup-level-{b}": "30"},
        followup__rest="15",
        deal__on="on",
        deal__days=" 90 ",
        exempt=["opportunity"],
        **{"reminder-0": "1", "reminder-1": "7", "reminder-2": "7"},
        claim_limit="1,000",
        view_limit="",
        former_days="7",
        freeze_days="",
        hidden=["customer.phone", "contact.mobile"],
        departments=[sea.east.pk, south.pk],
        members=[sea.eve.pk],
        admins=[sea.manager.pk],
    )
    assert (response.status_code, response.headers["Location"]) == (302, url(sea.pool))
    facts = book.get("customer", sea.pool.pk)
    assert facts.rules["followup"] == (15, {**dict.fromkeys(level.values()), a: 45, b: 30})
    assert facts.rules["deal"] == (90, {}) and set(facts.rules) == {"followup", "deal"}
    assert (facts.name, facts.exempt, facts.reminders) == ("华东公海", ("opportunity",), (1, 7))
    assert (facts.claim_limit, facts.view_limit, facts.former_days, facts.freeze_days) == (1000, None, 7, 0)
    assert facts.hidden == ("customer.phone", "contact.mobile")
    assert facts.departments == {sea.east.pk, south.pk} and facts.members == {sea.eve.pk}
    assert facts.admins == {sea.manager.pk}
    again = saved(client, sea.pool)
    assert again.status_code == 302 and book.get("customer", sea.pool.pk) == facts


def test_the_log_says_old_and_new_in_words(client, admin, sea):
    level = levels()
    change_pool(sea.pool, rules={"followup": rule(30)})
    saved(client, sea.pool, followup__by="level", **{f"followup-level-{level['A 重点']}": "45"}, claim_limit="10")
    row = OrgLog.objects.get(code="pool.updated")
    changes = {change["label"]: (change["old"], change["new"]) for change in row.changes}
    assert row.actor == admin and row.target == "公海“公海”"
    old, new = changes["没有新跟进"]
    assert old == "30 天" and new.startswith("A 重点 45 天、") and "不回收" in new
    assert changes["每人每天最多领取"] == ("不限", "10 个")
    assert set(changes) == {"没有新跟进", "每人每天最多领取"}


@pytest.mark.parametrize(
    "changed,sentence",
    [
        ({"followup__on": "on"}, "“没有新跟进”已打开，请填写天数，或关闭这条规则"),
        ({"followup__on": "on", "followup__by": "level"}, "“没有新跟进”已打开，请填写天数"),
        ({"followup__on": "on", "followup__days": "0"}, "请输入 1 到 3,650 的整数"),
        ({"followup__on": "on", "followup__days": "3651"}, "请输入 1 到 3,650 的整数"),
        ({"followup__on": "on", "followup__days": "1.5"}, "请输入 1 到 3,650 的整数"),
        ({"followup__on": "on", "followup__days": "三十"}, "请输入 1 到 3,650 的整数"),
        ({"followup__days": "=1+1"}, "请输入 1 到 3,650 的整数"),
        ({"followup__days": "9" * 10_000}, "请输入 1 到 3,650 的整数"),
        ({"followup__by": "weekly"}, "请选择列表中的选项"),
        ({"reminder-0": "366"}, "请输入 1 到 365 的整数"),
        ({"reminder-0": "0"}, "请输入 1 到 365 的整数"),
        ({"claim_limit": "-1"}, "请输入 0 到 100,000 的整数"),
        ({"freeze_days": "3651"}, "请输入 0 到 3,650 的整数"),
        ({"name": ""}, "请填写名称"),
        ({"name": "长" * 31}, "最多 30 个字"),
        ({"hidden": ["customer.name"]}, "请选择列表中的选项"),
        ({"exempt": ["locked"]}, "请选择列表中的选项"),
        ({"members": ["999999"]}, "请选择列表中的选项"),
        ({"departments": ["x"]}, "请选择列表中的选项"),
    ],
)
def test_wrong_input_is_refused_in_words_and_changes_nothing(client, sea, changed, sentence):
    before = Pool.objects.filter(pk=sea.pool.pk).values().get()
    response = saved(client, sea.pool, **changed)
    assert response.status_code == 422
    assert sentence in response.content.decode()
    assert Pool.objects.filter(pk=sea.pool.pk).values().get() == before


def test_a_name_taken_is_refused_and_may_be_used_again_after_the_pool_is_deleted(client, sea):
    other = new_pool("教育池", enabled=False)
    assert "已有同名公海" in saved(client, sea.pool, name="教育池").content.decode()
    client.post(url(other, "delete"))
    assert saved(client, sea.pool, name="教育池").status_code == 302


def test_names_are_text_and_stay_whole(client, sea):
    wild = '"><img src=x onerror=1>😀'
    person = employee('<b>"><img src=x onerror=1>', ["seller"], sea.east)
    saved(client, sea.pool, name=wild, members=[person.pk])
    make(wild, sea.ann)
    for page in (url(sea.pool), ROOT, url(sea.pool, "disable"), url(sea.pool, "move"), "/settings/log/"):
        text = client.get(page).content.decode()
        assert "<img src=x" not in text and "&lt;img src=x" in text
    assert Pool.objects.get(pk=sea.pool.pk).name == wild


def test_an_older_page_is_told_who_changed_what_and_keeps_what_was_typed(client, sea):
    stale = sent(sea.pool, claim_limit="77")
    boss = client_for(sea.boss)
    boss.post(url(sea.pool), sent(sea.pool, former_days="9"))
    response = client.post(url(sea.pool), stale)
    text = response.content.decode()
    assert response.status_code == 409
    assert "总 在" in text and "原负责人等待" in text and 'value="77"' in text
    assert book.get("customer", sea.pool.pk).claim_limit is None
    assert client.post(url(sea.pool), {**stale, "version": Pool.objects.get(pk=sea.pool.pk).version}).status_code == 302
    assert book.get("customer", sea.pool.pk).claim_limit == 77


def test_the_service_refuses_an_old_version_itself(sea):
    from customers.pools.setting_forms import PoolForm

    form = PoolForm(sent(sea.pool), pool=sea.pool)
    assert form.is_valid()
    with pytest.raises(setting_services.Stale):
        setting_services.update_pool(sea.pool, form.values(), version=sea.pool.version + 1, by=sea.boss)


def test_hidden_fields_the_company_retired_stay_hidden(client, sea):
    change_pool(sea.pool, hidden=["customer.phone", "customer.f999"])
    saved(client, sea.pool, hidden=["customer.address"])
    assert book.get("customer", sea.pool.pk).hidden == ("customer.address", "customer.f999")


# Contradictions ---------------------------------------------------------------------------------------------------------


def warned(pool, **values):
    return "\n".join(advice.warnings(KIND, change_pool(pool, **values)))


def test_contradictions_are_named(sea):
    level = levels()
    never = {"on": True, "days": 30, "levels": {str(pk): None for pk in level.values()}}
    assert "“没有续签”不会回收任何客户" in warned(sea.pool, rules={"contract": rule(180)}, exempt=["dealt"])
    assert "每个级别都没有填天数" in warned(sea.pool, rules={"followup": never})
    late = warned(sea.pool, rules={"followup": rule(5), "deal": rule(90)}, reminders=[7, 5])
    assert "提前 7 天的提醒比最短的回收天数（5 天）还长" in late
    assert "没有打开任何回收规则" in warned(sea.pool, rules={})
    assert "最多领取 0 个" in warned(sea.pool, claim_limit=0, view_limit=0)
    assert "原负责人的等待不起作用" in warned(sea.pool, former_days=3, freeze_days=4)


def test_people_and_other_pools_are_looked_at(sea):
    facts = change_pool(sea.pool, rules={"followup": rule(30)}, reminders=[], exempt=[], former_days=0)
    assert advice.warnings(KIND, facts) == []
    sea.pool.departments.clear()
    assert "没有服务任何在职员工" in warned(sea.pool)
    sea.pool.members.add(employee("财务", ["finance"]))
    assert "没有人有“领取”权限" in warned(sea.pool)
    new_pool("全国公海", everyone=True, rules={"followup": rule(10)})
    text = warned(sea.pool)
    assert "“全国公海”也服务其中 1 位员工，“没有新跟进”的天数不同：先到期的一条先回收" in text
    assert "全国公海" not in warned(sea.pool, rules={"followup": rule(10)})


def test_warnings_are_shown_once_and_saved_with_the_second_press(client, sea):
    data = sent(sea.pool, claim_limit="0")
    response = client.post(url(sea.pool), data)
    text = response.content.decode()
    assert response.status_code == 422 and "仍然保存" in text and "最多领取 0 个" in text
    assert book.get("customer", sea.pool.pk).claim_limit is None
    seal = response.context["seal"]
    other = client.post(url(sea.pool), {**data, "view_limit": "0", "anyway": seal})
    assert other.status_code == 422  # a new contradiction is asked about again
    assert client.post(url(sea.pool), {**data, "anyway": seal}).status_code == 302
    assert book.get("customer", sea.pool.pk).claim_limit == 0


# A pool as a whole ------------------------------------------------------------------------------------------------------


def test_a_new_pool_serves_nobody_and_takes_nothing(client, sea):
    assert client.post(f"{ROOT}new/customer/", {"name": " 教育池 "}).status_code == 302
    pool = book.every("customer")[-1]
    assert (pool.name, pool.enabled, pool.is_default, pool.everyone, pool.rules) == ("教育池", True, False, False, {})
    assert pool.hidden == KIND.masked and pool.owners() == []
    again = client.post(f"{ROOT}new/customer/", {"name": "教育池"})
    assert again.status_code == 422 and "已有同名公海" in again.content.decode()
    assert OrgLog.objects.filter(code="pool.created").count() == 1


def test_the_default_pool_can_be_neither_disabled_nor_deleted(client, sea):
    for verb, word in (("disable", "停用"), ("delete", "删除")):
        assert f"默认公海，不能{word}" in client.get(url(sea.pool, verb)).content.decode()
        response = client.post(url(sea.pool, verb))
        assert response.status_code == 422 and "默认公海" in response.content.decode()
    sea.pool.refresh_from_db()
    assert sea.pool.enabled and sea.pool.removed_at is None


def test_default_moves_to_an_enabled_pool_only(client, sea):
    other = new_pool(enabled=False)
    response = client.post(url(other, "do/default"), follow=True)
    assert "启用后才能设为默认" in response.content.decode()
    client.post(url(other, "do/enable"))
    client.post(url(other, "do/default"))
    assert [pool.name for pool in book.every("customer") if pool.is_default] == ["教育池"]
    assert Pool.objects.filter(kind="customer", is_default=True).count() == 1
    changes = OrgLog.objects.get(code="pool.default").changes
    assert changes == [{"label": "默认公海", "old": "公海", "new": "教育池"}]
    assert client.post(url(sea.pool, "disable")).status_code == 302


def test_a_pool_with_customers_says_how_many_and_offers_to_move_them(client, sea):
    pool = new_pool("教育池", everyone=True)
    lying("在池里", sea.ann, pool)
    gone = lying("在回收站", sea.ann, pool)
    services.delete(Customer.objects.filter(pk=gone.pk), by=sea.boss)
    for verb in ("disable", "delete"):
        response = client.post(url(pool, verb))
        text = response.content.decode()
        assert response.status_code == 422 and "还有 2 个客户（其中 1 个在回收站）" in text
        assert url(pool, "move") in text
    assert "共 2 个客户" in client.get(url(pool, "move")).content.decode()
    assert client.post(url(pool, "move"), {"to": pool.pk}).status_code == 422
    response = client.post(url(pool, "move"), {"to": sea.pool.pk}, follow=True)
    assert "已把 2 个客户移动到“公海”" in response.content.decode()
    assert set(Customer.objects.values_list("pool_id", flat=True)) == {sea.pool.pk}
    assert PoolEvent.objects.filter(action="moved", pool=sea.pool).count() == 2
    assert OperationLog.objects.filter(code="customer.pool_moved").count() == 2
    assert client.post(url(pool, "delete")).status_code == 422  # still enabled
    assert client.post(url(pool, "disable")).status_code == 302
    assert client.post(url(pool, "delete")).status_code == 302
    assert [one.name for one in book.every("customer")] == ["公海"]
    assert PoolEvent.objects.select_related("pool").first().pool.name == "公海"


def test_many_customers_move_in_a_job_that_ends_with_the_function(client, admin, sea, monkeypatch):
    monkeypatch.setattr(setting_services, "DIRECT", 1)
    monkeypatch.setattr(setting_services, "CHUNK", 2)
    pool = new_pool("教育池", everyone=True)
    for n in range(5):
        lying(f"池{n}", sea.ann, pool)
    response = client.post(url(pool, "move"), {"to": sea.pool.pk})
    job = Job.objects.get(kind="pool_move")
    assert response.headers["Location"] == f"/jobs/{job.pk}/" and job.total == 5
    jobs.execute(job.pk)
    job.refresh_from_db()
    assert (job.state, job.result["moved"], job.done) == ("done", 5, 5)
    assert not Customer.objects.filter(pool=pool).exists()
    lying("后来的", sea.ann, pool)
    monkeypatch.setattr(setting_services, "DIRECT", 0)
    setting_services.move_all(pool, sea.pool, by=sea.ann)
    last = Job.objects.latest("pk")
    jobs.execute(last.pk)
    last.refresh_from_db()
    assert "没有继续移动" in last.error and Customer.objects.filter(pool=pool).count() == 1


def test_nothing_moves_into_a_disabled_pool_or_one_of_the_bin(sea):
    off, pool = new_pool("停用的", enabled=False), new_pool("教育池")
    for to in (off, pool):
        with pytest.raises(ValidationError):
            setting_services.move_all(pool, to, by=sea.boss)


def test_order_decides_and_is_kept(client, sea):
    first, second = sea.pool, new_pool()
    client.post(url(second, "do/up"))
    assert [pool.pk for pool in book.every("customer")] == [second.pk, first.pk]
    client.post(url(second, "do/up"))
    assert [pool.pk for pool in book.every("customer")] == [second.pk, first.pk]
    client.post(url(second, "do/down"))
    assert [pool.pk for pool in book.every("customer")] == [first.pk, second.pk]


# Size -------------------------------------------------------------------------------------------------------------------


def queries(client, page):
    client.get(page)
    with CaptureQueriesContext(connection) as found:
        assert client.get(page).status_code == 200
    return len(found)


def test_the_page_costs_the_same_whatever_there_is(client, sea):
    sea.pool.members.add(employee("员"))
    sea.pool.admins.add(employee("管"))
    few = queries(client, url(sea.pool))
    for n in range(6):
        pool = new_pool(f"池{n}", rules={"followup": rule(30)})
        pool.departments.add(department(f"部门{n}"))
        sea.pool.departments.add(department(f"组{n}", sea.east))
        sea.pool.members.add(employee(f"人{n}"))
        sea.pool.admins.add(employee(f"管{n}"))
        make(f"客户{n}", sea.ann)
    book.touch("customer")
    assert queries(client, url(sea.pool)) == few <= 24


def test_saving_a_page_that_was_only_opened_changes_nothing_for_levels_the_rule_does_not_name(client, sea):
    level = levels()
    a = str(level["A 重点"])
    change_pool(sea.pool, rules={"followup": {"on": True, "days": 60, "levels": {a: 75}}}, exempt=[])
    for label in ("A 重点", "B 普通", "C 非优先", ""):
        make(f"客户{label}", sea.ann, level_id=level.get(label), received_at=days_ago(66), created_at=days_ago(66))

    def taken():
        rows = Customer.objects.filter(rules.due(declared.CUSTOMERS, timezone.localdate()))
        return set(rows.values_list("name", flat=True))

    before = taken()
    assert before == {"客户B 普通", "客户C 非优先", "客户"}
    assert "少 " not in client.post(url(sea.pool, "preview/"), sent(sea.pool)).content.decode()
    saved(client, sea.pool)
    assert taken() == before
