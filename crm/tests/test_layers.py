"""The house holds: imports go down only, and the record machinery stays small."""

import ast
from pathlib import Path

import pytest
from django.conf import settings

# From the bottom up; apps on one line may not import each other.
LAYERS = [
    ["crm.notices"],
    ["crm.records"],
    ["orgs"],
    ["products", "approvals", "tasks"],
    ["customers"],
    ["opportunities"],
    ["contracts", "leads"],
    ["payments"],
    ["service", "marketing"],
    ["reports"],
]
LEVEL = {app: level for level, apps in enumerate(LAYERS) for app in apps}
# The project itself (settings, URLs, commands, test support) may use everything and is used by nothing but tests.
PROJECT = ("crm.middleware", "crm.settings", "crm.celery")


def files():
    for app in LEVEL:
        for path in (settings.BASE_DIR / Path(*app.split("."))).rglob("*.py"):
            if "tests" not in path.parts and "migrations" not in path.parts:
                yield app, path


def imported(path: Path, app: str):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def app_of(name: str) -> str | None:
    return next((app for app in LEVEL if name == app or name.startswith(f"{app}.")), None)


def test_imports_go_down_only():
    found = []
    for app, path in files():
        for name in imported(path, app):
            other = app_of(name)
            if other and other != app and LEVEL[other] >= LEVEL[app]:
                found.append(f"{path.relative_to(settings.BASE_DIR)} imports {name}")
            if name.startswith("crm.") and other is None and not name.startswith(PROJECT):
                found.append(f"{path.relative_to(settings.BASE_DIR)} imports {name} of the project")
    assert found == []


def test_the_check_sees_an_upward_import(tmp_path):
    bad = tmp_path / "bad.py"
    bad.write_text("from customers import services\nimport crm.records.scope\n", encoding="utf-8")
    names = list(imported(bad, "orgs"))
    assert [LEVEL[app_of(name)] > LEVEL["orgs"] for name in names] == [True, False]


@pytest.mark.parametrize("limit", [410])
def test_no_file_grows_beyond_its_limit(limit):
    long = {
        str(path.relative_to(settings.BASE_DIR)): lines
        for _, path in files()
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > limit
    }
    assert long == {}


PACKAGES = {
    "models": 1200,
    "management": 400,
    "views": 4100,
    "importing": 3000,
    "exporting": 1000,
    "custom": 1300,
    "conditions": 800,
    "followups": 1800,
    "bulkedit": 600,
    "undoing": 900,
    "tagging": 500,
    "numbering": 350,
}


@pytest.mark.parametrize("part,limit", [("machinery", 5000), *PACKAGES.items()])
def test_the_record_machinery_stays_under_its_size(part, limit):
    """Pages, import, export, custom fields and follow-ups are packages of their own inside crm.records; the rest is what all
    of them stand on."""
    total = 0
    for app, path in files():
        if app == "crm.records":
            own = next((name for name in PACKAGES if name in path.parts or name == path.stem), "machinery")
            total += len(path.read_text(encoding="utf-8").splitlines()) * (own == part)
    assert 0 < total <= limit
