"""Lead pools through the code they share with those of customers: what is a lead's own about it, and every door once."""

from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from crm.notices.models import Message
from crm.records.models import Job, OperationLog, Undo
from crm.records.undoing import services as undoing
from customers.models import OwnerCap, Pool, PoolEvent
from customers.pools import book, kinds, reclaim, rules, services
from customers.tests.importing import figures, run
from leads import services as verbs
from leads.models import Lead, Status
from leads.tests.conftest import make, reason, rows
from orgs.tests.factories import client_for, employee

HX = {"HX-Request": "true", "HX-Target": "dialog"}


@pytest.fixture
def kind():
    return kinds.get("lead")


def change(pool, **values):
    Pool.objects.filter(pk=pool.pk).update(**values)
    book.touch("lead")
    return book.get("lead", pool.pk)


def release(team, *leads, by=None):
    return services.release(rows(*leads), team.facts, by=by or team.ann, reason="暂无需求")


@pytest.fixture
def pooled(team):
    lead = make("云澜智造", team.ann, mobile="13812340186", company="云澜公司", contact_name="林经理")
    verbs.assign(rows(lead), team.bob, by=team.manager)
    release(team, lead, by=team.bob)
    lead.refresh_from_db()
    return lead


def url(team, rest=""):
    return f"/lead-pool/{team.pool.pk}/{rest}"


def test_what_falls_into_a_pool_is_unassigned_again_and_the_undo_puts_everything_back(team):
    lead = make("云澜智造", team.ann)
    verbs.assign(rows(lead), team.bob, by=team.manager)
    before = Lead.objects.values().get(pk=lead.pk)
    assert release(team, lead, by=team.bob) == 1
    lead.refresh_from_db()
    assert (lead.owner, lead.pool, lead.former_owner, lead.status) == (None, team.pool, team.bob, Status.NEW)
    assert (lead.assigned_by, lead.assigned_at) == (None, None)
    assert not Lead.objects.allowed(team.boss, "view").exists()
    entry = Undo.objects.get(action="release")
    assert entry.label == f"放入线索池“{team.pool.name}”"
    assert undoing.undo(entry, by=team.bob) == (1, [])
    after = Lead.objects.values().get(pk=lead.pk)
    assert {k: v for k, v in after.items() if k != "version"} == {k: v for k, v in before.items() if k != "version"}
    assert PoolEvent.objects.order_by("-pk").first().action == "undone"


def test_who_claims_follows_and_who_is_assigned_is_told_by_whom(team, kind):
    one, two = make("一", team.ann), make("二", team.ann)
    release(team, one, two)
    assert services.claim(kind, [one.pk], by=team.bob).done == [one.pk]
    one.refresh_from_db()
    assert (one.owner, one.status, one.assigned_by) == (team.bob, Status.FOLLOWING, None)
    services.assign(rows(two), team.bob, by=team.manager)
    two.refresh_from_db()
    assert (two.owner, two.status, two.assigned_by) == (team.bob, Status.FOLLOWING, team.manager)
    assert two.assigned_at is not None
    assert Message.objects.get(recipient=team.bob).title == "华东经理指派给您 1 个线索"
    assert OperationLog.objects.get(code="lead.assigned").text == f"从线索池“{team.pool.name}”指派给波"


def test_what_is_given_up_cannot_be_released_and_no_rule_takes_it(team, kind):
    old = timezone.now() - timedelta(days=40)
    dead, open_one = (make(name, team.ann, created_at=old, received_at=old) for name in ("失效", "跟进"))
    verbs.give_up(rows(dead), by=team.ann, reason=reason())
    change(team.pool, rules={"convert": {"on": True, "days": 30, "levels": {}}})
    page = client_for(team.ann).post("/leads/bulk/release/", {"ids": f"{dead.pk}"}).content.decode()
    assert "请先恢复跟进" in page
    assert rules.deadline(kind, Lead.objects.get(pk=dead.pk), team.ann) is None
    assert rules.deadline(kind, Lead.objects.get(pk=open_one.pk), team.ann).words == "30 天未转化，规则自动回收"
    listed = client_for(team.ann).get("/leads/?view=ending").context["rows"]
    assert [row["pk"] for row in listed] == [open_one.pk]
    call_command("reclaim_pool")
    assert list(Lead.objects.filter(pool=team.pool).values_list("pk", "status")) == [(open_one.pk, "new")]
    assert Message.objects.filter(recipient=team.ann, kind="pool").count() == 1
    assert reclaim.run(kind) == 0


