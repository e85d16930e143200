"""Employees from files and into files."""

import io

import openpyxl
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from crm.records.models import ExportLedger
from orgs import sheets
from orgs.models import Employee, OrgLog
from orgs.tests.factories import client_for, department, employee, role, top

pytestmark = pytest.mark.django_db
URL = "/settings/employees/import/"
HEADERS = ["姓名*", "手机号*", "部门*", "职位", "直属上级", "性别", "邮箱", "角色"]


@pytest.fixture
def boss():
    return employee("超管", roles=("super",))


@pytest.fixture
def suzhou():
    return department("苏州组", department("华东销售部"))


def workbook(rows, headers=HEADERS, name="员工.xlsx"):
    book = openpyxl.Workbook()
    for row in [headers, *rows]:
        book.active.append(row)
    out = io.BytesIO()
    book.save(out)
    return SimpleUploadedFile(name, out.getvalue())


def csv(text, name="员工.csv"):
    return SimpleUploadedFile(name, text.encode())


def cells(content: bytes):
    return [list(row) for row in openpyxl.load_workbook(io.BytesIO(content)).worksheets[0].iter_rows(values_only=True)]


def test_every_row_becomes_an_employee_with_a_password_shown_once(boss, suzhou):
    answer = client_for(boss).post(
        URL,
        {
            "file": workbook(
                [
                    [
                        "李经理",
                        13812345678,
                        "华东销售部 / 苏州组",
                        "经理",
                        None,
                        "男",
                        "li@example.com",
                        "销售经理、客户经理",
                    ],
                    ["张三", "138-1234-5679", "苏州组", None, "13812345678", "女", None, "客户经理"],
                    ["李四", "13812345670", "苏州组", None, "李经理", None, None, None],
                ]
            )
        },
    )
    body = answer.content.decode()
    assert answer.status_code == 200 and "已导入 3 名员工" in body and "no-store" in answer["Cache-Control"]
    chief, one, two = (Employee.objects.get(phone=phone) for phone in ("13812345678", "13812345679", "13812345670"))
    assert (
        {r.code for r in chief.roles.all()} == {"sales_manager", "seller"}
        and chief.department == suzhou
        and chief.gender == "m"
    )
    assert one.supervisor == two.supervisor == chief and one.must_change_password and two.pinyin == "ls"
    words = body.replace("<", ">").split(">")
    assert all(any(person.check_password(word) for word in words if len(word) == 10) for person in (chief, one, two))
    assert OrgLog.objects.filter(code="employee.created", actor=boss).count() == 3


def test_one_bad_row_stops_all_and_every_fault_is_told(boss, suzhou):
    department("苏州组", department("另一个部"))
    employee("占用", phone="13900009999")
    count = Employee.objects.count()
    body = (
        client_for(boss)
        .post(
            URL,
            {
                "file": workbook(
                    [
                        ["好的", "13812345678", "华东销售部/苏州组", None, None, None, None, None],
                        [None, "12345", "没有的部门", "x" * 60, "没有的人", "中", "nonsense", "没有的角色"],
                        ["重号", "13900009999", "华东销售部", None, None, None, None, None],
                        ["同号", "13812345678", "苏州组", None, None, None, None, None],
                    ]
                )
            },
        )
        .content.decode()
    )
    assert "有 3 行需要修改，没有导入任何员工" in body and Employee.objects.count() == count
    for part in (
        "第 3 行",
        "姓名：请填写姓名",
        "手机号：手机号格式不正确",
        "部门：没有部门",
        "职位：最多 50 个字",
        "直属上级：没有在职的同事",
        "性别：请填写“男”或“女”",
        "邮箱：邮箱格式不正确",
        "角色：没有角色",
        "第 4 行",
        "该手机号已被使用",
        "第 5 行",
        "有 2 个部门叫“苏州组”",
    ):
        assert part in body, part
    assert not OrgLog.objects.filter(code="employee.created", actor=boss).exists()


@pytest.mark.parametrize(
    ("file", "message"),
    [
        (lambda: csv("姓名,手机号\n张三,13812345678\n"), "缺少列：部门"),
        (lambda: csv("姓名,手机号,部门\n"), "只有表头"),
        (lambda: csv(""), "空"),
        (lambda: SimpleUploadedFile("people.exe", b"MZ123"), "只支持 .xls、.xlsx、.csv 文件"),
        (lambda: SimpleUploadedFile("people.xlsx", b"MZ123"), "不是 .xlsx 格式"),
        (lambda: csv("姓名,姓名,手机号,部门\na,b,c,d\n"), "表头重复"),
        (lambda: csv("姓名,手机号,部门\n" + "张三,13812345678,办公室\n" * 501), "最多导入 500 名员工"),
    ],
)
def test_unreadable_files_are_refused_with_a_reason(boss, file, message):
    answer = client_for(boss).post(URL, {"file": file()})
    assert answer.status_code == 422 and message in answer.content.decode()
    assert Employee.objects.count() == 1


