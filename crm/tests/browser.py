"""Watches what the pages of the browser tests do."""

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
