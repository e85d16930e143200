"""Merging and the company's own fields, doubles among contacts, demanded fields, the bin and the purge."""

import pytest
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from crm.records import services, teams
from crm.records.followups import services as followups
from crm.records.models import Attachment, FieldDefinition, OperationLog, Undo
from crm.records.undoing import services as undoing
from crm.testing.followups import values
from customers import services as verbs
from customers.models import Contact, Customer
from orgs.services import fields as company
from orgs.tests.factories import client_for, department, employee

from .merging import at, contact, customer, everything, merge

pytestmark = pytest.mark.django_db
Type = FieldDefinition.Type


@pytest.fixture
def firm():
    east = department("华东")
    manager = employee("经理", ["sales_manager"], east)
    return manager, *(employee(name, ["seller"], east, supervisor=manager) for name in ("甲", "乙"))


def field(module: str, kind, **more):
    return company.create_field(module, {"type": kind, "label": f"自定{Type(kind).label}", **more}, by=None).key


def give(record, new: dict, by):
    return services.update(record, new, version=type(record).objects.get(pk=record.pk).version, by=by)


def fresh(record):
    return type(record).objects.get(pk=record.pk)


def test_custom_fields_are_chosen_united_and_given_back(firm):
    manager, first, second = firm
    line, number, files = (
        field("customer", Type.LINE),
        field("customer", Type.NUMBER, unique=True),
        field("customer", Type.FILES),
    )
    one, two = customer(first, "一"), customer(second, "二")
    for record, text, count, name in ((one, "甲说", 1, "a.txt"), (two, "乙说", 2, "b.txt")):
        upload = {"add": [SimpleUploadedFile(name, b"x")], "drop": []}
        give(record, {line: text, number: count, files: upload}, record.owner)
    before = everything()
    page = client_for(manager).get(f"/customers/merge/?ids={one.pk},{two.pk}")
    rows = {row["key"]: row for row in page.context["rows"]}
    assert [text for _, text, _ in rows[line]["cells"]] == ["甲说", "乙说"] and files not in rows
    done = merge(one, two, by=manager, picks={line: two.pk, number: two.pk})
    kept = fresh(one)
    assert (kept.extra[line], kept.extra[number], len(kept.extra[files])) == ("乙说", 2, 2)
    assert sorted(at(Attachment, kept).values_list("name", "purpose")) == [("a.txt", files), ("b.txt", files)]
    log = at(OperationLog, kept).get(code="customer.merged")
    assert "自定附件" in {change["label"] for change in log.changes}
    with pytest.raises(ValidationError, match="已被使用"):
        give(customer(first, "三"), {number: 2}, first)
    Customer.objects.filter(name="三").delete()
    assert undoing.undo(Undo.objects.get(pk=done.undo), by=manager) == (2, [])
    after = everything()
    for found in (before, after):
        found["search"] = [row for row in found["search"] if "三" not in row[3] and row[3] != "s"]
    assert after == before


def test_doubles_are_found_by_name_and_number_and_fill_each_others_gaps(firm):
    manager, first, second = firm
    unique, files = field("contact", Type.NUMBER, unique=True), field("contact", Type.FILES)
    one, two, three = customer(first, "一"), customer(second, "二"), customer(second, "三")
    kept = contact(one, "王 强", mobile="13800001111")
    by_phone = contact(two, "李娜", phone="05121234567")
    for record, name, more in (
        (two, "王强", {"mobile": "13800001111", "email": "w@q.cn"}),
        (three, "王强", {"email": "W@Q.cn", "position": "厂长", "is_decider": True}),
        (three, "李娜", {"phone": "05121234567", "wechat": "lina"}),
        (three, "王强", {"mobile": "13900000000"}),
    ):
        contact(record, name, **more)
    doubled = Contact.objects.get(position="厂长")
    give(doubled, {unique: 7, files: {"add": [SimpleUploadedFile("a.txt", b"x")], "drop": []}}, second)
    followups.write(doubled, values("跟王强谈过"), by=second)
    before = everything()
    done = merge(one, two, three, by=manager)
    kept = fresh(kept)
    # the third one is found only through the mail address the second one brought
    assert (kept.email, kept.position, kept.is_decider, kept.extra[unique]) == ("w@q.cn", "厂长", True, 7)
    assert at(Attachment, kept).get().purpose == files and kept.extra[files] == [at(Attachment, kept).get().pk]
    assert fresh(by_phone).wechat == "lina" and fresh(by_phone).customer_id == one.pk
    assert Contact.objects.live().filter(customer=one).count() == 3
    assert Contact.objects.live().filter(customer=one, is_primary=True).count() == 1
    assert Contact.objects.allowed(second, "edit").filter(pk=kept.pk).exists()
    assert kept.name == "王 强" and [member.user for member in teams.members(kept)] == [second]
    assert undoing.undo(Undo.objects.get(pk=done.undo), by=manager) == (3, [])
    assert everything() == before


