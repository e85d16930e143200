"""Files on their way out: the requester's rows and columns when the export runs, text as text, and the way back in."""

import io
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from django.utils import timezone

from crm.notices.models import Message
from crm.records import filters, jobs, modules, params, services, trees
from crm.records.exporting import files, xlsx
from crm.records.exporting import job as exporting
from crm.records.importing import job as importing
from crm.records.importing import targets, upload
from crm.records.models import DictionaryItem, ExportLedger, Job, SavedView
from customers.models import Contact, Customer
from orgs.models import Role
from orgs.tests.factories import client_for, department, employee
from products.models import Category, Product

from .workbooks import cells_of

pytestmark = pytest.mark.django_db


def customer(owner, name, **values):
    return services.create(Customer(name=name, owner=owner, **values), by=owner, keep_check=False)


def content_of(job) -> bytes:
    with default_storage.open(job.output) as file:
        return file.read()


def export(user, *, module="customer", kind="xlsx", columns="all", **kw):
    job = exporting.begin(modules.get(module), user=user, kind=kind, columns=columns, send=False, **kw)
    jobs.execute(job.pk)
    job.refresh_from_db()
    return job


def names(job) -> list[str]:
    return [row[0] for row in cells_of(content_of(job))[1:]]


# Rows and columns ---------------------------------------------------------------------------------------------------------
def test_only_rows_in_reach_leave_and_the_ledger_says_which():
    mine, other = employee(), employee()
    kept, theirs = customer(mine, "甲"), customer(other, "乙")
    job = export(mine, query="")
    assert names(job) == ["甲"]
    ledger = ExportLedger.objects.get()
    assert (ledger.user, ledger.count, ledger.ids, ledger.job) == (
        mine,
        1,
        str(kept.pk),
        job,
    ) and "name" in ledger.fields
    job = export(mine, ids=[kept.pk, theirs.pk])
    assert names(job) == ["甲"] and job.result == {"rows": 1, "left_out": 1}


def test_rights_are_those_of_the_moment_the_export_runs():
    team, person = department("一部"), employee(department=department("二部"))
    boss = employee(roles=("sales_manager",), department=team)
    customer(employee(department=team), "下属的"), customer(boss, "自己的")
    job = exporting.begin(modules.get("customer"), user=boss, kind="xlsx", query="", send=False)
    boss.roles.set([Role.objects.get(code="seller")])
    jobs.execute(job.pk)
    job.refresh_from_db()
    assert names(job) == ["自己的"]
    job = exporting.begin(modules.get("customer"), user=person, kind="xlsx", query="", send=False)
    person.roles.set([])
    jobs.execute(job.pk)
    job.refresh_from_db()
    assert job.state == "failed" and "没有导出客户的权限" in job.error and not job.output


def test_cost_prices_need_their_function():
    Product.objects.create(name="泵", code="P1", code_key="p1", price=Decimal("10.50"), cost=Decimal("3.25"))
    with_cost, without = employee(roles=("super",)), employee()
    if not without.has_function("product.export"):
        role = Role.objects.create(name="导出产品", reach="self", permissions=["product.view", "product.export"])
        without = employee(roles=(role,))
    assert "成本价" in cells_of(content_of(export(with_cost, module="product")))[0]
    assert "成本价" not in cells_of(content_of(export(without, module="product")))[0]


def test_my_columns_in_my_order_or_all():
    person = employee()
    customer(person, "甲", phone="13800000001")
    SavedView.objects.create(user=person, module="customer", columns=["phone", "owner"])
    assert cells_of(content_of(export(person, columns="mine"))) == [
        ["客户名称", "电话", "负责人"],
        ["甲", "13800000001", person.name],
    ]
    assert len(cells_of(content_of(export(person, columns="all")))[0]) == len(modules.get("customer").columns)


def test_filters_views_and_search_narrow_and_unknown_ones_refuse():
    person = employee()
    customer(person, "甲公司"), customer(person, "乙公司")
    assert names(export(person, query="q=甲公司&view=mine")) == ["甲公司"]
    for query in ("owner__password__startswith=a", "view=nothing", "sort=password", "owner=abc"):
        with pytest.raises(jobs.Refused):
            export(person, query=query)


