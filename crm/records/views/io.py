"""Import wizard and export of a module: upload → map → check → run, and the export dialog."""

from django.conf import settings
from django.core import signing
from django.http import FileResponse, Http404, HttpResponse
from django.urls import path
from django.utils.http import content_disposition_header

from .. import filters, formatting, jobs, modules, params
from ..exporting import files
from ..exporting import job as exporting
from ..fields import DictionaryField
from ..importing import cells, check, targets, templates, upload
from ..importing import job as importing
from ..importing.plan import MODES, UNKNOWN, Invalid, Plan, field_of
from ..models import DictionaryItem, ImportDraft, ImportMapping
from .base import ModuleView, go

STEPS = ("上传文件", "对应字段", "检查", "导入", "结果")
MODE_HELP = {
    "skip": "已有的记录不动",
    "overwrite": "用文件中的值替换，空单元格不清空",
    "fill": "只填写原来为空的字段",
    "create": "不判断重复",
}


class ImportView(ModuleView):
    """What the steps of the wizard share."""

    action = "import"
    now = 1

    def dispatch(self, request, *args, **kwargs):
        module = modules.get(self.module_name)
        if not module.importer:
            raise Http404
        self.importer = targets.importer_of(module)
        return super().dispatch(request, *args, **kwargs)

    def offered(self) -> list:
        """Targets the person may fill."""
        return self.importer.allowed_targets(self.user)

    def draft(self, token: str) -> ImportDraft:
        """The person's own draft of this module."""
        found = ImportDraft.objects.filter(token=token, user=self.user, module=self.module.name).first()
        if found is None:
            raise Http404("文件已处理或已过期，请重新上传。")
        return found

    def step(self, template: str, context: dict, status: int = 200):
        steps = [
            {"no": no, "label": label, "state": "done" if no < self.now else "now" if no == self.now else ""}
            for no, label in enumerate(STEPS, 1)
        ]
        url = self.module.import_url
        return self.page(
            template,
            {
                "steps": steps,
                "upload_url": url,
                "template_urls": [(f".{kind}", f"{url}template.{kind}") for kind in ("xlsx", "xls")],
                **context,
            },
            status=status,
        )

    def file_facts(self, draft) -> dict:
        meta = draft.meta
        named = sum(1 for header in meta["headers"] if header)
        return {
            "name": draft.name,
            "rows": meta["total"],
            "columns": named,
            "size_text": formatting.file_size(meta.get("size")),
            "sheet": meta.get("sheet", ""),
        }


class UploadView(ImportView):
    """/<prefix>/import/"""

    def get(self, request):
        return self.show()

    def post(self, request):
        file = request.FILES.get("file")
        if file is None:
            return self.show("请选择要导入的文件", 422)
        try:
            limit = settings.IMPORT_MAX_MB * 2**20
            draft = upload.accept(file, file.name, user=self.user, module=self.module, limit=limit)
        except upload.Refused as refusal:
            return self.show(str(refusal), 422)
        return go(request, f"{self.module.import_url}{draft.token}/")

    def show(self, error: str = "", status: int = 200):
        must = [target.label for target in targets.required(self.offered(), self.module)]
        context = {"error": error, "limit_mb": settings.IMPORT_MAX_MB, "required": must, "max_rows": 1_000_000}
        return self.step("io/upload.html", context, status if not error or not self.request.htmx else 200)