def test_the_primary_contact_of_the_merged_one_serves_where_the_survivor_has_none(firm):
    manager, first, _ = firm
    one, two, three = (customer(first, name) for name in ("一", "二", "三"))
    contact(two, "二的首要"), contact(three, "三的首要")
    before = everything()
    done = merge(one, two, three, by=manager)
    assert list(Contact.objects.filter(customer=one, is_primary=True).values_list("name", flat=True)) == ["二的首要"]
    assert undoing.undo(Undo.objects.get(pk=done.undo), by=manager) == (3, [])
    assert everything() == before


def test_a_demanded_field_that_was_picked_empty_is_told_at_its_row(firm):
    manager, first, _ = firm
    one, two = customer(first, "一", remark="有"), customer(first, "二")
    company.change_builtin("customer", "remark", {"required": True}, by=None)
    client = client_for(manager)
    page = client.get(f"/customers/merge/?ids={one.pk},{two.pk}")
    body = dict(page.context["hidden"]) | {"survivor": one.pk, "pick_remark": two.pk}
    answer = client.post("/customers/merge/", body)
    row = next(row for row in answer.context["rows"] if row["key"] == "remark")
    assert row["errors"] == ["请填写备注"] and row["cells"][1][2] and fresh(two).deleted_at is None


def test_dealt_and_locked_stay_so_and_a_planned_date_is_not_lost(firm):
    manager, first, _ = firm
    soon = timezone.now().replace(microsecond=0)
    one = customer(first, "一")
    two = customer(first, "二", deal_status=Customer.DealStatus.DEALT, next_contact_at=soon)
    Customer.objects.filter(pk=two.pk).update(locked=True)
    done = merge(one, two, by=manager)
    kept = fresh(one)
    assert (kept.deal_status, kept.locked, kept.next_contact_at) == (Customer.DealStatus.DEALT, True, soon)
    assert undoing.undo(Undo.objects.get(pk=done.undo), by=manager) == (2, [])
    assert (fresh(one).deal_status, fresh(one).locked, fresh(one).next_contact_at) == (0, False, None)


def test_purging_the_merged_customer_leaves_what_went_over(firm):
    manager, first, _ = firm
    one, two = customer(first, "一"), customer(first, "二")
    contact(two, "老王", mobile="13800001111"), followups.write(two, values("谈过"), by=first)
    done = merge(one, two, by=manager)
    keeper = employee("超管", ["super"])
    assert verbs.purge_customers(Customer.objects.filter(pk=two.pk), by=keeper) == 1
    assert Contact.objects.live().get(customer=one).name == "老王"
    assert client_for(first).get(f"/customers/{one.pk}/").content.decode().count("谈过") == 1
    count, failures = undoing.undo(Undo.objects.get(pk=done.undo), by=manager)
    assert count == 1 and (f"编号 {two.pk}", "已被彻底删除") in failures
    assert Contact.objects.live().filter(customer=one).count() == 1


def test_a_merge_of_many_plain_doubles_does_not_pay_for_each(firm):
    manager, first, _ = firm
    counts = []
    for size in (3, 5, 12):
        one, two = customer(first, f"一{size}"), customer(first, f"二{size}")
        for n in range(size):
            contact(one, f"人{n}", mobile=f"1380000{size:02d}{n:02d}")
            contact(two, f"人{n}", mobile=f"1380000{size:02d}{n:02d}", qq="12345")
        with CaptureQueriesContext(connection) as queries:
            merge(one, two, by=manager)
        counts.append(len(queries))
    assert counts[1] == counts[2]
