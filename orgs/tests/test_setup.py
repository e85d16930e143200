"""The one-time set-up page: open once, only with its token."""

import io

import pytest
from django.core.management import call_command
from django.test import Client

from orgs.models import Department, Employee
from orgs.tests.factories import employee

GOOD = {"company": "山海贸易", "name": "王芳", "phone": "138 0000 9999", "password": "sea-and-hill-9"}


@pytest.fixture
def address(db, settings, tmp_path):
    settings.DATA_DIR = tmp_path
    out = io.StringIO()
    call_command("setup_address", stdout=out)
    return out.getvalue().strip()


def test_the_page_makes_the_first_super_administrator_once(address):
    client = Client()
    assert client.get(address).status_code == 200
    assert client.post(address, GOOD).headers["Location"] == "/login/"
    person = Employee.objects.get()
    assert person.is_super and not person.must_change_password and person.check_password(GOOD["password"])
    assert Department.objects.get(parent=None).name == "山海贸易"
    assert client.get(address).status_code == 404
    assert client.post("/login/", {"username": "13800009999", "password": GOOD["password"]}).headers["Location"] == "/"


def test_a_wrong_token_is_404_and_bad_input_is_told(address):
    assert Client().get("/setup/wrong/").status_code == 404
    for field, value, message in (
        ("phone", "123", "手机号格式不正确"),
        ("password", "123", "密码"),
        ("name", "", "请填写姓名"),
        ("company", "公" * 51, "最多 50 个字"),
    ):
        assert message in Client().post(address, {**GOOD, field: value}).content.decode()
    assert not Employee.objects.exists()


def test_there_is_no_page_where_somebody_can_sign_in(address):
    employee("已有", ["seller"])
    out = io.StringIO()
    call_command("setup_address", stdout=out)
    assert out.getvalue() == "" and Client().get(address).status_code == 404
