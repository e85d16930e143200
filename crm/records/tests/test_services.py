"""Verbs every record shares: transfer with children, teams, conflicts between two people, files."""

import io
import zipfile

import pytest
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from PIL import Image

from crm.notices.models import Message
from crm.records import services, teams, uploads
from crm.records.models import Attachment, OperationLog
from customers.models import Contact, Customer, CustomerGrant
from customers.services import create_customer
from orgs.tests.factories import client_for, employee


@pytest.fixture
def two(db):
    return employee("甲", ["seller"]), employee("乙", ["seller"])


def customer(owner, name="青岚科技", **kw):
    return create_customer(Customer(name=name, owner=owner, **kw), by=owner, contact={"name": "许一诺"})


def test_transfer_takes_chosen_children_keeps_the_former_owner_logs_each_record_and_sends_one_message(two):
    seller, mate = two
    first, second = customer(seller, "一号"), customer(seller, "二号")
    moved = services.transfer(
        Customer.objects.filter(pk__in=[first.pk, second.pk]), mate, by=seller, keep="write", children=["contact"]
    )
    assert moved == 2
    assert (
        set(Customer.objects.values_list("owner", flat=True))
        == set(Contact.objects.values_list("owner", flat=True))
        == {mate.pk}
    )
    assert CustomerGrant.objects.filter(user=seller, permission__codename="change_customer").count() == 2
    assert OperationLog.objects.filter(code="customer.transferred").count() == 2
    assert OperationLog.objects.filter(code="contact.transferred").count() == 2
    message = Message.objects.get(recipient=mate)
    assert message.title == "甲转移给您 2 个客户" and "一号" in message.body


def test_transfer_leaves_children_of_other_owners_alone(two):
    seller, mate = two
    third = employee("丙", ["seller"])
    record = customer(seller)
    foreign = services.create(Contact(name="别人的", customer=record, owner=third), by=third, keep_check=False)
    services.transfer(Customer.objects.filter(pk=record.pk), mate, by=seller, children=["contact"])
    foreign.refresh_from_db()
    assert foreign.owner == third


def test_transfer_takes_no_children_beyond_the_givers_own_reach_in_their_module(two):
    seller, mate = two
    boss = employee("经理", ["sales_manager"])
    role = boss.roles.get()
    role.overrides = {"contact": {"reach": "self", "departments": []}}
    role.save()
    record = customer(seller)
    services.transfer(
        Customer.objects.allowed(boss, "transfer").filter(pk=record.pk), mate, by=boss, children=["contact"]
    )
    record.refresh_from_db()
    assert (record.owner, Contact.objects.get().owner) == (mate, seller)


def test_two_deleted_rows_of_one_name_cannot_come_back_together(two):
    seller, _ = two
    for _ in range(2):
        services.delete(
            Customer.objects.filter(pk=services.create(Customer(name="同名", owner=seller), by=seller).pk), by=seller
        )
    with pytest.raises(ValidationError, match="重复"):
        services.restore(Customer.objects.trashed(), by=seller)
    assert Customer.objects.trashed().count() == 2


def test_only_modules_below_can_go_along(two):
    seller, mate = two
    record = customer(seller)
    with pytest.raises(ValidationError, match="只能同时转移下级记录"):
        services.transfer(Customer.objects.filter(pk=record.pk), mate, by=seller, children=["product"])


def test_a_stale_update_writes_nothing(two):
    seller, _ = two
    record = customer(seller)
    services.update(record, {"remark": "先"}, version=1, by=seller)
    with pytest.raises(services.Stale):
        services.update(record, {"remark": "后"}, version=1, by=seller)
    record.refresh_from_db()
    assert (record.remark, record.version) == ("先", 2)


def test_an_update_without_a_difference_leaves_no_trace(two):
    seller, _ = two
    record = customer(seller)
    before = OperationLog.objects.count()
    assert services.update(record, {"remark": "", "name": record.name}, version=1, by=seller).version == 1
    assert OperationLog.objects.count() == before


def test_saving_a_row_out_of_ones_own_sight_is_rolled_back(two):
    seller, mate = two
    record = customer(seller)
    with pytest.raises(services.OutOfReach):
        services.update(record, {"owner": mate}, version=1, by=seller)
    record.refresh_from_db()
    assert record.owner == seller and record.version == 1


def test_team_rights_can_be_changed_and_removed(two):
    seller, mate = two
    record = customer(seller)
    teams.add([record], [mate], write=False, by=seller)
    teams.add([record], [mate], write=True, by=seller)
    assert [grant.permission.codename for grant in teams.members(record)] == ["change_customer"]
    client = client_for(seller)
    assert client.post(f"/customers/{record.pk}/team/{mate.pk}/remove/").status_code == 302
    assert teams.members(record) == []
    assert client.post(f"/customers/{record.pk}/team/{mate.pk}/remove/").status_code == 404


