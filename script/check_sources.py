"""House rules that no ready-made linter knows; part of script/lint. Prints file:line: rule, exits 1 when one is broken."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LONGEST_FILE = 440  # lines; the rule says "about 400"
SHORT_ENOUGH = re.compile(r"/migrations/|package-lock\.json$|requirements.*\.txt$")

TEMPLATE_RULES = {
    "no style attribute: the security policy forbids it, use a class": re.compile(r"<[^>]*\sstyle\s*="),
    "no on* attribute: the security policy forbids it, use data-* and crm.js": re.compile(
        r"<[a-zA-Z][^>]*\son[a-z]+\s*="
    ),
    "no hx-on attribute: the security policy forbids it": re.compile(r"\s(?:data-)?hx-on[:a-z-]*\s*="),
    "no <style> element: the security policy forbids it": re.compile(r"<style\b", re.I),
    "no javascript: address": re.compile(r"javascript:", re.I),
    "no |safe: escape, or build it with format_html": re.compile(r"\|\s*safe(?:seq)?\b"),
    "no autoescape off": re.compile(r"\{%-?\s*autoescape\s+off"),
    "no address of another host": re.compile(r"""(?:src|href|action)\s*=\s*["'](?:https?:)?//"""),
}
# A script element must have a src, or be data that does not run.
SCRIPT = re.compile(r"<script\b(?![^>]*\bsrc=)(?![^>]*type=[\"']application/json[\"'])", re.I)

# ruff refuses the imports as well, with the same allow-list in pyproject.toml.
PYTHON_RULES = {
    "no mark_safe: use format_html": re.compile(r"\bmark_safe\s*\(|\bSafeString\s*\("),
    "no csrf_exempt": re.compile(r"\bcsrf_exempt\b"),
    "no raw SQL on models: use the query helpers": re.compile(r"\.(?:raw|extra)\(\s*[\"'fF]"),
}
ALLOWED = {  # path -> beginnings of the rules it may break
    # joins table cells from parts that were each escaped
    "crm/records/templatetags/kaihai.py": ("no mark_safe",),
    # signed-token endpoints: the named views and nothing else of these files
    "customers/mailing/views/public.py": ("no csrf_exempt",),
    # public forms: embedded ones get no cookie; the others are checked by the view itself
    "leads/webforms/public.py": ("no csrf_exempt",),
}

# Writing records past the services leaves no operation log.
RAW_WRITE = re.compile(
    r"\b(?:Customer|Contact|Product|module\.model|child\.model|model)\.objects\b[^\n;]*\.(?:create|update|delete|bulk_create|bulk_update|update_or_create|get_or_create)\("
)
WRITERS = re.compile(r"services(\.py|/)|/importing/|^crm/(demodata|seeding|bench|testing)/|/migrations/|/tests/")

TEST_RULES = {
    "no wait_for_function: the security policy refuses its eval, use crm.tests.browser.until": re.compile(
        r"\.wait_for_function\("
    ),
}

EVERYWHERE = {"no path of one machine": re.compile(r"/(?:home|Users)/[a-z]+/")}


def tracked_files() -> list[str]:
    """What belongs to the project: tracked files and new ones that are not ignored; the whole tree without git."""
    command = ["git", "-C", str(ROOT), "ls-files", "-co", "--exclude-standard"]
    listing = subprocess.run(command, capture_output=True, text=True)
    if listing.returncode == 0:
        return sorted(name for name in set(listing.stdout.splitlines()) if (ROOT / name).is_file())
    skip = {".venv", "node_modules", "build", "var", ".git"}
    found = (path.relative_to(ROOT) for path in ROOT.rglob("*") if path.is_file())
    return sorted(str(path) for path in found if not skip & set(path.parts) and "static/vendor" not in str(path))


def faults_in(name: str, text: str):
    """Yields (line number, rule) for every rule the file breaks."""
    rules = dict(EVERYWHERE)
    if name.endswith(".html"):
        text = re.sub(
            r"\{%\s*comment.*?endcomment\s*%\}|\{#.*?#\}", lambda m: "\n" * m[0].count("\n"), text, flags=re.S
        )
        rules |= TEMPLATE_RULES | {"no inline <script>: put it into static/": SCRIPT}
    elif name.endswith(".py") and "/tests/" not in name:
        rules |= PYTHON_RULES
        if not WRITERS.search(name):
            rules["records are written by services only: they keep the operation log"] = RAW_WRITE
    elif name.endswith(".py"):
        rules |= TEST_RULES
    for rule, pattern in rules.items():
        if not any(rule.startswith(start) for start in ALLOWED.get(name, ())):
            for match in pattern.finditer(text):
                yield text.count("\n", 0, match.start()) + 1, rule
    lines = text.count("\n")
    if lines > LONGEST_FILE and not SHORT_ENOUGH.search(name):
        yield lines, f"{lines} lines: split it (the house rule is about 400)"


def main() -> int:
    broken = 0
    for name in tracked_files():
        if not name.endswith((".py", ".html", ".js", ".css", ".sh")) or name == "script/check_sources.py":
            continue
        for line, rule in faults_in(name, (ROOT / name).read_text(encoding="utf-8")):
            print(f"{name}:{line}: {rule}")
            broken += 1
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
