"""P18: how soon a page shows something in a real browser, and what it loads for that."""

import gzip
import os
import statistics
import urllib.error
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass, field

from django.conf import settings

from crm.browsers import find_browser
from customers.models import Customer
from orgs.models import Employee

from . import NotMeasured, Options, Result, need_customers, target
from .serving import free_port, session_of, web_server

ROUNDS = 7
MOST_SCRIPT = 150 * 1024  # bytes as they travel, gzipped
FIRST_PAINT = """() => new Promise((found) => {
  const seen = () => performance.getEntriesByName("first-contentful-paint")[0];
  if (seen()) return found(seen().startTime);
  const watcher = new PerformanceObserver(() => seen() && (watcher.disconnect(), found(seen().startTime)));
  watcher.observe({ type: "paint", buffered: true });
  setTimeout(() => found(null), 10000);
})"""


@dataclass
class Visit:
    """What one address cost: milliseconds to the first contentful paint, scripts loaded, requests to other hosts."""

    paints: list[float] = field(default_factory=list)
    scripts: set[str] = field(default_factory=set)
    outside: set[str] = field(default_factory=set)

    @property
    def paint(self) -> float:
        return statistics.median(self.paints)


def need_browser() -> str:
    """The path of a browser, or NotMeasured."""
    if not (path := find_browser()):
        raise NotMeasured(
            "no Chromium on this machine: apt install chromium fonts-noto-cjk, or CHROMIUM=/path/to/browser"
        )
    return path


@contextmanager
def chromium():
    """A headless browser of this machine; NotMeasured where there is none."""
    if not (path := find_browser()):
        raise NotMeasured(
            "no Chromium was found on this machine: apt install chromium fonts-noto-cjk, or CHROMIUM=/path"
        )
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        raise NotMeasured("Playwright is not installed: script/setup --dev") from None
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()


def visits(browser, base: str, cookie: str, paths: list[str], *, rounds: int = ROUNDS) -> dict[str, Visit]:
    """Opens each path of the site at `base` once to fill the cache, then `rounds` times in turn, as a 1440 px window."""
    name, value = cookie.split("=", 1)
    found = {path: Visit() for path in paths}
    context = browser.new_context(
        base_url=base, locale="zh-CN", timezone_id="Asia/Shanghai", viewport={"width": 1440, "height": 900}
    )
    try:
        context.add_cookies([{"name": name, "value": value, "url": base}])
        page = context.new_page()
        now = found[paths[0]]

        def watch(request):
            if not request.url.startswith((f"{base}/", "data:", "blob:", "about:")):
                now.outside.add(request.url)
            if request.resource_type == "script":
                now.scripts.add(request.url)

        page.on("request", watch)
        for turn in range(rounds + 1):
            for path, now in found.items():
                answer = page.goto(path)
                if answer is None or answer.status != 200 or page.url != f"{base}{path}":
                    raise NotMeasured(f"{path} answered {answer.status if answer else 'nothing'} at {page.url}")
                page.wait_for_load_state("networkidle")
                painted = page.evaluate(FIRST_PAINT)
                if painted is None:
                    raise NotMeasured(f"{path} painted nothing within ten seconds")
                if turn:
                    now.paints.append(painted)
    finally:
        context.close()
    return found


def gzipped(urls: set[str]) -> int:
    """Bytes of these addresses as a browser that takes gzip receives them; what comes plain counts as if compressed."""
    total = 0
    for url in sorted(urls):
        asked = urllib.request.Request(url, headers={"Accept-Encoding": "gzip"})  # noqa: S310 (our own site)
        with urllib.request.urlopen(asked, timeout=30) as answer:  # noqa: S310
            body = answer.read()
            packed = answer.headers.get("Content-Encoding") == "gzip"
        total += len(body if packed else gzip.compress(body, mtime=0))
    return total


def result(found: dict[str, Visit], script: int, *, data: str) -> Result:
    outside = sorted(set().union(*(visit.outside for visit in found.values())))
    return Result(
        "P18",
        max(visit.paint for visit in found.values()),
        "<= 400",
        "ms",
        "first contentful paint in headless Chromium with a warm cache, the slowest of: "
        + ", ".join(f"{path} {visit.paint:.0f} ms" for path, visit in found.items())
        + f" (median of {min(len(visit.paints) for visit in found.values())}); {data}; scripts "
        f"{script / 1024:.1f} KB gzipped (at most {MOST_SCRIPT // 1024} KB); "
        f"{len(outside)} requests to other hosts{': ' + ', '.join(outside[:3]) if outside else ''}",
        also=not outside and script <= MOST_SCRIPT,
    )


@target("P18")
def p18(options: Options) -> Result:
    if not find_browser():
        raise NotMeasured(
            "no Chromium was found on this machine: apt install chromium fonts-noto-cjk, or CHROMIUM=/path"
        )
    need_customers(options, 100_000)
    seller = Employee.objects.filter(roles__code="seller", is_active=True).order_by("pk").first()
    if seller is None:
        raise NotMeasured("nobody holds the role 客户经理")
    with session_of(seller) as cookie:
        own = Customer.objects.allowed(seller, "view").order_by("-pk").values_list("pk", flat=True).first()
        if own is None:
            raise NotMeasured("the seller of the measurement sees no customer")
        port, amount = free_port(), Customer.objects.count()
        base = f"http://127.0.0.1:{port}"
        with web_server(port), chromium() as browser:
            found = visits(browser, base, cookie, ["/customers/", f"/customers/{own}/"])
            script = gzipped(set().union(*(visit.scripts for visit in found.values())))
    return result(
        found,
        script,
        data=f"a seller with 本部门及下属部门, {amount:,} customers, granian on the same {os.cpu_count()} cores, "
        f"{settings.DATABASES['default']['ENGINE'].rsplit('.', 1)[-1]}",
    )
