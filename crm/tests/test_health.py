"""/healthz and /readyz, the two addresses monitoring relies on."""

import os
import time

import pytest

from crm import health


@pytest.fixture
def worker_beats(settings, tmp_path):
    """A worker has reported just now; tests without it see none."""
    if settings.REDIS_URL:
        health.cache.delete(health.HEARTBEAT_KEY)
    else:
        settings.DATA_DIR = tmp_path
    health.report_heartbeat()
    yield
    if settings.REDIS_URL:
        health.cache.delete(health.HEARTBEAT_KEY)


def test_healthz_answers_anybody_without_the_database(client):
    answer = client.get("/healthz")  # without the django_db mark a query would raise
    assert (answer.status_code, answer.content) == (200, b"ok\n")
    assert "no-store" in answer["Cache-Control"]
    assert client.post("/healthz").status_code == 405


@pytest.mark.django_db
def test_readyz_answers_anybody_when_everything_is_there(client, worker_beats):
    answer = client.get("/readyz")
    assert answer.status_code == 200, answer.json()
    parts = {"database": "ok", "migrations": "ok", "broker": "ok", "worker": "ok"}
    assert answer.json() == {"ready": True, **parts}


@pytest.mark.django_db
@pytest.mark.parametrize("part", ["database", "migrations", "broker", "worker"])
def test_readyz_names_the_part_that_fails_and_keeps_the_reason(client, worker_beats, monkeypatch, part):
    def broken():
        raise RuntimeError("postgres://user:secret@db/crm is away")

    monkeypatch.setitem(health.CHECKS, part, broken)
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["ready"] is False
    assert [name for name, state in answer.json().items() if state == "failed"] == [part]
    assert b"secret" not in answer.content


@pytest.mark.sqlite_only
def test_a_worker_that_stopped_reporting_is_noticed(settings, tmp_path, worker_beats):
    assert health.worker_alive()
    long_ago = time.time() - health.HEARTBEAT_STALE - 1
    os.utime(tmp_path / health.HEARTBEAT_KEY, (long_ago, long_ago))
    assert not health.worker_alive()


@pytest.mark.django_db
def test_a_migration_that_is_not_applied_is_noticed(monkeypatch):
    assert health.migrations_applied()
    monkeypatch.setattr(health.MigrationExecutor, "migration_plan", lambda self, targets: [("a migration", False)])
    assert not health.migrations_applied()