# Cells ---------------------------------------------------------------------------------------------------------------------
def test_text_is_text_numbers_are_numbers_dates_are_dates():
    person = employee()
    moment = datetime(2026, 1, 31, 6, 5, 9, tzinfo=UTC)
    customer(
        person,
        "=1+1",
        remark="@SUM(A1)",
        rating=3,
        phone="+8613800138003",
        next_contact_at=moment,
        website="http://a.cn",
    )
    head, row = cells_of(content_of(export(person)))
    found = dict(zip(head, row, strict=True))
    assert (found["客户名称"], found["备注"], found["评分"], found["电话"]) == ("=1+1", "@SUM(A1)", 3.0, "13800138003")
    assert (
        found["下次联系时间"] == datetime(2026, 1, 31, 14, 5, 9)
        and found["锁定"] == "否"
        and found["网址"] == "http://a.cn"
    )
    import openpyxl

    sheet = openpyxl.load_workbook(io.BytesIO(content_of(export(person)))).active
    assert sheet["A2"].data_type == "s" and sheet["A2"].value == "=1+1" and sheet.freeze_panes == "B2"


def test_csv_has_a_mark_and_no_cell_a_spreadsheet_would_run():
    person = employee()
    customer(person, "=1+1", remark="第一行\n第二行", phone="13800138003")
    text = content_of(export(person, kind="csv")).decode("utf-8")
    assert (
        text.startswith("\ufeff客户名称,")
        and "\n'=1+1," in text
        and ",13800138003," in text
        and '"第一行\n第二行"' in text
    )


def test_xls_says_when_it_is_full(monkeypatch):
    person = employee()
    for n in range(3):
        customer(person, f"客户{n}")
    assert len(names(export(person, kind="xls"))) == 3
    monkeypatch.setattr(files, "XLS_ROWS", 2)
    with pytest.raises(jobs.Refused, match=".xls 最多 2 行，这次有 3 行"):
        export(person, kind="xls")


def test_nothing_found_still_has_headers():
    assert cells_of(content_of(export(employee())))[0][0] == "客户名称"


def test_a_full_sheet_continues_on_the_next(monkeypatch, tmp_path):
    import python_calamine

    monkeypatch.setattr(xlsx, "ROWS_PER_SHEET", 2)
    path = tmp_path / "a.xlsx"
    xlsx.write(str(path), [("甲", "text"), ("甲", "int")], ((f"v{n}", n) for n in range(5)), total=5, title="客户[1]")
    book = python_calamine.CalamineWorkbook.from_path(str(path))
    assert [len(book.get_sheet_by_name(name).to_python()) for name in book.sheet_names] == [3, 3, 2]


# The way back in -----------------------------------------------------------------------------------------------------------
def fill(boss, seller):
    industry = DictionaryItem.objects.get(dictionary="customer.industry", label="电子商务")
    past = timezone.now() - timedelta(days=300)
    for n, name in enumerate(
        [
            "=1+1",
            "@SUM(A1)",
            "-2+3",
            "O'Brien & Söhne",
            "ＡＢＣ科技",
            "🐟海产🦐",
            "NULL",
            "true",
            "00123",
            "1e5",
            "2026-11-21",
            "'=x",
            "'y",
            'a,b"c',
        ]
    ):
        one = customer(
            seller if n % 2 else boss,
            name,
            industry=industry if n % 3 else None,
            phone=["", "13800138003", "0512-65550186"][n % 3],
            rating=[None, 1, 2, 3][n % 4],
            province="江苏省" if n % 2 else "",
            city="苏州市" if n % 2 else "",
            address="星湖街 1 号",
            postcode="021500",
            remark="一\n二" if n % 2 else "=x",
            website="http://a.cn/?q=1",
            credit=5,
            deal_status=n % 2,
            locked=bool(n % 2),
            next_contact_at=past,
            last_followed_at=past,
        )
        Contact.objects.create(
            customer=one,
            name=f"人{n}",
            owner=seller,
            mobile="13800000001",
            birthday="1990-05-20",
            is_decider=bool(n % 2),
            gender="f",
            is_primary=True,
            created_by=boss,
        )
        Product.objects.create(
            name=name,
            code=f"00{n}",
            code_key=f"00{n}",
            price=Decimal("12.50") * n,
            cost=None if n % 2 else Decimal("0.01"),
            stock=Decimal("1.2500"),
            on_shelf=bool(n % 2),
            category=Category.objects.get(name="泵"),
            description="=1",
            created_by=seller,
        )
    Customer.objects.update(created_at=past, updated_at=past)


def forget():
    for model in (Contact, Customer, Product):
        model.objects.all().delete()


@pytest.mark.parametrize("kind", ["xlsx", "csv", "xls"])
def test_export_into_an_empty_company_and_out_again_is_equal_cell_by_cell(kind):
    boss, seller = employee("总管", roles=("super",)), employee("王卖")
    trees.save(Category(name="泵", parent=trees.save(Category(name="设备"))))
    fill(boss, seller)
    before = {name: content_of(export(boss, module=name, kind=kind)) for name in ("customer", "contact", "product")}
    forget()
    for name, content in before.items():
        module = modules.get(name)
        draft = upload.accept(io.BytesIO(content), f"a.{kind}", user=boss, module=module)
        draft.options = {
            "mapping": targets.guess(draft.meta["headers"], targets.importer_of(module).allowed_targets(boss))
        }
        job = importing.begin(draft, user=boss, send=False)
        jobs.execute(job.pk)
        job.refresh_from_db()
        assert (job.result["created"], job.result["failed"]) == (14, 0), job.result
        assert table(content_of(export(boss, module=name, kind=kind)), kind) == table(content, kind), name


