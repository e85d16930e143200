"""The pages of a pool through HTTP: who sees what, what is masked, claims and refusals, races of two tabs."""

import json
from datetime import timedelta

import pytest
from django.utils import timezone

from crm.records import jobs, search
from crm.records import services as records
from crm.records.exporting import job as exporting
from crm.records.followups import services as followups
from crm.records.models import DictionaryItem, ExportLedger, Job, Undo
from crm.records.undoing import services as undoing
from crm.testing.followups import values
from customers.models import Contact, Customer, PoolEvent
from customers.pools import book, declared, place, services
from orgs.tests.factories import client_for

from .conftest import change_pool, days_ago, make, rule

KIND = declared.CUSTOMERS
HX = {"HX-Request": "true", "HX-Target": "dialog"}


@pytest.fixture
def pooled(sea):
    """A customer with a phone, a contact with a mobile, a follow-up, put into the pool by its owner."""
    customer = make("云澜智造科技", sea.ann)
    records.update(customer, {"phone": "13812340186"}, version=customer.version, by=sea.ann)
    contact = Contact(name="林经理", mobile="13912345678", customer=customer, owner=sea.ann)
    records.create(contact, by=sea.ann)
    followups.write(customer, values("聊过一次"), by=sea.ann)
    customer.refresh_from_db()
    services.release(
        Customer.objects.filter(pk=customer.pk), book.get("customer", sea.pool.pk), by=sea.ann, reason="暂无需求"
    )
    change_pool(sea.pool, hidden=list(KIND.masked))
    customer.refresh_from_db()
    return customer


def url(sea, rest=""):
    return f"/pool/{sea.pool.pk}/{rest}"


def test_members_see_the_pool_others_do_not_and_nobody_under_customers(sea, pooled):
    page = client_for(sea.bob).get(url(sea)).content.decode()
    assert "云澜智造科技" in page and "手动放入：暂无需求" in page
    assert client_for(sea.eve).get(url(sea)).status_code == 404
    assert client_for(sea.eve).get(url(sea, f"{pooled.pk}/")).status_code == 404
    assert client_for(sea.eve).get(f"/customers/{pooled.pk}/").status_code == 404
    for person in (sea.bob, sea.boss, sea.ann):
        assert "云澜智造科技" not in client_for(person).get("/customers/").content.decode()
    moved = client_for(sea.bob).get(f"/customers/{pooled.pk}/")
    assert moved.status_code == 302 and moved.headers["Location"] == url(sea, f"{pooled.pk}/")
    assert client_for(sea.bob).get(f"/contacts/{Contact.objects.get().pk}/").status_code == 404


def test_hidden_fields_are_masked_on_every_page_of_the_pool_and_find_nothing(sea, pooled):
    client = client_for(sea.bob)
    for page in (
        "",
        f"{pooled.pk}/",
        f"{pooled.pk}/?tab=fields",
        f"{pooled.pk}/?tab=contacts",
        f"{pooled.pk}/?tab=followups",
        f"{pooled.pk}/?tab=pool",
        f"{pooled.pk}/?tab=log",
    ):
        body = client.get(url(sea, page)).content.decode()
        assert "13812340186" not in body and "138-1234-0186" not in body, page
        assert "13912345678" not in body and "139 1234 5678" not in body, page
    assert "138****0186" in client.get(url(sea)).content.decode()
    assert "139****5678" in client.get(url(sea, f"{pooled.pk}/?tab=contacts")).content.decode()
    search.index(declared.CUSTOMERS.of, [pooled])
    for q in ("13812340186", "0186", "13912345678"):
        assert "云澜智造科技" not in client.get(url(sea), {"q": q}).content.decode().split("k-table-list")[-1]
    assert "云澜智造科技" in client.get(url(sea), {"q": "云澜"}).content.decode()
    assert client.post(f"/customers/{pooled.pk}/reveal/", {"field": "phone"}).status_code == 404


