"""The index of a custom field: built and dropped beside the running site by a job."""

import pytest
from django.core.exceptions import ValidationError
from django.db import connection

from crm.records import jobs
from crm.records.models import FieldDefinition, Job
from customers.models import Customer
from orgs.services import fields as verbs
from orgs.tests.factories import employee


def make(person, kind="number"):
    return verbs.create_field("customer", {"type": kind, "label": f"索引{kind}"}, by=person)


def switch(row, person) -> str:
    row.refresh_from_db()
    verbs.switch_index(row, by=person)
    job = Job.objects.filter(kind="field_index").latest("pk")
    jobs.execute(job.pk)
    job.refresh_from_db()
    assert job.state == Job.State.DONE, job.error
    row.refresh_from_db()
    return job.result["text"]


def there(row) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_indexes WHERE indexname = %s", [f"custom_customer_{row.pk}"])
        return cursor.fetchone()[0]


@pytest.mark.pg
@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_an_administrator_switches_an_index_on_and_off_again():
    person = employee("超管", ["super"])
    row = make(person)
    assert switch(row, person) == "索引已建立"
    assert (row.index, there(row)) == (FieldDefinition.Index.ON, 1)
    assert switch(row, person) == "索引已删除"
    assert (row.index, there(row)) == (FieldDefinition.Index.OFF, 0)


@pytest.mark.pg
@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_a_condition_on_an_indexed_field_is_answered_by_the_index():
    from crm.records.custom import definitions, query

    person = employee("超管", ["super"])
    row = make(person, "line")
    Customer.objects.bulk_create(
        [Customer(name=f"客户{n}", owner=person, extra={row.key: f"V{n}"}) for n in range(3000)]
    )
    switch(row, person)
    definition = definitions.custom("customer")[row.key]
    plan = Customer.objects.filter(query.compare(definition, "exact", "V77")).explain()
    assert f"custom_customer_{row.pk}" in plan


@pytest.mark.sqlite_only
@pytest.mark.django_db
def test_the_embedded_database_says_that_it_has_no_such_index():
    person = employee("超管", ["super"])
    with pytest.raises(ValidationError, match="请使用 PostgreSQL"):
        verbs.switch_index(make(person), by=person)


@pytest.mark.pg
@pytest.mark.django_db
def test_lists_and_long_texts_have_no_index():
    person = employee("超管", ["super"])
    with pytest.raises(ValidationError, match="不能建索引"):
        verbs.switch_index(make(person, "text"), by=person)
