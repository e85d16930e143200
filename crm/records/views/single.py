"""Small verbs on one record: star, remove a team member, duplicate hints while typing, pickers."""

from django.contrib import messages
from django.contrib.auth import get_user_model
from django.core.exceptions import PermissionDenied
from django.http import Http404, JsonResponse

from .. import fieldset, modules, search, services, stars, teams
from .base import ModuleView, go

PICKED = 20


class StarView(ModuleView):
    """POST /<prefix>/<pk>/star/"""

    def post(self, request, pk):
        on = stars.toggle(self.record(), user=self.user)
        messages.success(request, "已关注" if on else "已取消关注")
        return go(request, self.module.url(pk=pk))


class RevealView(ModuleView):
    """POST /<prefix>/<pk>/reveal/ with `field`: a masked value in clear, once, with a log row."""

    def post(self, request, pk):
        record, key = self.record(), request.POST.get("field", "")
        fields = fieldset.of(self.module, self.user)
        if key not in fields.by_key or not fields.by_key[key].masked:
            raise Http404
        value = services.reveal(record, key, by=self.user)
        return self.page("records/revealed.html", {"value": value})


class TeamRemoveView(ModuleView):
    """/<prefix>/<pk>/team/<employee>/remove/"""

    action = "share"

    def get(self, request, pk, employee):
        record, person = self.record(), self.person(employee)
        return self.page(
            "records/confirm.html",
            {
                "heading": f"把 {person.name} 移出团队？",
                "body": f"移除后，{person.name}不能再通过团队看到“{self.module.title_of(record)}”。",
                "submit_label": "移出团队",
                "danger": True,
                "hidden": [],
                "action": request.path,
                "back_url": self.module.url(pk=pk),
            },
        )

    def post(self, request, pk, employee):
        teams.remove(self.record(), self.person(employee), by=self.user)
        messages.success(request, "操作成功")
        return go(request, f"{self.module.url(pk=pk)}?tab=team")

    def person(self, employee):
        """The member; somebody who is not in the team is as unknown as nobody."""
        grants = self.module.grant_model.objects.filter(content_object_id=self.kwargs["pk"], user_id=employee)
        person = get_user_model().objects.filter(pk__in=grants.values("user_id")).first()
        if person is None:
            raise Http404
        return person


class DuplicatesView(ModuleView):
    """GET /<prefix>/duplicates/?field=name&value=...: who else is called that; what the person may not see is shown as
    name, owner and department only (decisions.md: 查重)."""

    action = "create"

    def missing_function(self, kwargs):
        if not self.module.may(self.user, "edit"):
            super().missing_function(kwargs)

    def get(self, request):
        field, value = request.GET.get("field", ""), request.GET.get("value", "")[:100]
        hits = (
            self.module.duplicate_hint(field, value, self.user, request.GET.get("exclude", ""))
            if self.module.duplicate_hint
            else []
        )
        return self.page("records/duplicates.html", {"hits": hits})


def pick_record(request, name):
    """GET /pick/<module>/?q=: rows for a picker, out of what the person may view."""
    module = modules.ALL.get(name)
    if module is None:
        raise Http404
    if not module.may(request.user, "view"):
        raise PermissionDenied
    offered = module.pick_for.get(request.GET.get("for", ""))
    rows = offered(request.user) if offered else module.model.objects.allowed(request.user, "view")
    text = request.GET.get("q", "")[:100]
    if text.strip():
        rows = search.narrow(rows, module, text, user=request.user)
    for parent in module.parents:  # contacts of one customer
        if (pk := request.GET.get(parent, "")).isascii() and pk.isdigit() and len(pk) < 19:
            rows = rows.filter(**{f"{parent}_id": int(pk)})
    rows = module.pickable(rows)
    fields = fieldset.of(module, request.user)
    joins = {"owner"} if module.owned else set()
    joins |= {join for key in module.picked if key in fields.by_key for join in fields.by_key[key].joins}
    found = rows.select_related(*joins).order_by("-pk")[:PICKED]
    return JsonResponse(
        {
            "results": [
                {
                    "id": row.pk,
                    "text": module.title_of(row),
                    "sub": " · ".join(
                        filter(
                            None,
                            [
                                row.owner.name if module.owned and row.owner else "",
                                *(
                                    [fields.shown(row, key) for key in module.picked]
                                    or [fields.shown(row, "phone") or fields.shown(row, "code")]
                                ),
                            ],
                        )
                    ),
                }
                for row in found
            ]
        }
    )
