"""The form of 批量编辑: the module's own form, reduced to the fields the person chose."""

from django import forms
from django.core.exceptions import ValidationError
from django.db import models

from .. import fieldset
from ..custom.forms import FilesField

FORBIDDEN = "这些字段不能批量修改："


def unique_names(model) -> frozenset[str]:
    """Fields whose values must not repeat, among them those that stand behind a key (`code` behind `code_key`)."""
    names = {field.name for field in model._meta.fields if field.unique}
    for constraint in model._meta.constraints:
        if isinstance(constraint, models.UniqueConstraint):
            names |= set(constraint.fields)
    return frozenset(names | {name.removesuffix("_key") for name in names})


def _offered(module, form) -> dict[str, list[str]]:
    """{key: field names}: what may be chosen. A field that follows another (市 after 省) goes with it."""
    closed = unique_names(module.model) | {module.title_field, "owner", *module.parents}
    custom = form.fieldset.custom
    found: dict[str, list[str]] = {}
    for name, field in form.fields.items():
        if name in custom:
            if not custom[name].unique and not isinstance(field, FilesField):
                found[name] = [name]
        elif name in form._meta.fields and name not in closed:
            leader = field.widget.attrs.get("data-depends")
            if leader in found:
                found[leader].append(name)
            else:
                found[name] = [name]
    return found


class EditManyForm(forms.Form):
    """`many_fields` = chosen keys; each has the widget of the module's form and, where the field may be empty, 清空.
    `many_add` and `many_remove` change the choice and show the form again. Nobody sees a field here that they may not edit."""

    def __init__(self, data=None, *, user, module, rows):
        super().__init__(data)
        self.module, self.user = module, user
        # The checks across fields run on each record with its other values (services.edit_many), not on an empty one.
        own = type("ManyForm", (module.form_class,), {"_post_clean": lambda form: None})
        self.inner = own(data, instance=module.model(pk=0), user=user)
        self.offered = _offered(module, self.inner)
        self.labels = {
            key: "、".join(str(self.inner.fields[name].label) for name in names) for key, names in self.offered.items()
        }
        sent = data.getlist("many_fields") if data is not None else []
        dropped = data.get("many_remove", "") if data is not None else ""
        added = data.get("many_add", "") if data is not None else ""
        wanted = [key for key in dict.fromkeys([*sent, added]) if key and key != dropped]
        self.unknown = [key for key in wanted if key not in self.offered]
        self.chosen = [key for key in wanted if key in self.offered]
        # Without scripts the select is sent along with the button that saves: only what was not chosen yet is an addition.
        self.asked_again = data is not None and bool(dropped or (added and added not in sent))
        self.cleared = set(data.getlist("many_clear")) & set(self.chosen) if data is not None else set()
        shown = {name for key in self.chosen for name in self.offered[key]}
        for name in list(self.inner.fields):
            if name not in shown:
                del self.inner.fields[name]
            else:
                self.inner.initial.pop(name, None)
        self.cleared -= {key for key in self.cleared if not self.may_clear(key)}
        if self.asked_again:
            self.inner._errors = {}

    def may_clear(self, key: str) -> bool:
        """Whether every field of the choice may stay empty; a tick box has no empty state of its own."""
        fields = [self.inner.fields[name] for name in self.offered[key]]
        return not any(field.required or isinstance(field.widget, forms.CheckboxInput) for field in fields)

    def is_multipart(self):
        return self.inner.is_multipart()

    def rows(self) -> list[dict]:
        """What the template shows of each chosen key."""
        return [
            {
                "key": key,
                "label": self.labels[key],
                "fields": [self.inner[name] for name in self.offered[key]],
                "may_clear": self.may_clear(key),
                "cleared": key in self.cleared,
            }
            for key in self.chosen
        ]

    def choices(self) -> list[tuple[str, str]]:
        """Keys that can still be added, with their labels."""
        return [(key, self.labels[key]) for key in self.offered if key not in self.chosen]

    def is_valid(self):
        return not self.asked_again and super().is_valid()

    def full_clean(self):
        super().full_clean()
        if not self.is_bound or self.asked_again:
            return
        if self.unknown:
            self.add_error(None, f"{FORBIDDEN}{'、'.join(key[:40] for key in self.unknown[:5])}")
        elif not self.chosen:
            self.add_error(None, "请选择要修改的字段。")
        for key in self.chosen:
            self._check(key)
        if self.inner.errors:
            self.add_error(None, self.inner.errors.get("__all__") or "请检查下面标出的内容。")

    def _check(self, key: str) -> None:
        first = self.offered[key][0]
        if key in self.cleared:
            for name in self.offered[key]:
                self.inner.errors.pop(name, None)
        elif first not in self.inner.errors and not isinstance(self.inner.fields[first].widget, forms.CheckboxInput):
            if self.inner.cleaned_data.get(first) in (None, "", []):
                verb = "选择" if hasattr(self.inner.fields[first], "choices") else "填写"
                words = f"请{verb}{self.inner.fields[first].label}"
                self.inner.add_error(first, words + ("，或勾选“清空”" if self.may_clear(key) else ""))

    def new_values(self) -> dict:
        """{model field or key of a custom field: new value} for services.edit_many."""
        found = {}
        for key in self.chosen:
            for name in self.offered[key]:
                found[name] = self._empty(name) if key in self.cleared else self.inner.cleaned_data.get(name)
        return found

    def _empty(self, name: str):
        if name in self.inner.fieldset.custom:
            return None
        field = self.module.model._meta.get_field(name)
        return None if field.null else ""


def check_fields(module, user, names) -> None:
    """ValidationError where one of these fields may not be edited in bulk by this person (any more)."""
    form = EditManyForm(user=user, module=module, rows=None)
    open_names = {name for group in form.offered.values() for name in group}
    if closed := [name for name in names if name not in open_names]:
        labels = fieldset.of(module, user)
        raise ValidationError(f"{FORBIDDEN}{'、'.join(labels.label(name) for name in closed)}")
