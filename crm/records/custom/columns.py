"""Custom fields as columns of lists, details, files and templates."""

from operator import attrgetter

from django.apps import apps
from django.contrib.auth import get_user_model
from django.utils.html import format_html

from ..columns import Column
from ..models import Attachment
from . import types
from .definitions import Definition, Type

WIDTHS = {
    Type.TEXT: "k-w-addr",
    Type.LINE: "k-w-120",
    Type.AREA: "k-w-120",
    Type.MOBILE: "k-w-120",
    Type.URL: "k-w-addr",
    Type.EMAIL: "k-w-addr",
    Type.CHOICES: "k-w-120",
    Type.FILES: "k-w-120",
}


class Names:
    """Names of the employees, departments and files that custom values point to: one statement a kind for all rows."""

    def __init__(self):
        self.known: dict[str, dict[int, str]] = {"people": {}, "departments": {}, "files": {}}

    @staticmethod
    def _rows(source: str):
        if source == "people":
            return get_user_model().objects.order_by().values_list("pk", "name")
        if source == "departments":
            return apps.get_model("orgs", "Department").objects.order_by().values_list("pk", "name")
        return Attachment.objects.order_by().values_list("pk", "name")

    def load(self, source: str, ids) -> None:
        """Read the names of these ids that are not known yet."""
        missing = set(ids) - self.known[source].keys()
        if missing:
            self.known[source] |= dict.fromkeys(missing, "") | dict(self._rows(source).filter(pk__any=missing))

    def of(self, source: str, pk: int) -> str:
        """The name of one id; "" for one that is gone."""
        if pk not in self.known[source]:
            self.load(source, [pk])
        return self.known[source][pk]

    def prepare(self, columns, extras) -> None:
        """Read at once what these columns will ask for in these rows' values."""
        for source in self.known:
            keys = [c.key for c in columns if isinstance(c, CustomColumn) and c.source == source]
            if keys:
                values = [extra[key] for extra in extras for key in keys if extra.get(key) is not None]
                self.load(source, {pk for value in values for pk in (value if isinstance(value, list) else [value])})


class CustomColumn(Column):
    """A column over `extra`; the value of a row is `combine(extra)`."""

    def __init__(self, definition: Definition, names: Names):
        self.definition, self.type, self.names = definition, types.of(definition), names
        self.source = getattr(self.type, "source", "files" if definition.type == Type.FILES else "")
        kind = self.type.kind
        super().__init__(
            definition.key,
            definition.label,
            paths=("extra",),
            combine=self.raw,
            kind="percent" if kind == "percent" else "int" if kind == "number" else kind,
            css=WIDTHS.get(definition.type, "k-w-104"),
            sort=definition.key if self.type.ordered else "",
        )

        self._getters = [attrgetter("extra")]

    def html(self, record, value):
        if value in (None, ""):
            return super().html(record, value)
        if self.definition.type == Type.MOMENT:
            return self.text(value)
        if self.definition.type == Type.URL:
            return format_html(
                '<a class="k-link" href="{}" target="_blank" rel="noopener noreferrer">{}</a>', value, value
            )
        if self.definition.type == Type.EMAIL:
            return format_html('<a class="k-link" href="mailto:{}">{}</a>', value, value)
        return super().html(record, value)

    def raw(self, extra):
        return self.type.raw(extra.get(self.key), self.definition, self.names)

    def stored(self, record):
        return record.extra.get(self.key)
