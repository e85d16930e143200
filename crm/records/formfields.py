"""Form fields of records: the checks are the model fields' own; pickers offer only what the person may choose."""

from datetime import UTC, datetime
from urllib.parse import urlencode

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator

RADIO_UP_TO = 6
# The first day of all has no moment in UTC; nothing the company knows is older than this.
EARLIEST = MinValueValidator(datetime(1900, 1, 1, tzinfo=UTC), "时间不能早于 1900 年")


def is_id(value) -> bool:
    """Whether a sent value can be the id of a row: SQLite takes no number of 30 digits, int() no "²"."""
    text = str(getattr(value, "pk", value))
    return text.isascii() and text.isdigit() and len(text) < 19


class Cleaned(forms.CharField):
    """Text input whose check and normal form are `model_field.clean_value`. The browser gets no maxlength: it would cut
    a pasted "+86 138-0013-8000" without a word."""

    def __init__(self, *, model_field, **kwargs):
        self.model_field = model_field
        for key in ("decimal_places", "max_digits", "empty_value", "max_length"):
            kwargs.pop(key, None)
        kwargs["strip"] = False
        super().__init__(**kwargs)
        self.validators = []

    def widget_attrs(self, widget):
        return {**super().widget_attrs(widget), "autocomplete": "off"}

    def to_python(self, value):
        return value

    def clean(self, value):
        found = self.model_field.clean_value(value)
        if self.required and found in ("", None):
            raise ValidationError(self.error_messages["required"], code="required")
        return found

    def has_changed(self, initial, data):
        return ("" if initial is None else str(initial)) != ("" if data is None else str(data))


class Remote:
    """A select that renders the chosen options only; the rest loads as one types from /pick/<kind>/."""

    def __init__(self, attrs=None, *, kind: str, query: dict | None = None):
        url = f"/pick/{kind}/" + (f"?{urlencode(query)}" if query else "")
        super().__init__({**(attrs or {}), "data-picker": url})

    def optgroups(self, name, value, attrs=None):
        chosen = [v for v in value if v]
        queryset = getattr(self.choices, "queryset", None)
        self_choices, options = self.choices, [] if self.allow_multiple_selected else [("", "")]
        if chosen and queryset is not None and all(map(is_id, chosen)):
            field = self.choices.field
            options += [(row.pk, field.label_from_instance(row)) for row in queryset.filter(pk__in=chosen)]
        self.choices = options
        try:
            return super().optgroups(name, value, attrs)
        finally:
            self.choices = self_choices


class RemotePicker(Remote, forms.Select):
    pass


class RemotePickers(Remote, forms.SelectMultiple):
    pass


class Picked(forms.ModelChoiceField):
    """One row out of `queryset` (already narrowed to what the person may choose), picked by typing."""

    default_error_messages = {"invalid_choice": "请选择列表中的选项"}

    def __init__(self, queryset, *, kind: str, query: dict | None = None, **kwargs):
        kwargs.setdefault("widget", RemotePicker(kind=kind, query=query))
        super().__init__(queryset, **kwargs)

    def to_python(self, value):
        if value not in self.empty_values and not is_id(value):
            raise ValidationError(self.error_messages["invalid_choice"], code="invalid_choice")
        return super().to_python(value)


class Several(forms.ModelMultipleChoiceField):
    """Several rows out of a queryset."""

    default_error_messages = {
        "invalid_choice": "请选择列表中的选项",
        "invalid_pk_value": "请选择列表中的选项",
        "required": "请至少选择一个",
    }

    def clean(self, value):
        if isinstance(value, list | tuple) and not all(map(is_id, value)):
            raise ValidationError(self.error_messages["invalid_pk_value"], code="invalid_pk_value")
        return super().clean(value)


class SeveralPicked(Several):
    """Several rows out of a narrowed queryset, picked by typing."""

    def __init__(self, queryset, *, kind: str, query: dict | None = None, **kwargs):
        kwargs.setdefault("widget", RemotePickers(kind=kind, query=query))
        super().__init__(queryset, **kwargs)


class DictionaryChoice(forms.ChoiceField):
    """A value of one dictionary: radio up to six values, a searchable select above. A retired value stays choosable on
    the record that has it. Cleans to the DictionaryItem or None."""

    default_error_messages = {"invalid_choice": "请选择列表中的选项"}

    def __init__(self, *, code: str, queryset=None, to_field_name=None, limit_choices_to=None, blank=True, **kwargs):
        self.code, self.items = code, {}
        super().__init__(**kwargs)

    def offer(self, items: list, current_id: int | None) -> None:
        """Set the choices out of all items of the dictionary (one query serves every field of a form)."""
        shown = [item for item in items if item.active or item.pk == current_id]
        self.items = {item.pk: item for item in shown}
        pairs = [(item.pk, item.label) for item in shown]
        if len(shown) <= RADIO_UP_TO:
            self.widget = forms.RadioSelect()
        else:
            pairs = [("", "请选择"), *pairs]
            self.widget = forms.Select(attrs={"data-search": ""})
        self.widget.is_required = self.required
        self.choices = pairs

    def choose(self, items: list, *, empty: str) -> None:
        """The same as a plain select over all items (search rows)."""
        self.items = {item.pk: item for item in items}
        self.choices = [("", empty), *((item.pk, item.label) for item in items)]

    def prepare_value(self, value):
        return getattr(value, "pk", value)

    def clean(self, value):
        if value in self.empty_values:
            if self.required:
                raise ValidationError(self.error_messages["required"], code="required")
            return None
        try:
            return self.items[int(getattr(value, "pk", value))]
        except (KeyError, ValueError, TypeError):
            raise ValidationError(self.error_messages["invalid_choice"], code="invalid_choice") from None
