"""The pages of rules and public forms: who may open them, what a body may not do, what they say."""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from crm.testing.base import XSS
from customers.models import Pool
from customers.pools import book
from leads.models import AssignmentRule, Lead, LeadGift, WebForm
from leads.rules import services as rules
from leads.tests.intake import item, lead, rule, send, web_form
from orgs.models import OrgLog, Role
from orgs.tests.factories import client_for, department, employee

pytestmark = pytest.mark.django_db
RULES, FORMS = "/settings/lead-rules/", "/lead-forms/"


@pytest.fixture
def boss():
    return employee("管理员", ["admin"])


@pytest.fixture
def seller():
    return employee("甲", ["seller"])


def text(response) -> str:
    return response.content.decode()


def rule_data(*people, **values):
    return {
        "name": "网络线索",
        "way": "rotate",
        "people": [one.pk for one in people],
        "days": ["0", "1", "2", "3", "4"],
        "opens": "9：00",
        "closes": "18:00",
        "daily_cap": "20",
        "otherwise": "wait",
        "version": "1",
        **values,
    }


def form_data(**values):
    return {
        "name": "官网",
        "title": "预约演示",
        "asks": ["mobile", "contact_name", "company"],
        "asks-on": ["mobile", "contact_name"],
        "asks-required": ["mobile"],
        "asks-label-mobile": "您的手机",
        "goes": "rules",
        "version": "1",
        **values,
    }


# Who may ----------------------------------------------------------------------------------------------------------------
def test_only_holders_of_the_functions_open_or_change_anything(seller):
    manager, market = employee("经理", ["sales_manager"]), employee("市场", ["marketing"])
    one, form = rule(seller), web_form()
    gets = [RULES, f"{RULES}new/", f"{RULES}try/", f"{RULES}{one.pk}/", f"{RULES}{one.pk}/edit/"]
    posts = [f"{RULES}new/", *(f"{RULES}{one.pk}/{act}/" for act in ("edit", "delete", "do/off", "do/up"))]
    for person in (seller, manager, market):
        client = client_for(person)
        assert {client.get(url).status_code for url in gets} == {403}
        assert {client.post(url, rule_data(person)).status_code for url in posts} == {403}
    pages = [FORMS, f"{FORMS}new/", *(f"{FORMS}{form.pk}/{page}" for page in ("", "edit/", "qr/", "preview/"))]
    deeds = [f"{FORMS}new/", *(f"{FORMS}{form.pk}/{act}/" for act in ("edit", "renew", "delete", "switch/off"))]
    for person in (seller, manager):
        client = client_for(person)
        assert {client.get(url).status_code for url in pages} == {403}
        assert {client.post(url, form_data()).status_code for url in deeds} == {403}
    assert {client_for(market).get(url).status_code for url in pages} == {200}
    one.refresh_from_db()
    form.refresh_from_db()
    assert one.enabled and form.enabled and one.version == form.version == 1
    assert AssignmentRule.objects.count() == WebForm.objects.count() == 1


def test_unknown_ids_and_acts_are_404(boss, seller):
    client, one, form = client_for(boss), rule(seller), web_form()
    for url in (f"{RULES}999/", f"{RULES}999/edit/", f"{FORMS}999/", f"{FORMS}999/qr/"):
        assert client.get(url).status_code == 404
    for url in (f"{RULES}{one.pk}/do/destroy/", f"{FORMS}{form.pk}/switch/half/", f"{RULES}999/do/off/"):
        assert client.post(url).status_code == 404


