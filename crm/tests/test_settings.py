"""crm/settings.py reads what docs/operations.md promises, and is safe by default."""

import json
import os
import stat
import subprocess
import sys

import pytest

from crm.supervisor import ROOT

READ = """
import json, crm.settings as s
print(json.dumps({name: getattr(s, name) for name in dir(s) if name.isupper()}, default=str))
"""
OURS = ("DATABASE_URL", "REDIS_URL", "SECRET_KEY", "PUBLIC_URL", "ALLOWED_HOSTS", "TRUSTED_PROXIES", "DEBUG", "TESTING")


def settings_with(folder, **environment) -> dict:
    """The settings as a process with this environment sees them."""
    env = {key: value for key, value in os.environ.items() if key not in OURS}
    env |= {"DATA_DIR": str(folder), **environment}
    done = subprocess.run([sys.executable, "-c", READ], cwd=ROOT, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_without_environment_it_is_safe_and_embedded(tmp_path):
    found = settings_with(tmp_path)
    assert found["DEBUG"] is False
    assert found["DATABASES"]["default"]["NAME"] == str(tmp_path / "kaihai.sqlite3")
    assert found["DATABASES"]["default"]["OPTIONS"]["transaction_mode"] == "IMMEDIATE"
    assert found["CELERY_BROKER_URL"].startswith("filesystem:")
    assert found["STATIC_ROOT"] == str(tmp_path / "static")
    assert "unsafe-inline" not in json.dumps(found["CONTENT_SECURITY_POLICY"])
    assert found["PASSWORD_HASHERS"][0].endswith("Argon2PasswordHasher")


def test_the_secret_key_is_made_once_kept_and_readable_by_its_owner_only(tmp_path):
    first, second = settings_with(tmp_path), settings_with(tmp_path)
    assert first["SECRET_KEY"] == second["SECRET_KEY"]
    assert len(first["SECRET_KEY"]) >= 50
    assert stat.S_IMODE((tmp_path / "secret_key").stat().st_mode) == 0o600
    assert settings_with(tmp_path / "other")["SECRET_KEY"] != first["SECRET_KEY"]
    assert settings_with(tmp_path, SECRET_KEY="given")["SECRET_KEY"] == "given"


def test_an_https_address_switches_on_secure_cookies_hsts_and_its_host_only(tmp_path):
    found = settings_with(tmp_path, PUBLIC_URL="https://crm.example.com:8443/")
    assert found["SESSION_COOKIE_SECURE"] and found["CSRF_COOKIE_SECURE"]
    assert found["SECURE_HSTS_SECONDS"] >= 31536000
    assert "crm.example.com" in found["ALLOWED_HOSTS"] and "*" not in found["ALLOWED_HOSTS"]
    assert found["CSRF_TRUSTED_ORIGINS"] == ["https://crm.example.com:8443"]


def test_plain_http_keeps_cookies_usable(tmp_path):
    found = settings_with(tmp_path)
    assert not found["SESSION_COOKIE_SECURE"] and found["SECURE_HSTS_SECONDS"] == 0


def test_forwarded_headers_count_only_behind_declared_proxies(tmp_path):
    assert settings_with(tmp_path)["SECURE_PROXY_SSL_HEADER"] is None
    assert settings_with(tmp_path, TRUSTED_PROXIES="1")["SECURE_PROXY_SSL_HEADER"]


def test_servers_come_from_the_environment(tmp_path):
    found = settings_with(tmp_path, DATABASE_URL="postgres://me:pw@db:5433/crm", REDIS_URL="redis://cache:6379/2")
    database = found["DATABASES"]["default"]
    assert database["ENGINE"] == "django.db.backends.postgresql"
    assert (database["NAME"], database["HOST"], database["PORT"]) == ("crm", "db", 5433)
    assert database["OPTIONS"]["pool"]
    assert found["CELERY_BROKER_URL"] == found["CACHES"]["default"]["LOCATION"] == "redis://cache:6379/2"


def test_durable_makes_every_commit_wait_for_the_disk(tmp_path):
    assert "synchronous=NORMAL" in settings_with(tmp_path)["DATABASES"]["default"]["OPTIONS"]["init_command"]
    durable = settings_with(tmp_path, DURABLE="1")
    assert "synchronous=FULL" in durable["DATABASES"]["default"]["OPTIONS"]["init_command"]


@pytest.mark.sqlite_only
@pytest.mark.django_db
def test_the_embedded_database_runs_in_wal_mode_with_foreign_keys():
    from django.db import connection

    with connection.cursor() as cursor:
        pragma = {name: cursor.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "foreign_keys")}
    assert pragma == {"journal_mode": "wal", "foreign_keys": 1}


def test_each_kind_of_database_address_gets_its_own_options(tmp_path):
    sqlite = settings_with(tmp_path, DATABASE_URL=f"sqlite:///{tmp_path}/other.sqlite3")["DATABASES"]["default"]
    assert sqlite["NAME"].endswith("other.sqlite3") and sqlite["OPTIONS"]["transaction_mode"] == "IMMEDIATE"
    assert not {"pool", "options"} & set(sqlite["OPTIONS"])
    server = settings_with(tmp_path, DATABASE_URL="postgres://u:p@db.example.com/crm")["DATABASES"]["default"]
    assert server["OPTIONS"]["options"] == "-c jit=off" and server["OPTIONS"]["pool"]["max_size"] == 8
    assert "init_command" not in server["OPTIONS"]
