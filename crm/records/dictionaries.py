"""Data dictionaries: which exist (declared by the modules), their cached labels, and changes to their values."""

from dataclasses import dataclass

from django.apps import apps
from django.db import models, transaction

from .models import DictionaryItem


@dataclass(frozen=True)
class Dictionary:
    """`fixed` = values the code knows by their words: they cannot be renamed or deleted."""

    code: str
    label: str
    group: str
    fixed: tuple[str, ...] = ()


ALL: dict[str, Dictionary] = {}


def declare(code: str, label: str, group: str, *, fixed: tuple[str, ...] = ()) -> None:
    """Announce a dictionary; its first values come from the module's migration."""
    ALL[code] = Dictionary(code, label, group, fixed)


def fields_using(code: str) -> list[models.Field]:
    """Model fields that hold values of the dictionary."""
    from .fields import DictionaryField

    return [
        field
        for model in apps.get_models()
        for field in model._meta.fields
        if isinstance(field, DictionaryField) and field.code == code
    ]


def usage(item: DictionaryItem) -> int:
    """How many records hold the value, the recycle bin included."""
    return sum(field.model.objects.filter(**{field.name: item}).count() for field in fields_using(item.dictionary))


def seed(apps, values: dict[str, list[str]]) -> None:
    """First values of dictionaries, for data migrations; what exists stays."""
    item = apps.get_model("records", "DictionaryItem")
    for code, labels in values.items():
        for order, label in enumerate(labels, 1):
            item.objects.get_or_create(dictionary=code, label=label, defaults={"order": order * 10})


@transaction.atomic
def ensure(code: str, labels) -> dict[str, int]:
    """{label: id} of the given labels, creating those that are missing (imports with permission)."""
    labels = list(dict.fromkeys(labels))
    known = dict(DictionaryItem.objects.filter(dictionary=code, label__in=labels).values_list("label", "pk"))
    last = DictionaryItem.objects.filter(dictionary=code).aggregate(last=models.Max("order"))["last"] or 0
    missing = [label for label in labels if label not in known]
    DictionaryItem.objects.bulk_create(
        [DictionaryItem(dictionary=code, label=label, order=last + 10 * n) for n, label in enumerate(missing, 1)],
        ignore_conflicts=True,
    )
    return dict(DictionaryItem.objects.filter(dictionary=code, label__in=labels).values_list("label", "pk"))
