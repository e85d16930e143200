"""Fixtures of the import tests."""

import io

import pytest
from django.core import mail
from django.core.cache import cache

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


@pytest.fixture
def post_office(settings):
    """A mail server that takes everything (Django's test backend) and a known address of the site."""
    cache.clear()
    settings.SMTP_HOST, settings.SMTP_FROM = "mail.example.com", "crm@example.com"
    settings.PUBLIC_URL = "https://crm.example.com"
    return mail.outbox
