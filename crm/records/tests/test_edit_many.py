"""批量编辑 beyond what the contract shows for every module: dependent fields, errors of single records, the job."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.http import QueryDict
from django.utils import timezone

from crm.records import jobs, modules, services
from crm.records.bulkedit import job as edit_job
from crm.records.bulkedit import services as bulkedit
from crm.records.bulkedit.forms import EditManyForm
from crm.records.models import DictionaryItem, Job, OperationLog, SearchRow, Selection
from customers.models import Contact, Customer
from orgs.tests.factories import client_for, employee
from products.models import Product


@pytest.fixture
def seller(db):
    return employee("甲", ["seller"])


def make(owner, n=1, **kw):
    return [services.create(Customer(name=f"{owner.name}公司{i}", owner=owner, **kw), by=owner) for i in range(n)]


def form(user, module="customer", **data):
    query = QueryDict(mutable=True)
    for key, value in data.items():
        query.setlist(key, value if isinstance(value, list) else [value])
    return EditManyForm(query, user=user, module=modules.get(module), rows=None)


def rows_of(user):
    return Customer.objects.allowed(user, "edit")


def test_province_and_city_are_one_choice_and_must_fit(seller):
    make(seller, 2, province="浙江省", city="杭州市")
    bad = form(seller, many_fields=["province"], province="江苏省", city="杭州市")
    assert not bad.is_valid() and bad.inner.errors["city"] == ["请选择该省的城市"]
    good = form(seller, many_fields=["province"], province="江苏省", city="苏州市")
    assert good.is_valid() and good.new_values() == {"province": "江苏省", "city": "苏州市"}
    assert bulkedit.edit_many(rows_of(seller), good.new_values(), by=seller) == (2, [])
    assert set(Customer.objects.values_list("province", "city")) == {("江苏省", "苏州市")}
    changes = OperationLog.objects.filter(code="customer.updated").latest("pk").changes
    assert [(c["label"], c["old"], c["new"]) for c in changes] == [
        ("省", "浙江省", "江苏省"),
        ("市", "杭州市", "苏州市"),
    ]
    cleared = form(seller, many_fields=["province"], many_clear=["province"])
    assert cleared.is_valid()
    bulkedit.edit_many(rows_of(seller), cleared.new_values(), by=seller)
    assert set(Customer.objects.values_list("province", "city")) == {("", "")}


def test_a_record_that_cannot_take_the_values_is_named_and_all_others_are_saved(seller):
    make(seller, 2, province="江苏省")
    odd = services.create(Customer(name="浙江的公司", owner=seller, province="浙江省", city="杭州市"), by=seller)
    done, failures = bulkedit.edit_many(rows_of(seller), {"city": "苏州市"}, by=seller)
    assert (done, failures) == (2, [("浙江的公司", "浙江省没有“苏州市”这个城市")])
    odd.refresh_from_db()
    assert (odd.city, odd.version) == ("杭州市", 1)


def test_a_record_the_database_refuses_keeps_none_of_the_others_back(db):
    keeper = employee("超管", ["super"])
    for n in range(5):
        services.create(Product(name=f"产品{n}", code=f"P-{n}", price="1"), by=keeper)
    rows = Product.objects.allowed(keeper, "edit")
    done, failures = bulkedit.edit_many(rows, {"price": Decimal("-1")}, by=keeper)
    assert done == 0 and [reason for _, reason in failures] == ["与已有的数据冲突，没有保存"] * 5
    assert set(Product.objects.values_list("price", "version")) == {(Decimal("1.00"), 1)}


def test_dictionary_values_are_logged_in_words_and_search_lines_follow(seller):
    make(seller, 2, phone="0512-65550001")
    level = DictionaryItem.objects.filter(dictionary="customer.level").first()
    bulkedit.edit_many(rows_of(seller), {"level": level, "phone": "0512-65559999"}, by=seller)
    changes = OperationLog.objects.filter(code="customer.updated").latest("pk").changes
    assert {(c["key"], c["old"], c["new"]) for c in changes} == {
        ("level", "", level.label),
        ("phone", "0512-65550001", "0512-65559999"),
    }
    assert SearchRow.objects.filter(key="phone", text="051265559999").count() == 2
    assert not SearchRow.objects.filter(text="051265550001").exists()


def test_a_demanded_field_cannot_be_cleared_and_the_parent_cannot_be_changed(seller):
    customer = make(seller)[0]
    services.create(Contact(name="许一诺", customer=customer, owner=seller), by=seller)
    assert not form(seller, "contact", many_fields=["customer"], customer=str(customer.pk)).is_valid()
    assert not form(seller, "contact", many_fields=["is_primary"], is_primary="on").is_valid()
    keeper = employee("超管", ["super"])
    price = form(keeper, "product", many_fields=["price"], many_clear=["price"])
    assert not price.is_valid() and price.inner.errors["price"] == ["请填写标准价"]


def test_more_rows_than_the_limit_become_a_job_that_saves_them_and_names_the_rest(seller, monkeypatch):
    monkeypatch.setattr(edit_job, "DIRECT", 3)
    monkeypatch.setattr(bulkedit, "CHUNK", 2)
    made = make(seller, 6)
    other = employee("乙", ["seller"])
    client, url = client_for(seller), "/customers/bulk/edit/"
    client.post(url, {"ids": ",".join(str(one.pk) for one in made)})
    token = Selection.objects.get(user=seller).token
    data = {
        "selection": token,
        "many_fields": ["remark", "next_contact_at"],
        "remark": "回访",
        "next_contact_at": "2026-12-01 09:30",
    }
    response = client.post(url, data)
    job = Job.objects.get(kind="edit")
    assert response.headers["Location"] == f"/jobs/{job.pk}/" and not Selection.objects.exists()
    services.update(made[1], {"remark": "别人先改"}, version=1, by=seller)
    services.transfer(Customer.objects.filter(pk=made[4].pk), other, by=seller)
    assert jobs.execute(job.pk).state == Job.State.DONE
    job.refresh_from_db()
    assert (job.done, job.total, job.result["changed"], job.result["refused"]) == (6, 6, 4, 2)
    assert job.result["named"] == [
        ["甲公司1", "选择之后被修改过，没有处理"],
        [f"编号 {made[4].pk}", "已不在您可操作的范围内"],
    ]
    assert Customer.objects.filter(remark="回访", next_contact_at__isnull=False, version=2).count() == 4
    assert "甲公司1" in client.get(f"/jobs/{job.pk}/").content.decode()


def test_a_job_refuses_fields_the_person_lost_the_right_to(seller):
    make(seller, 2)
    job = edit_job.begin(modules.get("customer"), rows_of(seller), {"remark": "回访"}, by=seller)
    own = seller.roles.get()
    own.field_rights = {"customer": {"remark": 2}}
    own.save()
    assert jobs.execute(job.pk).state == Job.State.FAILED
    assert "不能批量修改：备注" in Job.objects.get(pk=job.pk).error
    assert not Customer.objects.filter(remark="回访").exists()


def test_times_and_amounts_travel_exactly(seller):
    from crm.records.undoing import packing

    now = timezone.now() + timedelta(microseconds=1)
    assert packing.unpack(Customer, "next_contact_at", packing.pack(now)) == now
    assert packing.unpack(Product, "price", packing.pack(Decimal("0.10"))) == Decimal("0.10")
    assert packing.unpack(Customer, "owner", packing.pack(seller)) == seller.pk
    assert packing.unpack(Customer, "level_id", None) is None


def test_what_was_given_away_or_closed_since_it_was_chosen_is_named_and_stays(seller):
    kept, given, lost = make(seller, 3)
    Customer.objects.filter(pk=given.pk).update(owner=employee("乙", ["seller"]))
    Customer.objects.filter(pk=lost.pk).update(churn_state="lost")
    ids = [kept.pk, given.pk, lost.pk]
    done, failures = bulkedit.edit_chunk(modules.get("customer"), ids, {"remark": "改了"}, by=seller)
    assert done == 1 and [title for title, _ in failures] == [given.name, lost.name]
    assert [reason for _, reason in failures] == [
        "已不在您可操作的范围内",
        "已确定流失，只能查看和跟进；请先恢复正常",
    ]
    assert set(Customer.objects.filter(remark="改了")) == {kept}
