"""The export dialog of a module, and the addresses of its import and export."""

from django.core import signing
from django.http import FileResponse, Http404
from django.urls import path

from .. import filters, jobs, params
from ..exporting import files
from ..exporting import job as exporting
from . import importing
from .base import ModuleView, go, render_page


class ExportView(ModuleView):
    """/<prefix>/export/: GET and the bulk bar open the dialog, the dialog's POST (with `format`) exports."""

    action = "export"
    more: dict = {}  # what the dialog says differently: label, export_url, own_columns

    def get(self, request):
        return self.dialog(request.GET)

    def post(self, request):
        data = request.POST
        if "format" not in data:
            return self.dialog(data)
        try:
            query, ids = self.wanted(data)
            job = self.begin(data, query, ids)
        except jobs.Refused as refusal:
            return self.dialog(data, str(refusal))
        return delivered(request, job, self.module)

    def begin(self, data, query: str, ids: list[int] | None):
        """The job that writes the file, not yet sent off."""
        return exporting.begin(
            self.module,
            user=self.user,
            kind=data["format"],
            query=query,
            ids=ids,
            columns=data.get("columns", ""),
            send=False,
        )

    def wanted(self, data) -> tuple[str, list[int] | None]:
        """(list query, ids or None) of what the list sent; raises jobs.Refused in words."""
        if data.get("ids"):
            ids = [int(text) for text in data["ids"].split(",") if text.isascii() and text.isdigit() and len(text) < 19]
            if not ids:
                raise jobs.Refused(self.module.select_first)
            if not self.rows.filter(pk__any=ids).exists():
                raise jobs.Refused(f"所选{self.module.label}都不在您可导出的范围内。")
            return "", list(dict.fromkeys(ids))
        if "ids" in data and data.get("all") != "1" and not data.get("filter"):
            raise jobs.Refused(self.module.select_first)
        if not data.get("filter"):
            return "", None
        try:
            return filters.unsign(self.module.name, data["filter"]), None
        except signing.BadSignature:
            raise jobs.Refused("筛选条件已失效，请返回列表重新选择。") from None

    def dialog(self, data, error: str = ""):
        count = None
        try:
            query, ids = self.wanted(data)
            count = exporting.select(self.module, user=self.user, query=query, ids=ids).order_by().count()
        except jobs.Refused as refusal:
            error = error or str(refusal)
        hidden = [(name, data[name]) for name in ("ids", "all", "filter") if data.get(name)]
        return self.page(
            "io/export.html",
            {
                "count": count,
                "hidden": hidden,
                "error": error,
                "formats": [(key, label) for key, (label, _) in files.TYPES.items()],
                "chosen": data.get("format", "xlsx"),
                "columns": data.get("columns", "mine"),
                "limit": params.get("export_background"),
                "days": params.get("export_days"),
                **self.more,
            },
            status=422 if error and not self.request.htmx else 200,
        )


def delivered(request, job, page):
    """What follows a begun export: a long one goes on in the background, a short one is the file at once. `page` = the module,
    or what a page that is no module's says of itself ("label", "list_url", "export_url")."""
    if job.total > params.get("export_background"):
        jobs.announce(job.pk)
        return go(request, f"/jobs/{job.pk}/")
    jobs.execute(job.pk, quiet=True)
    job.refresh_from_db()
    if job.state != job.State.DONE:
        return go(request, f"/jobs/{job.pk}/")
    if request.htmx:
        context = {"module": page, "rows": job.result["rows"], "name": job.output_name, "job": job}
        return render_page(request, "io/exported.html", context)
    return file_response(job)


def export_dialog(request, page: dict, *, count: int, query: str, error: str, formats, chosen: str):
    """The export dialog of a page that is no module's list."""
    context = {
        "module": page,
        "count": count,
        "hidden": [("query", query)],
        "error": error,
        "formats": [(key, files.TYPES[key][0]) for key in formats],
        "chosen": chosen,
        "limit": params.get("export_background"),
        "days": params.get("export_days"),
        "own_columns": True,
        "nav_active": page.get("nav_active", ""),
    }
    return render_page(request, "io/export.html", context, status=422 if error and not request.htmx else 200)


def file_response(job) -> FileResponse:
    """The file of a finished job as a download."""
    from django.core.files.storage import default_storage

    try:
        file = default_storage.open(job.output, "rb")
    except FileNotFoundError:
        raise Http404("文件已过期。") from None
    kind = job.output_name.rsplit(".", 1)[-1]
    response = FileResponse(file, as_attachment=True, filename=job.output_name, content_type=files.TYPES[kind][1])
    response["Cache-Control"] = "no-store"
    return response


def io_urls(module) -> list:
    """Import and export routes of a module, to stand under its prefix."""
    name = module.name
    routes = []
    if module.importer:
        routes += [
            path("import/", importing.UploadView.as_view(module_name=name), name=f"{name}-import"),
            path(
                "import/template.xlsx",
                importing.TemplateView.as_view(module_name=name),
                {"kind": "xlsx"},
                name=f"{name}-import-template",
            ),
            path(
                "import/template.xls",
                importing.TemplateView.as_view(module_name=name),
                {"kind": "xls"},
                name=f"{name}-import-template-xls",
            ),
            path("import/<slug:token>/", importing.MapView.as_view(module_name=name), name=f"{name}-import-map"),
            path(
                "import/<slug:token>/check/", importing.CheckView.as_view(module_name=name), name=f"{name}-import-check"
            ),
            path("import/<slug:token>/run/", importing.RunView.as_view(module_name=name), name=f"{name}-import-run"),
        ]
    return [*routes, path("export/", ExportView.as_view(module_name=name), name=f"{name}-export")]
