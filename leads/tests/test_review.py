"""Faults a review found, each as a sentence."""

import pytest
from django.contrib.contenttypes.models import ContentType
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.utils import timezone

from crm.records import fieldset, numbering, params
from crm.records import services as records
from crm.records.importing import cells
from crm.records.models import DictionaryItem, FollowUpLink, OperationLog, Undo
from crm.records.undoing import services as undoing
from customers.merging import services as merging
from customers.models import Contact, Customer
from customers.pools import services as pools
from leads import services
from leads.conversion import services as conversion
from leads.conversion.services import Options
from leads.models import Lead, Status
from leads.webforms import services as webforms
from leads.webforms import views as form_views

from .conftest import make, reason, rows
from .conversion import convert
from .conversion import lead as a_lead
from .intake import rule, send, web_form
from .test_conversion_pages import restrict

pytestmark = pytest.mark.django_db


def test_a_public_form_passes_over_numbers_that_were_imported_ahead_of_the_counter(client, team):
    form = web_form()
    stem, last = numbering.take("lead")[0].rsplit("-", 1)
    for ahead in (1, 2, 3):
        Lead.objects.create(name="导入", owner=team.ann, number=f"{stem}-{int(last) + ahead:04d}")
    assert send(client, form, contact_name="甲", mobile="13912345678").status_code == 302
    assert form.intakes.get().lead.number == f"{stem}-{int(last) + 4:04d}"


def test_a_refusal_of_a_leads_fields_is_said_on_the_public_form(client, team, monkeypatch):
    def refuse(*args, **kwargs):
        raise ValidationError({"mobile": "手机号格式不正确", "owner": "不能保存"})

    monkeypatch.setattr(webforms, "submit", refuse)
    answer = send(client, web_form(), contact_name="甲", mobile="13912345678")
    assert answer.status_code == 422 and "手机号格式不正确" in answer.content.decode()


def test_the_note_of_giving_up_is_a_field_in_the_log_and_not_its_text(team):
    lead = make("线索", team.ann)
    services.give_up(rows(lead), by=team.ann, reason=reason(), note="预算推迟到明年")
    line = OperationLog.objects.get(object_id=lead.pk, code="lead.given_up")
    assert line.text == "终止开发"
    assert [one["key"] for one in line.changes] == ["status", "dead_reason", "dead_note"]


def test_two_leads_of_different_names_fill_one_customer_in_one_act(team):
    there = records.create(Customer(name="云澜智造科技有限公司", owner=team.ann, phone="0512-65550186"), by=team.ann)
    source = DictionaryItem.objects.filter(dictionary="customer.source").first()
    one = a_lead(team.ann, there.name, contact_name="甲", mobile="13912345678", remark="甲的备注")
    two = a_lead(team.ann, "另一个名字", contact_name="乙", mobile="13912345679", phone=there.phone, source=source)
    outcome = conversion.convert_many([one.pk, two.pk], by=team.ann, options=Options())
    assert outcome.failures == []
    assert {done.customer.pk for done in outcome.done} == {there.pk}
    there.refresh_from_db()
    assert (there.remark, there.source) == ("甲的备注", source)


def test_switching_a_form_that_was_just_deleted_is_404(client, team, monkeypatch):
    form = web_form()
    gone = form_views.form_of(form.pk)
    form.delete()
    monkeypatch.setattr(form_views, "form_of", lambda pk: gone)
    client.force_login(team.boss)
    assert client.post(f"/lead-forms/{gone.pk}/switch/off/").status_code == 404


def test_a_lead_that_was_converted_while_a_release_waited_stays(team, monkeypatch):
    lead = make("线索", team.ann)
    before = pools._lock

    def meanwhile(kind, found, *related):
        Lead.objects.filter(pk=lead.pk).update(status=Status.CONVERTED, ended_at=timezone.now())
        return before(kind, Lead.objects.filter(pk=lead.pk), *related)

    monkeypatch.setattr(pools, "_lock", meanwhile)
    assert pools.release(rows(lead), team.facts, by=team.ann, reason="无法联系") == 0
    lead.refresh_from_db()
    assert (lead.owner, lead.status) == (team.ann, Status.CONVERTED)


def test_a_lead_that_was_given_up_while_a_followup_was_saved_stays_so(team, monkeypatch):
    lead = make("线索", team.ann)
    before = services._locked

    def meanwhile(found):
        Lead.objects.filter(pk=lead.pk).update(status=Status.DEAD, ended_at=timezone.now())
        return before(Lead.objects.filter(pk=lead.pk))

    monkeypatch.setattr(services, "_locked", meanwhile)
    places = {(ContentType.objects.get_for_model(Lead).pk, lead.pk): FollowUpLink.Kind.OWN}
    services.begin(None, places, by=team.ann)
    lead.refresh_from_db()
    assert lead.status == Status.DEAD