class MapView(ImportView):
    """/<prefix>/import/<token>/: which column fills which field, what happens to duplicates and unknown values."""

    now = 2

    def get(self, request, token):
        draft = self.draft(token)
        mapping = draft.options.get("mapping")
        if mapping is None:
            kept = ImportMapping.objects.filter(user=self.user, module=self.module.name).first()
            mapping = targets.guess(draft.meta["headers"], self.offered(), kept and kept.columns)
        return self.show(draft, mapping)

    def post(self, request, token):
        draft = self.draft(token)
        chosen, mapping, twice = request.POST, {}, set()
        known = {target.key for target in self.offered()}
        for place in range(len(draft.meta["headers"])):
            key = chosen.get(f"column-{place}", "")
            if key in known:
                twice |= {key} & set(mapping)
                mapping[key] = place
        options = {
            "mapping": mapping,
            "on_duplicate": chosen.get("on_duplicate", "skip"),
            "unknown": chosen.get("unknown", "reject"),
            "values": draft.options.get("values", {}),
        }
        if twice:
            labels = "、".join(target.label for target in self.offered() if target.key in twice)
            return self.show(draft, mapping, options, f"多个列对应了同一个字段：{labels}")
        try:
            Plan(self.module, self.user, options)
        except Invalid as refusal:
            return self.show(draft, mapping, options, str(refusal))
        draft.options = options
        draft.save(update_fields=["options"])
        return go(request, f"{self.module.import_url}{token}/check/")

    def show(self, draft, mapping, options=None, error=""):
        offered, meta, options = self.offered(), draft.meta, options or draft.options
        required = {target.key for target in targets.required(offered, self.module)}
        by_column = {place: key for key, place in mapping.items()}
        unknown = unknown_of(self.module, offered, meta, mapping)
        rows = []
        for place, header in enumerate(meta["headers"]):
            key = by_column.get(place, "")
            samples = meta["samples"][place] if place < len(meta["samples"]) else []
            if not header and not samples:
                continue
            state = ("success", "已对应") if key else ("warning", "未对应")
            if unknown.get(key):
                state = ("warning", f"{len(unknown[key])} 个值不在字典中")
            rows.append(
                {
                    "name": f"column-{place}",
                    "header": header or f"第 {place + 1} 列",
                    "sample": "、".join(samples),
                    "chosen": key,
                    "state": state,
                }
            )
        choices = [(target.key, target.label + (" *" if target.key in required else "")) for target in offered]
        return self.step(
            "io/map.html",
            {
                "file": self.file_facts(draft),
                "rows": rows,
                "choices": choices,
                "error": error,
                "mapped": sum(1 for row in rows if row["chosen"]),
                "modes": self.modes(),
                "mode": options.get("on_duplicate", "skip"),
                "mode_help": MODE_HELP,
                "key_label": self.importer.key_label,
                "unknown_modes": list(UNKNOWN.items()),
                "unknown_mode": options.get("unknown", "create" if unknown else "reject"),
                "unknown_values": "、".join(value for values in unknown.values() for value in values[:8]),
            },
            status=422 if error and not self.request.htmx else 200,
        )

    def modes(self) -> list:
        may = self.module.may(self.user, "edit")
        return [(key, label) for key, label in MODES.items() if may or key in ("skip", "create")]


def unknown_of(module, offered, meta, mapping) -> dict[str, list[str]]:
    """{target: values of its column that its dictionary does not offer}, as far as the file's values were listed."""
    found = {}
    for target in offered:
        field = field_of(module, target)
        if target.key in mapping and isinstance(field, DictionaryField):
            listed = meta["distinct"][mapping[target.key]] if mapping[target.key] < len(meta["distinct"]) else None
            if listed and (missing := cells.unknown_values(field, listed)):
                found[target.key] = missing
    return found


