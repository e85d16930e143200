"""Finds a Chromium for the browser tests and watches what its pages do."""

import functools
import os
import shutil
from pathlib import Path

NAMES = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "microsoft-edge",
    "brave-browser",
)
PLACES = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/snap/bin/chromium",
)
BROWSER_HELP = (
    "To get one: apt install chromium fonts-noto-cjk, or .venv/bin/python -m playwright install chromium, "
    "or CHROMIUM=/path/to/browser script/test"
)

REPORT = """
addEventListener("securitypolicyviolation", (event) =>
  reportViolation(`${event.effectiveDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber} ${event.sample}`));
"""


@functools.cache
def find_browser() -> str | None:
    """Path of a Chromium-family browser: $CHROMIUM, the PATH, the usual places, Playwright's own download."""
    if chosen := os.environ.get("CHROMIUM"):
        return shutil.which(chosen)
    for name in NAMES:
        if found := shutil.which(name):
            return found
    downloads = Path.home() / ".cache/ms-playwright"
    own = sorted(downloads.glob("chromium-*/chrome-linux*/chrome"), reverse=True)
    return next((str(path) for path in (*map(Path, PLACES), *own) if path.exists()), None)


class Watch:
    """Collects what no page may do: script errors, violations of the security policy, requests to other hosts."""

    def __init__(self, context, home: str):
        self.faults: list[str] = []
        self.home = home
        context.on("weberror", lambda error: self.faults.append(f"script error: {error.error}"))
        context.expose_binding("reportViolation", lambda source, text: self.faults.append(f"policy violation: {text}"))
        context.add_init_script(REPORT)
        context.on("request", self._request)

    def _request(self, request):
        if not request.url.startswith((self.home, "data:", "blob:", "about:", "tel:")):
            self.faults.append(f"request to another host: {request.url}")
