"""Contracts on paper: the print page, text templates, downloads, and what the reader's rights leave out."""

from datetime import date
from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext

from contracts.models import Contract, ContractTemplate
from contracts.paper import placeholders, services, text
from contracts.paper.settings import safe
from contracts.tests import factories, papers
from crm.records import fieldset
from crm.records.models import FieldDefinition
from opportunities.tests.quoting import product
from orgs.models import Employee, OrgLog, Role
from orgs.tests.factories import client_for, department, employee
from products.lines.services import Row

from .test_changes import propose, send

pytestmark = pytest.mark.django_db
ROOT = "/settings/contract-templates/"
CANARY = '"><img src=x onerror=1>'


@pytest.fixture
def admin(db):
    return employee("管", ["admin", "sales_manager"], department("总部"))


@pytest.fixture
def seller(db):
    return employee("甲", ["seller"], department("华东"))


def lined(seller, rows=1, **more) -> Contract:
    made = factories.approved(seller, **more)
    items = [Row(product(f"网关{n}").pk, "90", "2", CANARY) for n in range(rows)]
    propose(made, seller, {}, rows=items)
    send(made, seller)
    return Contract.objects.get(pk=made.pk)


def a_text(by, body="甲方：{客户名称}\n{产品明细}", name="销售合同") -> ContractTemplate:
    return services.save_text(ContractTemplate(), name=name, body=body, by=by)


def a_docx(by, body=None, name="Word 版") -> ContractTemplate:
    data = papers.docx(
        body
        or papers.paragraph("{合同编号} {客户名称} {金额大写}")
        + "<w:tbl>"
        + papers.row("{产品名称}", "{小计}")
        + "</w:tbl>"
    )
    return services.save_docx(ContractTemplate(), name=name, upload=SimpleUploadedFile("模板.docx", data), by=by)


def test_the_house_sheet_shows_the_contract_with_its_amount_in_capitals(seller):
    made, client = lined(seller), client_for(seller)
    page = client.get(f"/contracts/{made.pk}/print/").content.decode()
    assert made.number in page and "¥180.00" in page and "人民币壹佰捌拾元整" in page and "网关0" in page
    assert CANARY not in page and "盖章" in page and "data-print-now" in page and "未生效" not in page
    page = client.get(f"/contracts/{made.pk}/print/?v=1").content.decode()
    assert "第 1 版，已被替代" in page and "¥120,000.00" in page and "网关0" not in page
    draft = factories.contract(seller)
    assert "草稿，未生效" in client.get(f"/contracts/{draft.pk}/print/").content.decode()
    for bad in ("?v=9", "?v=x", "?t=1", "?t=%00", f"?v={'9' * 30}"):
        assert client.get(f"/contracts/{made.pk}/print/{bad}").status_code == 404, bad


def test_a_text_template_is_filled_in_once_and_escaped(seller, admin):
    made = lined(seller, name=f"{{金额}}{CANARY}")
    one = a_text(
        admin, "# {合同名称}\n## 一、标的\n{客户名称} 与 {我方公司}\n第二行\n\n{产品明细}\n\n合计 {金额}（{金额大写}）"
    )
    page = client_for(seller).get(f"/contracts/{made.pk}/print/?t={one.pk}").content.decode()
    assert "k-contract-title" in page and "{金额}&quot;&gt;&lt;img" in page and CANARY not in page
    assert "合计 ¥180.00（人民币壹佰捌拾元整）" in page and "网关0" in page and "<br>第二行" in page
    services.set_enabled(one, False, by=admin)
    assert client_for(seller).get(f"/contracts/{made.pk}/print/?t={one.pk}").status_code == 404


def test_unknown_placeholders_are_named_and_nothing_is_saved(admin):
    for body, words in (
        ("{合同额} {客户名称}", "{合同额}"),
        ("{客户名称.__class__}", "__class__"),
        ("{产品名称}", "{产品名称}"),
        ("见 {产品明细}", "单独占一行"),
        ("   ", "请填写模板内容"),
        ("x" * 30_001, "30000"),
    ):
        with pytest.raises(ValidationError) as refused:
            a_text(admin, body)
        assert words in "；".join(refused.value.messages)
    assert not ContractTemplate.objects.exists()