def test_the_export_of_a_pool_holds_its_rows_with_masked_fields(sea, pooled):
    seller = client_for(sea.bob)
    answer = seller.post(url(sea, "export/"), {"format": "csv", "ids": pooled.pk, "columns": "all"})
    body = b"".join(answer.streaming_content).decode("utf-8-sig")
    assert "云澜智造科技" in body and "13812340186" not in body and "138****0186" in body
    assert ExportLedger.objects.get().count == 1
    assert client_for(sea.eve).post(url(sea, "export/"), {"format": "csv", "ids": pooled.pk}).status_code == 404
    job = Job.objects.get(kind="export")
    assert job.params["place"] == f"pool:{sea.pool.pk}"


def test_claiming_from_the_page_moves_the_customer_and_says_so(sea, pooled):
    client = client_for(sea.bob)
    asked = client.get(url(sea, f"bulk/claim/?ids={pooled.pk}"), headers=HX).content.decode()
    assert "领取 1 个客户？" in asked
    other = make("第二家", sea.ann)
    release_all = Customer.objects.filter(pk=other.pk)
    services.release(release_all, book.get("customer", sea.pool.pk), by=sea.ann, reason="其他")
    asked = client.get(url(sea, f"bulk/claim/?ids={pooled.pk},{other.pk}"), headers=HX).content.decode()
    assert "确定要批量领取吗?" in asked
    answer = client.post(url(sea, "bulk/claim/"), {"ids": pooled.pk, "confirmed": "1"}, headers=HX)
    assert answer.status_code == 204
    pooled.refresh_from_db()
    assert pooled.owner == sea.bob
    assert client.get(f"/customers/{pooled.pk}/").status_code == 200
    late = client_for(sea.ann).post(url(sea, "bulk/claim/"), {"ids": pooled.pk, "confirmed": "1"}, headers=HX)
    assert "晚了一步" in late.content.decode() and "已被波领取" in late.content.decode()


def test_a_refusal_names_the_rule_and_the_day(sea, pooled):
    change_pool(sea.pool, former_days=7)
    client = client_for(sea.ann)
    assert "可领</span>" in client.get(url(sea)).content.decode()
    answer = client.post(url(sea, "bulk/claim/"), {"ids": pooled.pk, "confirmed": "1"}, headers=HX)
    assert "原负责人 7 天内不能领回" in answer.content.decode()
    pooled.refresh_from_db()
    assert pooled.owner is None


def test_ids_out_of_the_pool_cannot_be_acted_on_through_it(sea, pooled):
    mine, foreign = make("安的客户", sea.ann), make("外的客户", sea.eve)
    client = client_for(sea.boss)
    for key in ("claim", "assign", "move", "delete"):
        for pk in (mine.pk, foreign.pk):
            answer = client.post(url(sea, f"bulk/{key}/"), {"ids": pk, "confirmed": "1", "owner": sea.bob.pk})
            assert answer.status_code in (200, 400, 403, 404), key
    assert dict(Customer.objects.exclude(owner=None).values_list("name", "owner__name")) == {
        "安的客户": "安",
        "外的客户": "外",
    }
    assert not Customer.objects.trashed().exists()


def test_sellers_may_not_assign_move_or_delete_in_the_pool_managers_may(sea, pooled):
    seller = client_for(sea.bob)
    for key in ("assign", "move", "delete"):
        assert seller.post(url(sea, f"bulk/{key}/"), {"ids": pooled.pk, "confirmed": "1"}).status_code == 403
    manager = client_for(sea.manager)
    answer = manager.post(url(sea, "bulk/assign/"), {"ids": pooled.pk, "confirmed": "1", "owner": sea.bob.pk})
    assert answer.status_code == 302
    pooled.refresh_from_db()
    assert pooled.owner == sea.bob


