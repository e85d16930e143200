"""Settings: the index, data dictionaries, system parameters."""

from django import forms
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from crm.records import dictionaries, modules, params
from crm.records.models import DictionaryItem
from crm.records.views.base import render_page

from .. import pages, services
from .base import done, form_page, move_errors, needs

DICTIONARIES = "/settings/dictionaries/"
PARAMETERS = "/settings/parameters/"


@require_safe
def index(request):
    """/settings/: the pages this person's administration functions open."""
    found = pages.open_to(request.user)
    if not found and not any(request.user.has_function(function) for function in modules.ADMIN_FUNCTIONS):
        raise PermissionDenied("您的角色没有管理功能，需要时请联系系统管理员。")
    return render_page(request, "orgs/settings.html", {"pages": found, "nav_active": "settings"})


@require_safe
@needs("admin.dictionary")
def dictionary_index(request):
    """/settings/dictionaries/: opens the first dictionary."""
    return dictionary_page(request, next(iter(dictionaries.ALL)))


@require_safe
@needs("admin.dictionary")
def dictionary(request, code: str):
    """/settings/dictionaries/<code>/: its values with how often each is used."""
    return dictionary_page(request, declared(code).code)


def declared(code: str):
    if code not in dictionaries.ALL:
        raise Http404
    return dictionaries.ALL[code]


def dictionary_page(request, code: str):
    groups: dict[str, list] = {}
    for one in dictionaries.ALL.values():
        groups.setdefault(one.group, []).append(one)
    used, counted = services.usage_counts(code), bool(dictionaries.fields_using(code))
    items = list(DictionaryItem.objects.filter(dictionary=code))
    rows = [
        {"item": item, "used": used.get(item.pk, 0), "first": place == 0, "last": place == len(items) - 1}
        for place, item in enumerate(items)
    ]
    return render_page(
        request,
        "orgs/dictionaries.html",
        {
            "dictionary": dictionaries.ALL[code],
            "groups": [{"title": title, "rows": found} for title, found in groups.items()],
            "rows": rows,
            "counted": counted,
            "nav_active": "settings",
        },
    )


