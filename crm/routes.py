"""Every address of the site with what it needs: read off the URL configuration and the views themselves."""

import inspect
from collections.abc import Iterator

from django.urls import URLPattern, get_resolver

from crm.records import modules
from crm.records.views import bulk
from crm.records.views.base import ModuleView

PUBLIC, SIGNED_IN = "public", "signed-in"


def routes() -> list[dict]:
    """[{"name", "path", "view", "permission", "methods"}] in the order of the URL configuration. `permission` is the
    function a role must hold ("customer.edit"), several joined by " | ", else "signed-in" or "public"."""
    return [describe(pattern, path) for pattern, path in _walk(get_resolver().url_patterns)]


def describe(pattern: URLPattern, path: str) -> dict:
    view = pattern.callback
    target = inspect.unwrap(getattr(view, "view_class", view))
    return {
        "name": pattern.name or "",
        "path": f"/{path}",
        "view": f"{target.__module__}.{target.__qualname__}",
        "permission": permission_of(view, pattern.default_args),
        "methods": methods_of(view),
    }


def _walk(patterns, prefix: str = "") -> Iterator[tuple[URLPattern, str]]:
    for pattern in patterns:
        path = f"{prefix}{pattern.pattern}"
        if isinstance(pattern, URLPattern):
            yield pattern, path
        else:
            yield from _walk(pattern.url_patterns, path)


def permission_of(view, default_args: dict) -> str:
    """The function a view asks for, as far as it declares it."""
    cls = getattr(view, "view_class", None)
    if cls is not None and issubclass(cls, ModuleView):
        given = view.view_initkwargs
        module = modules.get(given.get("module_name", cls.module_name))
        if issubclass(cls, bulk.BulkView):
            return _of_actions(module, default_args.get("key"))
        return f"{module.name}.{module.function_for(given.get('action', cls.action))}"
    declared = getattr(cls or view, "functions", None) or getattr(cls or view, "function", None)
    if declared:
        return declared if isinstance(declared, str) else " | ".join(declared)
    return SIGNED_IN if getattr(view, "login_required", True) else PUBLIC


def _of_actions(module, key: str | None) -> str:
    """A view that runs any bulk action needs the function of the chosen one."""
    actions = [action.action for action in [*module.bulk, *bulk.SHARED] if key in (None, action.key)]
    functions = {module.function_for(action) for action in actions} & {name for name, _ in module.permissions}
    return " | ".join(sorted(f"{module.name}.{name}" for name in functions))


def methods_of(view) -> list[str]:
    """The methods a view answers, OPTIONS apart; ["*"] where a function takes any."""
    cls = getattr(view, "view_class", None)
    if cls is not None:
        found = {name.upper() for name in cls.http_method_names if hasattr(cls, name)} - {"OPTIONS"}
        return sorted(found | ({"HEAD"} if "GET" in found else set()))
    while view is not None:
        listed = inspect.getclosurevars(view).nonlocals.get("request_method_list") if inspect.isfunction(view) else None
        if listed:
            return sorted(listed)
        view = getattr(view, "__wrapped__", None)
    return ["*"]