def test_releasing_from_the_customer_page_needs_a_pool_and_a_reason_and_goes_back_to_the_list(sea):
    customer = make("云澜智造", sea.ann)
    client = client_for(sea.ann)
    page = client.get(f"/customers/bulk/release/?ids={customer.pk}", headers=HX).content.decode()
    assert "放入哪个公海" in page and "暂无需求" in page
    sent = {"ids": customer.pk, "confirmed": "1", "pool": sea.pool.pk, "reason": ""}
    assert "请选择原因" in client.post("/customers/bulk/release/", sent, headers=HX).content.decode()
    sent |= {"reason": '"><img src=x onerror=1>'}
    assert "请选择列表中的选项" in client.post("/customers/bulk/release/", sent, headers=HX).content.decode()
    customer.refresh_from_db()
    assert customer.owner == sea.ann
    sent |= {"reason": "暂无需求", "words": "下次找王总"}
    headers = {**HX, "HX-Current-URL": f"http://testserver/customers/{customer.pk}/"}
    answer = client.post("/customers/bulk/release/", sent, headers=headers)
    assert answer.status_code == 204 and answer.headers["HX-Redirect"] == "/customers/"
    assert "放入客户池成功" in client.get("/customers/").content.decode()
    assert PoolEvent.objects.get().note == "下次找王总"
    foreign = make("外的客户", sea.eve)
    assert client.post("/customers/bulk/release/", {**sent, "ids": foreign.pk}).status_code == 404
    foreign.refresh_from_db()
    assert foreign.owner == sea.eve


def test_a_foreign_pool_is_no_choice_for_releasing(sea):
    customer = make("外的客户", sea.eve)
    sent = {"ids": customer.pk, "confirmed": "1", "pool": sea.pool.pk, "reason": "暂无需求"}
    other = change_pool(sea.pool, is_default=False)
    from customers.models import Pool

    mine = Pool.objects.create(kind="customer", name="华南公海", is_default=True)
    book.touch("customer")
    page = client_for(sea.eve).post("/customers/bulk/release/", sent, headers=HX).content.decode()
    assert "请选择列表中的公海" in page and other.name == "公海" and mine.name in page
    customer.refresh_from_db()
    assert customer.owner == sea.eve


def test_the_daily_view_limit_stops_the_next_customer_and_says_when_it_ends(sea, pooled):
    other = make("第二家", sea.ann)
    services.release(Customer.objects.filter(pk=other.pk), book.get("customer", sea.pool.pk), by=sea.ann, reason="其他")
    change_pool(sea.pool, view_limit=1)
    client = client_for(sea.bob)
    assert client.get(url(sea, f"{pooled.pk}/")).status_code == 200
    assert client.get(url(sea, f"{pooled.pk}/?tab=contacts")).status_code == 200
    refused = client.get(url(sea, f"{other.pk}/"))
    tomorrow = (timezone.localdate() + timedelta(days=1)).isoformat()
    assert refused.status_code == 403 and f"今天已用完，{tomorrow} 起可以再看" in refused.content.decode()
    assert "1 / 1" in client.get(url(sea)).content.decode()


def test_a_new_customer_can_go_into_the_pool_at_once(sea):
    client = client_for(sea.ann)
    page = client.get("/customers/new/", {"pool": sea.pool.pk}).content.decode()
    assert "放入客户池" in page
    answer = client.post("/customers/new/", {"name": "新来的公司", "pool": sea.pool.pk, "contact_name": "张三"})
    assert answer.status_code == 302, answer.content.decode()[-2000:]
    customer = Customer.objects.get()
    assert (customer.owner, customer.pool, customer.pool_reason) == (None, sea.pool, "新建到公海")
    assert Contact.objects.get().owner is None
    answer = client_for(sea.eve).post("/customers/new/", {"name": "不该进去", "pool": sea.pool.pk})
    assert not Customer.objects.filter(name="不该进去", pool=sea.pool).exists()