@pytest.mark.parametrize("key", ["followup", "convert"])
def test_the_condition_of_the_run_and_the_deadline_of_a_row_agree(team, kind, key):
    change(team.pool, rules={key: {"on": True, "days": 10, "levels": {}}})
    now = timezone.now()
    for ago in (8, 9, 10, 11, 12):
        for status in (Status.NEW, Status.FOLLOWING, Status.DEAD):
            at = now - timedelta(days=ago)
            lead = make(f"{ago}{status}", team.ann, created_at=at, received_at=at)
            if status == Status.DEAD:
                verbs.give_up(rows(lead), by=team.ann, reason=reason())
            else:
                Lead.objects.filter(pk=lead.pk).update(status=status, last_followed_at=at)
    today = timezone.localdate()
    due = set(Lead.objects.filter(rules.due(kind, today)).values_list("pk", flat=True))
    by_row = {
        lead.pk
        for lead in Lead.objects.select_related("owner__department")
        if (found := rules.deadline(kind, lead, lead.owner)) and found.day < today
    }
    assert due == by_row and len(due) == 4


def test_caps_and_quotas_of_leads_are_their_own(team, kind):
    OwnerCap.objects.create(kind="customer", limit=0)
    change(team.pool, claim_limit=2)
    leads = [make(f"线索{n}", team.ann) for n in range(3)]
    release(team, *leads)
    OwnerCap.objects.create(kind="lead", limit=1)
    outcome = services.claim(kind, [lead.pk for lead in leads], by=team.bob)
    assert len(outcome.done) == 1
    assert "最多拥有 1 个线索" in outcome.refused[0][1] and "请先放入线索池或转移一些" in outcome.refused[0][1]
    OwnerCap.objects.all().delete()
    outcome = services.claim(kind, [lead.pk for lead in leads[1:]], by=team.bob)
    assert len(outcome.done) == 1 and "每人每天最多领取 2 个" in outcome.refused[0][1]


def test_members_see_the_pool_with_masked_numbers_and_others_nothing(team, pooled):
    change(team.pool, hidden=["lead.mobile", "lead.phone", "lead.email"])
    client = client_for(team.ann)
    for page in ("", f"{pooled.pk}/", f"{pooled.pk}/?tab=fields", f"{pooled.pk}/?tab=log", f"{pooled.pk}/?tab=pool"):
        body = client.get(url(team, page)).content.decode()
        assert "13812340186" not in body and "138 1234 0186" not in body, page
    body = client.get(url(team)).content.decode()
    assert "138****0186" in body and "林经理" in body
    found = client.get(url(team), {"q": "13812340186"}).content.decode().split("k-table-list")[-1]
    assert "云澜智造" not in found
    answer = client.post(url(team, "export/"), {"format": "csv", "ids": pooled.pk, "columns": "all"})
    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    assert "云澜智造" in text and "13812340186" not in text
    for person in (team.eve,):
        for page in ("", f"{pooled.pk}/", "export/", "columns/", f"bulk/claim/?ids={pooled.pk}"):
            assert client_for(person).get(url(team, page)).status_code == 404, page
        assert client_for(person).get(f"/leads/{pooled.pk}/").status_code == 404
    moved = client.get(f"/leads/{pooled.pk}/")
    assert moved.status_code == 302 and moved.headers["Location"] == url(team, f"{pooled.pk}/")
    assert "云澜智造" not in client_for(team.boss).get("/leads/").content.decode()


def test_the_buttons_speak_of_leads(team, pooled):
    manager = client_for(team.manager)
    page = manager.get(url(team, f"{pooled.pk}/")).content.decode()
    assert "指派" in page and "领取" in page and "公海" not in page.split("<main")[1].split("</main>")[0]
    asked = manager.get(url(team, f"bulk/claim/?ids={pooled.pk}"), headers=HX).content.decode()
    assert "领取 1 个线索？" in asked and "联系人" not in asked
    mine = make("安的", team.ann)
    asked = client_for(team.ann).get(f"/leads/bulk/release/?ids={mine.pk}", headers=HX).content.decode()
    assert "放入线索池" in asked and "公海" not in asked and "联系人" not in asked


def test_ids_out_of_the_pool_cannot_be_acted_on_through_it(team, pooled):
    mine, foreign = make("安的", team.ann), make("外的", team.eve)
    client = client_for(team.boss)
    for key in ("claim", "assign", "move", "delete"):
        for pk in (mine.pk, foreign.pk):
            client.post(url(team, f"bulk/{key}/"), {"ids": pk, "confirmed": "1", "owner": team.bob.pk})
    owners = dict(Lead.objects.exclude(owner=None).values_list("name", "owner__name"))
    assert owners == {"安的": "安", "外的": "外"} and not Lead.objects.trashed().exists()


def test_sellers_assign_nothing_in_the_pool(team, pooled):
    client = client_for(team.ann)
    for key in ("assign", "move", "delete"):
        sent = {"ids": pooled.pk, "confirmed": "1", "owner": team.ann.pk}
        assert client.post(url(team, f"bulk/{key}/"), sent).status_code == 403, key
    pooled.refresh_from_db()
    assert pooled.owner is None