def test_looking_at_many_conversions_spends_searches(client, team, one_minute):
    leads = [a_lead(team.ann, f"公司{n}") for n in range(2)]
    client.force_login(team.ann)
    url = "/leads/convert/?ids=" + ",".join(str(one.pk) for one in leads)
    cache.clear()
    most = params.get("duplicates_per_minute")
    for _ in range(most):
        client.get(url)
    assert "最多查重" in client.get(url).content.decode()
    data = {"ids": ",".join(str(one.pk) for one in leads), "confirmed": "1", "found": "skip"}
    assert "最多查重" in client.post("/leads/convert/", data).content.decode()


def test_a_rule_about_a_deleted_form_does_not_become_one_about_all_leads(client, team):
    form = web_form()
    wanted = {"forms": [form.pk]}
    made = rule(team.ann, conditions=wanted)
    form.delete()
    client.force_login(team.boss)
    data = {"name": "改名", "way": "rotate", "people": [team.ann.pk], "days": ["0"], "otherwise": "wait"}
    url = f"/settings/lead-rules/{made.pk}/edit/"
    assert "（已删除）" in client.get(url).content.decode()
    client.post(url, {**data, **wanted, "version": made.version})
    made.refresh_from_db()
    assert (made.name, made.conditions) == ("改名", wanted)


BIG = "9" * 30


def test_ids_no_database_holds_are_refused_in_words(client, team):
    lead = make("线索", team.ann)
    client.force_login(team.boss)
    for url, data in (
        ("/leads/new/", {"name": "新", "owner": BIG}),
        ("/leads/bulk/assign/", {"ids": lead.pk, "confirmed": 1, "owner": BIG}),
        ("/settings/lead-rules/new/", {"name": "新", "way": "rotate", "people": [BIG], "otherwise": "person"}),
        ("/settings/lead-rules/new/", {"name": "新", "way": "fixed", "person": BIG, "departments": [BIG]}),
        ("/lead-forms/new/", {"name": "新", "watchers": [BIG]}),
    ):
        answer = client.post(url, data)
        assert answer.status_code in (200, 422) and "请选择列表中的选项" in answer.content.decode(), url
    assert client.get(f"/lead-pool/{team.pool.pk}/?former_owner={BIG}").status_code == 200
    assert client.get(f"/leads/?owner={BIG}").status_code == 200


def test_a_moment_no_database_holds_is_refused_in_words(client, team):
    client.force_login(team.ann)
    answer = client.post("/leads/new/", {"name": "新", "owner": team.ann.pk, "next_contact_at": "0001-01-01 00:00"})
    assert "时间不能早于 1900 年" in answer.content.decode()
    assert not Lead.objects.exists()
    with pytest.raises(ValidationError):
        cells.moment("0001-01-01 00:00")


def test_a_nul_in_a_token_is_an_unknown_token(client, team):
    assert client.get("/f/%00/").status_code == 404
    client.force_login(team.boss)
    for url in ("/leads/convert/", "/leads/bulk/give-up/"):
        assert "已失效" in client.post(url, {"confirmed": 1, "selection": "a\0"}).content.decode()


def test_a_converted_lead_names_the_contact_its_own_was_folded_into(team):
    lead = a_lead(team.manager, "云澜分部", mobile="13912345678")
    done = convert(lead)
    kept = records.create(Customer(name="云澜总部", owner=team.manager), by=team.manager)
    there = records.create(
        Contact(customer=kept, name="许一诺", mobile="13912345678", owner=team.manager), by=team.manager
    )
    versions = dict(Customer.objects.values_list("pk", "version"))
    merged = merging.merge([kept.pk, done.customer.pk], kept.pk, {}, versions=versions, by=team.manager)
    lead.refresh_from_db()
    assert (lead.customer, lead.contact) == (kept, there)
    undoing.undo(Undo.objects.get(pk=merged.undo), by=team.manager)
    lead.refresh_from_db()
    assert (lead.customer, lead.contact) == (done.customer, done.contact)


def test_whoever_may_not_read_the_status_has_no_views_of_it(client, team):
    lead, other = make("跟进的", team.ann, by=team.boss), make("新来的", team.ann)
    restrict("seller", "lead", status=fieldset.HIDDEN)
    client.force_login(team.ann)
    page = client.get("/leads/?view=new").content.decode()
    assert lead.name in page and other.name in page
    assert "未分配" not in page and "view=following" not in page
