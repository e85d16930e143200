"""Tags through a real import, and two people tagging at the same moment (PostgreSQL)."""

import threading

import pytest
from django.db import connections

from crm.records import params, services
from crm.records.models import OperationLog, Tag, TagLink
from crm.records.tagging import services as tagging
from customers.models import Customer
from orgs.tests.factories import employee

from .importing import faults, figures, run

HEAD = ("客户名称", "标签")


def names(name):
    record = Customer.objects.get(name=name)
    return [tag.name for tag in tagging.loaded(Customer, [record.pk]).get(record.pk, [])]


@pytest.mark.django_db
def test_an_import_puts_tags_on_new_and_known_customers_as_its_mode_says():
    seller = employee("甲", ["seller"])
    job = run(seller, HEAD, ("新公司", "重点、老客户"), ("空公司", ""), ("坏公司", "长" * 21))
    assert figures(job) == (2, 0, 0, 1)
    assert faults(job)[0][1:] == ("标签", "最多 20 个字")
    assert names("新公司") == ["重点", "老客户"] and names("空公司") == []
    run(seller, HEAD, ("新公司", "别的"), ("空公司", "别的"), on_duplicate="fill")
    assert names("新公司") == ["重点", "老客户"] and names("空公司") == ["别的"]
    job = run(seller, HEAD, ("新公司", "重点"), ("空公司", "别的"), on_duplicate="overwrite")
    assert figures(job) == (0, 1, 1, 0)
    assert names("新公司") == ["重点"]
    assert OperationLog.objects.filter(code="customer.tagged", job=job).count() == 1


@pytest.mark.django_db
def test_unknown_tags_of_a_file_are_refused_where_people_may_not_make_them():
    params.store("tag_create", False)
    seller = employee("甲", ["seller"])
    job = run(seller, HEAD, ("新公司", "没有的"))
    assert faults(job) == [(2, "标签", "没有“没有的”这个标签")]
    assert not Tag.objects.exists()


@pytest.mark.pg
@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_two_people_tagging_at_once_make_one_tag_and_one_link():
    seller = employee("甲", ["seller"])
    record = services.create(Customer(name="公司", owner=seller), by=seller)
    barrier, errors = threading.Barrier(4), []

    def work():
        try:
            barrier.wait()
            tagging.change(Customer.objects.filter(pk=record.pk), by=seller, add=["同时"])
        except Exception as error:  # shown by the assertion below
            errors.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert (Tag.objects.count(), TagLink.objects.count()) == (1, 1)
