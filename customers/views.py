"""Verbs of customers and contacts, and the cities of a province."""

from django.contrib import messages
from django.http import JsonResponse
from django.views.decorators.http import require_safe

from crm.records import areas
from crm.records.views.base import ModuleView, go

from . import services


@require_safe
def cities(request):
    """GET /pick/city/?province=: the cities of a province."""
    names = areas.provinces().get(request.GET.get("province", ""), [])
    return JsonResponse({"results": [{"id": name, "text": name} for name in names]})


class MakePrimaryView(ModuleView):
    """POST /contacts/<pk>/primary/"""

    module_name = "contact"
    action = "edit"

    def post(self, request, pk):
        contact = self.record()
        services.make_primary(contact, by=self.user)
        messages.success(request, "已设为首要联系人")
        return go(request, self.module.url(pk=pk))