# Rules --------------------------------------------------------------------------------------------------------------------
def test_a_rule_is_made_changed_moved_switched_and_deleted_with_a_line_in_the_system_log(boss, seller):
    client, web = client_for(boss), item("customer.source", "网络营销")
    data = rule_data(seller, source=[web.pk], areas=["江苏省", "浙江省/杭州市"], holidays="2027-02-06 至 2027-02-08")
    response = client.post(f"{RULES}new/", data)
    one = AssignmentRule.objects.get()
    assert response["Location"] == f"{RULES}{one.pk}/"
    assert one.conditions == {"source": [web.pk], "areas": ["江苏省", "浙江省/杭州市"]}
    assert one.holidays == ["2027-02-06", "2027-02-07", "2027-02-08"] and f"{one.opens:%H:%M}" == "09:00"
    page = text(client.get(f"{RULES}{one.pk}/"))
    assert "网络营销" in page and "江苏省、浙江省 杭州市" in page and "周一至周五 09:00–18:00" in page
    assert "2027-02-06 至 2027-02-08" in text(client.get(f"{RULES}{one.pk}/edit/"))
    client.post(f"{RULES}{one.pk}/edit/", rule_data(seller, daily_cap="5"))
    one.refresh_from_db()
    assert (one.daily_cap, one.conditions, one.version) == (5, {}, 2)
    changes = OrgLog.objects.get(code="lead_rule.updated").changes
    assert {"label": "上限", "old": "每人每天 20 个", "new": "每人每天 5 个"} in changes
    second = rule(seller, name="第二条")
    client.post(f"{RULES}{second.pk}/do/up/")
    assert [found.name for found in AssignmentRule.objects.all()] == ["第二条", "网络线索"]
    client.post(f"{RULES}{one.pk}/do/off/")
    one.refresh_from_db()
    assert not one.enabled
    client.post(f"{RULES}{one.pk}/delete/")
    codes = set(OrgLog.objects.filter(code__startswith="lead_rule").values_list("code", flat=True))
    assert codes == {f"lead_rule.{act}" for act in ("created", "updated", "moved", "disabled", "deleted")}


