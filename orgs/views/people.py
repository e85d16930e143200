"""Pickers of people and departments, the name card."""

from django.http import Http404, JsonResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_safe

from .. import people, tree
from ..models import Employee
from .base import needs, render_page


@require_safe
def pick_employee(request):
    """/pick/employee/?q=&for=customer.create: active people the asker may choose for that function."""
    try:
        found = people.candidates(request.user, request.GET.get("for", ""))
    except LookupError:
        raise Http404 from None
    return _answer(found, request)


@require_safe
def pick_colleague(request):
    """/pick/colleague/?q=: every active colleague, for teams and mentions."""
    return _answer(Employee.objects.filter(is_active=True), request)


def _answer(found, request):
    rows = (
        people.find(found, request.GET.get("q", ""))
        .select_related("department")
        .order_by("name", "pk")[: people.PICK_ROWS]
    )
    return JsonResponse({"results": [people.option(person) for person in rows]})


@require_safe
@needs("admin.org", "admin.roles", "admin.pools", "admin.sales", "admin.approvals")
def pick_department(request):
    """/pick/department/?q=: departments for the settings pages, with the way down to them."""
    return JsonResponse({"results": tree.pick(request.GET.get("q", ""))})


@require_safe
def card(request, pk: int):
    """/people/<pk>/: the name card, for every colleague."""
    person = get_object_or_404(Employee.objects.select_related("department", "supervisor"), pk=pk)
    user = request.user
    rights_url = f"/people/{pk}/rights/" if user.has_function("admin.roles") else "/me/rights/" if user.pk == pk else ""
    return render_page(
        request,
        "orgs/card.html",
        {
            "person": person,
            "department": tree.name_of(person.department),
            "rights_url": rights_url,
            "letter_url": f"/messages/new/?to={pk}" if person.is_active and pk != user.pk else "",
            "edit_url": f"/settings/employees/{pk}/edit/" if user.has_function("admin.org") else "",
        },
    )