def test_a_new_lead_can_go_into_the_pool_and_only_into_one_of_the_person(team):
    client = client_for(team.ann)
    answer = client.post("/leads/new/", {"name": "展会名片", "owner": "", "pool": team.pool.pk})
    assert answer.status_code == 302
    lead = Lead.objects.get()
    assert (lead.owner, lead.pool, lead.status, lead.pool_reason) == (None, team.pool, Status.NEW, "新建到线索池")
    assert lead.number.startswith("XS-")
    assert PoolEvent.objects.get().action == "created"
    foreign = client_for(team.eve).post("/leads/new/", {"name": "混入", "owner": "", "pool": team.pool.pk})
    assert foreign.status_code == 200 and Lead.objects.count() == 1


def test_importing_into_the_pool_is_for_who_manages_it(team):
    head = ("线索名称", "负责人", "手机", "状态", "失效原因")
    lines = (head, ("新一", "", "13811112222", "已失效", "没有需求"), ("新二", "安", "", "", ""))
    job = run(team.manager, *lines, module="lead", into=str(team.pool.pk))
    assert figures(job) == (2, 0, 0, 0)
    found = Lead.objects.order_by("name").values_list("name", "owner", "status", "pool", "pool_reason", "dead_reason")
    expected = [(name, None, "new", team.pool.pk, "导入到线索池", None) for name in ("新一", "新二")]
    assert sorted(found) == sorted(expected)
    assert PoolEvent.objects.filter(action="imported").count() == 2
    from crm.records.importing.plan import Invalid

    for person in (team.ann, team.eve):
        with pytest.raises(Invalid, match="您不能导入到那里"):
            run(person, *lines, module="lead", into=str(team.pool.pk))


def test_history_and_tomorrow_are_about_leads(team, pooled):
    client = client_for(team.ann)
    page = client.get("/lead-pool/history/").content.decode()
    assert "云澜智造" in page and "全部线索池" in page
    old = timezone.now() - timedelta(days=10)
    make("明天回收", team.ann, created_at=old, received_at=old)
    change(team.pool, rules={"followup": {"on": True, "days": 10, "levels": {}}})
    assert "明天回收" in client.get("/lead-pool/tomorrow/").content.decode()
    assert "明天回收" not in client_for(team.eve).get("/lead-pool/tomorrow/").content.decode()


def test_the_settings_serve_both_kinds_and_pools_of_one_never_mix_with_the_other(team, pooled):
    admin = client_for(employee("系统管理员", ["admin"]))
    page = admin.get(f"/settings/pools/{team.pool.pk}/").content.decode()
    for words in ("没有转化", "没有新跟进", "哪些线索不回收", "线索池管理员"):
        assert words in page, words
    main = page.split("<main")[1].split("</main>")[0]
    assert "没有成交" not in main and "哪些客户不回收" not in main
    assert admin.post("/settings/pools/new/lead/", {"name": "教育线索"}).status_code == 302
    second = Pool.objects.get(name="教育线索")
    assert (second.kind, second.hidden) == ("lead", ["lead.mobile", "lead.phone", "lead.email"])
    book.touch("lead")
    customers = Pool.objects.get(kind="customer")
    client = client_for(team.boss)
    for pk in (customers.pk, 999_999):
        answer = client.post(url(team, "bulk/move/"), {"ids": pooled.pk, "confirmed": "1", "pool": pk}, headers=HX)
        assert answer.status_code == 422 and "请选择列表中的线索池" in answer.content.decode()
    assert client.get(f"/lead-pool/{customers.pk}/").status_code == 404
    assert client.get(f"/pool/{team.pool.pk}/").status_code == 404
    refused = admin.post(f"/settings/pools/{team.pool.pk}/disable/").content.decode()
    assert "默认线索池" in refused
    admin.post(f"/settings/pools/{second.pk}/do/default/")
    assert Pool.objects.get(kind="customer").is_default and Pool.objects.get(pk=second.pk).is_default
    moved = admin.post(f"/settings/pools/{team.pool.pk}/move/", {"to": second.pk}, follow=True).content.decode()
    assert "已把 1 个线索移动到“教育线索”" in moved
    assert not Job.objects.exists()


@pytest.mark.parametrize("page", ["list", "detail"])
def test_the_number_of_statements_does_not_grow_with_rows(team, pooled, page):
    client, counts = client_for(team.ann), []
    address = url(team) if page == "list" else url(team, f"{pooled.pk}/")
    for number in (5, 45):
        leads = [make(f"批{number}-{n}", team.ann) for n in range(number)]
        release(team, *leads)
        client.get(address)
        with CaptureQueriesContext(connection) as queries:
            client.get(address)
        counts.append(len(queries))
    assert counts[0] == counts[1] <= (14 if page == "list" else 20)