@pytest.mark.parametrize(
    "values,sentence",
    [
        ({"name": "长" * 10_000}, "最多 30 个字"),
        ({"name": ""}, "请填写名称"),
        ({"way": "fixed"}, "请选择固定负责人"),
        ({"people": []}, "请至少选择一名员工或一个部门"),
        ({"people": ["999999"]}, "请选择列表中的选项"),
        ({"people": ["x"]}, "请选择列表中的选项"),
        ({"opens": "25:00"}, "时间格式应为 09:00"),
        ({"closes": "08:00"}, "结束时间要晚于开始时间"),
        ({"closes": ""}, "开始和结束时间要一起填写"),
        ({"days": []}, "请至少勾选一个工作日"),
        ({"days": ["9"]}, "请选择列表中的选项"),
        ({"holidays": "明天"}, "不是日期"),
        ({"holidays": "2027-01-01 至 2037-01-01"}, "不是日期"),
        ({"holidays": "2027-03-06", "workdays": "2027-03-06"}, "既放假又补班"),
        ({"daily_cap": "0"}, "请输入 1 到 100,000 的整数"),
        ({"daily_cap": "-1"}, "请输入 1 到 100,000 的整数"),
        ({"daily_cap": "1e30"}, "请输入 1 到 100,000 的整数"),
        ({"open_cap": "NaN"}, "请输入 1 到 100,000 的整数"),
        ({"otherwise": "person"}, "请选择转给谁"),
        ({"otherwise": "pool"}, "请选择线索池"),
        ({"otherwise": "pool", "fallback_pool": "999"}, "请选择列表中的选项"),
        ({"source": ["x"]}, "请选择列表中的选项"),
        ({"areas": ["火星"]}, "请选择列表中的选项"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused_in_words(boss, seller, values, sentence):
    response = client_for(boss).post(f"{RULES}new/", rule_data(seller, **values))
    assert response.status_code == 422 and sentence in text(response) and not AssignmentRule.objects.exists()


def test_names_are_escaped_and_taken_ones_refused(boss, seller):
    client = client_for(boss)
    client.post(f"{RULES}new/", rule_data(seller, name=f"{XSS}🎉"))
    one = AssignmentRule.objects.get()
    for url in (
        RULES,
        f"{RULES}{one.pk}/",
        f"{RULES}{one.pk}/edit/",
        f"{RULES}{one.pk}/delete/",
        f"{RULES}try/?source=",
    ):
        assert XSS not in text(client.get(url))
    again = client.post(f"{RULES}new/", rule_data(seller, name=f"{XSS}🎉"))
    assert again.status_code == 422 and "已有同名规则" in text(again)


def test_what_a_way_does_not_need_is_dropped(boss, seller):
    other = employee("乙")
    pool = Pool.objects.get(kind="lead")
    data = rule_data(seller, person=other.pk, fallback_person=other.pk, fallback_pool=pool.pk)
    client_for(boss).post(f"{RULES}new/", data)
    one = AssignmentRule.objects.get()
    assert (one.person, one.fallback_person, one.fallback_pool) == (None, None, None)


def test_an_older_page_of_a_rule_or_form_does_not_overwrite_the_newer_one_unasked(boss, seller):
    client, one, form = client_for(boss), rule(seller, name="原名"), web_form()
    for url, data, model in (
        (f"{RULES}{one.pk}/edit/", rule_data(seller), AssignmentRule),
        (f"{FORMS}{form.pk}/edit/", form_data(), WebForm),
    ):
        model.objects.update(version=7)
        response = client.post(url, data)
        assert response.status_code == 409 and "再保存一次就以您的为准" in text(response)
        version = re.search(r'name="version" value="(\d+)"', text(response)).group(1)
        assert client.post(url, {**data, "version": version}).status_code == 302


def test_the_page_of_a_rule_counts_what_each_got_and_says_who_is_next(boss):
    first, second, former = employee("甲"), employee("乙"), employee("丙")
    one = rule(first, second, daily_cap=1)
    rules.assign_by_rules([lead("a").pk])
    LeadGift.objects.create(rule=one, employee=first, created_at=timezone.now() - timedelta(days=10))
    LeadGift.objects.create(rule=one, employee=former)
    context = client_for(boss).get(f"{RULES}{one.pk}/").context
    rows = [(row["person"].name, row["counts"], row["trouble"], row["next"]) for row in context["rows"]]
    assert rows == [("甲", [1, 1, 2], "今天已分到 1 个", False), ("乙", [0, 0, 0], "", True)]
    assert context["others"] == [1, 1, 1]


def test_the_trial_says_who_would_get_a_lead_and_changes_nothing(boss, seller):
    client, web = client_for(boss), item("customer.source", "网络营销")
    one = rule(seller, name="江苏", conditions={"source": [web.pk], "areas": ["江苏省"]})
    answer = client.get(f"{RULES}try/?source={web.pk}&areas=江苏省/苏州市").context["answer"]
    assert (answer["to"], answer["rule"]) == (seller, one)
    assert client.get(f"{RULES}try/?source={web.pk}").context["answer"]["text"] == "留在线索池里"
    assert client.get(f"{RULES}try/?source=abc").status_code == 422
    assert AssignmentRule.objects.get().last_given == 0 and not Lead.objects.exists()


def test_pages_take_as_many_statements_for_50_rules_or_forms_as_for_5(boss, seller):
    client, east = client_for(boss), department("华东")

    def counted(url):
        with CaptureQueriesContext(connection) as found:
            assert client.get(url).status_code == 200
        return len(found)

    figures = []
    for number in (5, 50):
        for n in range(AssignmentRule.objects.count(), number):
            rule(seller, name=f"规则{n}", departments=[east], conditions={"source": [item("customer.source").pk]})
            web_form(name=f"表单{n}", source=item("customer.source"))
        urls = (
            RULES,
            f"{FORMS}?size=50",
            f"{RULES}{AssignmentRule.objects.first().pk}/",
            f"{RULES}new/",
            f"{FORMS}new/",
        )
        [counted(url) for url in urls]  # what is read once and kept
        figures.append([counted(url) for url in urls])
    assert figures[0] == figures[1]
    listing, forms, detail, rule_form, form_form = figures[0]
    assert listing <= 12 and forms <= 12 and detail <= 20 and rule_form <= 15 and form_form <= 15


# The bulk action ------------------------------------------------------------------------------------------------------------
def test_by_rules_in_the_pool_gives_leads_away_and_reports_the_rest():
    boss, seller = employee("超管", ["super"]), employee("甲")
    web = item("customer.source", "网络营销")
    rule(seller, conditions={"source": [web.pk]}, daily_cap=1)
    leads = [lead("一", source=web), lead("二", source=web), lead("三")]
    client, base = client_for(boss), f"/lead-pool/{leads[0].pool_id}/bulk/by-rules/"
    page = client.post(base, {"ids": ",".join(str(one.pk) for one in leads)})
    assert "甲" in text(page) and "没有规则适用" in text(page) and not LeadGift.objects.exists()
    selection = re.search(r'name="selection" value="([^"]+)"', text(page)).group(1)
    done = text(client.post(base, {"selection": selection}))
    assert "没有人可以接收" in done and "没有规则适用于这条线索" in done
    assert [one.owner for one in Lead.objects.order_by("pk")] == [seller, None, None]


def test_by_rules_is_for_those_who_may_assign_and_only_their_rows():
    east, south = department("华东"), department("华南")
    manager = employee("经理", ["sales_manager"], east)
    mine, other = employee("甲", ["seller"], east), employee("丙", ["seller"], south)
    rule(other)
    own, foreign = lead("自己的", owner=mine), lead("别人的", owner=other)
    url = "/leads/bulk/by-rules/"
    assert client_for(mine).post(url, {"ids": own.pk, "confirmed": "1"}).status_code == 403
    client_for(manager).post(url, {"ids": f"{own.pk},{foreign.pk}", "confirmed": "1"})
    own.refresh_from_db()
    foreign.refresh_from_db()
    assert (own.owner, own.status, own.assigned_by) == (other, "following", manager)
    assert (foreign.status, foreign.version) == ("new", 1)
    Pool.objects.filter(kind="lead").update(everyone=False)
    book.touch("lead")
    hidden = lead("池里的")
    pooled = f"/lead-pool/{hidden.pool_id}/bulk/by-rules/"
    assert client_for(manager).post(pooled, {"ids": hidden.pk, "confirmed": "1"}).status_code == 404
    assert Lead.objects.get(pk=hidden.pk).owner is None


# Forms --------------------------------------------------------------------------------------------------------------------
def test_a_form_is_made_with_its_fields_in_order_and_changes_stand_in_the_system_log(boss, seller):
    client = client_for(boss)
    data = form_data(domains="https://www.example.com/page\nshop.example.com", watchers=[seller.pk])
    response = client.post(f"{FORMS}new/", data)
    form = WebForm.objects.get()
    assert response["Location"] == f"{FORMS}{form.pk}/" and form.created_by == boss
    assert form.asks == [
        {"key": "mobile", "label": "您的手机", "required": True, "hint": ""},
        {"key": "contact_name", "label": "", "required": False, "hint": ""},
    ]
    assert form.domains == ["https://www.example.com", "https://shop.example.com"]
    page = text(client.get(f"{FORMS}{form.pk}/"))
    assert form.path in page and "&lt;iframe src=" in page and "<iframe" not in page
    public = text(client.get(form.path))
    assert public.index("您的手机") < public.index("联系人") and "公司" not in public
    client.post(f"{FORMS}{form.pk}/edit/", form_data(**{"asks-on": ["company"], "title": "新标题"}))
    changes = {change["label"]: change["new"] for change in OrgLog.objects.get(code="lead_form.updated").changes}
    assert changes["字段"] == "公司" and changes["页面标题"] == "新标题"


@pytest.mark.parametrize(
    "values,sentence",
    [
        ({"name": ""}, "请填写表单名称"),
        ({"title": "长" * 10_000}, "最多 50 个字"),
        ({"intro": "长" * 10_000}, "最多 500 个字"),
        ({"asks-on": []}, "请至少选择联系人"),
        ({"asks-on": ["owner", "status", "pool_id"]}, "请至少选择联系人"),
        ({"asks-label-mobile": "长" * 10_000}, "名称最多 30 个字"),
        ({"goes": "pool"}, "请选择线索池"),
        ({"goes": "pool", "pool": "999"}, "请选择列表中的选项"),
        ({"goes": "nowhere"}, "请选择列表中的选项"),
        ({"expires_on": "2020-01-01"}, "截止日期不能早于今天"),
        ({"expires_on": "明年"}, "日期格式应为"),
        ({"domains": "javascript:alert(1)"}, "不是网站地址"),
        ({"domains": "https://a.example;script-src"}, "不是网站地址"),
        ({"domains": "https://a.example'*"}, "不是网站地址"),
        ({"domains": "*"}, "不是网站地址"),
        ({"source": "999999"}, "请选择列表中的选项"),
        ({"watchers": ["999999"]}, "请选择列表中的选项"),
    ],
)
def test_a_form_that_makes_no_sense_is_refused_in_words(boss, values, sentence):
    response = client_for(boss).post(f"{FORMS}new/", form_data(**values))
    assert response.status_code == 422 and sentence in text(response) and not WebForm.objects.exists()


def test_keys_nobody_offers_never_become_fields(boss):
    keys = ["contact_name", "owner", "status", "locked", "version", "f999"]
    client_for(boss).post(f"{FORMS}new/", form_data(asks=keys, **{"asks-on": keys}))
    assert [ask["key"] for ask in WebForm.objects.get().asks] == ["contact_name"]


def test_what_is_typed_into_a_form_is_text_on_every_page(boss):
    client = client_for(boss)
    data = form_data(
        name=f"{XSS}🎉", title=XSS, intro=XSS, thanks=XSS, **{"asks-label-mobile": XSS, "asks-hint-mobile": XSS}
    )
    client.post(f"{FORMS}new/", data)
    form = WebForm.objects.get()
    pages = [FORMS, *(f"{FORMS}{form.pk}/{page}" for page in ("", "edit/", "preview/", "delete/", "renew/"))]
    for url in (*pages, form.path, f"{form.path}?sent=1"):
        assert XSS not in text(client.get(url)), url
    WebForm.objects.update(enabled=False)
    assert XSS not in text(client.get(form.path))


def test_the_page_of_a_form_names_only_leads_in_sight(client):
    form, market = web_form(), employee("市场", ["marketing"])
    narrow = Role.objects.create(name="表单管理", permissions=["lead.form"])
    blind = employee("只管表单", [narrow])
    rule(employee("甲"))
    send(client, form, contact_name="金丝雀", mobile="13800138000")
    assert "金丝雀" in text(client_for(market).get(f"{FORMS}{form.pk}/"))
    page = text(client_for(blind).get(f"{FORMS}{form.pk}/"))
    assert "金丝雀" not in page and "不在您的数据范围内的线索" in page


def test_the_preview_shows_closed_forms_too_and_cannot_send(boss):
    form = web_form()
    WebForm.objects.update(enabled=False)
    page = text(client_for(boss).get(f"{FORMS}{form.pk}/preview/"))
    assert "这是预览，不能提交" in page and "disabled" in page


def test_the_qr_code_is_our_own_svg(boss):
    form = web_form()
    response = client_for(boss).get(f"{FORMS}{form.pk}/qr/")
    assert response["Content-Type"] == "image/svg+xml" and response.content.startswith(b"<svg")
    assert b"<script" not in response.content and b"style=" not in response.content


def test_switching_renewing_and_deleting(boss):
    client, form = client_for(boss), web_form()
    client.post(f"{FORMS}{form.pk}/switch/off/")
    assert not WebForm.objects.get().enabled
    client.post(f"{FORMS}{form.pk}/renew/")
    assert WebForm.objects.get().token != form.token
    client.post(f"{FORMS}{form.pk}/delete/")
    assert not WebForm.objects.exists()
    codes = set(OrgLog.objects.filter(code__startswith="lead_form").values_list("code", flat=True))
    assert codes == {f"lead_form.{act}" for act in ("created", "disabled", "renewed", "deleted")}


def test_deleting_a_form_keeps_its_leads(client, boss):
    form = web_form()
    send(client, form, contact_name="甲", mobile="13800138000")
    client_for(boss).post(f"{FORMS}{form.pk}/delete/")
    assert Lead.objects.get().intake.form is None
