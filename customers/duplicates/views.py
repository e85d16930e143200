"""The page 查重: who has that name, number or domain, whether or not one may see the record."""

from django.views.decorators.http import require_safe

from crm.records.views.base import ModuleView, render_page

from ..handover import services as handover
from ..handover.views import for_customers
from . import limits
from .finding import find, related, understand

RELATED, RELATED_SHOWN = "可能相关的客户", 5


@require_safe
@for_customers
def page(request):
    """/duplicates/?q=: at most ten records, with the fixed fields only."""
    query = understand(request.GET.get("q", ""))
    hits, more, refusal = [], False, query.refusal
    if query.value:
        refusal = limits.spend(request.user)
        hits, more = ([], False) if refusal else find(query, request.user)
    return render_page(
        request,
        "customers/duplicates.html",
        {
            "q": query.text,
            "query": query,
            "refusal": refusal,
            "hits": hits,
            "more": more,
            "looked": bool(query.value) and not refusal,
            "waiting": handover.waiting(request.user),
            "nav_active": "duplicates",
        },
    )


class RelatedView(ModuleView):
    """GET /customers/<pk>/related/: the side card of customers that share a number or a domain; nothing where there are none."""

    module_name = "customer"

    def get(self, request, pk):
        hits = related(self.record(), self.user)
        shown = {"hits": hits[:RELATED_SHOWN], "more": len(hits) > RELATED_SHOWN, "title": RELATED}
        return self.page("customers/related.html", shown)
