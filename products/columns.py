"""Columns of products that read other tables."""

import copy

from django.contrib.contenttypes.models import ContentType
from django.utils.html import format_html

from crm.records.columns import Column
from crm.records.models import Attachment


class PictureColumn(Column):
    """The first picture of a product, small; in files its name. One statement for a page or a block of an export."""

    computed = True

    def __init__(self, key: str = "picture", label: str = "图片", **kwargs):
        super().__init__(key, label, paths=("pk",), kind="text", css="k-w-56", **kwargs)
        self.known: dict[int, tuple[int, str] | None] = {}
        self.combine = self.name_of

    def bind(self, model):
        self.model = model
        return super().bind(model)

    def fresh(self):
        """A copy that remembers what it read, for one request."""
        one = copy.copy(self)
        one.known, one.combine = {}, one.name_of
        return one

    def load(self, pks) -> None:
        """Read the pictures of these products at once."""
        missing = [pk for pk in pks if pk not in self.known]
        if not missing:
            return
        self.known |= dict.fromkeys(missing)
        files = Attachment.objects.filter(
            content_type=ContentType.objects.get_for_model(self.model),
            object_id__in=missing,
            purpose="file",
            mime__startswith="image/",
        )
        for product, pk, name in files.order_by("-pk").values_list("object_id", "pk", "name"):
            self.known[product] = (pk, name)

    def name_of(self, pk) -> str:
        self.load([pk])
        found = self.known[pk]
        return found[1] if found else ""

    def html(self, record, value):
        if self.masked or not value:
            return super().html(record, value)
        pk, name = self.known[record.pk]
        return format_html(
            '<img class="k-picture" src="/files/{}/?thumb=1" alt="{}" loading="lazy" width="28" height="28">', pk, name
        )
