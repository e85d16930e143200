"""URLs of a module, all built from its declaration."""

from django.urls import include, path

from . import modules
from .followups import pages as followup_pages
from .followups import views as followups
from .undoing import views as undoing
from .views import bulk, detail, editing, files, frame, history, io, jobs, listing, paper, single
from .views import views as views_pages


def module_urls(name: str, *, replace: dict | None = None) -> list:
    """Every route of one module under its prefix, named "<module>-list" and so on. `replace` swaps views by page name."""
    module = modules.get(name)
    views = {
        "list": listing.ListView,
        "recycle": listing.RecycleView,
        "columns": listing.ColumnsView,
        "new": editing.CreateView,
        "edit": editing.EditView,
        "detail": detail.DetailView,
        "recycled": detail.RecycledView,
        "star": single.StarView,
        "files": files.UploadView,
        "duplicates": single.DuplicatesView,
        **(replace or {}),
    }

    def view(page):
        return views[page].as_view(module_name=name)

    routes = [
        path("", view("list"), name=f"{name}-list"),
        path("recycle/", view("recycle"), name=f"{name}-recycle"),
        path("recycle/<int:pk>/", view("recycled"), name=f"{name}-recycled"),
        path("columns/", view("columns"), name=f"{name}-columns"),
        path("views/", views_pages.ManageViews.as_view(module_name=name), name=f"{name}-views"),
        path("views/new/", views_pages.SavedViewPage.as_view(module_name=name), name=f"{name}-view-new"),
        path("views/<int:pk>/", views_pages.SavedViewPage.as_view(module_name=name), name=f"{name}-view"),
        path(
            "views/<int:pk>/delete/", views_pages.DeleteViewPage.as_view(module_name=name), name=f"{name}-view-delete"
        ),
        path("conditions/", views_pages.ConditionsView.as_view(module_name=name), name=f"{name}-conditions"),
        path("chart/", views_pages.ChartView.as_view(module_name=name), name=f"{name}-chart"),
        path("bulk/print/", paper.PrintBulkView.as_view(module_name=name), name=f"{name}-bulk-print"),
        path("bulk/<slug:key>/", bulk.BulkView.as_view(module_name=name), name=f"{name}-bulk"),
        path("<int:pk>/", view("detail"), name=f"{name}-detail"),
        path("<int:pk>/star/", view("star"), name=f"{name}-star"),
        path("<int:pk>/files/", view("files"), name=f"{name}-files"),
        path("<int:pk>/text/", paper.TextView.as_view(module_name=name), name=f"{name}-text"),
        path("<int:pk>/print/", paper.PrintView.as_view(module_name=name), name=f"{name}-print"),
        path("print/<slug:token>/", paper.PrintListView.as_view(module_name=name), name=f"{name}-print-list"),
        path("<int:pk>/reveal/", single.RevealView.as_view(module_name=name), name=f"{name}-reveal"),
    ]
    if module.form:
        routes += [
            path("new/", view("new"), name=f"{name}-new"),
            path("<int:pk>/edit/", view("edit"), name=f"{name}-edit"),
        ]
    if module.duplicate_hint:
        routes.append(path("duplicates/", view("duplicates"), name=f"{name}-duplicates"))
    if module.followed:
        routes += [
            path("<int:pk>/follow-ups/", followups.FollowUpsView.as_view(module_name=name), name=f"{name}-followups"),
            path("<int:pk>/follow-ups/new/", followups.ComposeView.as_view(module_name=name), name=f"{name}-follow"),
        ]
    if module.owned:
        routes.append(
            path(
                "<int:pk>/transfer/",
                bulk.OneView.as_view(module_name=name),
                {"key": "transfer"},
                name=f"{name}-transfer",
            )
        )
    if module.grant_model:
        routes += [
            path("<int:pk>/team/", bulk.OneView.as_view(module_name=name), {"key": "team"}, name=f"{name}-team"),
            path(
                "<int:pk>/team/<int:employee>/remove/",
                single.TeamRemoveView.as_view(module_name=name),
                name=f"{name}-team-remove",
            ),
        ]
    routes += io.io_urls(module)
    return [path(f"{module.prefix}/", include(routes))]


shared = [
    path("", frame.home, name="home"),
    path("search/", frame.search_page, name="search"),
    path("badges/", frame.badges, name="badges"),
    path("files/<int:pk>/", files.download, name="file"),
    path("files/<int:pk>/remove/", files.remove, name="file-remove"),
    *followup_pages.followup_urls,
    *undoing.undo_urls,
    *jobs.job_urls,
    *history.history_urls,
]