def test_history_and_tomorrow_show_only_what_the_person_may_see(sea, pooled):
    change_pool(sea.pool, rules={"followup": rule(5)}, everyone=True)
    old = {"received_at": days_ago(40), "created_at": days_ago(40)}
    make("安的老客户", sea.ann, **old)
    make("外的老客户", sea.eve, **old)
    page = client_for(sea.ann).get("/pool/tomorrow/").content.decode()
    assert "安的老客户" in page and "外的老客户" not in page and "5 天无新跟进" in page
    page = client_for(sea.boss).get("/pool/tomorrow/").content.decode()
    assert "安的老客户" in page and "外的老客户" in page
    assert "云澜智造科技" in client_for(sea.bob).get("/pool/history/").content.decode()
    change_pool(sea.pool, everyone=False)
    assert "云澜智造科技" not in client_for(sea.eve).get("/pool/history/").content.decode()


def test_the_customer_list_shows_the_days_left_and_what_ends_soon(sea):
    change_pool(sea.pool, rules={"followup": rule(30)}, exempt=[])
    make("快到期", sea.ann, received_at=days_ago(28), created_at=days_ago(28))
    make("还早", sea.ann)
    make("锁定的", sea.ann, received_at=days_ago(28), created_at=days_ago(28), locked=True)
    client = client_for(sea.ann)
    page = client.get("/customers/").content.decode()
    assert (
        "距到期天数" in page and '<span class="k-danger-text">2</span>' in page and '<span class="">30</span>' in page
    )
    ending = client.get("/customers/", {"view": "ending"}).content.decode()
    assert "快到期" in ending and "还早" not in ending and "锁定的" not in ending


def test_markup_in_names_and_reasons_stays_text(sea):
    bad = '"><img src=x onerror=1>'
    DictionaryItem.objects.create(dictionary="pool.reason", label=bad, order=99)
    customer = make(bad, sea.ann)
    services.release(
        Customer.objects.filter(pk=customer.pk), book.get("customer", sea.pool.pk), by=sea.ann, reason=bad, words=bad
    )
    client = client_for(sea.bob)
    for page in (url(sea), url(sea, f"{customer.pk}/"), url(sea, f"{customer.pk}/?tab=pool"), "/pool/history/"):
        assert "<img src=x" not in client.get(page).content.decode(), page


@pytest.mark.parametrize("page", ["", "detail"])
def test_the_number_of_statements_does_not_grow_with_rows(sea, page, django_assert_max_num_queries):
    change_pool(sea.pool, claim_limit=5, view_limit=500, hidden=list(KIND.masked))

    def fill(first, last):
        found = [make(f"公司{place}", sea.ann, contacts=2) for place in range(first, last)]
        rows = Customer.objects.filter(pk__in=[one.pk for one in found])
        services.release(rows, book.get("customer", sea.pool.pk), by=sea.ann, reason="其他")
        return found[0]

    first = fill(0, 15)
    client = client_for(sea.bob)
    where = url(sea, f"{first.pk}/" if page else "?size=100")
    client.get(where)
    limit = 20 if page else 14
    with django_assert_max_num_queries(limit) as few:
        client.get(where)
    counted = len(few)
    fill(15, 60)
    with django_assert_max_num_queries(counted):
        client.get(where)


def test_saved_views_of_the_pool_are_its_own(sea, pooled):
    client = client_for(sea.bob)
    client.post(url(sea, "columns/"), {"columns": json.loads('["name", "pooled_at"]')})
    assert "入池原因</" not in client.get(url(sea)).content.decode()
    assert "客户行业" in client.get("/customers/").content.decode()


def test_the_search_for_duplicates_offers_to_claim_to_members_only(sea, pooled):
    page = client_for(sea.bob).get("/duplicates/", {"q": "云澜智造科技"}).content.decode()
    assert f"/pool/{sea.pool.pk}/bulk/claim/?ids={pooled.pk}" in page
    page = client_for(sea.eve).get("/duplicates/", {"q": "云澜智造科技"}).content.decode()
    assert "云澜智造科技" in page and "bulk/claim" not in page