def test_the_word_file_comes_filled_in_with_a_safe_name(seller, admin):
    made, one = lined(seller, name='一/期:"合同"\n'), a_docx(admin)
    answer = client_for(seller).get(f"/contracts/{made.pk}/paper/{one.pk}/")
    assert answer.status_code == 200 and answer["X-Content-Type-Options"] == "nosniff"
    assert (
        answer["Content-Disposition"].startswith("attachment; filename*=UTF-8''HT-")
        and "%2F" not in answer["Content-Disposition"]
    )
    words = papers.words(answer.content)
    assert words == [f"{made.number} {made.customer.name} 人民币壹佰捌拾元整", "网关0", "¥180.00"]
    assert safe("../../a\x00b\r\n.") == "a b" and safe("???") == "合同" and len(safe("长" * 500)) == 80


def test_what_the_reader_may_not_read_is_on_no_paper(seller, admin):
    made, one, word = lined(seller), a_text(admin, "{金额}{金额大写}{备注}\n{产品明细}"), a_docx(admin)
    Contract.objects.filter(pk=made.pk).update(remark="机密备注")
    role = Role.objects.get(code="seller")
    role.field_rights = {"contract": {"amount": fieldset.HIDDEN, "remark": fieldset.MASKED}}
    role.save()
    client = client_for(Employee.objects.get(pk=seller.pk))
    for url in ("print/", f"print/?t={one.pk}", "print/?v=2"):
        page = client.get(f"/contracts/{made.pk}/{url}").content.decode()
        assert "180" not in page and "¥" not in page and "机密备注" not in page and "网关0" in page
    words = papers.words(client.get(f"/contracts/{made.pk}/paper/{word.pk}/").content)
    assert words[1:] == ["网关0", ""] and "人民币" not in words[0]


def test_customer_details_need_the_customer_itself(seller, admin):
    made = factories.approved(seller)
    type(made.customer).objects.filter(pk=made.customer_id).update(address="苏州一号", phone="0512-66668888")
    made = Contract.objects.select_related("customer", "owner").get(pk=made.pk)
    assert placeholders.fill(made, seller).values["客户地址"].endswith("苏州一号")
    finance = employee("财", ["finance"], department("财务"))
    role = Role.objects.get(code="finance")
    role.permissions = [code for code in role.permissions if not code.startswith("customer.")]
    role.save()
    assert placeholders.fill(made, Employee.objects.get(pk=finance.pk)).values["客户地址"] == ""


def test_custom_fields_stand_on_paper_under_their_label(seller, admin):
    one = FieldDefinition.objects.create(module="contract", label="交货方式", type="text")
    from crm.records.custom import definitions

    definitions.touch()
    made = factories.approved(seller)
    Contract.objects.filter(pk=made.pk).update(extra={f"f{one.pk}": "送货上门"})
    template = a_text(admin, "{交货方式}")
    client = client_for(Employee.objects.get(pk=seller.pk))
    assert "送货上门" in client.get(f"/contracts/{made.pk}/print/?t={template.pk}").content.decode()
    assert "送货上门" in client.get(f"/contracts/{made.pk}/print/").content.decode()


def test_out_of_reach_is_404_and_without_print_403(seller, admin):
    made, one, word = factories.approved(seller), a_text(admin), a_docx(admin)
    stranger, nobody = employee("外", ["seller"], department("华南")), employee("无", ["marketing"], department("市场"))
    for url in ("print/", f"print/?t={one.pk}", f"paper/{word.pk}/"):
        assert client_for(stranger).get(f"/contracts/{made.pk}/{url}").status_code == 404
        assert client_for(nobody).get(f"/contracts/{made.pk}/{url}").status_code == 403
    assert client_for(seller).get(f"/contracts/{made.pk}/paper/{one.pk}/").status_code == 404
    services.set_enabled(word, False, by=admin)
    assert client_for(seller).get(f"/contracts/{made.pk}/paper/{word.pk}/").status_code == 404


