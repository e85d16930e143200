"""Measuring on a second database: a small twin of the company, seeded by the same code."""

from contextlib import contextmanager
from dataclasses import replace

from django.contrib.contenttypes.models import ContentType
from django.core.cache import cache
from django.core.management import call_command
from django.db import connection, connections

from crm import seeding
from crm.records import modules
from orgs.models import Employee

from . import NotMeasured


def need_postgresql() -> None:
    if connection.vendor != "postgresql":
        raise NotMeasured("only on PostgreSQL (DATABASE_URL)")


@contextmanager
def on_database(name: str):
    """Everything inside runs on another database of the same server."""
    before = connections.settings["default"]
    _switch({**before, "NAME": name})
    try:
        yield
    finally:
        _switch(before)


def _switch(settings: dict) -> None:
    old = connections["default"]
    old.close()
    if getattr(old, "pool", None):
        old.close_pool()
    del connections["default"]
    connections.settings["default"] = settings
    ContentType.objects.clear_cache()
    cache.clear()


def small_twin(rows: int) -> str:
    """The name of a database with the same departments, employees and number of team grants but only `rows` customers; made when
    it is not there."""
    employees = Employee.objects.filter(phone__startswith="199").count()
    grants = modules.get("customer").grant_model.objects.count()
    name = f"{connection.settings_dict['NAME']}_small"
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name])
        if not cursor.fetchone():
            cursor.execute(f"CREATE DATABASE {connection.ops.quote_name(name)}")
    with on_database(name):
        call_command("migrate", verbosity=0)
        have = modules.get("customer").model.objects.count()
        if have and have != rows:
            raise NotMeasured(f"database {name} has {have:,} customers instead of {rows:,}: drop it")
        if not have:
            size = seeding.Size.of(rows, employees)
            seeding.seed(replace(size, grants=min(grants, rows * 30)))
    return name