def test_the_to_do_box_counts_what_its_list_shows(sea):
    change_pool(sea.pool, rules={"followup": rule(30)}, exempt=[])
    make("快到期", sea.ann, received_at=days_ago(28), created_at=days_ago(28))
    make("别人的", sea.bob, received_at=days_ago(28), created_at=days_ago(28))
    for person in (sea.ann, sea.manager):
        home = client_for(person).get("/")
        box = next(box for box in home.context["boxes"] if box["label"] == "待进入公海的客户")
        listed = client_for(person).get(box["url"]).context["pager"]["count"]
        assert box["count"] == listed == (1 if person == sea.ann else 0)
    assert "待进入公海的客户" in client_for(sea.ann).get("/").content.decode()


def test_what_a_manager_deletes_in_the_pool_comes_back_from_the_recycle_bin_and_by_undo(sea, pooled):
    manager, seller = client_for(sea.manager), client_for(sea.ann)
    sent = {"ids": pooled.pk, "confirmed": "1"}
    assert manager.post(url(sea, "bulk/delete/"), sent).status_code == 302
    assert "云澜智造科技" in manager.get("/customers/recycle/").content.decode()
    assert "云澜智造科技" not in seller.get("/customers/recycle/").content.decode()
    assert seller.post("/customers/bulk/restore/", sent).status_code in (403, 404)
    assert manager.post("/customers/bulk/restore/", sent).status_code == 302
    pooled.refresh_from_db()
    assert (pooled.deleted_at, pooled.pool, pooled.owner) == (None, sea.pool, None)
    manager.post(url(sea, "bulk/delete/"), sent)
    entry = Undo.objects.filter(action="delete").latest("pk")
    assert undoing.undo(entry, by=sea.manager)[0] == 1
    pooled.refresh_from_db()
    assert (pooled.deleted_at, pooled.pool) == (None, sea.pool)


def test_an_export_of_a_pool_one_has_left_is_refused_in_words(sea, pooled):
    found = place.enter(KIND, book.get("customer", sea.pool.pk), sea.bob)
    job = exporting.begin(found, user=sea.bob, kind="csv", query="", send=False)
    sea.pool.departments.clear()
    book.touch("customer")
    jobs.execute(job.pk)
    job.refresh_from_db()
    assert job.state == "failed" and "您已不能查看那里的记录" in job.error and not job.output


def test_who_took_a_customer_long_ago_is_told_to_nobody(sea, pooled):
    services.claim(KIND, [pooled.pk], by=sea.bob)
    PoolEvent.objects.update(created_at=days_ago(2))
    (refusal,) = services.claim(KIND, [pooled.pk], by=sea.ann).refused
    assert refusal == (f"编号 {pooled.pk}", "已不在您可领取的公海中")


@pytest.mark.parametrize("page", ["/pool/history/", "/pool/tomorrow/"])
def test_the_pages_over_all_pools_ask_the_same_for_five_rows_and_for_fifty(sea, page, django_assert_max_num_queries):
    change_pool(sea.pool, rules={"followup": rule(10)})

    def fill(first, last):
        old = {"received_at": days_ago(40), "created_at": days_ago(40)}
        made = [make(f"老{place}", sea.ann, **old) for place in range(first, last)]
        gone = Customer.objects.filter(pk__in=[one.pk for one in made[::2]])
        services.release(gone, book.get("customer", sea.pool.pk), by=sea.ann, reason="其他")

    fill(0, 10)
    client = client_for(sea.manager)
    client.get(page)
    with django_assert_max_num_queries(30) as few:
        client.get(page)
    counted = len(few)
    fill(10, 100)
    with django_assert_max_num_queries(counted):
        client.get(page)
