"""Finds a Chromium on this machine, for the browser tests and the bench."""

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
