"""Files on their way in: what is read how, and what is refused in which words before anything is kept."""

import csv
import io
from datetime import date, datetime

import pytest
from django.core.files.storage import default_storage

from crm.records import modules
from crm.records.importing import spool, targets, upload
from crm.records.models import DictionaryItem, ImportDraft, Job
from orgs.tests.factories import client_for, employee

from . import workbooks
from .workbooks import HEADER, xls, xlsx

pytestmark = pytest.mark.django_db
MB = 2**20


def accept(content: bytes, name: str, limit=None):
    return upload.accept(io.BytesIO(content), name, user=employee(), module=modules.get("customer"), limit=limit)


def rows(draft) -> list[list[str]]:
    return [[upload.readable(cell) for cell in cells] for _, cells, _ in upload.lines(draft.source)]


def numbers(draft) -> list[int]:
    return [number for number, _, _ in upload.lines(draft.source)]


def big_csv(lines: int) -> bytes:
    return ("客户名称,电话\n" + "甲,1\n" * lines).encode()


REFUSED = {
    "wrong type": (b"x", "a.pdf", "只支持 .xls、.xlsx、.csv 文件"),
    "no type": (b"x", "noext", "只支持 .xls、.xlsx、.csv 文件"),
    "exe as csv": (b"MZ\x90\x00\x03" + bytes(100), "a.csv", "文件内容不是 .csv 文本"),
    "exe as xlsx": (b"MZ\x90\x00\x03" + bytes(100), "a.xlsx", "文件内容不是 .xlsx 格式"),
    "exe as xls": (b"MZ\x90\x00\x03" + bytes(100), "a.xls", "文件内容不是 .xls 格式"),
    "xlsx as csv": (xlsx(HEADER, ("甲", "1")), "a.csv", "文件内容不是 .csv 文本"),
    "xlsx as xls": (xlsx(HEADER, ("甲", "1")), "a.xls", "文件内容不是 .xls 格式（可能是 .xlsx），请改正扩展名"),
    "xls as xlsx": (xls(HEADER, ("甲", "1")), "a.xlsx", "文件内容不是 .xlsx 格式（可能是 .xls），请另存后再上传"),
    "password xlsx": (workbooks.locked_xlsx(), "a.xlsx", "文件有密码保护，请在 Excel 中去掉密码后再上传"),
    "password xls": (xls(HEADER, ("甲", "1"), password=True), "a.xls", "文件有密码保护，请在 Excel 中去掉密码后再上传"),
    "nothing in it": (b"", "a.csv", "文件是空的"),
    "blank csv": (b"\n\n , \n", "a.csv", "文件是空的，没有表头和数据"),
    "blank sheet": (xlsx(), "a.xlsx", "文件是空的，没有表头和数据"),
    "header only": (xlsx(HEADER), "a.xlsx", "文件只有表头，没有数据"),
    "header only csv": ("客户名称,电话\n\n,,\n".encode(), "a.csv", "文件只有表头，没有数据"),
    "merged header": (xlsx(("名单", None), HEADER, ("甲", "1"), merge="A1:B1"), "a.xlsx", "合并的单元格（A1:B1）"),
    "merged data": (xlsx(HEADER, ("甲", "1"), (None, "2"), merge="A2:A3"), "a.xlsx", "合并的单元格（A2:A3）"),
    "repeated headers": (
        xlsx(("客户名称", "电话", "客户名称"), ("甲", "1", "乙")),
        "a.xlsx",
        "表头重复：“客户名称”出现在第 1、3 列",
    ),
    "broken archive": (b"PK\x03\x04" + bytes(300), "a.xlsx", spool.BROKEN),
    "zip bomb": (workbooks.bomb(), "a.xlsx", "文件解压后过大，已拒绝读取"),
    "an open quote": ('客户名称,电话\n甲,1\n"乙,2\n'.encode(), "a.csv", "引号不完整"),
    "one row too many": (big_csv(1_000_001), "a.csv", "最多导入 1,000,000 行"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_file_that_cannot_be_imported_is_refused_in_words_and_leaves_nothing(case, settings, tmp_path):
    # folders of its own: the other test processes import at the same time
    settings.DATA_DIR = tmp_path
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {**settings.STORAGES["default"], "OPTIONS": {"location": tmp_path / "files"}},
    }
    content, name, words = REFUSED[case]
    before = _stored()
    with pytest.raises(upload.Refused) as refusal:
        accept(content, name)
    assert words in str(refusal.value)
    assert not ImportDraft.objects.exists() and not Job.objects.exists() and _stored() == before
    assert not list((settings.DATA_DIR / "tmp").glob("import-*"))


def _stored() -> int:
    folders = default_storage.listdir("imports")[0] if default_storage.exists("imports") else []
    return sum(len(default_storage.listdir(f"imports/{folder}")[1]) for folder in folders)


def test_the_size_is_counted_by_the_bytes_read_and_the_limit_is_inclusive():
    head = "客户名称,备注\n".encode()
    line = ("甲," + "x" * 1000 + "\n").encode()
    content = head + line * ((MB - len(head)) // len(line))
    content += b"\n" * (MB - len(content))
    assert accept(content, "a.csv", limit=MB).meta["total"] > 900
    with pytest.raises(upload.Refused, match="文件超过 1 MB"):
        accept(content + b"\n", "a.csv", limit=MB)


def test_the_page_refuses_with_the_same_words_and_keeps_nothing(settings):
    settings.IMPORT_MAX_MB = 1
    client = client_for(employee())
    for content, name, words in [
        *(REFUSED[case] for case in ("wrong type", "exe as csv", "header only", "zip bomb")),
        (b"x" * (MB + 1), "a.csv", "文件超过 1 MB"),
    ]:
        file = io.BytesIO(content)
        file.name = name
        response = client.post("/customers/import/", {"file": file})
        assert response.status_code == 422 and words in response.content.decode()
    assert "请选择要导入的文件" in client.post("/customers/import/", {}).content.decode()
    assert not ImportDraft.objects.exists() and not Job.objects.exists()


def test_encodings_by_mark_then_utf8_then_gb18030():
    text = "客户名称,备注\n长春一汽，“红旗”,𠮷\n"
    for encoding in ("utf-8", "utf-8-sig", "utf-16", "gb18030"):
        assert rows(accept(text.encode(encoding), "a.csv")) == [["长春一汽，“红旗”", "𠮷"]], encoding
    with pytest.raises(upload.Refused, match="编码"):
        accept("客户名称\n".encode() + b"\xff\xfe\xfd\xfc\x80", "a.csv")


def test_semicolons_and_tabs_separate_too():
    for sign in ";\t":
        assert rows(accept(f"客户名称{sign}备注\n甲{sign}a,b\n".encode(), "a.csv")) == [["甲", "a,b"]]


def test_cells_are_read_as_people_see_them():
    values = (
        13800138000.0,
        0.1 + 0.2,
        True,
        datetime(2026, 11, 21),
        datetime(2026, 11, 21, 8, 30, 15),
        date(2026, 1, 2),
        None,
        "00123",
        " x ",
    )
    header = [f"列{n}" for n in range(len(values))]
    seen = ["13800138000", "0.3", "TRUE", "2026-11-21", "2026-11-21 08:30:15", "2026-01-02", "", "00123", " x "]
    assert rows(accept(xlsx(header, values), "a.xlsx")) == [seen]


def test_formulas_are_read_as_their_values():
    assert rows(accept(workbooks.with_formulas(), "a.xlsx")) == [["公式公司", "13800138001"]]
    assert rows(accept(workbooks.with_formulas(""), "a.xlsx")) == [["", "13800138001"]]


def test_a_formula_that_nobody_calculated_is_refused_and_its_row_not_lost():
    many = [(f"公司{n}", "") for n in range(2_500)]
    for content, place in (
        (xlsx(HEADER, ("甲", "1"), ("=A2", "=1+1")), "A3"),
        (xlsx(HEADER, *many, ("乙", "=1+1")), "B2502"),
    ):
        with pytest.raises(upload.Refused, match=f"公式还没有计算结果（{place}）"):
            accept(content, "a.xlsx")


def test_xls_is_read_like_xlsx():
    assert rows(accept(xls(HEADER, ("甲", 13800138000.0), ("乙", "=1+1")), "a.xls")) == [
        ["甲", "13800138000"],
        ["乙", "=1+1"],
    ]


def test_blank_rows_do_not_count_and_row_numbers_are_those_of_the_sheet():
    draft = accept(xlsx(HEADER, (None, None), ("甲", 1), ("", "  "), ("乙",), at=(3, 2)), "a.xlsx")
    assert (draft.meta["total"], numbers(draft), rows(draft)) == (2, [5, 7], [["甲", "1"], ["乙", ""]])
    assert numbers(accept('客户名称,备注\n\n甲,"一\n二"\n乙,三\n'.encode(), "a.csv")) == [3, 4]


def test_line_breaks_and_our_own_signs_inside_cells_survive_or_vanish_quietly():
    draft = accept('客户名称,备注\n甲,"一\r\n二\x0c"\n'.encode(), "a.csv")
    assert rows(draft) == [["甲", "一\n二\x0c"]]
    assert rows(accept(xlsx(HEADER, ("甲\n乙", "丙")), "a.xlsx")) == [["甲\n乙", "丙"]]


def test_a_csv_cell_we_guarded_on_export_loses_the_sign_again_and_no_other_does():
    text = "客户名称,备注\n'=1+1,'@x\n''=y,'n\n"
    assert rows(accept(text.encode(), "a.csv")) == [["=1+1", "@x"], ["'=y", "'n"]]
    assert rows(accept(xlsx(HEADER, ("'=1+1", "x")), "a.xlsx")) == [["'=1+1", "x"]]


def test_hidden_sheets_are_passed_over_and_long_rows_get_columns_without_a_name():
    import openpyxl

    book = openpyxl.Workbook()
    book.active.append(["x"])
    book.active.sheet_state = "hidden"
    sheet = book.create_sheet("名单")
    sheet.append(HEADER)
    sheet.append(["甲", 1, "多出来的"])
    out = io.BytesIO()
    book.save(out)
    draft = accept(out.getvalue(), "a.xlsx")
    assert (draft.meta["sheet"], draft.meta["headers"], rows(draft)) == (
        "名单",
        ["客户名称", "电话", ""],
        [["甲", "1", "多出来的"]],
    )


def test_headers_find_their_fields():
    module = modules.get("customer")
    offered = targets.importer_of(module).allowed_targets(employee())
    found = targets.guess(["代码", "公司名称", "所在地区", "所属行业", "上市日期"], offered)
    assert found == {"name": 1, "region": 2, "industry": 3}
    assert targets.guess(["客户名称 *", "手 机", "备注（可空）", "负责人"], offered) == {
        "name": 0,
        "phone": 1,
        "remark": 2,
        "owner": 3,
    }
    assert targets.guess(["客户名称", "电话", "手机"], offered) == {"name": 0, "phone": 1}
    assert targets.guess(["代码", "公司名称"], offered, {"代码": "name", "公司名称": ""}) == {"name": 0}


def test_every_target_of_every_module_is_a_field_and_none_is_protected():
    """Status fields, version, recycle bin and custom values are not written by import."""
    for module in modules.ALL.values():
        if module.importer:
            importer = targets.importer_of(module)
            assert targets.required(list(importer.targets), module)
            assert not {target.key for target in importer.targets} & {
                "version",
                "deleted_at",
                "deleted_by",
                "extra",
                "name_key",
                "is_primary",
                "id",
            }


@pytest.mark.parametrize("kind", ["xlsx", "xls"])
def test_the_template_can_be_filled_in_and_uploaded_again(kind):
    client = client_for(employee())
    content = client.get(f"/customers/import/template.{kind}").content
    header, example = workbooks.cells_of(content)[:2]
    assert header[0] == "客户名称 *" and "创建时间" not in header and example[0]
    draft = accept(content, f"a.{kind}")
    offered = targets.importer_of(modules.get("customer")).allowed_targets(employee())
    assert len(targets.guess(draft.meta["headers"], offered)) == len(header)


def test_the_xlsx_template_has_drop_downs_and_notes_and_the_xls_one_a_list():
    import openpyxl
    import python_calamine

    for number in range(60):
        DictionaryItem.objects.create(dictionary="customer.source", label=f"第 {number} 届行业展览会")
    client = client_for(employee())
    book = openpyxl.load_workbook(io.BytesIO(client.get("/customers/import/template.xlsx").content))
    sheet = book.active
    rules = {str(rule.sqref).split("2:")[0]: rule.formula1 for rule in sheet.data_validations.dataValidation}
    letters = {cell.value: cell.column_letter for cell in sheet[1]}
    assert rules[letters["客户行业"]] == '"教育/培训,电子商务,对外贸易,其他"'
    assert "可选值" in rules[letters["客户信息来源"]] and book["可选值"].sheet_state == "hidden"
    assert "必填" in sheet["A1"].comment.text and "最多 50 个字" in sheet["A1"].comment.text
    content = io.BytesIO(client.get("/customers/import/template.xls").content)
    notes = python_calamine.CalamineWorkbook.from_filelike(content).get_sheet_by_index(1).to_python()
    assert ["客户行业", "", "", "教育/培训、电子商务、对外贸易、其他"] in notes


def test_a_csv_export_of_ours_is_readable_csv():
    from crm.records.exporting import files

    assert [
        files.guarded(text) for text in ("=1+1", "@x", "-5", "+8613800138003", "-2+3", "\tx", "'=a", "'a", "0512-6555")
    ] == [
        "'=1+1",
        "'@x",
        "-5",
        "+8613800138003",
        "'-2+3",
        "'\tx",
        "''=a",
        "'a",
        "0512-6555",
    ]
    for text in ("=1+1", "'=a", "''=a", "'a", "-2+3"):
        out = io.StringIO()
        csv.writer(out).writerow([files.guarded(text)])
        assert rows(accept(("客户名称\n" + out.getvalue()).encode(), "a.csv")) == [[text]]
