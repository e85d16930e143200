"""Tags as a column of lists and files, and as an operand of the advanced filter."""

import copy

from django.contrib.contenttypes.models import ContentType
from django.db.models import Q
from django.utils.html import format_html, format_html_join

from ..columns import Column
from ..models import Tag, TagLink
from ..templatetags import kaihai
from . import services

KEY, LABEL = "tags", "标签"


class TagColumn(Column):
    """A column every module has: its value is the names, read for the whole page in one statement."""

    def __init__(self):
        super().__init__(KEY, LABEL, paths=("pk",), kind="tags", css="k-w-addr", m="wide")
        self.known: dict[int, list[Tag]] = {}
        self.combine = self.words

    def bind(self, model):
        self.model = model
        return super().bind(model)

    def fresh(self):
        """A copy that remembers what it read, for one request."""
        one = copy.copy(self)
        one.known, one.combine = {}, one.words
        return one

    def load(self, pks) -> None:
        """Read the tags of these records at once."""
        missing = [pk for pk in pks if pk not in self.known]
        if missing:
            self.known |= dict.fromkeys(missing, []) | services.loaded(self.model, missing)

    def words(self, pk) -> str:
        self.load([pk])
        return services.words(self.known[pk])

    def html(self, record, value):
        if self.masked or not value:
            return super().html(record, value)
        return format_html('<span class="k-tags k-tags-cell">{}</span>', chips(self.known[record.pk]))


def chips(tags):
    """Tags as coloured chips."""
    return format_html_join("", '<span class="k-chip k-tag-{}">{}</span>', ((tag.colour, tag.name) for tag in tags))


kaihai.register.filter("tag_chips", chips)


def operand(module, *, prefix: str, path: str, label: str, group: str) -> dict:
    """The 标签 of a module's records, or of their parents, as {key: operand}."""
    from ..conditions.operands import Operand

    content_type = ContentType.objects.get_for_model(module.model)

    def build(operator, value):
        links = TagLink.objects.filter(content_type=content_type)
        if operator in ("in", "out"):
            links = links.filter(tag_id__in=list(value))
        found = Q(**{f"{path}pk__in": links.values("object_id")})
        return found if operator in ("in", "filled") else ~found

    def options():
        return list(Tag.objects.filter(module=module.name).values_list("pk", "name"))

    key = prefix + KEY
    return {key: Operand(key, label, group, "choice", build, options)}
