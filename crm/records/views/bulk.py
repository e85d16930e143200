"""Actions on selected rows. The first POST freezes the ids (server-side) and opens the confirm page; the second runs on
what is still allowed and unchanged, and reports the rest record by record."""

from collections import Counter

from django.contrib import messages
from django.core import signing
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, QueryDict

from .. import filters, modules, params, services, teams
from ..bulkedit import job as edit_job
from ..bulkedit import services as bulkedit
from ..bulkedit.forms import EditManyForm
from ..listquery import ListQuery
from ..models import Job, Selection
from ..modules import Bulk
from ..tagging.forms import BULK as TAGS
from ..undoing import entries
from .base import ModuleView, deny, go
from .bulkforms import TeamForm, TransferForm

SHOWN = 5


def _transfer(rows, *, by, form):
    data = form.cleaned_data
    return services.transfer(
        rows,
        data["owner"],
        by=by,
        keep=data.get("keep") or "",
        until=data.get("until"),
        children=data.get("children") or (),
    )


def _team(rows, *, by, form):
    data = form.cleaned_data
    return (
        teams.add(list(rows), list(data["people"]), write=data["right"] == "write", until=data["until"], by=by)
        and rows.count()
    )


def _edit(rows, *, by, form):
    module, new = modules.of_model(rows.model), form.new_values()
    if rows.order_by().count() > edit_job.DIRECT:
        return edit_job.begin(module, rows, new, by=by)
    return bulkedit.edit_many(rows, new, by=by)


def _verb(name):
    return lambda rows, *, by, form: modules.of_model(rows.model).verb(name)(rows, by=by)


SHARED = [
    Bulk(
        "transfer",
        "转移",
        "transfer",
        "transfer",
        _transfer,
        "转移 {n} 个{label}？",
        "转移（{n} 个）",
        form=TransferForm,
        leaves=True,
    ),
    Bulk("team", "分配团队", "team", "share", _team, "给 {n} 个{label}添加团队成员", "添加（{n} 个）", form=TeamForm),
    Bulk(
        "edit",
        "批量编辑",
        "edit",
        "edit",
        _edit,
        "修改 {n} 个{label}的哪些字段？",
        "修改（{n} 个）",
        form=EditManyForm,
        template="records/edit_many.html",
    ),
    TAGS,
    Bulk("export", "导出选中", "download", "export", None, "", ""),
    Bulk("print", "打印", "print", "print", None, "", ""),
    Bulk(
        "delete",
        "批量删除",
        "trash",
        "delete",
        _verb("delete"),
        "删除 {n} 个{label}？",
        "删除（{n} 个）",
        body="删除的记录进入回收站，可以还原。",
        danger=True,
        done="删除成功",
        leaves=True,
    ),
    Bulk("restore", "还原", "undo", "restore", _verb("restore"), "还原 {n} 个{label}？", "还原（{n} 个）"),
    Bulk(
        "purge",
        "彻底删除",
        "trash",
        "purge",
        _verb("purge"),
        "彻底删除 {n} 个{label}？",
        "彻底删除（{n} 个）",
        body="彻底删除后不能恢复，附件一并删除。",
        danger=True,
        leaves=True,
    ),
]
TRASHED = frozenset({"restore", "purge"})


def selected_rows(module, user, data, action: str, *, trashed: bool = False):
    """(allowed rows, how many ids were asked for) of `ids` or `all` + `filter`. ValidationError in words where nothing
    is selected, the token is not ours, the filter is not understood or too many rows match."""
    rows = module.rows(user, action, trashed=trashed)
    limit = params.get("bulk_limit")
    if data.get("all") == "1":
        try:
            query = filters.unsign(module.name, data.get("filter", ""))
        except signing.BadSignature:
            raise ValidationError("筛选条件已失效，请返回列表重新选择。") from None
        # every row the list showed, so that those the action may not touch are told and not silently left out
        state = ListQuery(module, user, QueryDict(query), rows=rows if trashed else None)
        if state.problems:
            raise ValidationError(state.problems[0].replace("已忽略", "无法识别，操作没有执行"))
        ids = list(state.rows.order_by().values_list("pk", flat=True)[: limit + 1])
    else:
        ids = [
            int(text)
            for text in data.get("ids", "").split(",")
            if text.strip().isascii() and text.strip().isdigit() and len(text.strip()) < 19
        ]
        ids = list(dict.fromkeys(ids))
    if not ids:
        raise ValidationError(module.select_first)
    if len(ids) > limit:
        raise ValidationError(f"一次最多处理 {limit:,} 条，请缩小筛选范围。")
    return rows.filter(pk__any=ids), ids


