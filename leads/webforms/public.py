"""/f/<token>/: a public form, for strangers, without signing in. It reads nothing of the company but the form itself, and who
is signed in makes no difference."""

from csp.constants import SELF
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import ValidationError
from django.http import HttpResponseRedirect
from django.middleware.csrf import CsrfViewMiddleware
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from crm.records import limits, params
from orgs import throttle
from orgs.views.base import move_errors

from ..models import WebForm
from . import services
from .answering import TRAP, PublicForm

LARGEST = 64 * 1024  # bytes of a submission
STATES = {"unknown": 404, "closed": 410, "busy": 429, "large": 413}


class _Csrf(CsrfViewMiddleware):
    def _reject(self, request, reason):
        return reason


# In a frame of another site no cookie of ours arrives, so forms that may be embedded go without; the others are checked below.
@csrf_exempt
@login_not_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def show(request, token: str):
    """GET shows the form, POST makes a lead of it and leads to the thanks."""
    form = WebForm.objects.filter(token=token).first() if "\0" not in token else None
    if form is None:
        return state(request, None, "unknown")
    if "sent" in request.GET and request.method != "POST":
        return framed(render(request, "webforms/thanks.html", {"form": form}), form)
    if not form.open:
        return state(request, form, "closed")
    if request.method != "POST":
        return page(request, form, PublicForm(form=form))
    if size_of(request) > LARGEST:
        return state(request, form, "large")
    if spent(request):
        return state(request, form, "busy")
    return received(request, form)


def received(request, form: WebForm):
    """What was sent: a lead, or the page again with what is wrong."""
    answers = PublicForm(request.POST, form=form)
    if answers.trapped:
        return HttpResponseRedirect(f"{form.path}?sent=1")
    if not form.domains and csrf_trouble(request):
        answers.add_error(None, "页面已过期，内容还在，请再提交一次")
    if not answers.is_valid():
        return page(request, form, answers, status=422)
    try:
        services.submit(form, *answers.values())
    except services.Closed:
        return state(request, form, "closed")
    except services.Busy:
        return state(request, form, "busy")
    except ValidationError as error:
        move_errors(answers, error)
        return page(request, form, answers, status=422)
    return HttpResponseRedirect(f"{form.path}?sent=1")


def page(request, form: WebForm, answers: PublicForm, *, status: int = 200, preview: bool = False):
    """The form itself; embedded ones carry no CSRF token."""
    context = {"form": form, "answers": answers, "trap": TRAP, "protected": not form.domains, "preview": preview}
    return framed(render(request, "webforms/public.html", context, status=status), form)


def state(request, form: WebForm | None, name: str):
    """A page that says why there is no form."""
    return framed(render(request, "webforms/state.html", {"form": form, "state": name}, status=STATES[name]), form)


def framed(response, form: WebForm | None):
    """The sites a form names may show it in a frame, nobody else."""
    if form is not None and form.domains:
        response._csp_replace = {"frame-ancestors": [SELF, *form.domains]}
        response.xframe_options_exempt = True
    return response


def size_of(request) -> int:
    text = request.META.get("CONTENT_LENGTH") or "0"
    return int(text) if text.isascii() and text.isdigit() else 0


def csrf_trouble(request) -> bool:
    """Whether Django's CSRF check refuses this POST."""
    check = _Csrf(lambda request: None)
    check.process_request(request)
    return check.process_view(request, None, (), {}) is not None


def spent(request) -> bool:
    """Count one submission of this sender, right or wrong; whether it is one too many."""
    minute = throttle.too_many(request, "form", per_minute=params.get("form_per_minute"))
    day = limits.count(f"form:{throttle.sender(request)}:{timezone.localtime():%Y%m%d}", 86_400)
    return minute or day > params.get("form_per_day")