def test_the_team_dialog_refuses_a_day_in_the_past(two):
    seller, mate = two
    record = customer(seller)
    data = {"ids": record.pk, "confirmed": "1", "people": [mate.pk], "right": "read", "until": "2020-01-01"}
    response = client_for(seller).post(f"/customers/{record.pk}/team/", data)
    assert response.context["fields"].errors["until"] == ["有效期不能早于今天。"]
    assert CustomerGrant.objects.count() == 0


# Files ----------------------------------------------------------------------------------------------------------------
def picture(kind="PNG") -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (4, 4), "teal").save(out, kind)
    return out.getvalue()


def office(folder: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(f"{folder}document.xml", "<x/>")
    return out.getvalue()


GOOD = [
    ("a.png", picture()),
    ("b.jpg", picture("JPEG")),
    ("c.txt", "备注".encode()),
    ("d.pdf", b"%PDF-1.7\n"),
    ("e.docx", office("word/")),
    ("f.xlsx", office("xl/")),
    ("g.zip", office("x/")),
    ("h.doc", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"0" * 100),
    ("../../etc/passwd.txt", b"x"),
]
BAD = [
    ("a.exe", b"MZ", "只支持"),
    ("a.svg", b"<svg onload=alert(1)>", "只支持"),
    ("a.html", b"<b>", "只支持"),
    ("a", b"x", "只支持"),
    ("a.png", b"MZ" + b"0" * 99, "与扩展名 .png 不符"),
    ("a.png", picture("JPEG"), "与扩展名 .png 不符"),
    ("a.docx", office("xl/"), "与扩展名 .docx 不符"),
    ("a.pdf", b"<html>", "与扩展名 .pdf 不符"),
    ("a.txt", b"\x00\x01", "与扩展名 .txt 不符"),
    ("a.zip", b"PK\x03\x04broken", "与扩展名 .zip 不符"),
    ("a.txt", b"", "空文件"),
]


@pytest.mark.parametrize("name,content", GOOD, ids=[name for name, _ in GOOD])
def test_what_may_be_attached_is_served_as_a_download_under_its_own_name(two, name, content):
    seller, _ = two
    record = customer(seller)
    client = client_for(seller)
    client.post(f"/customers/{record.pk}/files/", {"files": SimpleUploadedFile(name, content)})
    file = Attachment.objects.get()
    assert "/" not in file.name and file.name not in file.file.name
    response = client.get(f"/files/{file.pk}/")
    assert b"".join(response.streaming_content) == content
    assert response["Content-Disposition"].startswith("attachment") and response["X-Content-Type-Options"] == "nosniff"
    assert client.get(f"/files/{file.pk}/?preview=1")["Content-Disposition"].startswith("inline") == name.endswith(
        ("png", "jpg", "pdf")
    )


@pytest.mark.parametrize("name,content,message", BAD, ids=[f"{name}-{n}" for n, (name, _, _) in enumerate(BAD)])
def test_what_may_not_be_attached_is_refused_in_words_and_leaves_nothing(two, name, content, message):
    seller, _ = two
    record = customer(seller)
    response = client_for(seller).post(
        f"/customers/{record.pk}/files/", {"files": SimpleUploadedFile(name, content)}, follow=True
    )
    assert message in response.content.decode()
    assert Attachment.objects.count() == 0


def test_more_than_fifty_megabytes_are_refused(two):
    upload = SimpleUploadedFile("a.txt", b"x")
    upload.size = uploads.LIMIT + 1
    with pytest.raises(ValidationError, match="超过 50 MB"):
        uploads.check(upload)


@pytest.mark.pg
@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_two_people_saving_at_once_one_wins_and_the_other_is_told():
    from concurrent.futures import ThreadPoolExecutor

    seller = employee("甲", ["seller"])
    record = customer(seller)

    def save(text):
        try:
            services.update(record, {"remark": text}, version=1, by=seller)
            return "saved"
        except services.Stale:
            return "stale"
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(save, [f"第{n}人" for n in range(8)]))
    assert sorted(results) == ["saved"] + ["stale"] * 7
    assert OperationLog.objects.filter(code="customer.updated").count() == 1


@pytest.mark.pg
@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_the_same_name_saved_by_eight_people_at_once_stands_once():
    from concurrent.futures import ThreadPoolExecutor

    seller = employee("甲", ["seller"])

    def save(_):
        try:
            return client_for(seller).post("/customers/new/", {"name": "抢注公司", "owner": seller.pk}).status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        codes = list(pool.map(save, range(8)))
    assert codes.count(302) == 1 and set(codes) == {200, 302}
    assert Customer.objects.filter(name="抢注公司").count() == 1
