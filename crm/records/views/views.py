"""Saved views of a list, its advanced filter and its chart."""

from django import forms
from django.apps import apps
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404

from .. import conditions, fieldset, saved
from ..conditions import dates, parsing
from ..formfields import Cleaned
from ..listquery import ListQuery
from ..models import SavedView
from . import totals
from .base import ModuleView, go

DATE_CHOICES = [
    ("动态，每天重新计算", [(key, label) for key, label in dates.NAMED.items()]),
    ("按天数", [(key, label.format(n="N")) for key, label in dates.COUNTED.items()]),
]


def list_url(module, request) -> str:
    """The list, or the face of it (看板) a dialog or panel was opened on."""
    here = (request.htmx.current_url_abs_path or "").partition("?")[0] if request.htmx else ""
    return here if here in {module.url(face.page) for face in module.faces} else module.list_url


class ViewForm(forms.Form):
    """Name, with whom it is shared, whether the list opens with it."""

    def __init__(self, *args, mine: bool, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["name"] = Cleaned(
            model_field=SavedView._meta.get_field("name"),
            label="名称",
            error_messages={"required": "请填写名称"},
        )
        if mine:
            self.fields["update"] = forms.BooleanField(label="用列表现在的条件、排序和列覆盖", required=False)
        self.fields["shared"] = forms.ChoiceField(
            label="共享给", choices=SavedView.Shared.choices, required=False, widget=forms.RadioSelect
        )
        for name, label, model in (("departments", "部门", "Department"), ("roles", "角色", "Role")):
            pairs = list(apps.get_model("orgs", model).objects.values_list("pk", "name"))
            self.fields[name] = forms.TypedMultipleChoiceField(
                label=label,
                choices=pairs,
                coerce=int,
                required=False,
                widget=forms.SelectMultiple(attrs={"data-search": "", "placeholder": f"选择{label}"}),
                error_messages={"invalid_choice": "请选择列表中的选项"},
            )
        self.fields["default"] = forms.BooleanField(label="打开列表时先显示这个视图", required=False)


class SavedViewPage(ModuleView):
    """/<prefix>/views/new/ and /<prefix>/views/<pk>/: save what the list shows, or change a view of one's own."""

    def own(self) -> SavedView:
        if "pk" not in self.kwargs:
            return SavedView(user=self.user, module=self.module.key)
        found = SavedView.objects.filter(pk=self.kwargs["pk"], user=self.user, module=self.module.key)
        found = found.exclude(name="").first()
        if found is None:
            raise Http404
        return found

    def get(self, request, pk=None):
        view, views = self.own(), saved.Views(self.module, self.user)
        initial = {name: getattr(view, name) for name in ("name", "shared", "departments", "roles")}
        initial["default"] = view.pk is not None and views.default == view.key
        return self.show(ViewForm(initial=initial, mine=view.pk is not None), view)

    def post(self, request, pk=None):
        view, views = self.own(), saved.Views(self.module, self.user)
        form = ViewForm(request.POST, mine=view.pk is not None)
        if not form.is_valid():
            return self.show(form, view, 422)
        data = form.cleaned_data
        changes = {name: data[name] for name in ("name", "shared", "departments", "roles")}
        if view.pk is None or data.get("update"):
            state = ListQuery(self.module, self.user, request.GET, views=views)
            if state.problems:
                form.add_error(None, "；".join(state.problems).replace("已忽略", "无法识别，没有保存"))
                return self.show(form, view, 422)
            columns = state.saved.columns if state.saved and state.saved.columns else views.columns
            changes |= {"query": saved.kept(state.all_data.urlencode()), "columns": columns}
        try:
            saved.save_view(view, changes, by=self.user)
        except ValidationError as error:
            for name, found in (error.message_dict if hasattr(error, "error_dict") else {None: error.messages}).items():
                form.add_error(name if name in form.fields else None, found)
            return self.show(form, view, 422)
        if data["default"] or views.default == view.key:
            saved.make_default(self.module, view.key if data["default"] else "", by=self.user)
        messages.success(request, "保存成功")
        return go(request, f"{list_url(self.module, request)}?view={view.key}")

    def show(self, form, view, status=200):
        return self.page(
            "records/confirm.html",
            {
                "heading": "编辑视图" if view.pk else "存为视图",
                "body": "" if view.pk else "保存列表现在的条件、排序和列，下次点一下就能看到。",
                "submit_label": "保存视图",
                "fields": form,
                "action": self.request.get_full_path(),
                "back_url": self.module.list_url,
            },
            status=status if self.request.htmx else 200,
        )


class DeleteViewPage(SavedViewPage):
    """/<prefix>/views/<pk>/delete/"""

    def get(self, request, pk):
        view = self.own()
        return self.page(
            "records/confirm.html",
            {
                "heading": f"删除视图“{view.name}”？",
                "body": "共享给的同事也不再看到它；记录不受影响。" if view.shared else "记录不受影响。",
                "submit_label": "删除视图",
                "danger": True,
                "action": request.path,
                "back_url": self.module.list_url,
            },
        )

    def post(self, request, pk):
        self.own().delete()
        messages.success(request, "删除成功")
        return go(request, self.module.list_url)


class ManageViews(ModuleView):
    """/<prefix>/views/: which views show as tabs, in which order, and which one the list opens with."""

    def get(self, request):
        views = saved.Views(self.module, self.user)
        away, default = set(views.tabs.get("hidden", [])), views.default or self.module.views[0].key
        rows = [
            {
                "key": view.key,
                "label": view.name if view in views.views else view.label,
                "on": view.key not in away,
                "default": view.key == default,
                "page": bool(getattr(view, "page", "")),
                "note": self.note(view, views),
                "url": self.module.url(f"views/{view.pk}")
                if view in views.views and view.user_id == self.user.pk
                else None,
            }
            for view in views.arranged(hidden=True)
        ]
        return self.page("records/views.html", {"rows": rows, "heading": "管理视图"})

    def note(self, view, views) -> str:
        if view not in views.views:
            return "系统"
        if view.user_id != self.user.pk:
            return "共享"
        return f"共享给{view.get_shared_display()}" if view.shared else "我的"

    def post(self, request):
        views = saved.Views(self.module, self.user)
        known = [view.key for view in views.arranged(hidden=True)]
        order = [key for key in dict.fromkeys(request.POST.getlist("order")) if key in known]
        shown = set(request.POST.getlist("shown"))
        default = request.POST.get("default", "")
        hidden = [key for key in known if key not in shown and key != default]
        if len(hidden) == len(known):
            hidden = hidden[1:]
        first = self.module.views[0].key
        tabs = {"order": order, "hidden": hidden, "default": default if default in known and default != first else ""}
        saved.keep_settings(self.module, by=self.user, tabs=tabs)
        messages.success(request, "保存成功")
        return go(request, self.module.list_url)


class ConditionsView(ModuleView):
    """GET /<prefix>/conditions/?<list query>: the builder of the advanced filter, filled with what the list has now."""

    def get(self, request):
        known = conditions.catalogue(self.module, self.user)
        groups: dict[str, list] = {}
        for operand in known.values():
            groups.setdefault(operand.group, []).append(
                {
                    "key": operand.key,
                    "label": operand.label,
                    "kind": operand.kind,
                    "money": operand.money,
                    "options": [[str(key), label] for key, label in operand.options()]
                    if operand.kind == "choice"
                    else [],
                }
            )
        state = ListQuery(self.module, self.user, request.GET)
        return self.page(
            "records/conditions.html",
            {
                "builder": {
                    "groups": [{"label": label, "operands": rows} for label, rows in groups.items()],
                    "operators": {kind: list(rows) for kind, rows in conditions.operands.OPERATORS.items()},
                    "dates": DATE_CHOICES,
                    "people": list(parsing.SPECIAL_PEOPLE.items()),
                    "departments": [
                        ["mine", "本部门"],
                        *[
                            [str(pk), name]
                            for pk, name in apps.get_model("orgs", "Department").objects.values_list("pk", "name")
                        ],
                    ],
                    "names": self.names(state),
                    "where": state.all_data.get("where", ""),
                    "most": parsing.MOST,
                },
                "count_url": f"{self.module.list_url}?{state.link(where=None, count='exact')}",
                "list_url": f"{list_url(self.module, request)}?{state.link(where=None)}",
                "save_url": f"{self.module.url('views')}new/?{state.link(where=None)}",
            },
        )

    def names(self, state) -> dict[str, str]:
        """Names of the people the present conditions pick."""
        from django.contrib.auth import get_user_model

        digits = set("".join(c if c.isdigit() else " " for c in state.all_data.get("where", "")).split())
        ids = [int(part) for part in digits if len(part) < 19][:200]
        return {str(pk): name for pk, name in get_user_model().objects.filter(pk__any=ids).values_list("pk", "name")}


class ChartView(ModuleView):
    """GET /<prefix>/chart/?<list query>&group=&measure=: the list's records grouped and counted or added up."""

    def get(self, request):
        data = request.GET.copy()
        wanted, measured = data.pop("group", [""])[-1], data.pop("measure", [""])[-1]
        state = ListQuery(self.module, self.user, data)
        fields = fieldset.of(self.module, self.user)
        groups, measures = totals.groups_of(fields), totals.measures_of(fields)
        group = next((one for one in groups if one.key == wanted), groups[0])
        measure = next((one for one in measures if one.key == measured), None)
        bars = totals.chart(state, group, measure)
        most = max((abs(bar["value"]) for bar in bars), default=0)
        for bar in bars:
            bar["width"] = round(float(abs(bar["value"]) / most * 100), 1) if most else 0
            bar["text"] = measure.text(bar["value"]) if measure is not None else f"{bar['value']:,}"
        return self.page(
            "records/chart.html",
            {
                "bars": bars,
                "group": group,
                "measure": measure,
                "groups": groups,
                "measures": measures,
                "hidden": [(key, value) for key, value in data.items()],
                "notices": state.problems,
                "back_url": f"{self.module.list_url}?{state.link()}",
            },
        )
