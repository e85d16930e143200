"""Importing straight into a pool."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from crm.records.importing.plan import Invalid
from crm.records.models import ImportDraft
from crm.records.tests.workbooks import xlsx
from customers.models import Contact, Customer, PoolEvent
from customers.tests.importing import figures, run
from orgs.tests.factories import client_for

from .conftest import make

HEAD = ("客户名称", "负责人", "联系人姓名", "联系人手机")
ROWS = (HEAD, ("新一", "", "张三", "13811112222"), ("新二", "安", "", ""), ("已有的", "", "", ""))


def test_new_rows_lie_in_the_pool_without_owner_and_known_ones_stay_where_they_are(sea):
    make("已有的", sea.ann)
    job = run(sea.manager, *ROWS, into=str(sea.pool.pk))
    assert figures(job) == (2, 0, 1, 0)
    pooled = Customer.objects.filter(pool=sea.pool)
    assert dict(pooled.values_list("name", "pool_reason")) == {"新一": "导入到公海", "新二": "导入到公海"}
    assert (
        set(pooled.values_list("owner", flat=True)) == {None} and Customer.objects.get(name="已有的").owner == sea.ann
    )
    assert Contact.objects.get().owner is None
    events = PoolEvent.objects.filter(action="imported", actor=sea.manager)
    assert set(events.values_list("object_id", flat=True)) == set(pooled.values_list("pk", flat=True))


def test_only_who_manages_a_pool_imports_into_it(sea):
    for person in (sea.ann, sea.eve):
        with pytest.raises(Invalid, match="您不能导入到那里"):
            run(person, *ROWS, into=str(sea.pool.pk))
    assert not Customer.objects.exists()


def test_the_wizard_keeps_the_pool_from_the_upload_on(sea):
    client = client_for(sea.manager)
    assert "导入到“公海”" in client.get("/customers/import/", {"into": sea.pool.pk}).content.decode()
    assert "导入到“" not in client_for(sea.ann).get("/customers/import/", {"into": sea.pool.pk}).content.decode()
    file = SimpleUploadedFile("名单.xlsx", xlsx(*ROWS))
    moved = client.post("/customers/import/", {"file": file, "into": sea.pool.pk})
    draft = ImportDraft.objects.get()
    sent = {f"column-{place}": key for place, key in enumerate(("name", "owner", "contact.name", "contact.mobile"))}
    client.post(moved.headers["Location"], {**sent, "on_duplicate": "skip"})
    draft.refresh_from_db()
    assert draft.options["into"] == str(sea.pool.pk)
