"""Fixtures of the import tests."""

import io

import pytest

from crm.records import modules
from crm.records.importing import upload
from crm.records.tests.workbooks import xlsx


@pytest.fixture
def import_page():
    """The address of the second step for a file of these rows."""

    def make(user, *rows, module="customer"):
        module = modules.get(module)
        draft = upload.accept(io.BytesIO(xlsx(*rows)), "名单.xlsx", user=user, module=module)
        return f"{module.import_url}{draft.token}/"

    return make