class BulkView(ModuleView):
    """/<prefix>/bulk/<key>/"""

    def dispatch(self, request, *args, key="", **kwargs):
        self.user = request.user
        module = self.find_module()
        self.bulk = next((bulk for bulk in self.offered(module) if bulk.key == key and bulk.run), None)
        if (
            self.bulk is None
            or (self.bulk.key in ("transfer", "team") and not module.owned)
            or (self.bulk.key == "team" and not module.grant_model)
            or (self.bulk.key == "edit" and not module.edits_many)
        ):
            raise Http404
        if key == "purge" and not request.user.has_function("admin.recycle"):
            raise PermissionDenied("只有管理员可以彻底删除。")
        self.trashed = key in TRASHED
        self.action = self.bulk.action
        self.key = key
        return super().dispatch(request, *args, **kwargs)

    def offered(self, module) -> list[Bulk]:
        """The actions there are."""
        return [*module.bulk, *SHARED]

    def missing_function(self, kwargs):
        deny(self.module, self.action)

    def get(self, request):
        """The confirm page of one record (from its own page); writes nothing, so it carries the ids themselves."""
        return self.confirm(request.GET, freeze=False)

    def post(self, request):
        if "selection" in request.POST or "confirmed" in request.POST:
            return self.run(request)
        return self.confirm(request.POST, freeze=True)

    def confirm(self, data, *, freeze: bool):
        try:
            rows, ids = selected_rows(self.module, self.user, data, self.action, trashed=self.trashed)
        except ValidationError as error:
            return self.refuse(error)
        found = self.titles(rows.order_by("pk"))
        if not found and not freeze:
            self.visible_or_404(ids)
        kept = {pk for pk, _, _ in found}
        left_out = [pk for pk in ids if pk not in kept]
        closed = self.closed(left_out)
        if not found:
            text = next((why for _, why in closed.values()), f"所选{self.module.label}都不在您可操作的范围内。")
            return self.refuse(ValidationError(text))
        if freeze:
            token = Selection.objects.create(
                user=self.user,
                module=self.module.key,
                action=self.key,
                rows=[[pk, version] for pk, version, _ in found],
            ).token
            hidden = [("selection", token)]
        else:
            hidden = [("ids", ",".join(str(pk) for pk, _, _ in found)), ("confirmed", "1")]
        counted = Counter(why for _, why in closed.values())
        notes = [f"另有 {number:,} 个{why}。" for why, number in counted.items()]
        if rest := len(left_out) - len(closed):
            notes.append(f"另有 {rest:,} 条不在您可操作的范围内，不会处理。")
        return self.page_of(found, hidden, self.form(rows), notes)

    def closed(self, ids) -> dict[int, tuple[str, str]]:
        """{id: (title, why not)} of those the person sees and whose state is in the way (Module.closed)."""
        found: dict[int, tuple[str, str]] = {}
        for closed in self.module.closings if ids and not self.trashed else ():
            if closed.binds(self.user, self.action):
                rows = closed.only(self.module.rows(self.user, "view").filter(pk__any=ids), self.user)
                found |= {pk: (title, closed.sentence) for pk, _, title in self.titles(rows)}
        return found

    def titles(self, rows) -> list[tuple[int, int, str]]:
        """(id, version, title) of the rows."""
        named = rows.values_list("pk", "version", self.module.title_field)
        return [(pk, version, self.module.titled(title)) for pk, version, title in named]

    def visible_or_404(self, ids):
        """A single record that may not be acted on: 404 out of sight, 403 in sight."""
        visible = self.module.rows(self.user, self.action if self.trashed else "view", trashed=self.trashed).filter(
            pk__any=ids
        )
        seen = visible.first()
        if seen is None:
            raise Http404
        if refusal := self.module.refusal(seen, self.action, self.user):
            raise PermissionDenied(refusal)
        raise PermissionDenied(f"您可以查看这条{self.module.label}，但不能对它做此操作。")

    def page_of(self, found, hidden, form, notes=(), status=200):
        n = len(found)
        titles = [title for _, _, title in found]
        more = [f"…… 共 {n:,} 个"] if n > SHOWN else []
        fill = {"n": f"{n:,}", "label": self.module.label}
        return self.page(
            self.bulk.template,
            {
                "heading": self.heading(n).format(**fill),
                "submit_label": self.bulk.submit.format(**fill),
                "danger": self.bulk.danger,
                "body": " ".join(
                    part for part in (self.module.texts.get(f"{self.key}_body", self.bulk.body), *notes) if part
                ),
                "details": titles[:SHOWN] + more,
                "fields": form,
                "hidden": hidden,
                "action": f"{self.module.bulk_url}{self.key}/",
            },
            status=status,
        )

    def heading(self, n: int) -> str:
        """The question about `n` records."""
        return self.module.texts.get(self.key, self.bulk.heading)

    def form(self, rows, data=None):
        return self.bulk.form(data, user=self.user, module=self.module, rows=rows) if self.bulk.form else None

    def run(self, request):
        failures = []
        try:
            selection, frozen = self.frozen(request)
        except ValidationError as error:
            return self.refuse(error)
        rows = self.module.rows(self.user, self.action, trashed=self.trashed).filter(pk__any=list(frozen))
        present = {pk: (version, title) for pk, version, title in self.titles(rows)}
        if selection is None and not present:
            self.visible_or_404(list(frozen))
        gone = [pk for pk in frozen if pk not in present]
        changed = [pk for pk, (version, _) in present.items() if frozen[pk] not in (None, version)]
        closed = self.closed(gone)
        failures += [{"title": title, "reason": why} for title, why in closed.values()]
        failures += [{"title": f"编号 {pk}", "reason": "已不在您可操作的范围内"} for pk in gone if pk not in closed]
        failures += [{"title": present[pk][1], "reason": "选择之后被修改过，没有处理"} for pk in changed]
        rows = rows.exclude(pk__any=changed) if changed else rows
        form = self.form(rows, request.POST)
        if form is not None and not form.is_valid():
            return self.again(present, request.POST.get("selection"), form)
        try:
            with entries.watch() as undo:
                outcome = self.bulk.run(rows, by=self.user, form=form) if len(present) > len(changed) else 0
        except ValidationError as error:
            if form is None:
                return self.refuse(error)
            form.add_error(None, error.messages)
            return self.again(present, request.POST.get("selection"), form)
        if selection is not None:
            selection.delete()
        if isinstance(outcome, Job):
            return go(request, f"/jobs/{outcome.pk}/")
        done, refused = outcome if isinstance(outcome, tuple) else (outcome, [])
        failures += [{"title": title, "reason": reason} for title, reason in refused]
        back = self.module.recycle_url if self.trashed else self.module.list_url
        if failures:
            return self.page(
                "records/result.html",
                {
                    "done": done,
                    "failures": failures[:200],
                    "back_url": back,
                    "heading": self.bulk.label,
                    "undo_url": f"/undo/{undo[-1]}/" if undo else None,
                },
            )
        text = f"{self.done_label()}（{done:,} 个）" if done != 1 else self.done_label()
        if self.key == "edit" and not done:
            text = f"所选{self.module.label}已经是这些值，没有改动"
        messages.success(request, text, extra_tags=f"undo:{undo[-1]}" if undo else "")
        return go(request, self.back_to(back, present))

    def frozen(self, request) -> tuple[Selection | None, dict[int, int | None]]:
        """(the selection kept when the confirm page opened, or None, {id: version then, None where it is not known})."""
        if token := request.POST.get("selection"):
            selection = Selection.found(token, user=self.user, module=self.module.key, action=self.key)
            if selection is None:
                raise ValidationError("这个选择已处理或已失效，请返回列表重新选择。")
            return selection, dict(selection.rows)
        _, ids = selected_rows(self.module, self.user, request.POST, self.action, trashed=self.trashed)
        return None, dict.fromkeys(ids)

    def again(self, present, token, form):
        """The confirm page once more, with what is wrong."""
        found = [(pk, version, title) for pk, (version, title) in present.items()]
        hidden = [("selection", token)] if token else [("ids", self.request.POST.get("ids", "")), ("confirmed", "1")]
        return self.page_of(found, hidden, form, status=422 if self.request.htmx and form.errors else 200)

    def done_label(self) -> str:
        return self.bulk.done

    def back_to(self, back, present) -> str:
        """To where the person came from, unless that record is gone."""
        here = self.request.htmx.current_url_abs_path if self.request.htmx else ""
        if not here or (self.bulk.leaves and any(f"/{self.module.prefix}/{pk}/" in here for pk in present)):
            return back
        return here

    def refuse(self, error: ValidationError):
        return self.refused(error, self.bulk.label)


class OneView(BulkView):
    """/<prefix>/<pk>/transfer/ and /team/: the same action for one record."""

    def dispatch(self, request, *args, pk, **kwargs):
        self.pk = pk
        return super().dispatch(request, *args, **kwargs)

    def missing_function(self, kwargs):
        self.visible(self.pk)
        deny(self.module, self.action)

    def get(self, request):
        return self.confirm({"ids": str(self.pk)}, freeze=False)

    def post(self, request):
        """Only ever about the record of the address, whatever ids the body names."""
        this = request.POST.get("ids") == str(self.pk) and "selection" not in request.POST
        return self.run(request) if this and "confirmed" in request.POST else self.get(request)
