"""标签管理: the tags of each module."""

from django import forms
from django.core.exceptions import ValidationError
from django.http import Http404
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from crm.records import modules
from crm.records.formfields import Cleaned
from crm.records.models import Tag

from ..services import tags as verbs
from .base import done, form_page, move_errors, needs, render_page

TAGS = "/settings/tags/"


def url_of(name: str) -> str:
    return f"{TAGS}{name}/"


def crumb(module) -> dict:
    return {"label": f"{module.label}标签", "list_url": url_of(module.name)}


class TagForm(forms.Form):
    """Name and colour."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["name"] = Cleaned(label="标签名称", model_field=Tag._meta.get_field("name"))
        self.fields["colour"] = forms.TypedChoiceField(
            label="颜色",
            choices=Tag.Colour.choices,
            coerce=int,
            widget=forms.RadioSelect(attrs={"data-colours": ""}),
            initial=Tag.Colour.SEA,
            error_messages={"invalid_choice": "请选择列表中的选项", "required": "请选择颜色"},
        )


class MergeForm(forms.Form):
    """The tag that stays."""

    def __init__(self, *args, tag, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["into"] = forms.ModelChoiceField(
            Tag.objects.filter(module=tag.module).exclude(pk=tag.pk),
            label="合并到",
            empty_label="请选择",
            widget=forms.Select(attrs={"data-search": ""}),
            error_messages={"required": "请选择要合并到的标签", "invalid_choice": "请选择列表中的选项"},
        )


@require_safe
@needs("admin.dictionary")
def index(request):
    """/settings/tags/: the tags of the first module."""
    return page(request, modules.ordered()[0])


def declared(name: str):
    if name not in modules.ALL:
        raise Http404
    return modules.get(name)


@require_safe
@needs("admin.dictionary")
def of_module(request, name: str):
    """/settings/tags/<module>/: its tags in order, with how many records carry each."""
    return page(request, declared(name))


def page(request, module):
    used, tags = verbs.counts(module), list(Tag.objects.filter(module=module.name))
    rows = [
        {"tag": tag, "used": used.get(tag.pk, 0), "first": place == 0, "last": place == len(tags) - 1}
        for place, tag in enumerate(tags)
    ]
    context = {
        "module": module,
        "modules": modules.ordered(),
        "rows": rows,
        "new_url": f"{url_of(module.name)}new/",
        "nav_active": "settings",
    }
    return render_page(request, "orgs/tags.html", context)


def edited(request, form, module, heading, save):
    """A page with name and colour: `save(name, colour)` on POST."""
    if request.method == "POST" and form.is_valid():
        try:
            save(form.cleaned_data["name"], form.cleaned_data["colour"])
            return done(request, url_of(module.name), "保存成功")
        except ValidationError as error:
            move_errors(form, error)
    sections = [("", "", ("name", "colour"))]
    return form_page(
        request, form, heading=heading, sections=sections, crumb=crumb(module), back_url=url_of(module.name)
    )


@require_http_methods(["GET", "HEAD", "POST"])
@needs("admin.dictionary")
def create(request, name: str):
    """/settings/tags/<module>/new/"""
    module = declared(name)

    def save(tag_name, colour):
        verbs.create_tag(module, tag_name, colour, by=request.user)

    return edited(request, TagForm(request.POST or None), module, f"新增{module.label}标签", save)


def tag_of(pk: int) -> Tag:
    return get_object_or_404(Tag, pk=pk, module__in=list(modules.ALL))


@require_http_methods(["GET", "HEAD", "POST"])
@needs("admin.dictionary")
def edit(request, pk: int):
    """/settings/tags/items/<pk>/edit/"""
    tag = tag_of(pk)

    def save(tag_name, colour):
        verbs.update_tag(tag, tag_name, colour, by=request.user)

    form = TagForm(request.POST or None, initial={"name": tag.name, "colour": tag.colour})
    return edited(request, form, modules.get(tag.module), f"修改标签“{tag.name}”", save)


@require_http_methods(["GET", "HEAD", "POST"])
@needs("admin.dictionary")
def merge(request, pk: int):
    """/settings/tags/items/<pk>/merge/"""
    tag = tag_of(pk)
    module, used = modules.get(tag.module), verbs.counts(modules.get(tag.module)).get(tag.pk, 0)
    form = MergeForm(request.POST or None, tag=tag)
    if request.method == "POST" and form.is_valid():
        try:
            verbs.merge_tag(tag, form.cleaned_data["into"], by=request.user)
            return done(request, url_of(module.name), "合并成功")
        except ValidationError as error:
            move_errors(form, error)
    return confirm(
        request,
        module,
        {
            "heading": f"合并标签“{tag.name}”",
            "body": f"有 {used:,} 条{module.label}带这个标签，合并后它们改带所选的标签，“{tag.name}”随之删除。不能撤销。",
            "submit_label": "合并",
            "fields": form,
        },
        status=422 if form.errors else 200,
    )


@require_http_methods(["GET", "HEAD", "POST"])
@needs("admin.dictionary")
def delete(request, pk: int):
    """/settings/tags/items/<pk>/delete/"""
    tag = tag_of(pk)
    module, used = modules.get(tag.module), verbs.counts(modules.get(tag.module)).get(tag.pk, 0)
    if request.method == "POST":
        verbs.delete_tag(tag, by=request.user)
        return done(request, url_of(module.name), "删除成功")
    body = (
        f"它会从 {used:,} 条{module.label}上去掉。删除后不能恢复。" if used else "没有记录带这个标签。删除后不能恢复。"
    )
    return confirm(
        request, module, {"heading": f"删除标签“{tag.name}”？", "body": body, "submit_label": "删除", "danger": True}
    )


def confirm(request, module, context, status=200):
    place = {"module": crumb(module), "back_url": url_of(module.name), "nav_active": "settings"}
    return render_page(request, "records/confirm.html", {**context, **place}, status=status)


@require_POST
@needs("admin.dictionary")
def move(request, pk: int, key: str):
    """POST /settings/tags/items/<pk>/move/<up or down>/"""
    tag = tag_of(pk)
    if key not in ("up", "down"):
        raise Http404
    verbs.move_tag(tag, -1 if key == "up" else 1, by=request.user)
    return done(request, url_of(tag.module))
