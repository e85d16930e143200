"""What the pool's rules read of a customer's opportunities, whichever door changed them; what goes along with a customer."""

import io
from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from crm.records import jobs, modules
from crm.records import services as records
from crm.records.importing import job as importing
from crm.records.importing import targets, undo, upload
from crm.records.models import Undo
from crm.records.periodic import run as run_periodic
from crm.records.tests.workbooks import xlsx
from crm.records.undoing import services as undoing
from customers.merging import services as merging
from customers.models import Contact, Customer
from customers.pools import book, kinds, rules
from customers.pools.services import release
from customers.services import delete_customers, purge_customers, restore_customers
from opportunities import stages
from opportunities.models import Opportunity, Stakeholder
from opportunities.services import delete_opportunities, keep_stakeholder, restore_opportunities, update_opportunity
from orgs.handover import services as handovers
from orgs.tests.factories import client_for, employee

from .factories import contact, customer, opportunity, reason, set_stage, stage


def figures(*found):
    rows = {one.pk: one for one in Customer.objects.filter(pk__in=[one.pk for one in found])}
    return [rows[one.pk].open_opportunities for one in found]


def rows(*found):
    return Opportunity.objects.filter(pk__in=[one.pk for one in found])


def test_every_verb_keeps_the_figures_of_the_customer(staff):
    at, other = customer(staff.ann), customer(staff.ann, "别家")
    one, two = opportunity(staff.ann, at), opportunity(staff.ann, at, name="二期")
    at.refresh_from_db()
    assert (at.open_opportunities, at.last_opportunity_at, at.version) == (2, two.created_at, 1)
    stages.close(one, "lost", by=staff.ann, reason=reason())
    assert figures(at) == [1]
    stages.reopen(one, by=staff.boss)
    assert figures(at) == [2]
    one.refresh_from_db()
    update_opportunity(one, {"customer": other}, version=one.version, by=staff.ann)
    assert figures(at, other) == [1, 1]
    delete_opportunities(rows(two), by=staff.ann)
    at.refresh_from_db()
    assert (at.open_opportunities, at.last_opportunity_at) == (0, None)
    restore_opportunities(rows(two), by=staff.ann)
    assert figures(at) == [1]
    delete_opportunities(rows(two), by=staff.ann)
    assert undoing.undo(Undo.objects.filter(action="delete").latest("pk"), by=staff.ann) == (1, [])
    assert figures(at, other) == [1, 1]
    Customer.objects.update(open_opportunities=9, last_opportunity_at=None)
    assert run_periodic("opportunity_counts", by_hand=True).result == "更正 2 个客户"
    at.refresh_from_db()
    assert (at.open_opportunities, at.last_opportunity_at) == (1, two.created_at)
    assert run_periodic("opportunity_counts", by_hand=True).result == "更正 0 个客户"


def imported(user, *lines):
    module = modules.get("opportunity")
    draft = upload.accept(io.BytesIO(xlsx(*lines)), "商机.xlsx", user=user, module=module)
    offered = targets.importer_of(module).allowed_targets(user)
    draft.options = {"mapping": targets.guess(draft.meta["headers"], offered), "unknown": "reject"}
    job = importing.begin(draft, user=user, send=False)
    jobs.execute(job.pk)
    job.refresh_from_db()
    return job


def test_an_import_counts_and_its_undo_takes_that_back(staff):
    at = customer(staff.boss)
    job = imported(
        staff.boss,
        ("商机名称", "客户", "商机阶段", "状态", "关闭原因", "竞争对手"),
        ("一期", at.name, "方案报价", "", "", "海蓝软件、长青"),
        ("二期", at.name, "", "输单", "价格过高", ""),
    )
    assert (job.result["created"], job.result["failed"]) == (2, 0)
    assert figures(at) == [1]
    one, two = Opportunity.objects.order_by("pk")
    assert [rival.name for rival in one.rivals.all()] == ["海蓝软件", "长青"]
    assert [entry.stage_name for entry in one.entries.all()] == ["方案报价"]
    assert [entry.state for entry in two.entries.all()] == ["open", "lost"]
    made = undo.begin(job.pk, by=staff.boss, send=False)
    jobs.execute(made.pk)
    assert not Opportunity.objects.exists()
    assert figures(at) == [0]


def test_an_import_refuses_foreign_stages_half_closed_rows_and_odd_figures(staff):
    at = customer(staff.boss)
    job = imported(
        staff.boss,
        ("商机名称", "客户", "商机组", "商机阶段", "状态", "关闭原因", "整单折扣（%）", "预计成交金额", "决策人"),
        ("一", at.name, "没有的组", "", "", "", "", "", ""),
        ("二", at.name, "", "没有的阶段", "", "", "", "", ""),
        ("三", at.name, "", "", "输单", "", "", "", ""),
        ("四", at.name, "", "", "", "价格过高", "", "", ""),
        ("五", at.name, "", "", "", "", "101", "", ""),
        ("六", at.name, "", "", "", "", "-1", "", ""),
        ("七", at.name, "", "", "", "", "", "1e30", ""),
        ("八", at.name, "", "", "", "", "", "", "没有的人"),
        ("九" * 60, at.name, "", "", "", "", "", "", ""),
    )
    assert (job.result["created"], job.result["failed"]) == (0, 9)
    assert not Opportunity.objects.exists()


