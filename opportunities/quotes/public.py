"""/q/<token>/: a quotation for whoever holds the link, without signing in. It tells what stands on the paper and nothing else."""

from django.contrib.auth.decorators import login_not_required
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from orgs import throttle

from . import queries, sharing
from .sheet import sheet

PER_MINUTE = 60


def _answer(request, context: dict, status: int = 200):
    response = render(request, "quotes/public.html", context, status=status)
    response["X-Robots-Tag"] = "noindex, nofollow, noarchive"
    response["Referrer-Policy"] = "no-referrer"
    return response


@login_not_required
@never_cache
@require_safe
def page(request, token: str):
    """The version the link was made for: 404 for a token that is not ours, 410 where the link stands no more."""
    if throttle.too_many(request, "quotation", per_minute=PER_MINUTE):
        return _answer(request, {"state": "busy"}, 429)
    share = sharing.share_of(token)
    if share is None:
        return _answer(request, {"state": "unknown"}, 404)
    if not sharing.stands(share):
        return _answer(request, {"state": "gone"}, 410)
    if request.method == "GET":  # what looks for viruses asks by HEAD
        sharing.opened(share)
    seen = queries.sight(share.created_by)  # the link says no more than its maker's own paper
    shown = sheet(share.version, prices=not share.hide_prices, list_prices=seen.list_price, discount=seen.discount)
    return _answer(request, {"state": "open", "sheet": shown, "expires_on": share.expires_on})
