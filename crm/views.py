"""Pages of the frame that belong to no module."""

from django.contrib.auth.decorators import login_not_required
from django.shortcuts import render

from orgs.middleware import came_from


@login_not_required
def csrf_failure(request, reason=""):
    """A stale or missing CSRF token: says what to do; typed text is still in the browser."""
    again = came_from(request) or (request.get_full_path() if request.method in ("GET", "HEAD") else "/")
    response = render(request, "csrf.html", {"again": again}, status=403)
    response["X-Page-Expired"] = "1"  # for htmx, which shows no page of an error
    return response
