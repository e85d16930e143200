"""Forms of records: fields in sections, the version they were opened at, choices narrowed to what the person may pick."""

from django import forms
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError

from . import fieldset, modules
from .custom import forms as custom_forms
from .custom import values
from .custom.definitions import Type
from .formfields import EARLIEST, DictionaryChoice, Picked
from .models import DictionaryItem


class HouseForm(forms.ModelForm):
    """What forms of records and of the organisation share. `sections` = ((title, note, field names), ...). `user` is who
    fills it in; every queryset is narrowed for them. Subclasses make their fields ready in `prepare`."""

    sections: tuple = ()
    own_words: frozenset[str] = frozenset()  # fields that bring their own sentence for "required"

    def __init__(self, *args, user, **kwargs):
        self.user = user
        super().__init__(*args, **kwargs)
        self.narrow()
        self.prepare()
        self.customise()
        for name, field in self.fields.items():
            if isinstance(field, forms.DateField):
                field.widget = forms.DateInput(attrs={"data-date": "", "placeholder": "2026-01-31"}, format="%Y-%m-%d")
                field.error_messages["invalid"] = "日期格式应为 2026-01-31"
            elif isinstance(field, forms.DateTimeField):
                field.widget = forms.DateTimeInput(
                    attrs={"data-date": "time", "placeholder": "2026-01-31 14:00"}, format="%Y-%m-%d %H:%M"
                )
                field.error_messages["invalid"] = "时间格式应为 2026-01-31 14:00"
                field.validators = [*field.validators, EARLIEST]
            elif isinstance(field, forms.TypedChoiceField):
                field.error_messages["invalid_choice"] = "请选择列表中的选项"
                shown = [pair for pair in field.choices if pair[0] not in ("", None)]
                if len(shown) <= 6 and not isinstance(field.widget, forms.HiddenInput):
                    field.widget = forms.RadioSelect(choices=shown)
            if field.required:
                label = str(field.label or name)
                verb = "选择" if isinstance(field, forms.ChoiceField | forms.ModelChoiceField) else "填写"
                field.error_messages.setdefault("required", f"请{verb}{label}")
                if not getattr(field, "model_field", None) and name not in self.own_words:
                    field.error_messages["required"] = f"请{verb}{label}"

    def prepare(self) -> None:
        """A module's own widgets, pickers and initial values."""

    def customise(self) -> None:
        """What comes after `prepare`."""

    def narrow(self) -> None:
        """Offer dictionary values (one query for all of them) and reachable people."""
        choices = {name: field for name, field in self.fields.items() if isinstance(field, DictionaryChoice)}
        items: dict[str, list] = {}
        for item in (
            DictionaryItem.objects.filter(dictionary__in={field.code for field in choices.values()}) if choices else ()
        ):
            items.setdefault(item.dictionary, []).append(item)
        for name, field in choices.items():
            offered = items.get(field.code, [])
            field.offer(offered, getattr(self.instance, f"{name}_id", None))
            if self.instance.pk is None and name not in self.initial:
                self.initial[name] = next((item.pk for item in offered if item.is_default), None)

    def pick(self, name: str, queryset, *, kind: str, query: dict | None = None) -> None:
        """Make field `name` a remote picker over `queryset` (already passed through the gate)."""
        field = self.fields[name]
        self.fields[name] = Picked(
            queryset,
            kind=kind,
            query=query,
            label=field.label,
            required=field.required,
            help_text=field.help_text,
            error_messages={"required": f"请选择{field.label}"},
        )
        self.fields[name].widget.choices = self.fields[name].choices

    def _update_errors(self, errors):
        """What the model says of fields the form does not have goes on top (Django would raise)."""
        found = getattr(errors, "error_dict", None)
        if found is not None:
            placed: dict[str, list] = {}
            for name, several in found.items():
                at = name if name in self.fields else NON_FIELD_ERRORS
                placed.setdefault(at, []).extend(several)
            errors = ValidationError(placed)
        super()._update_errors(errors)

    def changed_values(self) -> dict:
        """{model field: new value} of the declared fields."""
        return {name: self.cleaned_data[name] for name in self.Meta.fields if name in self.cleaned_data}

    def arranged(self) -> list[tuple[str, list[str]]]:
        return [(title, names) for title, _, names in self.sections]

    def laid_out(self) -> list[dict]:
        """Sections for the template, leaving out fields the form does not have."""
        notes = {title: note for title, note, _ in self.sections}
        return [
            {
                "title": title,
                "note": notes.get(title, ""),
                "fields": [self[name] for name in names if name in self.fields],
            }
            for title, names in self.arranged()
            if any(name in self.fields for name in names)
        ]


class RecordForm(HouseForm):
    """A form of a record type: the company's words, demands and custom fields; what the person may not edit is absent."""

    def customise(self) -> None:
        """What the company changed: words, required, hidden; rights of the person; custom fields."""
        company = self.fieldset = fieldset.of(modules.of_model(self._meta.model), self.user)
        for name, field in list(self.fields.items()):
            if name not in self._meta.fields:
                continue
            if not company.editable(name) or not company.in_form(name):
                del self.fields[name]
                continue
            field.label = company.label(name, field.label)
            changed = company.changed.get(name)
            if changed is not None:
                field.help_text = changed.hint or field.help_text
                field.required = field.required or changed.required
                if changed.required:
                    field.error_messages["required"] = f"请填写{field.label}"
        self.own_words = frozenset(company.custom)
        for key, definition in company.custom.items():
            if not company.editable(key) or not definition.in_form:
                continue
            stored = self.instance.extra.get(key)
            self.fields[key] = custom_forms.field_of(definition, stored)
            if definition.type == Type.FILES and self.instance.pk:
                self.fields[key].widget.kept = values.files_of(self.instance, key)
            if self.instance.pk is None and key not in self.initial:
                stored = definition.default
            if key not in self.initial:
                self.initial[key] = custom_forms.initial_of(definition, stored)

    def custom_values(self) -> dict:
        """{key: stored value} of the custom fields on the form."""
        return {key: self.cleaned_data[key] for key in self.fieldset.custom if key in self.cleaned_data}

    def _post_clean(self):
        super()._post_clean()
        _, custom, files = values.split(self.custom_values(), self.fieldset.custom)
        if self.instance.pk is None:
            values.put(self.instance, custom)
            self.instance.new_files = files

    def changed_values(self) -> dict:
        """{model field or key of a custom field: new value}: what services.update takes."""
        return super().changed_values() | self.custom_values()

    def arranged(self):
        return self.fieldset.arrange(super().arranged())


def people_in_reach(user, function: str, *, disabled_too: bool = False):
    """Active employees to whom `user` may give records of this function's module; `disabled_too`: and those who may still
    own some."""
    from django.contrib.auth import get_user_model

    reach = user.scope_for(function)
    people = get_user_model().objects.all()
    people = people if disabled_too else people.filter(is_active=True)
    if reach is None:
        return people.none()
    return people if reach.everything else people.filter(pk__any=reach.owners)


def records_in_reach(user, module: str, action: str = "view"):
    """Rows of a module for a picker."""
    return modules.get(module).model.objects.allowed(user, action)


__all__ = ["HouseForm", "RecordForm", "people_in_reach", "records_in_reach"]
