"""Actions on selected rows. The first POST freezes the ids (server-side) and opens the confirm page; the second runs on
what is still allowed and unchanged, and reports the rest record by record."""

from django import forms
from django.contrib import messages
from django.contrib.auth import get_user_model
from django.core import signing
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import F
from django.http import Http404, QueryDict
from django.utils import timezone

from .. import filters, modules, params, services, teams
from ..formfields import Picked, SeveralPicked
from ..listquery import ListQuery
from ..models import Selection
from ..modules import Bulk
from ..tagging.forms import BULK as TAGS
from .base import ModuleView, deny, go

SHOWN = 5


class TransferForm(forms.Form):
    """New owner, what goes along, what becomes of the former owner."""

    KEEP = (("", "移除"), ("read", "转为团队成员（只读）"), ("write", "转为团队成员（读写）"))

    def __init__(self, *args, user, module, rows, **kwargs):
        super().__init__(*args, **kwargs)
        people = get_user_model().objects.filter(is_active=True)
        self.fields["owner"] = Picked(
            people, kind="colleague", label="新负责人", error_messages={"required": "请选择新负责人"}
        )
        options = []
        for child in module.children:
            if child.owned and child.may(user, "transfer"):
                count = (
                    child.model.objects.allowed(user, "transfer")
                    .filter(
                        **{f"{module.name}_id__in": rows.order_by().values("pk"), "owner": F(f"{module.name}__owner")}
                    )
                    .count()
                )
                if count:
                    options.append((child.name, f"{child.label}（{count} 个）"))
        if options:
            self.fields["children"] = forms.MultipleChoiceField(
                label="同时转移",
                choices=options,
                required=False,
                widget=forms.CheckboxSelectMultiple,
                initial=[name for name, _ in options],
            )
        if module.grant_model:
            self.fields["keep"] = forms.ChoiceField(
                label="原负责人", choices=self.KEEP, required=False, widget=forms.RadioSelect, initial=""
            )
            self.fields["until"] = until_field()


class TeamForm(forms.Form):
    """Colleagues, right, last day."""

    def __init__(self, *args, user, module, rows, **kwargs):
        super().__init__(*args, **kwargs)
        people = get_user_model().objects.filter(is_active=True)
        self.fields["people"] = SeveralPicked(people, kind="colleague", label="同事")
        self.fields["right"] = forms.ChoiceField(
            label="权限", choices=(("read", "只读"), ("write", "读写")), initial="read", widget=forms.RadioSelect
        )
        self.fields["until"] = until_field()

    def clean_until(self):
        until = self.cleaned_data["until"]
        if until and until < timezone.localdate():
            raise ValidationError("有效期不能早于今天。")
        return until


def until_field():
    return forms.DateField(
        label="有效期至",
        required=False,
        help_text="不填则一直有效",
        widget=forms.DateInput(attrs={"data-date": ""}, format="%Y-%m-%d"),
        error_messages={"invalid": "日期格式应为 2026-01-31"},
    )


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
    ),
    Bulk("team", "分配团队", "team", "share", _team, "给 {n} 个{label}添加团队成员", "添加（{n} 个）", form=TeamForm),
    TAGS,
    Bulk("export", "导出选中", "download", "export", None, "", ""),
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
    ),
]
TRASHED = frozenset({"restore", "purge"})


