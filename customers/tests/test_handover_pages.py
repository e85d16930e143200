"""The pages of 离职交接: rights, wizard, preview, list, taking back; and that who was disabled is in no picker any more."""

import json
import threading
from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from crm.records import jobs, services, teams
from crm.records.models import Job, Undo
from crm.testing.views import where
from customers.models import Customer, OwnerCap
from customers.tests.test_employee_handover import customers, give
from orgs import services as organisation
from orgs.handover import services as handovers
from orgs.handover.models import Handover
from orgs.models import Employee
from orgs.tests.factories import client_for, employee

pytestmark = pytest.mark.django_db
XSS = '"><img src=x onerror=1>'
LIST = "/settings/handovers/"


@pytest.fixture
def admin():
    return employee("系统管理员", ["admin"])


@pytest.fixture
def leaver():
    return employee("顾临川")


@pytest.fixture
def heir():
    return employee("周亦辰")


def plan_url(person) -> str:
    return f"/settings/employees/{person.pk}/handover/"


def data(*receivers, **more) -> dict:
    found = {"to": [one.pk for one in receivers], "along_contact": "on", "when": "now", "account": "disable"}
    return {**found, **more}


def text(answer) -> str:
    return answer.content.decode()


def test_only_the_organisation_s_administrators_hand_over(leaver, heir):
    customers(leaver, 1)
    found = give(leaver, heir, by=employee("超管", ["super"]), starts_at=timezone.now() + timedelta(days=1))
    client = client_for(employee("经理", ["sales_manager"]))
    for url in (plan_url(leaver), f"{LIST}{found.pk}/cancel/", f"{LIST}{found.pk}/undo/"):
        assert client.get(url).status_code == client.post(url, data(heir, step="confirm")).status_code == 403
    assert client.get(LIST).status_code == client.get(f"{LIST}{found.pk}/").status_code == 403
    assert Handover.objects.get().state == "scheduled" and Customer.objects.get().owner == leaver


def test_an_account_with_more_administration_is_not_handed_over(admin, heir):
    boss = employee("超管", ["super"])
    customers(boss, 1)
    client = client_for(admin)
    assert client.get(plan_url(boss)).status_code == 403
    assert client.post(plan_url(boss), data(heir, step="confirm")).status_code == 403
    assert not Handover.objects.exists()


def test_from_the_form_over_the_preview_to_the_start(admin, leaver, heir):
    customers(leaver, 3, 2, name="金丝雀")
    customers(heir, 5, name="别家")
    client = client_for(admin)
    page = client.get(plan_url(leaver))
    assert "客户（3）" in text(page) and "联系人（6）" in text(page)
    sent = data(heir, note=f"{XSS} 😀 =1+1")
    shown = client.post(plan_url(leaver), {**sent, "step": "preview"})
    assert shown.status_code == 200 and "5 + 3 = 8" in text(shown) and "随客户 6" in text(shown)
    assert "交接 9 条记录" in text(shown) and "<img src=x" not in text(shown) and "&lt;img src=x" in text(shown)
    # no right to the records: figures, no titles, no list to take away
    assert "金丝雀" not in text(shown) and "导出清单" not in text(shown) and not Handover.objects.exists()
    again = client.post(plan_url(leaver), {**sent, "step": "back"})
    assert again.status_code == 200 and "周亦辰" in text(again) and "😀" in text(again)
    answer = client.post(plan_url(leaver), {**sent, "step": "confirm"})
    found = Handover.objects.get()
    assert answer.status_code == 302 and answer.url == f"{LIST}{found.pk}/" and found.state == "running"
    assert "正在" in text(client.get(answer.url)) or "进行中" in text(client.get(answer.url))
    # a stale tab
    stale = client.post(plan_url(leaver), {**sent, "step": "confirm"})
    assert stale.status_code == 422 and "请等它结束" in text(stale) and Handover.objects.count() == 1
    jobs.execute(found.job_id)
    done = text(client.get(answer.url))
    assert "已完成" in done and "另有随同的联系人 6" in done and "<img src=x" not in done and "金丝雀" not in done
    mine = text(client_for(heir).get(f"/handovers/{found.pk}/"))
    assert (
        "顾临川交接给您的工作" in mine
        and "/contacts/?view=mine" in mine
        and "/customers/?view=mine" in mine
        and "<img src=x" not in mine
    )
    assert client_for(employee()).get(f"/handovers/{found.pk}/").status_code == 404