def table(content: bytes, kind: str) -> list:
    rows = content.decode("utf-8-sig").splitlines() if kind == "csv" else cells_of(content)
    return [rows[0], *sorted(rows[1:], key=str)]


# Pages ---------------------------------------------------------------------------------------------------------------------
def test_a_small_export_is_there_at_once_and_a_large_one_goes_to_the_background(monkeypatch):
    person = employee()
    client = client_for(person)
    for n in range(3):
        customer(person, f"客户{n}")
    assert "导出客户（3 条）" in client.get("/customers/export/").content.decode()
    response = client.post("/customers/export/", {"format": "xlsx", "columns": "mine"})
    assert len(cells_of(b"".join(response.streaming_content))) == 4 and "attachment" in response["Content-Disposition"]
    assert not Message.objects.exists()
    dialog = client.post("/customers/export/", {"format": "csv"}, headers={"HX-Request": "true", "HX-Target": "dialog"})
    assert (
        "已导出 3 条" in dialog.content.decode()
        and f"/jobs/{Job.objects.latest('pk').pk}/file/" in dialog.content.decode()
    )
    monkeypatch.setattr(params, "get", lambda key, get=params.get: 2 if key == "export_background" else get(key))
    response = client.post("/customers/export/", {"format": "xlsx"})
    job = Job.objects.latest("pk")
    assert response["Location"] == f"/jobs/{job.pk}/" and job.state == "queued"
    jobs.execute(job.pk)
    assert "导出客户：已完成" == Message.objects.get(recipient=person).title
    assert client.get(f"/jobs/{job.pk}/file/").status_code == 200
    assert (
        timezone.now() + timedelta(days=6) < Job.objects.get(pk=job.pk).expires_at < timezone.now() + timedelta(days=8)
    )


def test_selected_rows_and_all_filtered_rows():
    person = employee()
    client = client_for(person)
    first, second = customer(person, "甲公司"), customer(person, "乙公司")

    def got(**data):
        response = client.post("/customers/export/", {"format": "xlsx", **data})
        return sorted(row[0] for row in cells_of(b"".join(response.streaming_content))[1:])

    assert got(ids=f"{first.pk}") == ["甲公司"]
    token = filters.sign("customer", "q=乙公司")
    assert got(all="1", filter=token) == ["乙公司"] and got(filter=token) == ["乙公司"]
    assert "导出客户（1 条）" in client.get(f"/customers/export/?filter={token}").content.decode()
    for data in ({"ids": ""}, {"ids": "x"}):
        assert "请先选择客户信息。" in client.post("/customers/export/", {"format": "xlsx", **data}).content.decode()
    for bad in ("x", filters.sign("contact", ""), filters.sign("customer", "owner__password__startswith=a")):
        response = client.post("/customers/export/", {"format": "xlsx", "all": "1", "filter": bad})
        assert response.status_code == 422
    assert second.pk and ExportLedger.objects.count() == 3


def test_without_the_function_there_is_no_export():
    role = Role.objects.create(name="只看", reach="self", permissions=["customer.view"])
    client = client_for(employee(roles=(role,)))
    assert client.get("/customers/export/").status_code == 403
    assert client.post("/customers/export/", {"format": "xlsx"}).status_code == 403
    assert not Job.objects.exists() and not ExportLedger.objects.exists()


def test_the_command_writes_the_file(tmp_path, capsys):
    person = employee()
    customer(person, "甲公司"), customer(person, "乙公司")
    path = tmp_path / "out.xlsx"
    call_command("export_records", "customers", str(path), "--as", person.phone, "--filter", "q=甲公司")
    assert capsys.readouterr().out.splitlines()[-1] == "exported=1" and cells_of(path.read_bytes())[1][0] == "甲公司"
    with pytest.raises(CommandError, match="未知的筛选条件"):
        call_command("export_records", "customers", str(path), "--as", person.phone, "--filter", "x=1")
    with pytest.raises(CommandError, match="结尾"):
        call_command("export_records", "customers", str(tmp_path / "a.pdf"), "--as", person.phone)


def test_ids_are_kept_short():
    assert exporting.ranges([3, 1, 2, 7, 9, 10]) == "1-3,7,9-10" and exporting.ranges([]) == ""
