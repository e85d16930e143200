"""The nightly clean-up of the recycle bins."""

from datetime import timedelta

import pytest
from django.utils import timezone

from crm.records import cleaning, services
from customers.models import Contact, Customer
from orgs.tests.factories import employee


@pytest.mark.django_db
def test_only_what_lay_long_enough_is_purged_and_what_others_refer_to_stays():
    seller = employee("甲", ["seller"])
    old, young, needed, live = (
        services.create(Customer(name=name, owner=seller), by=seller) for name in ("旧", "新", "被引用", "在用")
    )
    contact = services.create(Contact(name="联系人", customer=needed, owner=seller), by=seller)
    services.delete(Customer.objects.filter(pk__in=[old.pk, young.pk, needed.pk]), by=seller)
    Customer.objects.filter(pk__in=[old.pk, needed.pk]).update(deleted_at=timezone.now() - timedelta(days=31))
    assert "回收站 1 条" in cleaning.clean_up(timezone.now())
    assert set(Customer.objects.values_list("name", flat=True)) == {"新", "被引用", "在用"}
    assert Contact.objects.get() == contact
