"""线索转化: what a lead becomes, what goes along, who may, what stands in the way, and the way back."""

import pytest
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ValidationError

from crm.records import params
from crm.records.followups import services as followups
from crm.records.models import Attachment, FollowUp, FollowUpLink, OperationLog, Undo
from crm.records.tagging import services as tagging
from crm.records.undoing import services as undoing
from crm.testing.followups import values
from customers.models import Contact, Customer
from customers.tests.merging import at, file
from leads.models import Lead, Status
from opportunities.models import Opportunity
from orgs.tests.factories import department, employee

from .conversion import convert, lead, opportunity

pytestmark = pytest.mark.django_db


@pytest.fixture
def firm():
    """(manager, two sellers of theirs, a seller of another department)."""
    east = department("华东")
    manager = employee("经理", ["sales_manager"], east)
    mine = [employee(name, ["seller"], east, supervisor=manager) for name in ("甲", "乙")]
    return manager, *mine, employee("丙", ["seller"], department("华南"))


def fresh(record):
    return type(record).objects.get(pk=record.pk)


def test_a_lead_becomes_a_customer_with_contact_and_opportunity_and_everything_goes_along(firm):
    _, seller, *_ = firm
    one = lead(
        seller, mobile="13800138000", phone="0512-65550186", email="x@yunlan.cn", position="采购经理", province="江苏省",
        city="苏州市", address="星湖街 1 号", remark="老客户介绍", summary="换系统",
    )  # fmt: skip
    said = followups.write(one, values("第一次电话"), by=seller)
    file(one, "名片.txt", seller)
    tagging.put(one, ["重点", "展会"], by=seller)
    done = convert(one, opportunity=opportunity(amount=120000))
    kept = fresh(one)
    assert (kept.status, kept.customer, kept.contact, kept.opportunity, kept.converted_by) == (
        Status.CONVERTED, done.customer, done.contact, done.opportunity, seller,
    )  # fmt: skip
    customer = fresh(done.customer)
    assert (customer.name, customer.owner, customer.phone, customer.remark) == (
        "云澜智造科技有限公司", seller, "0512-65550186", "老客户介绍",
    )  # fmt: skip
    assert (customer.province, customer.city, customer.address) == ("江苏省", "苏州市", "星湖街 1 号")
    contact = Contact.objects.get()
    assert (contact.name, contact.mobile, contact.email, contact.position, contact.is_primary) == (
        "许一诺", "13800138000", "x@yunlan.cn", "采购经理", True,
    )  # fmt: skip
    found = Opportunity.objects.get()
    assert (found.name, found.amount, found.decider, found.remark) == (
        "云澜智造科技有限公司的商机", 120000, contact, "换系统",
    )  # fmt: skip
    said = fresh(said)
    assert said in at(FollowUp, customer) and customer.last_followed_at == said.created_at
    assert set(said.links.values_list("content_type__model", flat=True)) == {"lead", "customer"}
    assert [one.name for one in at(Attachment, customer)] == ["名片.txt"] == [one.name for one in at(Attachment, kept)]
    assert {tag.name for tag in tagging.loaded(Customer, [customer.pk])[customer.pk]} == {"重点", "展会"}
    assert set(OperationLog.objects.filter(code__endswith=".created").values_list("content_type__model", flat=True)) >= {
        "customer", "contact", "opportunity",
    }  # fmt: skip
    log = OperationLog.objects.get(code="lead.converted")
    assert log.object_id == one.pk and log.undo_id == Undo.objects.get().pk


def test_taking_it_back_leaves_nothing_behind(firm):
    _, seller, *_ = firm
    one = lead(seller, mobile="13800138000")
    followups.write(one, values("第一次电话"), by=seller)
    file(one, "名片.txt", seller)
    tagging.put(one, ["重点"], by=seller)
    before = Lead.objects.filter(pk=one.pk).values().get()
    links = sorted(FollowUpLink.objects.values_list("pk", "content_type", "object_id", "kind"))
    convert(one, opportunity=opportunity())
    entry = Undo.objects.get()
    assert undoing.preview(entry, by=seller) == (1, [])
    assert undoing.undo(entry, by=seller) == (1, [])
    after = Lead.objects.filter(pk=one.pk).values().get()
    assert {key for key in before if before[key] != after[key]} == {"version"}
    assert not Customer.objects.exists() and not Contact.objects.exists() and not Opportunity.objects.exists()
    assert sorted(FollowUpLink.objects.values_list("pk", "content_type", "object_id", "kind")) == links
    assert FollowUp.objects.get().content_type == ContentType.objects.get_for_model(Lead)
    kept = Attachment.objects.get()
    assert kept.file.storage.exists(kept.file.name)
    convert(fresh(one))  # and again
    assert Customer.objects.count() == 1


def test_what_was_built_upon_stays_and_the_reason_is_said(firm):
    _, seller, *_ = firm
    one = lead(seller)
    done = convert(one)
    followups.write(done.customer, values("新的跟进"), by=seller)
    count, failures = undoing.undo(Undo.objects.get(), by=seller)
    assert (count, failures) == (0, [(one.name, "转化出的客户已有新的内容")])
    assert fresh(one).status == Status.CONVERTED and Undo.objects.get().undone_at is None


def test_a_second_conversion_is_refused_and_doubles_nothing(firm):
    _, seller, *_ = firm
    one = lead(seller)
    convert(one)
    with pytest.raises(ValidationError, match="已经转化过了"):
        convert(one)
    assert Customer.objects.count() == 1 == Contact.objects.count()


def test_into_a_customer_that_exists_only_empty_fields_are_filled_and_only_those_emptied_again(firm):
    _, seller, *_ = firm
    there = convert(lead(seller, phone="0512-65550186", contact_name="", mobile="")).customer
    assert not Contact.objects.exists()
    two = lead(seller, phone="0512-65550187", remark="备注", mobile="13800138000")
    done = convert(two)
    assert not done.made and done.customer.pk == there.pk and Customer.objects.count() == 1
    kept = fresh(there)
    assert (kept.phone, kept.remark) == ("0512-65550186", "备注")
    assert Contact.objects.get().is_primary
    assert undoing.undo(Undo.objects.latest("pk"), by=seller) == (1, [])
    kept = fresh(there)
    assert (kept.phone, kept.remark) == ("0512-65550186", "") and not Contact.objects.exists()
    assert fresh(two).status == Status.NEW


def test_a_name_that_is_anothers_is_refused_in_words_without_naming_it(firm):
    _, seller, _, far = firm
    convert(lead(far))
    two = lead(seller)
    for choice in ("into", "new"):
        with pytest.raises(ValidationError, match="同名客户已存在，负责人：丙"):
            convert(two, found=choice)
    params.store("duplicate_names", "warn")
    Customer.objects.update(name_key=None)
    with pytest.raises(ValidationError, match="名称相同的客户已存在，负责人：丙"):
        convert(two)
    assert convert(two, found="new").made and Customer.objects.count() == 2
