"""Pages of the frame that belong to no module."""

from django.contrib.auth.decorators import login_not_required
from django.shortcuts import render


@login_not_required
def csrf_failure(request, reason=""):
    """A stale or missing CSRF token: says what to do; typed text is still in the browser."""
    return render(request, "csrf.html", status=403)
