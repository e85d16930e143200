"""合并客户 and 撤销合并: nothing is lost, the log is complete, everything goes back exactly."""

import pytest

from crm.records import services, teams
from crm.records.followups import services as followups
from crm.records.models import Attachment, FollowUp, FollowUpLink, OperationLog, Undo
from crm.records.tagging import services as tagging
from crm.records.undoing import services as undoing
from crm.testing.followups import values
from customers.models import Contact, Customer
from orgs.tests.factories import department, employee

from .merging import at, contact, customer, everything, file, furnish, merge

pytestmark = pytest.mark.django_db


@pytest.fixture
def firm():
    """(manager, two sellers of theirs)."""
    east = department("华东")
    manager = employee("经理", ["sales_manager"], east)
    return manager, *(employee(name, ["seller"], east, supervisor=manager) for name in ("甲", "乙"))


def fresh(record):
    return type(record).objects.get(pk=record.pk)


def test_a_customer_transferred_merged_and_unmerged_loses_nothing_and_its_log_is_complete(firm):
    manager, first, second = firm
    survivor, other = customer(first, "云澜智造科技有限公司"), customer(second, "云澜智造", phone="05125550186")
    third = customer(second, "第三家", remark="第三家的备注")
    far = customer(first, "别的客户")
    furnish(survivor, first, far, label="一", contacts=30, talks=50)
    furnish(other, second, far, label="二")
    furnish(third, second, far, label="三")
    double = contact(
        other, "一联系人3", mobile=Contact.objects.get(name="一联系人3").mobile, email="a@b.cn", qq="12345"
    )
    followups.write(double, values("跟重复的人谈过"), by=second)
    file(double, "名片.txt", second)
    teams.add([survivor, other], [employee("丙", ["seller"])], write=False, by=manager)
    moved = services.transfer(
        Customer.objects.filter(pk=survivor.pk), second, by=manager, keep="read", children=["contact"]
    )
    assert moved == 1 and Contact.objects.filter(customer=survivor, owner=second).count() == 30
    assert FollowUpLink.objects.filter(object_id=survivor.pk, followup__content__startswith="一跟进").count() >= 50
    before, logs = everything(), OperationLog.objects.count()

    done = merge(survivor, other, third, by=manager, picks={"phone": other.pk, "remark": third.pk})
    kept = fresh(survivor)
    assert (kept.name, kept.phone, kept.remark) == ("云澜智造科技有限公司", "05125550186", "第三家的备注")
    assert Contact.objects.live().filter(customer=kept).count() == 30 + 3 + 3
    folded = Contact.objects.get(name="一联系人3", customer=kept)
    assert (folded.email, folded.qq) == ("a@b.cn", "12345") and fresh(double).deleted_at is not None
    assert set(at(FollowUp, folded).values_list("content", flat=True)) >= {"跟重复的人谈过"}
    assert at(Attachment, folded).count() == 1 and at(Attachment, kept).count() == 3
    assert (
        FollowUpLink.objects.filter(
            object_id__in=[other.pk, third.pk], content_type=at(FollowUp, kept)[0].content_type
        ).count()
        == 0
    )
    assert at(FollowUpLink, kept).values("followup").distinct().count() == 50 + 5 + 5 + 1
    assert sorted(tag.name for tag in tagging.loaded(Customer, [kept.pk])[kept.pk]) == ["一", "三", "二", "共同"]
    assert kept.last_followed_at == FollowUp.objects.latest("pk").created_at
    assert [fresh(one).merged_into_id for one in (other, third)] == [kept.pk] * 2
    codes = list(at(OperationLog, kept).values_list("code", flat=True))
    assert codes.count("customer.merged") == 1 and "customer.followup_added" in codes
    assert at(OperationLog, other).filter(code="customer.merged_away").count() == 1
    # every live contact that changed says so
    changed = Contact.objects.filter(version__gt=1, customer=kept).exclude(owner=first).values_list("pk", flat=True)
    told = set(OperationLog.objects.filter(code="contact.merged").values_list("object_id", flat=True))
    assert told <= set(changed) and len(told) == 7
    assert OperationLog.objects.count() > logs

    assert undoing.undo(Undo.objects.get(pk=done.undo), by=manager) == (3, [])
    after = everything()
    assert {key: after[key] for key in after if after[key] != before[key]} == {}
    assert at(OperationLog, kept).filter(code="customer.merge_undone").count() == 1
    assert at(OperationLog, double).filter(code="contact.merge_undone").count() == 1
