"""What every test shares: which tests can run here, their database, the browser."""

import os

import pytest
from pytest_django.plugin import blocking_manager_key

from crm.browsers import BROWSER_HELP, find_browser
from crm.tests.browser import Watch

if os.environ.get("TESTING") != "1":
    pytest.exit("Run the tests with script/test: it sets TESTING=1 and a DATA_DIR of their own.", returncode=4)

REQUIRE_BROWSER = os.environ.get("KAIHAI_REQUIRE_BROWSER") == "1"
NO_SKIPS = os.environ.get("KAIHAI_NO_SKIPS") == "1"
LEFT_OUT_KEY = pytest.StashKey[int]()


def on_postgresql() -> bool:
    from django.db import connection

    return connection.vendor == "postgresql"


def pytest_configure(config):
    if REQUIRE_BROWSER and not find_browser():
        raise pytest.UsageError(f"Browser tests are required here and no browser was found. {BROWSER_HELP}")


def pytest_collection_modifyitems(config, items):
    postgresql, browser = on_postgresql(), find_browser()
    left_out = 0
    for item in items:
        if item.get_closest_marker("pg") and not postgresql:
            item.add_marker(pytest.mark.skip(reason="pg: needs PostgreSQL"))
        if item.get_closest_marker("sqlite_only") and postgresql:
            item.add_marker(pytest.mark.skip(reason="sqlite_only: about the embedded database"))
        if item.get_closest_marker("browser") and not browser:
            item.add_marker(pytest.mark.skip(reason="browser: none found"))
            left_out += 1
    config.stash[LEFT_OUT_KEY] = left_out


def _skips_not_allowed(reporter) -> list[str]:
    allowed = {"pg", "sqlite_only"}
    return [report.nodeid for report in reporter.stats.get("skipped", []) if not allowed & set(report.keywords)]


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session, exitstatus):
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if NO_SKIPS and reporter and exitstatus == 0 and _skips_not_allowed(reporter):
        session.exitstatus = 1


def pytest_terminal_summary(terminalreporter):
    stats = terminalreporter.stats
    skipped = stats.get("skipped", [])
    if any("browser" in report.keywords for report in skipped) and not find_browser():
        terminalreporter.write_line(f"Browser tests were left out: no Chromium was found. {BROWSER_HELP}")
    if NO_SKIPS:
        ran = sum(len(stats.get(kind, [])) for kind in ("passed", "failed", "xfailed", "xpassed"))
        terminalreporter.write_line(
            f"{ran} tests ran on {_databases()}, {len(skipped)} left out by their database mark"
        )
        for name in _skips_not_allowed(terminalreporter):
            terminalreporter.write_line(f"ERROR: skipped without being marked pg or sqlite_only: {name}")


def _databases() -> str:
    from django.conf import settings

    return ("PostgreSQL" if on_postgresql() else "SQLite") + (" + Redis" if settings.REDIS_URL else "")


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix, worker_id):
    """SQLite tests run on a file in WAL mode as the site does, not in memory, so that threads see real locks."""
    from django.conf import settings

    database = settings.DATABASES["default"]
    test = database.setdefault("TEST", {})
    if on_postgresql():
        test.update(CHARSET="UTF8", TEMPLATE="template0")
    else:
        test["NAME"] = str(settings.DATA_DIR / f"test-{worker_id}.sqlite3")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item, nextitem):
    """A transactional test ends by emptying every table; the rows of the migrations (roles, dictionaries) come back for
    the tests behind it."""
    result = yield
    marker = item.get_closest_marker("django_db")
    if nextitem is not None and marker is not None and marker.kwargs.get("transaction"):
        with item.config.stash[blocking_manager_key].unblock():
            _restore_first_rows()
    return result


def _restore_first_rows():
    from django.apps import apps
    from django.db import connection

    rows = getattr(connection, "_test_serialized_contents", None)
    if rows and not apps.get_model("orgs", "Role").objects.exists():
        connection.creation.deserialize_db_from_string(rows)


@pytest.fixture(autouse=True)
def fresh_settings():
    """Parameters, pools and pipelines that were rolled back must not live on in the cache."""
    from django.core.cache import cache

    from customers.pools import kinds

    kept = ["params", "pipelines", *(f"pools:{kind}" for kind in kinds.ALL)]
    cache.delete_many(kept)
    yield
    cache.delete_many(kept)


@pytest.fixture(scope="session")
def browser(django_db_setup):
    """A headless Chromium of this machine (Playwright, synchronous)."""
    from django.db import connection, connections
    from playwright.sync_api import sync_playwright

    # Playwright keeps an event loop in this thread, which Django would take for an async context
    before = os.environ.get("DJANGO_ALLOW_ASYNC_UNSAFE")
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    first_rows = getattr(connection, "_test_serialized_contents", None)
    with sync_playwright() as playwright:
        if (
            first_rows is not None
        ):  # beside that loop Django keeps other connections; serialized_rollback needs these rows
            connection._test_serialized_contents = first_rows
        chromium = playwright.chromium.launch(executable_path=find_browser(), args=["--no-sandbox"])
        yield chromium
        chromium.close()
        connections.close_all()  # those of this loop: nobody can reach them once it has ended
    if before is None:
        del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture
def page(browser, live_server):
    """A page of a fresh 1440 × 900 window at the test server. Relative addresses work in `page.goto("/login/")`.

    The test fails when a script raised, the content security policy was violated or anything came from outside.
    """
    context = browser.new_context(
        base_url=live_server.url, locale="zh-CN", timezone_id="Asia/Shanghai", viewport={"width": 1440, "height": 900}
    )
    watch = Watch(context, live_server.url)
    page = context.new_page()
    yield page
    context.close()
    assert not watch.faults, "\n".join(watch.faults)


@pytest.fixture
def one_minute(monkeypatch):
    """The minute (and the day) in which uses are counted does not end within the test."""
    from crm.records import limits

    now = limits.moment()
    monkeypatch.setattr(limits, "moment", lambda: now)