def test_an_administrator_writes_uploads_previews_changes_and_deletes(admin):
    client = client_for(admin)
    assert client.post(f"{ROOT}new/", {"name": "一", "body": "{客户名称}"}).status_code == 302
    one = ContractTemplate.objects.get()
    assert "云澜智造有限公司" in client.get(f"{ROOT}{one.pk}/preview/").content.decode()
    assert client.post(f"{ROOT}new/", {"name": "一", "body": "x"}).status_code == 422
    assert client.post(f"{ROOT}{one.pk}/", {"name": "一", "body": "新", "version": "1"}).status_code == 302
    answer = client.post(f"{ROOT}{one.pk}/", {"name": "一", "body": "旧页", "version": "1"})
    assert answer.status_code == 422 and "刚被同事修改" in answer.content.decode()
    for bad in ("9" * 30, "x", "-1"):
        assert client.post(f"{ROOT}{one.pk}/", {"name": "一", "body": "旧页", "version": bad}).status_code == 422
    data = papers.docx(papers.paragraph("{客户名称}"))
    sent = {"name": "二", "file": SimpleUploadedFile("a/b\\模 板.docx", data)}
    assert client.post(f"{ROOT}upload/", sent).status_code == 302
    word = ContractTemplate.objects.get(kind="docx")
    assert word.file_name == "模 板.docx"
    assert papers.words(client.get(f"{ROOT}{word.pk}/preview/").content) == ["云澜智造有限公司"]
    assert b"".join(client.get(f"{ROOT}{word.pk}/file/").streaming_content) == data
    page = client.get(ROOT).content.decode()
    assert "{金额大写}" in page and "模 板.docx" in page
    for name, content in (("a.txt", b"x"), ("a.docm", data), ("a.docx", b"x"), ("a.docx", b"")):
        answer = client.post(f"{ROOT}upload/", {"name": "三", "file": SimpleUploadedFile(name, content)})
        assert answer.status_code == 422
    assert client.post(f"{ROOT}upload/", {"name": "三"}).status_code == 422
    assert client.post(f"{ROOT}{word.pk}/", {"name": "二二", "version": "1"}).status_code == 302
    assert client.post(f"{ROOT}{word.pk}/toggle/").status_code == 302
    assert client.get(f"{ROOT}{word.pk}/delete/").status_code == 200
    assert client.post(f"{ROOT}{word.pk}/delete/").status_code == 302
    assert ContractTemplate.objects.get().name == "一"
    codes = OrgLog.objects.filter(code__startswith="contract_template").values_list("code", flat=True)
    assert len(codes) == 6 and "contract_template.deleted" in codes


def test_bad_names_are_refused_and_shown_escaped(admin):
    client = client_for(admin)
    for name in ("", "x" * 51, "x" * 10_000, "\x00"):
        assert client.post(f"{ROOT}new/", {"name": name, "body": "{客户名称}"}).status_code == 422
    assert client.post(f"{ROOT}new/", {"name": CANARY, "body": CANARY}).status_code == 302
    one = ContractTemplate.objects.get()
    for url in (ROOT, f"{ROOT}{one.pk}/preview/", f"{ROOT}{one.pk}/", f"{ROOT}{one.pk}/delete/"):
        assert CANARY not in client.get(url).content.decode()


def test_templates_are_for_holders_of_the_function(seller, admin):
    one = a_docx(admin)
    client = client_for(seller)
    for page in ("", "new/", "upload/", f"{one.pk}/", f"{one.pk}/preview/", f"{one.pk}/file/", f"{one.pk}/delete/"):
        assert client.get(ROOT + page).status_code == 403
    for page in ("new/", "upload/", f"{one.pk}/", f"{one.pk}/toggle/", f"{one.pk}/delete/"):
        assert client.post(ROOT + page, {"name": "x", "body": "x"}).status_code == 403
    assert ContractTemplate.objects.get().enabled


def test_blocks_join_lines_and_keep_paragraphs_apart():
    filled = placeholders.Filled({"客户名称": "# 云澜"})
    kinds = [(one.kind, one.text) for one in text.blocks("# 题\na\n b\n\n{客户名称}\n## 二\nc", filled)]
    assert kinds == [("title", "题"), ("text", "a\n b"), ("text", "# 云澜"), ("heading", "二"), ("text", "c")]


def test_statements_do_not_grow_with_lines(seller, admin):
    word, client, found = a_docx(admin), client_for(seller), []
    for rows in (5, 50):
        made = lined(seller, rows)
        for url in ("print/", "print/?v=2", f"paper/{word.pk}/"):
            client.get(f"/contracts/{made.pk}/{url}")
            with CaptureQueriesContext(connection) as seen:
                assert client.get(f"/contracts/{made.pk}/{url}").status_code == 200
            found.append(len(seen))
    assert found[:3] == found[3:] and max(found) <= 20, found


def test_an_amount_of_nothing_and_the_largest_are_written(seller):
    for amount in ("0", "999999999999.99"):
        made = factories.approved(seller, amount=Decimal(amount), signed_on=date(2026, 1, 1))
        made = Contract.objects.select_related("customer", "owner").get(pk=made.pk)
        assert placeholders.fill(made, seller).values["金额大写"].startswith("人民币")
