"""Cross-cutting request handling: every request carries an id that error pages and logs show."""

import contextvars
import logging
import uuid

_current = contextvars.ContextVar("request_id", default="-")


def current_request_id() -> str:
    """Id of the request being served, "-" outside of one (jobs, commands)."""
    return _current.get()


class RequestId:
    """Sets `request.id` (12 hex digits), the header X-Request-Id and the id of the log lines."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        request.id = uuid.uuid4().hex[:12]
        token = _current.set(request.id)
        try:
            response = self.get_response(request)
            response["X-Request-Id"] = request.id
            return response
        finally:
            _current.reset(token)


class RequestIdFilter(logging.Filter):
    def filter(self, record):
        record.request_id = _current.get()
        return True