class CheckView(ImportView):
    """/<prefix>/import/<token>/check/: the report; POST keeps the chosen replacements of unknown values."""

    now = 3

    def get(self, request, token):
        draft = self.draft(token)
        try:
            plan = Plan(self.module, self.user, draft.options)
        except Invalid:
            return go(request, f"{self.module.import_url}{token}/")
        report = check.check(plan, draft.source, draft.meta["total"])
        unknown = unknown_of(self.module, self.offered(), draft.meta, plan.mapping)
        labels = {target.key: target.label for target in self.offered()}
        return self.step(
            "io/check.html",
            {
                "file": self.file_facts(draft),
                "report": report,
                "mode": plan.mode,
                "mode_label": MODES[plan.mode],
                "known_label": "更新" if plan.mode in ("overwrite", "fill") else "跳过",
                "key_label": self.importer.key_label,
                "unknown_mode": plan.unknown,
                "unknown": [(labels[key], "、".join(values[:30]), len(values)) for key, values in unknown.items()],
                "matches": self.matches(draft, unknown) if plan.unknown == "map" else [],
                "map_url": f"{self.module.import_url}{token}/",
                "run_url": f"{self.module.import_url}{token}/run/",
            },
        )

    def post(self, request, token):
        draft = self.draft(token)
        unknown = unknown_of(self.module, self.offered(), draft.meta, draft.options.get("mapping", {}))
        kept: dict[str, dict] = {}
        for match in self.matches(draft, unknown):
            answer = request.POST.get(match["name"], "")
            if answer == "empty":
                kept.setdefault(match["key"], {})[match["value"]] = None
            elif answer in {str(pk) for pk, _ in match["choices"]}:
                kept.setdefault(match["key"], {})[match["value"]] = int(answer)
        draft.options = {**draft.options, "values": kept}
        draft.save(update_fields=["options"])
        return go(request, request.path)

    def matches(self, draft, unknown) -> list[dict]:
        """One choice per unknown value: a value of the dictionary, empty, or refuse the row."""
        found, kept = [], draft.options.get("values", {})
        by_key = {target.key: target for target in self.offered()}
        for key, values in unknown.items():
            field = field_of(self.module, by_key[key])
            items = DictionaryItem.objects.filter(dictionary=field.code, active=True).values_list("pk", "label")
            for number, value in enumerate(values):
                chosen = kept.get(key, {}).get(value, "")
                found.append(
                    {
                        "name": f"value-{key}-{number}",
                        "key": key,
                        "label": by_key[key].label,
                        "value": value,
                        "choices": list(items),
                        "chosen": "empty" if chosen is None else str(chosen),
                    }
                )
        return found


class RunView(ImportView):
    """POST /<prefix>/import/<token>/run/: hand the file to the worker."""

    def post(self, request, token):
        draft = self.draft(token)
        try:
            job = importing.begin(draft, user=self.user)
        except Invalid:
            return go(request, f"{self.module.import_url}{token}/")
        return go(request, f"/jobs/{job.pk}/")


class TemplateView(ImportView):
    """/<prefix>/import/template.xlsx and .xls"""

    def get(self, request, kind):
        content = getattr(templates, kind)(self.importer, self.module, self.user)
        name = f"{self.module.label}导入模板.{kind}"
        headers = {"Content-Disposition": content_disposition_header(True, name), "Cache-Control": "no-store"}
        return HttpResponse(content, content_type=files.TYPES[kind][1], headers=headers)


class ExportView(ModuleView):
    """/<prefix>/export/: GET and the bulk bar open the dialog, the dialog's POST (with `format`) exports."""

    action = "export"

    def get(self, request):
        return self.dialog(request.GET)

    def post(self, request):
        data = request.POST
        if "format" not in data:
            return self.dialog(data)
        try:
            query, ids = self.wanted(data)
            job = exporting.begin(
                self.module,
                user=self.user,
                kind=data["format"],
                query=query,
                ids=ids,
                columns=data.get("columns", ""),
                send=False,
            )
        except jobs.Refused as refusal:
            return self.dialog(data, str(refusal))
        if job.total > params.get("export_background"):
            jobs.announce(job.pk)
            return go(request, f"/jobs/{job.pk}/")
        jobs.execute(job.pk, quiet=True)
        job.refresh_from_db()
        if job.state != job.State.DONE:
            return go(request, f"/jobs/{job.pk}/")
        if request.htmx:
            return self.page("io/exported.html", {"rows": job.result["rows"], "name": job.output_name, "job": job})
        return file_response(job)

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
            },
            status=422 if error and not self.request.htmx else 200,
        )


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
            path("import/", UploadView.as_view(module_name=name), name=f"{name}-import"),
            path(
                "import/template.xlsx",
                TemplateView.as_view(module_name=name),
                {"kind": "xlsx"},
                name=f"{name}-import-template",
            ),
            path(
                "import/template.xls",
                TemplateView.as_view(module_name=name),
                {"kind": "xls"},
                name=f"{name}-import-template-xls",
            ),
            path("import/<slug:token>/", MapView.as_view(module_name=name), name=f"{name}-import-map"),
            path("import/<slug:token>/check/", CheckView.as_view(module_name=name), name=f"{name}-import-check"),
            path("import/<slug:token>/run/", RunView.as_view(module_name=name), name=f"{name}-import-run"),
        ]
    return [*routes, path("export/", ExportView.as_view(module_name=name), name=f"{name}-export")]
