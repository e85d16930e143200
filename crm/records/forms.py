"""Forms of records: fields in sections, the version they were opened at, choices narrowed to what the person may pick."""

from django import forms

from . import modules
from .formfields import DictionaryChoice, Picked
from .models import DictionaryItem


class RecordForm(forms.ModelForm):
    """`sections` = ((title, note, field names), ...). `user` is who fills it in; every queryset is narrowed for them."""

    sections: tuple = ()
    module = ""

    def __init__(self, *args, user, **kwargs):
        self.user = user
        super().__init__(*args, **kwargs)
        self.narrow()
        for name, field in self.fields.items():
            if isinstance(field, forms.DateField):
                field.widget = forms.DateInput(attrs={"data-date": "", "placeholder": "2026-01-31"}, format="%Y-%m-%d")
                field.error_messages["invalid"] = "日期格式应为 2026-01-31"
            elif isinstance(field, forms.DateTimeField):
                field.widget = forms.DateTimeInput(
                    attrs={"data-date": "time", "placeholder": "2026-01-31 14:00"}, format="%Y-%m-%d %H:%M"
                )
                field.error_messages["invalid"] = "时间格式应为 2026-01-31 14:00"
            elif isinstance(field, forms.TypedChoiceField):
                field.error_messages["invalid_choice"] = "请选择列表中的选项"
                shown = [pair for pair in field.choices if pair[0] not in ("", None)]
                if len(shown) <= 6 and not isinstance(field.widget, forms.HiddenInput):
                    field.widget = forms.RadioSelect(choices=shown)
            if field.required:
                label = str(field.label or name)
                verb = "选择" if isinstance(field, forms.ChoiceField | forms.ModelChoiceField) else "填写"
                field.error_messages.setdefault("required", f"请{verb}{label}")
                if not getattr(field, "model_field", None):
                    field.error_messages["required"] = f"请{verb}{label}"

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

    def changed_values(self) -> dict:
        """{model field: new value} of the declared fields: what services.update takes."""
        return {name: self.cleaned_data[name] for name in self.Meta.fields if name in self.cleaned_data}

    def laid_out(self) -> list[dict]:
        """Sections for the template, leaving out fields the form does not have."""
        return [
            {"title": title, "note": note, "fields": [self[name] for name in names if name in self.fields]}
            for title, note, names in self.sections
            if any(name in self.fields for name in names)
        ]


def people_in_reach(user, function: str):
    """Active employees to whom `user` may give records of this function's module."""
    from django.contrib.auth import get_user_model

    reach = user.scope_for(function)
    people = get_user_model().objects.filter(is_active=True)
    if reach is None:
        return people.none()
    return people if reach.everything else people.filter(pk__any=reach.owners)


def records_in_reach(user, module: str, action: str = "view"):
    """Rows of a module for a picker."""
    return modules.get(module).model.objects.allowed(user, action)


__all__ = ["RecordForm", "people_in_reach", "records_in_reach"]
