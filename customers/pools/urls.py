"""Addresses of the pools of one kind."""

from django.urls import include, path

from . import kinds, overview, views


def pool_urls(name: str) -> list:
    """Every route of a kind's pools, named "<prefix>-list" and so on."""
    prefix = kinds.get(name).prefix

    def view(cls):
        return cls.as_view(module_name=name)

    inside = [
        path("", view(views.PoolList), name=f"{prefix}-list"),
        path("columns/", view(views.PoolColumns), name=f"{prefix}-columns"),
        path("views/", view(views.PoolViews), name=f"{prefix}-views"),
        path("views/new/", view(views.PoolSavedView), name=f"{prefix}-view-new"),
        path("views/<int:pk>/", view(views.PoolSavedView), name=f"{prefix}-view"),
        path("views/<int:pk>/delete/", view(views.PoolDeleteView), name=f"{prefix}-view-delete"),
        path("conditions/", view(views.PoolConditions), name=f"{prefix}-conditions"),
        path("chart/", view(views.PoolChart), name=f"{prefix}-chart"),
        path("export/", view(views.PoolExport), name=f"{prefix}-export"),
        path("bulk/<slug:key>/", view(views.PoolBulk), name=f"{prefix}-bulk"),
        path("<int:pk>/", view(views.PoolDetail), name=f"{prefix}-detail"),
    ]
    routes = [
        path("", view(views.PoolIndex), name=prefix),
        path("history/", view(overview.History), name=f"{prefix}-history"),
        path("tomorrow/", view(overview.Tomorrow), name=f"{prefix}-tomorrow"),
        path("<int:pool>/", include(inside)),
    ]
    return [path(f"{prefix}/", include(routes))]
