"""The search row of a list: a django-filter FilterSet whose declared names are the only ones that reach the ORM."""

import django_filters
from django import forms
from django.core import signing
from django.utils.functional import cached_property

from . import fieldset, search
from .formfields import DictionaryChoice, Picked
from .forms import people_in_reach
from .models import DictionaryItem

# Parameters of a list that are not conditions.
STATE = frozenset({"q", "view", "where", "count", "totals", "page", "size", "sort", "after", "before", "tab"})
_SALT = "kaihai.list-filter"


class DictionaryFilter(django_filters.Filter):
    """One value of a dictionary, retired ones included; all of a form's values come with one query."""

    def __init__(self, field_name: str, label: str, code: str):
        super().__init__(field_name=field_name, label=label)
        self.code = code

    @property
    def field(self):
        field = DictionaryChoice(code=self.code, label=self.label, required=False)
        field.choose(self.parent.dictionary_items.get(self.code, []), empty=self.label)
        return field


class OwnerFilter(django_filters.Filter):
    """The owner, picked among the people whose records of the module one may see; the picker offers who works here, an address
    with somebody disabled still finds what they own."""

    def __init__(self, module: str, field_name: str = "owner", label: str = "负责人"):
        super().__init__(field_name=field_name, label=label)
        self.module = module

    @property
    def field(self):
        function = f"{self.module}.view"
        return Picked(
            people_in_reach(self.parent.user, function, disabled_too=True),
            kind="employee",
            query={"for": function},
            label=self.label,
            required=False,
        )


class NameFilter(django_filters.CharFilter):
    """Part of the name, through the search table."""

    def filter(self, queryset, value):
        return (
            search.narrow(queryset, self.parent.module, value, keys=("name",), user=self.parent.user)
            if value
            else queryset
        )


class DateRange(django_filters.DateFilter):
    """A day as lower ("gte") or upper bound ("lte", the whole day included) of a moment, or of a date (`moment` False)."""

    def __init__(self, field_name: str, label: str, bound: str, *, moment: bool = True):
        widget = forms.DateInput(attrs={"data-date": ""})
        lookup = f"date__{bound}" if moment else bound
        super().__init__(field_name=field_name, lookup_expr=lookup, label=label, widget=widget)


class RecordFilters(django_filters.FilterSet):
    """Filters of one module for one person. `problems` names parameters that are unknown or invalid."""

    def __init__(self, data, *, module, user, queryset):
        self.module, self.user = module, user
        super().__init__(data, queryset=queryset)
        company = fieldset.of(module, user)
        for name, one in list(self.filters.items()):
            keys = getattr(one, "depends", None) or (one.field_name,)
            if not all(company.readable(key) and company.in_filter(key) for key in keys):
                del self.filters[name]
            elif keys[0] in company.changed:
                one.label = company.label(keys[0], one.label)

    @cached_property
    def dictionary_items(self) -> dict[str, list]:
        codes = {f.code for f in self.filters.values() if isinstance(f, DictionaryFilter)}
        items: dict[str, list] = {}
        for item in DictionaryItem.objects.filter(dictionary__in=codes) if codes else ():
            items.setdefault(item.dictionary, []).append(item)
        return items

    @property
    def problems(self) -> list[str]:
        unknown = [name for name in self.data if name not in self.filters and name not in STATE]
        found = [f"未知的筛选条件“{name[:40]}”已忽略。" for name in unknown]
        if not self.form.is_valid():
            found += [
                f"筛选条件“{self.form.fields[name].label}”的值无效，已忽略。"
                for name in self.form.errors
                if name in self.form.fields
            ]
        return found

    def narrowed(self):
        """The queryset with every valid condition; invalid ones have no effect (and stand in `problems`)."""
        self.form.is_valid()
        queryset = self.queryset
        for name, value in self.form.cleaned_data.items():
            queryset = self.filters[name].filter(queryset, value)
        return queryset

    def chips(self) -> list[tuple[str, str, str]]:
        """Active conditions as (parameter, label, value in words)."""
        self.form.is_valid()
        return [
            (name, str(self.form.fields[name].label), self._words(name, value))
            for name, value in self.form.cleaned_data.items()
            if value not in (None, "", [])
        ]

    def _words(self, name, value) -> str:
        choices = getattr(self.form.fields[name], "choices", None)
        if isinstance(value, str) and choices is not None:
            return str(dict(choices).get(value, value))
        return str(value)


def sign(module: str, query: str) -> str:
    """A token that stands for "all rows this filter shows"; bound to the module."""
    return signing.dumps([module, query], salt=_SALT)


def unsign(module: str, token: str) -> str:
    """The query string of a token of this module; signing.BadSignature for anything else."""
    owner, query = signing.loads(token, salt=_SALT, max_age=24 * 3600)
    if owner != module:
        raise signing.BadSignature("token of another module")
    return query
