"""Custom fields on forms: the widget of each type; the cleaned value is what is stored."""

from django import forms
from django.apps import apps
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError

from .. import areas
from ..formfields import RADIO_UP_TO, Cleaned, Picked
from . import types
from .definitions import Definition, Type

PICK = "请选择列表中的选项"


class Checked:
    """What Cleaned asks of a model field: one `clean_value`, the type's own, with the required sentence."""

    def __init__(self, definition: Definition):
        self.definition, self.type = definition, types.of(definition)

    def clean_value(self, value):
        found = self.type.clean(value, self.definition)
        if found is None and self.definition.required:
            raise ValidationError(f"请填写{self.definition.label}", code="required")
        return found


class OptionField(forms.TypedChoiceField):
    """One id out of the options; a retired option stays choosable where it is set."""

    def __init__(self, pairs, *, coerce=int, radio: bool = False, **kwargs):
        kwargs.setdefault("error_messages", {"invalid_choice": PICK, "required": f"请选择{kwargs.get('label', '')}"})
        if radio:
            super().__init__(choices=pairs, coerce=coerce, empty_value=None, widget=forms.RadioSelect, **kwargs)
        else:
            widget = forms.Select(attrs={"data-search": ""})
            super().__init__(choices=[("", "请选择"), *pairs], coerce=coerce, empty_value=None, widget=widget, **kwargs)


class OptionsField(forms.TypedMultipleChoiceField):
    """Several ids out of the options, stored sorted; empty = None."""

    def __init__(self, pairs, **kwargs):
        kwargs.setdefault("error_messages", {"invalid_choice": PICK, "required": f"请选择{kwargs.get('label', '')}"})
        widget = (
            forms.CheckboxSelectMultiple
            if len(pairs) <= RADIO_UP_TO
            else forms.SelectMultiple(attrs={"data-search": "", "placeholder": "请选择"})
        )
        super().__init__(choices=pairs, coerce=int, empty_value=None, widget=widget, **kwargs)

    def clean(self, value):
        found = super().clean(value)
        return sorted(found) if found else None


class PersonField(Picked):
    """An active employee; the stored value is the id."""

    def clean(self, value):
        found = super().clean(value)
        return found.pk if found else None


class YesField(forms.BooleanField):
    def clean(self, value):
        return super().clean(value) or None


class FilesField(forms.Field):
    """Files of the record under this field: new ones are uploaded, ticked ones go. Cleans to {"add": [...], "drop": {ids}}."""

    class widget(forms.ClearableFileInput):
        allow_multiple_selected = True
        template_name = "django/forms/widgets/files.html"

        def value_from_datadict(self, data, files, name):
            found = files.getlist(name) if hasattr(files, "getlist") else [files[name]] if name in files else []
            dropped = data.getlist(f"{name}-drop") if hasattr(data, "getlist") else data.get(f"{name}-drop", [])
            return {"add": found, "drop": {int(pk) for pk in dropped if str(pk).isascii() and str(pk).isdigit()}}

        def value_omitted_from_data(self, data, files, name):
            return False

        def get_context(self, name, value, attrs):
            context = forms.Widget.get_context(self, name, None, attrs)
            context["widget"]["kept"] = getattr(self, "kept", [])
            return context

    def has_changed(self, initial, data):
        return bool(data and (data["add"] or data["drop"]))

    def clean(self, value):
        from .. import uploads

        for upload in value["add"]:
            uploads.check(upload)
        left = {pk for pk, _ in getattr(self.widget, "kept", [])} - value["drop"]
        if self.required and not value["add"] and not left:
            raise ValidationError(self.error_messages["required"], code="required")
        return value


def departments() -> list[tuple[int, str]]:
    rows = apps.get_model("orgs", "Department").objects.order_by("path").values_list("pk", "name", "path")
    return [(pk, "　" * max(0, path.count("/") - 2) + name) for pk, name, path in rows]


def area_choices() -> list[tuple[str, str]]:
    found = []
    for province, cities in areas.provinces().items():
        found.append((province, province))
        found += [(f"{province}/{city}", f"{province} {city}") for city in cities if city != province]
    return found


def field_of(definition: Definition, stored=None, *, required: bool | None = None) -> forms.Field:
    """The form field of a definition; `stored` is the record's present value."""
    kind = definition.type
    common = {
        "label": definition.label,
        "required": definition.required if required is None else required,
        "help_text": definition.hint,
    }
    if kind == Type.CHOICE:
        pairs = [(pk, label) for pk, label, on in definition.options if on or pk == stored]
        return OptionField(pairs, radio=len(pairs) <= RADIO_UP_TO, **common)
    if kind == Type.CHOICES:
        pairs = [(pk, label) for pk, label, on in definition.options if on or pk in (stored or ())]
        return OptionsField(pairs, **common)
    if kind == Type.CHECK:
        return YesField(**common, error_messages={"required": f"请勾选{definition.label}"})
    if kind == Type.PERSON:
        people = get_user_model().objects.filter(is_active=True)
        if stored is not None:
            people = people | get_user_model().objects.filter(pk=stored)
        return PersonField(people, kind="colleague", error_messages={"required": f"请选择{definition.label}"}, **common)
    if kind == Type.DEPARTMENT:
        return OptionField(departments(), **common)
    if kind == Type.AREA:
        return OptionField(area_choices(), coerce=str, **common)
    if kind == Type.FILES:
        return FilesField(**common, error_messages={"required": f"请上传{definition.label}"})
    return Cleaned(model_field=Checked(definition), widget=_widget(kind), **common)


def _widget(kind: str) -> forms.Widget:
    if kind == Type.TEXT:
        return forms.Textarea(attrs={"rows": 3})
    if kind == Type.DATE:
        return forms.DateInput(attrs={"data-date": "", "placeholder": "2026-01-31"}, format="%Y-%m-%d")
    if kind == Type.MOMENT:
        return forms.DateTimeInput(attrs={"data-date": "time", "placeholder": "2026-01-31 14:00"})
    if kind == Type.MONEY:
        return forms.TextInput(attrs={"data-money": "", "inputmode": "decimal"})
    if kind in (Type.NUMBER, Type.PERCENT):
        return forms.TextInput(attrs={"inputmode": "decimal"})
    return forms.TextInput()


def initial_of(definition: Definition, stored):
    """What the form field starts with."""
    if definition.type in (Type.CHOICE, Type.CHOICES, Type.PERSON, Type.DEPARTMENT, Type.AREA):
        return stored
    if definition.type == Type.CHECK:
        return bool(stored)
    if definition.type == Type.FILES:
        return None
    return types.of(definition).shown(stored, definition)
