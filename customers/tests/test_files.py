"""Files of a record: what is refused, thumbnails, previews, the zip, and an S3-compatible store instead of the disk."""

import io
import struct
import zipfile
import zlib

import pytest
from django.core.exceptions import ValidationError
from django.core.files.storage import storages
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone
from PIL import Image

from crm.records import cleaning, services, uploads
from crm.records.exporting import zipping
from crm.records.followups import services as followups
from crm.records.models import Attachment, OperationLog
from crm.testing.followups import values
from crm.tests.bucket import Store
from customers.models import Customer
from orgs.tests.factories import client_for, employee

pytestmark = pytest.mark.django_db


@pytest.fixture
def seller():
    return employee("甲", ["seller"])


@pytest.fixture
def customer(seller):
    return services.create(Customer(name="公司", owner=seller), by=seller)


def picture(size=(900, 600), kind="JPEG", name="车间.jpg", **more):
    found = io.BytesIO()
    Image.new("RGB", size, "teal").save(found, kind, **more)
    return SimpleUploadedFile(name, found.getvalue())


def body(response) -> bytes:
    return b"".join(response.streaming_content)


def claiming(width, height) -> bytes:
    """A tiny PNG that says it is enormous."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")


def packed(name, content) -> bytes:
    found = io.BytesIO()
    with zipfile.ZipFile(found, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return found.getvalue()


@pytest.mark.parametrize(
    "name,content,sentence",
    [
        ("图.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>", "只支持"),
        ("页.html", b"<script>alert(1)</script>", "只支持"),
        ("图.png", b"<svg onload=alert(1)>", "的内容与扩展名 .png 不符"),
        ("文.pdf", b"<html>", "的内容与扩展名 .pdf 不符"),
        ("表.xlsx", packed("word/document.xml", "x"), "的内容与扩展名 .xlsx 不符"),
        ("空.txt", b"", "是空文件"),
        ("弹.png", claiming(60_000, 60_000), "解开后过大"),
        ("弹.zip", packed("a.txt", b"\0" * 30_000_000), "解开后过大"),
        ("弹.docx", packed("word/document.xml", b"\0" * 30_000_000), "解开后过大"),
    ],
)
def test_what_is_not_wanted_is_refused_with_its_sentence(customer, seller, name, content, sentence):
    with pytest.raises(ValidationError, match=sentence):
        uploads.attach(customer, [SimpleUploadedFile(name, content)], by=seller)
    assert not Attachment.objects.exists()


def test_a_file_of_51_mb_is_refused_and_none_of_the_others_is_kept(customer, seller):
    large = SimpleUploadedFile("大.txt", b"x")
    large.size = 51 * 2**20
    page = client_for(seller).post(f"/customers/{customer.pk}/files/", {"files": [picture()]}, follow=True)
    assert "上传成功" in page.content.decode()
    with pytest.raises(ValidationError, match="超过 50 MB"):
        uploads.attach(customer, [picture(), large], by=seller)
    assert Attachment.objects.count() == 1


def test_pictures_get_a_small_one_that_goes_with_them(customer, seller, django_capture_on_commit_callbacks):
    made = uploads.attach(customer, [picture(), picture(kind="PNG", name="透明.png")], by=seller)
    response = client_for(seller).get(f"/files/{made[0].pk}/?thumb=1")
    assert (response["Content-Type"], response["X-Content-Type-Options"]) == ("image/jpeg", "nosniff")
    assert max(Image.open(io.BytesIO(body(response))).size) == 320
    storage, name = made[0].thumbnail.storage, made[0].thumbnail.name
    assert storage.exists(name)
    with django_capture_on_commit_callbacks(execute=True):
        uploads.remove(made[0], customer, by=seller)
    assert not storage.exists(name) and not storage.exists(made[0].file.name)


def test_an_enormous_picture_is_kept_without_a_small_one():
    assert uploads.thumbnail(SimpleUploadedFile("a.png", claiming(9_000, 9_000)), "png") is None
    assert uploads.thumbnail(SimpleUploadedFile("a.png", b"\x89PNG broken"), "png") is None


def test_a_pdf_is_shown_in_a_frame_of_ours_and_nothing_else_is(customer, seller):
    pdf, text = uploads.attach(
        customer, [SimpleUploadedFile("合同.pdf", b"%PDF-1.4"), SimpleUploadedFile("a.txt", b"<script>")], by=seller
    )
    client = client_for(seller)
    response = client.get(f"/files/{pdf.pk}/?preview=1")
    assert response["Content-Type"] == "application/pdf"
    assert response["Content-Disposition"].startswith("inline")
    policy = response["Content-Security-Policy"]
    assert "sandbox" in policy and "frame-ancestors 'self'" in policy and "default-src 'none'" in policy
    assert (response["X-Frame-Options"], response["X-Content-Type-Options"]) == ("SAMEORIGIN", "nosniff")
    for url in (f"/files/{pdf.pk}/", f"/files/{text.pk}/?preview=1", f"/files/{text.pk}/"):
        response = client.get(url)
        assert response["Content-Disposition"].startswith("attachment"), url
        assert "sandbox" not in response["Content-Security-Policy"]
        assert response["X-Frame-Options"] == "DENY"
    assert client.get(f"/files/{text.pk}/?thumb=1").status_code == 404


def test_the_zip_holds_the_chosen_files_under_their_names_and_leaves_a_log_row(customer, seller):
    made = uploads.attach(
        customer,
        [SimpleUploadedFile("报价.txt", b"1"), SimpleUploadedFile("报价.TXT", b"22"), picture()],
        by=seller,
    )
    written = followups.write(customer, values("带文件的跟进"), by=seller)
    extra = uploads.attach(customer, [SimpleUploadedFile("跟进.txt", b"3")], by=seller, at=written)[0]
    other = services.create(Customer(name="别家", owner=seller), by=seller)
    foreign = uploads.attach(other, [SimpleUploadedFile("别家.txt", b"4")], by=seller)[0]
    client, url = client_for(seller), f"/customers/{customer.pk}/files/zip/"
    whole = zipfile.ZipFile(io.BytesIO(body(client.post(url))))
    assert sorted(whole.namelist()) == ["报价 (2).txt", "报价.TXT", "车间.jpg"]
    assert whole.testzip() is None
    data = {"file": [made[0].pk, extra.pk, foreign.pk, "x", "9" * 30]}
    some = zipfile.ZipFile(io.BytesIO(body(client.post(url, data))))
    assert [(name, some.read(name)) for name in some.namelist()] == [("报价.txt", b"1")]
    log = OperationLog.objects.filter(code="customer.files_downloaded")
    assert log.count() == 2 and "3 个附件" in log.earliest("pk").text
    assert client.get(url).status_code == 405
    assert client_for(employee("乙", ["seller"])).post(url).status_code == 404


def test_a_lost_file_is_named_in_the_zip(customer, seller):
    made = uploads.attach(customer, [SimpleUploadedFile("在.txt", b"1"), SimpleUploadedFile("丢.txt", b"2")], by=seller)
    made[1].file.storage.delete(made[1].file.name)
    found = zipfile.ZipFile(io.BytesIO(b"".join(zipping.stream(made))))
    assert found.namelist() == ["在.txt", "缺少的文件.txt"]
    assert "丢.txt" in found.read("缺少的文件.txt").decode()


def test_the_tab_offers_viewer_and_zip_and_escapes_names(customer, seller):
    uploads.attach(
        customer, [picture(name='"><img src=x onerror=1>.jpg'), SimpleUploadedFile("b.pdf", b"%PDF-1")], by=seller
    )
    page = client_for(seller).get(f"/customers/{customer.pk}/?tab=files").content.decode()
    assert "<img src=x" not in page
    for part in ("打包下载全部", 'data-view="image"', 'data-view="pdf"', "?thumb=1"):
        assert part in page


def test_files_live_in_a_bucket_and_are_served_by_the_site(
    customer, seller, settings, django_capture_on_commit_callbacks
):
    with Store() as store:
        settings.STORAGES = {
            **settings.STORAGES,
            "default": {"BACKEND": "crm.files.Bucket", "OPTIONS": store.options},
        }
        made = uploads.attach(customer, [picture(), SimpleUploadedFile("a.txt", "内容".encode())], by=seller)
        assert len(store.objects) == 3
        client = client_for(seller)
        response = client.get(f"/files/{made[1].pk}/")
        assert (body(response).decode(), response["Content-Length"]) == ("内容", "6")
        assert Image.open(io.BytesIO(body(client.get(f"/files/{made[0].pk}/?thumb=1")))).size == (320, 213)
        whole = zipfile.ZipFile(io.BytesIO(body(client.post(f"/customers/{customer.pk}/files/zip/"))))
        assert whole.read("a.txt").decode() == "内容"
        with pytest.raises(ValueError, match="through the view"):
            made[0].file.storage.url(made[0].file.name)
        job = client.post("/customers/export/", {"filter": "", "format": "csv", "columns": "all"})
        assert "公司" in body(job).decode()
        store.objects["exports/9/old.csv"] = b"x"
        cleaning.clean_up(timezone.now() + cleaning.ORPHANS * 2)
        assert "exports/9/old.csv" not in store.objects
        with django_capture_on_commit_callbacks(execute=True):
            uploads.remove(made[0], customer, by=seller)
        assert [name for name in store.objects if name.startswith("attachments/")] == [made[1].file.name]
        assert client.get(f"/files/{made[1].pk}/").status_code == 200
        store.objects.pop(made[1].file.name)
        assert client.get(f"/files/{made[1].pk}/").status_code == 404
        assert storages["default"].exists("nothing") is False
