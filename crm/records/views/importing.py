"""The import wizard of a module: upload → map → check → run."""

from django.conf import settings
from django.http import Http404, HttpResponse
from django.utils.http import content_disposition_header

from .. import formatting, modules
from ..exporting import files
from ..fields import DictionaryField
from ..importing import cells, check, keys, targets, templates, upload
from ..importing import job as importing
from ..importing.plan import MODES, UNKNOWN, Invalid, Plan, field_of
from ..models import DictionaryItem, ImportDraft, ImportMapping
from .base import ModuleView, go

STEPS = ("上传文件", "对应字段", "检查", "导入", "结果")


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
            if place := self.place(request.POST):
                draft.options = {**draft.options, "into": place[0]}
                draft.save(update_fields=["options"])
        except upload.Refused as refusal:
            return self.show(str(refusal), 422)
        return go(request, f"{self.module.import_url}{draft.token}/")

    def place(self, data) -> tuple[str, str] | None:
        """Where the rows go besides the person's own records: (key, name)."""
        return self.importer.into(self.user, data["into"]) if data.get("into") else None

    def show(self, error: str = "", status: int = 200):
        place = self.place(self.request.POST or self.request.GET)
        must = [target.label for target in targets.required(self.offered(), self.module)]
        context = {
            "error": error,
            "limit_mb": settings.IMPORT_MAX_MB,
            "required": must,
            "max_rows": 1_000_000,
            "place": place,
        }
        return self.step("io/upload.html", context, status if not error or not self.request.htmx else 200)


class MapView(ImportView):
    """/<prefix>/import/<token>/: which column fills which field, what happens to duplicates and unknown values."""

    now = 2

    def get(self, request, token):
        draft = self.draft(token)
        if request.GET.get("auto") == "1":
            return self.show(draft, targets.guess(draft.meta["headers"], self.offered()))
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
            "key": chosen.get("key", keys.DEFAULT),
            "unknown": chosen.get("unknown", "reject"),
            "values": draft.options.get("values", {}),
            "into": draft.options.get("into", ""),
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
        ways = keys.offered(self.importer, offered)
        way = next((one for one in ways if one.name == options.get("key")), ways[0])
        automatic = targets.guess(meta["headers"], offered)
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
                "keys": [(one.name, one.label) for one in ways],
                "key": way.name,
                "key_label": way.label,
                "auto_url": f"{self.request.path}?auto=1" if mapping != automatic else None,
                "companion": self.importer.companion.prefix if any(one.companion for one in offered) else "",
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
                "key_label": plan.key.label,
                "unknown_mode": plan.unknown,
                "unknown": [(labels[key], "、".join(values[:30]), len(values)) for key, values in unknown.items()],
                "matches": self.matches(draft, unknown) if plan.unknown == "map" else [],
                "companion": plan.companion and plan.companion.module.label,
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