@pytest.mark.parametrize("step", ["preview", "confirm"])
def test_what_may_not_be_sent_stays_on_the_form(admin, leaver, heir, step):
    customers(leaver, 1, 1)
    gone = employee("离开的")
    organisation.disable_employee(gone, by=admin)
    six = [employee() for _ in range(6)]
    client = client_for(admin)
    for sent, words in (
        (data(), "请选择接手人"),
        (data(leaver), "须是在职的员工"),
        (data(gone), "须是在职的员工"),
        (data(heir, to_customer=[gone.pk]), "须是在职的员工"),
        (data(heir, to="x"), "请选择列表中的员工"),
        (data(*six), "最多选 5 个人"),
        (data(heir, note="长" * 10_000), "最多 500 个字"),
        (data(heir, when="later"), "请填写生效时间"),
        (data(heir, when="later", starts_at="2020-01-01 08:00"), "应在现在之后"),
        (data(heir, when="later", starts_at="x"), "时间格式应为"),
        (data(heir, account="rename"), "请选择列表中的选项"),
    ):
        answer = client.post(plan_url(leaver), {**sent, "step": step})
        assert answer.status_code == 422 and words in text(answer), words
    assert not Handover.objects.exists() and Customer.objects.get().owner == leaver


def test_over_the_cap_only_where_the_administrator_lets_it_pass(admin, leaver, heir):
    OwnerCap.objects.create(limit=5)
    customers(leaver, 4)
    customers(heir, 3, name="别家")
    client = client_for(admin)
    shown = text(client.post(plan_url(leaver), {**data(heir), "step": "preview"}))
    assert "周亦辰超过上限 5" in shown and "3 + 4 = 7" in shown and 'name="over_cap"' in shown
    refused = client.post(plan_url(leaver), {**data(heir), "step": "confirm"})
    assert refused.status_code == 422 and "允许超过上限" in text(refused) and not Handover.objects.exists()
    assert client.post(plan_url(leaver), {**data(heir), "step": "confirm", "over_cap": "on"}).status_code == 302
    jobs.execute(Handover.objects.get().job_id)
    assert Customer.objects.filter(owner=heir).count() == 7


def test_the_list_of_what_goes_is_the_module_s_own_export(leaver, heir):
    boss = employee("超管", ["super"])
    customers(leaver, 2)
    customers(heir, 1, name="别家")
    client = client_for(boss)
    url = f"/customers/export/?owner={leaver.pk}"
    assert url in text(client.post(plan_url(leaver), {**data(heir), "step": "preview"}))
    organisation.disable_employee(leaver, by=boss)  # still found by the address
    assert client.get(url).status_code == 200
    shown = client.get(f"/customers/?owner={leaver.pk}")
    assert "公司1" in text(shown) and "别家0" not in text(shown) and "顾临川" in text(shown)


def test_a_scheduled_one_shows_its_preview_is_changed_and_cancelled(admin, leaver, heir):
    customers(leaver, 2)
    third, client = employee("江予安"), client_for(admin)
    later = timezone.localtime(timezone.now() + timedelta(days=2)).strftime("%Y-%m-%d %H:%M")
    client.post(plan_url(leaver), {**data(heir, when="later", starts_at=later), "step": "confirm"})
    found = Handover.objects.get()
    assert found.state == "scheduled" and not Job.objects.exists()
    page = text(client.get(f"{LIST}{found.pk}/"))
    assert "将要交接" in page and "0 + 2 = 2" in page and later in page
    form = text(client.get(plan_url(leaver)))
    assert "修改离职交接" in form and "周亦辰" in form and later in form
    client.post(plan_url(leaver), {**data(third, when="later", starts_at=later), "step": "confirm"})
    found.refresh_from_db()
    assert found.plan["all"] == [third.pk] and Handover.objects.count() == 1
    assert client.get(f"{LIST}{found.pk}/cancel/").status_code == 200
    client.post(f"{LIST}{found.pk}/cancel/")
    found.refresh_from_db()
    assert found.state == "cancelled"
    assert client.post(f"{LIST}{found.pk}/cancel/").status_code == 422


def test_taking_back_from_its_page_and_not_from_my_acts(admin, leaver, heir):
    first, _ = customers(leaver, 2, name="金丝雀")
    found = give(leaver, heir, by=admin)
    changed = Customer.objects.get(pk=first.pk)
    services.update(changed, {"remark": "改过"}, version=changed.version, by=heir)
    client, url = client_for(admin), f"{LIST}{found.pk}/undo/"
    assert client.get(f"/undo/{Undo.objects.get().pk}/").url == f"{LIST}{found.pk}/"
    asked = text(client.get(url))
    assert "之后被修改过" in asked and f"编号 {first.pk}" in asked and "金丝雀" not in asked
    assert client.post(url, {"enable": "on"}).status_code == 302
    assert client.post(url, {"enable": "on"}).status_code == 422
    found.refresh_from_db()
    jobs.execute(found.undo_job_id)
    page = text(client.get(f"{LIST}{found.pk}/"))
    assert "已撤销" in page and "1 没有恢复" in page and "金丝雀" not in page
    assert Employee.objects.get(pk=leaver.pk).is_active


