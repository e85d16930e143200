"""Watches what the pages of the browser tests do."""

import time

REPORT = """
addEventListener("securitypolicyviolation", (event) =>
  reportViolation(`${event.effectiveDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber} ${event.sample}`));
"""


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


def until(page, expression: str, seconds: float = 10) -> None:
    """Waits for a JavaScript expression to be true.

    Playwright's own `wait_for_function` evaluates text inside the page, which our security policy forbids: it passes
    only when the very first look succeeds.
    """
    deadline = time.monotonic() + seconds
    while not page.evaluate(expression):
        assert time.monotonic() < deadline, f"never true: {expression}"
        page.wait_for_timeout(50)
