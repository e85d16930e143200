"""What an account's state forces before any page: idle sign-out, a password to change, the last-seen time."""

from datetime import timedelta
from urllib.parse import urlencode, urlsplit

from django.contrib.auth import logout
from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone

from crm.records import params

from .models import SignIn

SEEN_EVERY = timedelta(minutes=5)
PASSIVE = frozenset({"/badges/"})  # what an open page asks by itself is no activity


def came_from(request) -> str:
    """The page of this site a request was sent from (path and query), "" where it is not known."""
    page = urlsplit(request.headers.get("Referer", ""))
    if page.netloc != request.get_host() or not page.path.startswith("/") or page.path.startswith("//"):
        return ""
    return page.path + (f"?{page.query}" if page.query else "")


class SignInFirst(LoginRequiredMiddleware):
    """Every view needs a sign-in unless marked; after it one is back on the page one was on, also after sending a form."""

    def handle_no_permission(self, request, view_func):
        return AccountState.send(request, f"{reverse('login')}?{urlencode({'next': AccountState.here(request)})}")


class AccountState:
    """`request.session["seen"]` is written at most every five minutes."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        user = request.user
        if user.is_authenticated:
            now = timezone.now().timestamp()
            seen = request.session.get("seen", now)
            if now - seen > params.get("session_idle_hours") * 3600:
                logout(request)
                return self.send(request, f"{reverse('login')}?{urlencode({'next': self.here(request)})}")
            if "seen" not in request.session or request.path not in PASSIVE and now - seen > SEEN_EVERY.total_seconds():
                request.session["seen"] = now
                SignIn.objects.filter(session_key=request.session.session_key).update(seen_at=timezone.now())
            if user.must_change_password and request.path not in (reverse("password"), reverse("logout")):
                return self.send(request, reverse("password"))
        return self.get_response(request)

    @staticmethod
    def here(request) -> str:
        """The page the person looks at: for a fragment the address in the browser, for a form the page it stands on."""
        current = urlsplit(request.headers.get("HX-Current-URL", ""))
        if request.headers.get("HX-Request") and current.path:
            return current.path + (f"?{current.query}" if current.query else "")
        return request.get_full_path() if request.method in ("GET", "HEAD") else came_from(request) or "/"

    @staticmethod
    def send(request, url: str):
        """Send the browser on; htmx would swap the target of a plain redirect into the page."""
        if request.headers.get("HX-Request"):
            return HttpResponse(status=204, headers={"HX-Redirect": url})
        return redirect(url)