def selected_rows(module, user, data, action: str, *, trashed: bool = False):
    """(allowed rows, how many ids were asked for) of `ids` or `all` + `filter`. ValidationError in words where nothing
    is selected, the token is not ours, the filter is not understood or too many rows match."""
    rows = module.model.objects.allowed(user, action, trashed=trashed)
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
        module = modules.get(self.module_name)
        self.bulk = next((bulk for bulk in [*module.bulk, *SHARED] if bulk.key == key and bulk.run), None)
        if (
            self.bulk is None
            or (self.bulk.key in ("transfer", "team") and not module.owned)
            or (self.bulk.key == "team" and not module.grant_model)
        ):
            raise Http404
        if key == "purge" and not request.user.has_function("admin.recycle"):
            raise PermissionDenied("只有管理员可以彻底删除。")
        self.trashed = key in TRASHED
        self.action = self.bulk.action
        self.key = key
        return super().dispatch(request, *args, **kwargs)

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
        found = list(rows.order_by("pk").values_list("pk", "version", self.module.title_field))
        if not found and not freeze:
            self.visible_or_404(ids)
        if not found:
            return self.refuse(ValidationError(f"所选{self.module.label}都不在您可操作的范围内。"))
        left_out = len(ids) - len(found)
        if freeze:
            token = Selection.objects.create(
                user=self.user,
                module=self.module.name,
                action=self.key,
                rows=[[pk, version] for pk, version, _ in found],
            ).token
            hidden = [("selection", token)]
        else:
            hidden = [("ids", ",".join(str(pk) for pk, _, _ in found)), ("confirmed", "1")]
        return self.page_of(found, hidden, self.form(rows), left_out)

    def visible_or_404(self, ids):
        """A single record that may not be acted on: 404 out of sight, 403 in sight."""
        visible = self.module.model.objects.allowed(
            self.user, self.action if self.trashed else "view", trashed=self.trashed
        ).filter(pk__any=ids)
        if not visible.exists():
            raise Http404
        raise PermissionDenied(f"您可以查看这条{self.module.label}，但不能对它做此操作。")

    def page_of(self, found, hidden, form, left_out=0, status=200):
        n = len(found)
        titles = [title for _, _, title in found]
        more = [f"…… 共 {n:,} 个"] if n > SHOWN else []
        note = f"另有 {left_out} 条不在您可操作的范围内，不会处理。" if left_out else ""
        fill = {"n": f"{n:,}", "label": self.module.label}
        return self.page(
            "records/confirm.html",
            {
                "heading": self.module.texts.get(self.key, self.bulk.heading).format(**fill),
                "submit_label": self.bulk.submit.format(**fill),
                "danger": self.bulk.danger,
                "body": " ".join(
                    part for part in (self.module.texts.get(f"{self.key}_body", self.bulk.body), note) if part
                ),
                "details": titles[:SHOWN] + more,
                "fields": form,
                "hidden": hidden,
                "action": f"{self.module.bulk_url}{self.key}/",
            },
            status=status,
        )

    def form(self, rows, data=None):
        return self.bulk.form(data, user=self.user, module=self.module, rows=rows) if self.bulk.form else None

    def run(self, request):
        failures = []
        if token := request.POST.get("selection"):
            selection = Selection.objects.filter(
                token=token, user=self.user, module=self.module.name, action=self.key
            ).first()
            if selection is None:
                return self.refuse(ValidationError("这个选择已处理或已失效，请返回列表重新选择。"))
            frozen = dict(selection.rows)
        else:
            selection = None
            try:
                _, ids = selected_rows(self.module, self.user, request.POST, self.action, trashed=self.trashed)
            except ValidationError as error:
                return self.refuse(error)
            frozen = dict.fromkeys(ids)
        rows = self.module.model.objects.allowed(self.user, self.action, trashed=self.trashed).filter(
            pk__any=list(frozen)
        )
        present = {
            pk: (version, title) for pk, version, title in rows.values_list("pk", "version", self.module.title_field)
        }
        if selection is None and not present:
            self.visible_or_404(list(frozen))
        gone = [pk for pk in frozen if pk not in present]
        changed = [pk for pk, (version, _) in present.items() if frozen[pk] not in (None, version)]
        failures += [{"title": f"编号 {pk}", "reason": "已不在您可操作的范围内"} for pk in gone]
        failures += [{"title": present[pk][1], "reason": "选择之后被修改过，没有处理"} for pk in changed]
        rows = rows.exclude(pk__any=changed) if changed else rows
        form = self.form(rows, request.POST)
        if form is not None and not form.is_valid():
            found = [(pk, version, title) for pk, (version, title) in present.items()]
            hidden = [("selection", token)] if token else [("ids", request.POST.get("ids", "")), ("confirmed", "1")]
            return self.page_of(found, hidden, form, status=422 if request.htmx else 200)
        try:
            done = self.bulk.run(rows, by=self.user, form=form) if len(present) > len(changed) else 0
        except ValidationError as error:
            if form is None:
                return self.refuse(error)
            form.add_error(None, error)
            found = [(pk, version, title) for pk, (version, title) in present.items()]
            hidden = [("selection", token)] if token else [("ids", request.POST.get("ids", "")), ("confirmed", "1")]
            return self.page_of(found, hidden, form, status=422 if request.htmx else 200)
        if selection is not None:
            selection.delete()
        back = self.module.recycle_url if self.trashed else self.module.list_url
        if failures:
            return self.page(
                "records/result.html",
                {"done": done, "failures": failures[:200], "back_url": back, "heading": self.bulk.label},
            )
        messages.success(request, f"{self.done_label()}（{done:,} 个）" if done != 1 else self.done_label())
        return go(request, self.back_to(back, present))

    def done_label(self) -> str:
        return {"delete": "删除成功", "transfer": "操作成功", "team": "操作成功"}.get(self.key, "操作成功")

    def back_to(self, back, present) -> str:
        """To where the person came from, unless that record is gone."""
        here = self.request.htmx.current_url_abs_path if self.request.htmx else ""
        if not here or (
            self.key in ("delete", "purge", "transfer")
            and any(f"/{self.module.prefix}/{pk}/" in here for pk in present)
        ):
            return back
        return here

    def refuse(self, error: ValidationError):
        return self.page(
            "records/result.html",
            {
                "done": 0,
                "failures": [{"title": "", "reason": message} for message in error.messages],
                "back_url": self.module.list_url,
                "heading": self.bulk.label,
            },
            status=200 if self.request.htmx else 400,
        )


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