class ItemForm(forms.Form):
    """The label of a value."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["label"] = DictionaryItem._meta.get_field("label").formfield()


def crumb(code: str) -> dict:
    return {"label": dictionaries.ALL[code].label, "list_url": f"{DICTIONARIES}{code}/"}


@require_http_methods(["GET", "HEAD", "POST"])
@needs("admin.dictionary")
def add_item(request, code: str):
    """/settings/dictionaries/<code>/new/"""
    one = declared(code)
    form = ItemForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            services.add_item(code, form.cleaned_data["label"], by=request.user)
            return done(request, f"{DICTIONARIES}{code}/", "保存成功")
        except ValidationError as error:
            move_errors(form, on_label(error))
    return form_page(
        request,
        form,
        heading=f"新增“{one.label}”的值",
        sections=[("", "", ("label",))],
        crumb=crumb(code),
        back_url=f"{DICTIONARIES}{code}/",
    )


def on_label(error):
    return ValidationError({"label": error.messages})


def item_of(pk: int):
    return get_object_or_404(DictionaryItem, pk=pk, dictionary__in=dictionaries.ALL)


@require_http_methods(["GET", "HEAD", "POST"])
@needs("admin.dictionary")
def rename_item(request, pk: int):
    """/settings/dictionaries/items/<pk>/rename/"""
    item = item_of(pk)
    url = f"{DICTIONARIES}{item.dictionary}/"
    form = ItemForm(request.POST or None, initial={"label": item.label})
    if request.method == "POST" and form.is_valid():
        try:
            services.rename_item(item_of(pk), form.cleaned_data["label"], by=request.user)
            return done(request, url, "保存成功")
        except ValidationError as error:
            move_errors(form, on_label(error))
    sections = [("", "改名后，已有记录也显示新名称", ("label",))]
    return form_page(
        request, form, heading=f"“{item.label}”改名", sections=sections, crumb=crumb(item.dictionary), back_url=url
    )


ITEM_ACTIONS = {
    "retire": lambda item, by: services.set_item_active(item, False, by=by),
    "restore": lambda item, by: services.set_item_active(item, True, by=by),
    "default": lambda item, by: services.make_default(item, True, by=by),
    "undefault": lambda item, by: services.make_default(item, False, by=by),
    "up": lambda item, by: services.move_item(item, -1, by=by),
    "down": lambda item, by: services.move_item(item, 1, by=by),
}


@require_POST
@needs("admin.dictionary")
def change_item(request, pk: int, key: str):
    """POST /settings/dictionaries/items/<pk>/<key>/: retire, restore, default, undefault, up, down."""
    item = item_of(pk)
    if key not in ITEM_ACTIONS:
        raise Http404
    url = f"{DICTIONARIES}{item.dictionary}/"
    try:
        ITEM_ACTIONS[key](item, request.user)
    except ValidationError as error:
        return refused(request, f"“{item.label}”没有改动", error, crumb(item.dictionary))
    return done(request, url, "" if key in ("up", "down") else "保存成功")


def refused(request, heading, error, module):
    context = {
        "heading": heading,
        "reasons": error.messages,
        "module": module,
        "back_url": module["list_url"],
        "nav_active": "settings",
    }
    return render_page(request, "orgs/refused.html", context, status=422)


@require_http_methods(["GET", "HEAD", "POST"])
@needs("admin.dictionary")
def delete_item(request, pk: int):
    """/settings/dictionaries/items/<pk>/delete/: only what nothing uses."""
    item = item_of(pk)
    module = crumb(item.dictionary)
    if request.method == "POST":
        try:
            services.delete_item(item, by=request.user)
            return done(request, module["list_url"], "删除成功")
        except ValidationError as error:
            return refused(request, f"“{item.label}”不能删除", error, module)
    return render_page(
        request,
        "records/confirm.html",
        {
            "heading": f"删除“{item.label}”？",
            "body": "删除后不能恢复；有记录使用的值不能删除，可以停用。",
            "submit_label": "删除",
            "danger": True,
            "module": module,
            "back_url": module["list_url"],
            "nav_active": "settings",
        },
    )


class ParametersForm(forms.Form):
    """One field per declared parameter."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        for param in params.PARAMS.values():
            self.fields[param.key] = self.field_for(param)

    @staticmethod
    def field_for(param):
        if param.kind == "bool":
            return forms.BooleanField(label=param.label, required=False)
        if param.kind == "choice":
            kind = type(param.default)
            widget = forms.RadioSelect if len(param.choices) <= 6 else forms.Select
            return forms.TypedChoiceField(
                label=param.label,
                choices=param.choices,
                coerce=kind,
                widget=widget,
                error_messages={"invalid_choice": "请选择列表中的选项"},
            )
        words = f"请输入 {param.low:,} 到 {param.high:,} 的整数"
        messages = {"required": words, "invalid": words, "min_value": words, "max_value": words}
        return forms.IntegerField(
            label=param.label,
            min_value=param.low,
            max_value=param.high,
            localize=False,
            error_messages=messages,
            widget=forms.TextInput(attrs={"inputmode": "numeric"}),
        )

    def rows(self):
        """[{field, param, default}] as the page shows them."""
        return [{"field": self[key], "param": param, "default": shown(param)} for key, param in params.PARAMS.items()]


def shown(param) -> str:
    if param.kind == "choice":
        return str(dict(param.choices)[param.default])
    if param.kind == "bool":
        return "开" if param.default else "关"
    return f"{param.default:,}（{param.low:,}–{param.high:,}）"


@require_http_methods(["GET", "HEAD", "POST"])
@needs("admin.settings")
def parameters(request):
    """/settings/parameters/"""
    form = ParametersForm(request.POST or None, initial=params.all_values())
    if request.method == "POST" and form.is_valid():
        try:
            changed = services.change_parameters(form.cleaned_data, by=request.user)
            return done(request, PARAMETERS, f"已修改：{'、'.join(changed)}" if changed else "没有改动")
        except ValidationError as error:
            form.add_error(None, error)
    return render_page(
        request, "orgs/parameters.html", {"form": form, "nav_active": "settings"}, status=422 if form.errors else 200
    )