def test_a_file_over_the_limit_is_refused(boss, settings):
    settings.IMPORT_MAX_MB = 1
    answer = client_for(boss).post(URL, {"file": SimpleUploadedFile("a.csv", b"x" * (2**20 + 1))})
    assert answer.status_code == 422 and "文件超过 1 MB" in answer.content.decode()
    assert "请选择文件" in client_for(boss).post(URL, {}).content.decode()


def test_roles_of_a_file_are_granted_like_any(suzhou):
    admin = client_for(employee("系统管理员", roles=("admin",)))
    answer = admin.post(URL, {"file": csv("姓名,手机号,部门,角色\n张三,13812345678,苏州组,超级管理员\n")})
    assert "只有超级管理员可以授予超级管理员" in answer.content.decode()
    answer = admin.post(URL, {"file": csv("姓名,手机号,部门,角色\n张三,13812345678,苏州组,高管\n")})
    assert "不能由您授予" in answer.content.decode() and not Employee.objects.filter(phone="13812345678").exists()
    assert (
        admin.post(URL, {"file": csv("姓名,手机号,部门,角色\n张三,13812345678,苏州组,客户经理\n")}).status_code == 200
    )
    assert list(Employee.objects.get(phone="13812345678").roles.all()) == [role("seller")]


def test_markup_in_a_file_is_shown_as_text(boss, suzhou):
    evil = '"><img src=x onerror=1>'
    for rows in ([[evil, "13812345678", "苏州组"]], [[evil, "x", evil]]):
        body = client_for(boss).post(URL, {"file": workbook(rows, HEADERS[:3])}).content.decode()
        assert "<img src=x" not in body and "&lt;img src=x" in body


def test_the_template_has_notes_and_drop_downs_and_imports_its_example(boss, suzhou):
    answer = client_for(boss).get("/settings/employees/template/")
    assert "filename*=utf-8''" in answer["Content-Disposition"].lower()
    book = openpyxl.load_workbook(io.BytesIO(answer.content))
    sheet = book["员工"]
    assert [cell.value for cell in sheet[1]] == HEADERS and sheet["A1"].comment is not None
    assert {str(rule.sqref)[0] for rule in sheet.data_validations.dataValidation} == {"C", "F", "H"}
    assert "华东销售部 / 苏州组" in [cell.value for cell in book["可选值"]["A"]]
    done = client_for(boss).post(URL, {"file": SimpleUploadedFile("t.xlsx", answer.content)})
    assert done.status_code == 200 and Employee.objects.filter(name="王小明").exists()


def test_exports_are_text_written_in_the_ledger_and_import_again(boss, suzhou):
    person = employee("=1+1", department=suzhou, position="+86", supervisor=boss, email="x@example.com")
    client = client_for(boss)
    assert client.get("/settings/employees/export/").status_code == 200 and not ExportLedger.objects.exists()
    content = client.post("/settings/employees/export/").content
    rows = cells(content)
    assert rows[0][:3] == ["姓名", "手机号", "部门"] and [
        "=1+1",
        person.phone,
        "华东销售部 / 苏州组",
        "+86",
        f"超管 {boss.phone}",
        None,
        "x@example.com",
        "客户经理",
    ] in [row[:8] for row in rows]
    assert openpyxl.load_workbook(io.BytesIO(content)).worksheets[0][
        "A3"
    ].data_type == "s" and PASSWORD_LIKE not in str(rows)
    ledger = ExportLedger.objects.get()
    assert (ledger.user, ledger.module, ledger.count) == (boss, "employee", 2) and str(person.pk) in ledger.ids
    again = [
        ["x" + row[0], f"137{n:08}", *row[2:6], None, row[7]] for n, row in enumerate(rows[1:]) if row[0] == "=1+1"
    ]
    assert client.post(URL, {"file": workbook(again)}).status_code == 200
    tree = cells(client.post("/settings/departments/export/").content)
    assert tree[1][0] == top().name and ["苏州组", "华东销售部"] in [row[:2] for row in tree]


PASSWORD_LIKE = "md5$"


def test_a_failed_row_leaves_the_database_alone_even_after_good_ones(boss, suzhou):
    outcome = sheets.import_employees(csv("姓名,手机号,部门\n甲,13812345671,苏州组\n乙,13812345671,苏州组\n"), by=boss)
    assert [fault["number"] for fault in outcome.faults] == [3] and not outcome.created
    assert not Employee.objects.filter(phone="13812345671").exists()
