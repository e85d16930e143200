"""What every page does: pick the layout, find the module, narrow rows once."""

from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from django.views import View

from .. import modules

LAYOUTS = {"dialog": "layouts/dialog.html", "panel": "layouts/panel.html"}


def layout_of(request) -> str:
    """The layout a request asks for: a whole page, or for htmx the dialog, the panel or the bare content."""
    if not request.htmx or request.htmx.history_restore_request or request.htmx.boosted:
        return "base.html"
    return LAYOUTS.get(request.htmx.target, "layouts/bare.html")


def render_page(request, template: str, context: dict | None = None, status: int = 200):
    """Render a page template as page, dialog, panel or fragment, depending on who asks."""
    response = render(request, template, {**(context or {}), "layout": layout_of(request)}, status=status)
    patch_vary_headers(response, ["HX-Request", "HX-Target"])
    return response


def go(request, url: str):
    """After a successful POST: a redirect, which htmx follows as a page change."""
    if request.htmx:
        return HttpResponse(status=204, headers={"HX-Redirect": url})
    return HttpResponseRedirect(url)


def deny(module, action: str):
    """403 in words."""
    label = dict(module.permissions).get(module.function_for(action), action)
    raise PermissionDenied(f"您的角色没有“{module.label}”的“{label}”权限。")


class ModuleView(View):
    """A view of one module. `action` is the function it needs; `self.rows` are the rows the person may act on, narrowed
    once here; `self.record()` is one of them (404 outside)."""

    module_name = ""
    action = "view"

    def dispatch(self, request, *args, **kwargs):
        self.user = request.user
        self.module = self.find_module()
        if not self.module.may(self.user, "view"):
            deny(self.module, "view")
        if not self.module.may(self.user, self.action):
            self.missing_function(kwargs)
        return super().dispatch(request, *args, **kwargs)

    def find_module(self):
        """The module of the page."""
        return modules.get(self.module_name)

    def missing_function(self, kwargs):
        """Function not held: 404 on a row out of sight, else 403."""
        if "pk" in kwargs:
            self.visible(kwargs["pk"])
        deny(self.module, self.action)

    @property
    def rows(self):
        return self.module.rows(self.user, self.action)

    def visible(self, pk: int):
        """The row if the person may see it, else 404."""
        found = self.module.rows(self.user).filter(pk=pk).first()
        if found is None:
            raise Http404
        return found

    def record(self):
        """The row the person may act on: 404 when it is out of sight, 403 when it is visible but not theirs to change."""
        found = self.rows.filter(pk=self.kwargs["pk"]).select_related(*self.joins()).first()
        if found is None:
            seen = self.visible(self.kwargs["pk"])
            if refusal := self.module.refusal(seen, self.action, self.user):
                raise PermissionDenied(refusal)
            raise PermissionDenied(f"您可以查看这条{self.module.label}，但不能对它做此操作：它不在您负责的范围内。")
        return found

    def joins(self):
        """Relations every page of the record shows."""
        return ("owner",) if self.module.owned else ()

    def refused(self, error: ValidationError, heading: str):
        """A page that says why nothing was done."""
        return self.page(
            "records/result.html",
            {
                "done": 0,
                "failures": [{"title": "", "reason": message} for message in error.messages],
                "back_url": self.module.list_url,
                "heading": heading,
            },
            status=200 if self.request.htmx else 400,
        )

    def page(self, template: str, context: dict, status: int = 200):
        return render_page(
            self.request, template, {"module": self.module, "nav_active": self.module.name, **context}, status=status
        )
