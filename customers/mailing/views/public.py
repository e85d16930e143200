"""/unsubscribe/<token>/: for whoever got a letter, without signing in. It tells nothing about anybody."""

from django.contrib.auth.decorators import login_not_required
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from orgs import throttle

from .. import letters, services

PER_MINUTE = 30


# RFC 8058: the recipient's mail service posts here by itself and has no token of ours but the signed one in the address.
@csrf_exempt
@login_not_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def unsubscribe(request, token: str):
    """GET shows the button, POST does it; a second time changes nothing."""
    if throttle.too_many(request, "unsubscribe", per_minute=PER_MINUTE):
        return render(request, "mailing/unsubscribe.html", {"state": "busy"}, status=429)
    recipient = letters.recipient_of(token)
    if recipient is None:
        return render(request, "mailing/unsubscribe.html", {"state": "broken"}, status=404)
    if request.method != "POST":
        return render(request, "mailing/unsubscribe.html", {"state": "ask"})
    services.opt_out(recipient)
    return render(request, "mailing/unsubscribe.html", {"state": "done"})