def test_the_pool_spares_open_opportunities_and_its_rule_of_no_new_one_reads_them(staff):
    kind, day = kinds.get("customer"), timezone.localdate()
    rule = kind.rule("opportunity")
    at, quiet = customer(staff.ann), customer(staff.ann, "安静的")
    old = timezone.now() - timedelta(days=100)
    Customer.objects.update(received_at=old, created_at=old)
    one = opportunity(staff.ann, at)
    due = Customer.objects.filter(rules._run_out(rule, day - timedelta(days=30)))
    assert list(due) == [quiet]
    spared = Customer.objects.filter(kind.exemption("opportunity").where(day))
    assert list(spared) == [at]
    stages.close(one, "won", by=staff.ann)
    assert not spared.all().exists()


def test_a_deleted_customer_takes_its_opportunities_along_and_brings_them_back(staff):
    at = customer(staff.ann)
    person = contact(at)
    one, gone = opportunity(staff.ann, at, decider=person), opportunity(staff.ann, at, name="早删的")
    delete_opportunities(rows(gone), by=staff.ann)
    delete_customers(Customer.objects.filter(pk=at.pk), by=staff.ann)
    assert not Opportunity.objects.live().exists()
    with pytest.raises(ValidationError, match="请先还原客户"):
        restore_opportunities(rows(one), by=staff.ann)
    restore_customers(Customer.objects.filter(pk=at.pk), by=staff.ann)
    assert list(Opportunity.objects.live()) == [one]
    assert figures(at) == [1]
    delete_customers(Customer.objects.filter(pk=at.pk), by=staff.ann)
    assert undoing.undo(Undo.objects.filter(action="delete").latest("pk"), by=staff.ann)[0] == 1
    assert (figures(at), Opportunity.objects.live().count()) == ([1], 1)
    delete_customers(Customer.objects.filter(pk=at.pk), by=staff.ann)
    purge_customers(Customer.objects.filter(pk=at.pk), by=staff.boss)
    assert not Opportunity.objects.exists()


def test_a_merge_moves_them_with_their_deciders_and_its_undo_brings_them_back(staff):
    kept, other = customer(staff.manager, "云澜"), customer(staff.manager, "云澜分部")
    there, double = contact(kept, mobile="13800138000"), contact(other, mobile="13800138000")
    mine, theirs = opportunity(staff.manager, kept), opportunity(staff.manager, other, name="二期", decider=double)
    keep_stakeholder(Stakeholder(opportunity=theirs, contact=double), main=True, by=staff.manager)
    versions = dict(Customer.objects.values_list("pk", "version"))
    merged = merging.merge([kept.pk, other.pk], kept.pk, {}, versions=versions, by=staff.manager)
    theirs.refresh_from_db()
    assert (theirs.customer, theirs.decider) == (kept, there)
    assert list(theirs.stakeholders.values_list("contact", flat=True)) == [there.pk]
    assert figures(kept) == [2]
    theirs.full_clean()
    late = opportunity(staff.manager, kept, name="合并后新建")
    done, failures = undoing.undo(Undo.objects.get(pk=merged.undo), by=staff.manager)
    assert failures == []
    theirs.refresh_from_db()
    assert (theirs.customer, theirs.decider) == (other, double)
    assert figures(kept, other) == [2, 1]
    assert {mine.customer_id, late.customer_id} == {kept.pk}


def test_transfer_of_a_customer_offers_its_opportunities_and_release_leaves_them_with_their_owner(staff):
    at = customer(staff.ann)
    one = opportunity(staff.ann, at)
    page = client_for(staff.manager).get(f"/customers/{at.pk}/transfer/").content.decode()
    assert "商机（1 个）" in page
    records.transfer(Customer.objects.filter(pk=at.pk), staff.bob, by=staff.manager, children=["opportunity"])
    one.refresh_from_db()
    assert one.owner == staff.bob
    release(Customer.objects.filter(pk=at.pk), book.default("customer"), by=staff.bob, reason="长期未跟进")
    one.refresh_from_db()
    assert (one.owner, Contact.objects.count()) == (staff.bob, 0)
    assert client_for(staff.bob).get(f"/opportunities/{one.pk}/").status_code == 200


def test_a_handover_gives_opportunities_with_the_other_records_and_takes_them_back(staff):
    admin, one = employee("系统管理员", ["admin"]), opportunity(staff.ann)
    plan = {"all": [staff.bob.pk], "own": {}, "along": ["opportunity"]}
    found = handovers.ask(staff.ann, by=admin, plan=plan)
    found.refresh_from_db()
    jobs.execute(found.job_id)
    found.refresh_from_db()
    one.refresh_from_db()
    assert (found.state, one.owner) == ("done", staff.bob)
    jobs.execute(handovers.take_back(found, enable=True, by=admin).pk)
    one.refresh_from_db()
    assert one.owner == staff.ann


def test_an_import_demands_what_the_stage_demands_of_open_ones(staff):
    at, words = customer(staff.boss), "“方案报价”阶段必须填写"
    set_stage(stage("方案报价"), required=["amount", "decider"])
    contact(at)
    job = imported(
        staff.boss,
        ("商机名称", "客户", "商机阶段", "状态", "预计成交金额", "决策人"),
        ("都有", at.name, "方案报价", "", "5", "许一诺"),
        ("没有金额", at.name, "方案报价", "", "", "许一诺"),
        ("没有决策人", at.name, "方案报价", "", "5", ""),
        ("早先的阶段", at.name, "", "", "", ""),
        ("已经赢了", at.name, "方案报价", "赢单", "", ""),
    )
    assert (job.result["created"], job.result["failed"]) == (3, 2)
    assert [fault[1:] for fault in job.result["errors"]] == [["预计成交金额", words], ["决策人", words]]
    short = imported(staff.boss, ("商机名称", "客户", "商机阶段"), ("没有列", at.name, "方案报价"))
    assert (short.result["created"], short.result["failed"]) == (0, 1)