def test_statements_of_list_and_page_do_not_grow(admin, heir):
    client = client_for(admin)

    def count(url) -> int:
        client.get(url)
        with CaptureQueriesContext(connection) as log:
            assert client.get(url).status_code == 200
        return len(log)

    people = [employee(f"走{n}") for n in range(6)]
    customers(people[0], 1, 1)
    found = give(people[0], heir, by=admin)
    before = count(LIST), count(f"{LIST}{found.pk}/")
    for person in people[1:]:
        customers(person, 4, 2, name=person.name)
        found = give(person, heir, employee(), by=admin)
    assert (count(LIST), count(f"{LIST}{found.pk}/")) == before and max(before) <= 20


def test_disabling_says_what_is_left_and_offers_the_handover(admin, leaver, heir):
    customers(leaver, 3, 1)
    client = client_for(admin)
    asked = text(client.get(f"/settings/employees/{leaver.pk}/disable/"))
    assert "顾临川名下还有 6 条记录" in asked and plan_url(leaver) in asked
    several = client.post("/settings/employees/batch/disable/", {"ids": f"{leaver.pk},{heir.pk}"})
    assert "其中 1 人名下还有 6 条记录" in text(several) and "名下 6 条记录" in text(several)
    assert "名下还有" not in text(client.get(f"/settings/employees/{heir.pk}/disable/"))
    assert plan_url(leaver) in text(client.get("/settings/employees/"))
    assert plan_url(leaver) in text(client.get(f"/settings/employees/{leaver.pk}/"))
    nothing = text(client.get(plan_url(heir)))
    assert "没有可以交接的记录" in nothing


def test_who_was_disabled_is_in_no_picker_and_stays_in_history(leaver):
    boss = employee("超管", ["super"])
    customer = services.create(Customer(name="青岚", owner=leaver), by=leaver)
    organisation.disable_employee(leaver, by=boss)
    client = client_for(boss)
    functions = ("customer.create", "customer.edit", "customer.view", "contact.create", "customer.assign", "admin.org")
    pickers = [f"/pick/employee/?q=顾临川&for={function}" for function in functions] + ["/pick/colleague/?q=顾临川"]
    for url in pickers:
        assert json.loads(client.get(url).content)["results"] == [], url
    other = services.create(Customer(name="远山", owner=boss), by=boss)
    for url, sent in (
        (f"/customers/{other.pk}/transfer/", {"owner": leaver.pk, "confirmed": "1", "ids": other.pk}),
        (f"/customers/{other.pk}/team/", {"people": [leaver.pk], "right": "read", "confirmed": "1", "ids": other.pk}),
        ("/customers/new/", {"name": "新的", "owner": leaver.pk}),
        ("/settings/departments/new/", {"name": "新部门", "parent": 1, "manager": leaver.pk}),
    ):
        assert "请选择列表中的" in text(client.post(url, sent)), url
    other.refresh_from_db()
    assert other.owner == boss and not other.grants.exists() and Customer.objects.count() == 2
    with pytest.raises(ValidationError, match="已停用"):
        teams.add([other], [leaver], write=False, by=boss)
    # what was theirs keeps the name: the record, the list, the filter, the advanced filter
    assert "顾临川" in text(client.get(f"/customers/{customer.pk}/"))
    filtered = text(client.get(f"/customers/?owner={leaver.pk}"))
    assert "青岚" in filtered and "远山" not in filtered and "的值无效" not in filtered
    picked = client.get("/customers/", {"where": where(("owner", "in", str(leaver.pk)))})
    assert "顾临川" in text(picked) and "青岚" in text(picked) and "远山" not in text(picked)


@pytest.mark.pg
@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_of_two_handovers_of_one_person_at_once_one_is_refused():
    boss, leaver, heirs = employee("超管", ["super"]), employee("甲"), [employee(), employee()]
    customers(leaver, 3)
    start, ends = threading.Barrier(2), []

    def ask(heir):
        try:
            start.wait(10)
            handovers.ask(leaver, by=boss, plan={"all": [heir.pk]})
            ends.append("")
        except ValidationError as error:
            ends.append(error.messages[0])
        finally:
            connection.close()

    threads = [threading.Thread(target=ask, args=[heir]) for heir in heirs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(map(bool, ends)) == [False, True] and Handover.objects.count() == 1


@pytest.mark.pg
@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_of_two_people_who_hand_over_to_each_other_at_once_one_waits():
    boss, first, second = employee("超管", ["super"]), employee("甲"), employee("乙")
    customers(first, 3, name="甲")
    customers(second, 3, name="乙")
    start, ends = threading.Barrier(2), []

    def ask(person, other):
        try:
            start.wait(10)
            handovers.ask(person, by=boss, plan={"all": [other.pk]})
            ends.append("")
        except ValidationError as error:
            ends.append(error.messages[0])
        finally:
            connection.close()

    threads = [threading.Thread(target=ask, args=pair) for pair in ((first, second), (second, first))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(ends) == ["", "接手人自己的交接正在进行，请等它结束。"] and Handover.objects.count() == 1
