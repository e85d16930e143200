"""Column: the unit of lists, exports and import templates. One declaration gives the label, the screen value, the
export value, the sort key and what to join."""

from collections.abc import Callable
from decimal import Decimal
from operator import attrgetter

from django.conf import settings
from django.core.exceptions import FieldDoesNotExist
from django.db import models
from django.utils.html import format_html

from . import formatting
from .fields import DictionaryField, Money, readable_phone
from .templatetags import kaihai


class Column:
    """
    key      name in URLs, preferences and forms
    paths    attribute paths below the record ("owner__name"); what screen and export read
    combine  makes one value of several paths (default: the first path's value)
    kind     text, int, money, percent, date, datetime, bool, person, stars, phone, tags
    sort     model field to sort by (must be indexed for every scope), or None
    css      width class; m: place in the phone's card (title, side, sub, wide, pair, foot)
    default  shown until the person chooses columns
    """

    computed = False  # made of other things at the moment of looking; no import can fill it
    expression = None  # what the totals row adds up where no field of the model is shown

    def __init__(
        self,
        key: str,
        label: str = "",
        *,
        paths: tuple = (),
        combine: Callable | None = None,
        kind: str = "",
        sort: str = "",
        css: str = "",
        m: str = "",
        default: bool = False,
        function: str = "",
    ):
        self.key, self.label, self.kind, self.sort, self.css, self.m = key, label, kind, sort, css, m
        self.paths, self.combine, self.default = tuple(paths) or (key,), combine, default
        self.masked = False
        self.function = function  # function of the module that must be held to see it (成本价)
        self.field = None

    @property
    def depends(self) -> frozenset[str]:
        """Keys of the fields the column is made of: whoever may not see one of them may not see it."""
        return frozenset({self.key, *(path.split("__")[0] for path in self.paths if path != "extra")})

    def bind(self, model: type[models.Model]) -> "Column":
        """Fill label, kind and path from the model field of the same name."""
        try:
            self.field = field = model._meta.get_field(self.key)
        except FieldDoesNotExist:
            self.kind = self.kind or "text"
            self._getters = [attrgetter(path.replace("__", ".")) for path in self.paths]
            return self
        self.label = self.label or str(field.verbose_name)
        if self.paths == (self.key,):
            if isinstance(field, DictionaryField):
                self.paths, self.kind = (f"{self.key}__label",), self.kind or "text"
            elif isinstance(field, models.ForeignKey):
                person = (
                    field.related_model._meta.label_lower == settings.AUTH_USER_MODEL.lower() and field.name == "owner"
                )
                self.paths, self.kind = (f"{self.key}__name",), self.kind or ("person" if person else "text")
        if not self.kind:
            self.kind = next(
                (
                    kind
                    for cls, kind in (
                        (models.DateTimeField, "datetime"),
                        (models.DateField, "date"),
                        (models.BooleanField, "bool"),
                        (Money, "money"),
                        (models.IntegerField, "int"),
                        (models.DecimalField, "int"),
                    )
                    if isinstance(field, cls)
                ),
                "text",
            )
        self._getters = [attrgetter(path.replace("__", ".")) for path in self.paths]
        return self

    def fresh(self) -> "Column":
        """The column for one request; those that read other tables keep what they read in a copy."""
        return self

    def load(self, pks) -> None:
        """Read at once what the column shows of these records from other tables."""

    @property
    def numeric(self) -> bool:
        return self.kind in ("int", "money", "percent")

    @property
    def css_class(self) -> str:
        return "k-num" if self.numeric else "k-sub" if self.key in ("created_by", "created_at", "updated_at") else ""

    @property
    def joins(self) -> tuple[str, ...]:
        """Relations to select_related for the screen."""
        return tuple(path.rsplit("__", 1)[0] for path in self.paths if "__" in path)

    def value(self, record):
        """The raw value: str, int, Decimal, date, datetime, bool or None."""
        found = [self._get(getter, record) for getter in self._getters]
        return self.combine(*found) if self.combine else found[0]

    @staticmethod
    def _get(getter, record):
        try:
            return getter(record)
        except AttributeError:  # an empty relation on the way
            return None

    def from_row(self, values):
        """The same raw value out of the `paths` of a values_list row."""
        return self.combine(*values) if self.combine else values[0]

    def text(self, value) -> str:
        """A raw value as people read it; empty = ""."""
        if value is None or value == "":
            return ""
        if self.kind == "money":
            return formatting.money(value)
        if self.kind == "datetime":
            return formatting.moment(value)
        if self.kind == "date":
            return formatting.day(value)
        if self.kind == "bool":
            return "是" if value else "否"
        if self.kind == "percent":
            return f"{Decimal(value).normalize():,f}%"
        if isinstance(value, Decimal):
            return f"{value.normalize():,f}"
        if self.kind == "phone":
            return readable_phone(value)
        if self.field is not None and self.field.choices:
            return str(dict(self.field.flatchoices).get(value, value))
        return str(value)

    def html(self, record, value) -> str:
        """The cell: autoescaped text, or safe markup for people, stars and phones."""
        if value is None or value == "":
            return kaihai.DASH
        if self.kind == "person":
            return kaihai.person_html(getattr(record, self.paths[0].split("__")[0]))
        if self.kind == "stars":
            return kaihai.stars_html(value)
        if self.kind == "phone":
            return format_html('<a href="tel:{}">{}</a>', value, readable_phone(value))
        if self.kind == "datetime":
            return formatting.day(value)
        return self.text(value)
