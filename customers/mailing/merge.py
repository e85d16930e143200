"""Merge fields: `{{客户名称}}` or `{{联系人尊称|先生/女士}}` (the words behind the bar stand in for an empty value).

The names are those of the sender's FieldSet, as far as it shows the values in clear. A text is read once, from left to right;
what a value says is plain text and never read again.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from django.core.exceptions import ValidationError

from crm.records import fieldset, modules
from orgs.models import Department

from ..models import Contact

MARK = re.compile(r"\{\{([^{}\n]{0,120})\}\}")
NAMED_MOST = 10  # unknown names one sentence lists
CONTACT = "联系人"  # before the names of the contact's fields
LEFT_OUT = frozenset(
    {"customer", "created_by", "created_at", "updated_at", "locked", "is_primary"}
)  # nothing for a letter


@dataclass(frozen=True)
class Piece:
    """A stretch of a letter: the author's own words, or a value."""

    text: str
    value: bool = False


@dataclass(frozen=True)
class Field:
    """`read(contact)` gives the value as text; `group` is where the picker offers it."""

    name: str
    group: str
    read: Callable
    columns: tuple = ()


def marks(text: str) -> list[tuple[str, str]]:
    """[(name, words for an empty value)] of the fields a text asks for, in order."""
    found = (mark.group(1).partition("|") for mark in MARK.finditer(text))
    return [(name.strip(), otherwise.strip()) for name, _, otherwise in found]


class Fields:
    """The merge fields of one sender, for letters about customers or about contacts ("customer" or "contact")."""

    def __init__(self, module: str, by):
        self.module, self.by = module, by
        self.sets = {name: fieldset.of(modules.get(name), by) for name in ("customer", "contact")}
        self.by_name = {}
        for field in [*self._people(), *self._customer(), *self._contact()]:
            self.by_name.setdefault(field.name, field)

    # Which ------------------------------------------------------------------------------------------------------------
    def _people(self) -> list[Field]:
        company = Department.objects.filter(parent=None).values_list("name", flat=True).first() or ""

        def owner(contact):
            return contact.owner if self.module == "contact" else contact.customer.owner

        def told(person, what):
            return str(getattr(person, what)) if person is not None else ""

        return [
            Field("负责人", "负责人和公司", lambda contact: told(owner(contact), "name")),
            Field("负责人电话", "负责人和公司", lambda contact: told(owner(contact), "phone")),
            Field("公司名称", "负责人和公司", lambda contact: company),
            Field("发件人", "负责人和公司", lambda contact: self.by.name),
            Field("发件人电话", "负责人和公司", lambda contact: self.by.phone),
        ]

    def _customer(self) -> list[Field]:
        """Fields of the customer; letters to contacts know its name alone, for the rest may be out of the sender's sight."""
        if self.module == "contact":
            columns = [column for column in self._clear("contact") if column.key == "customer"]
            return [Field("客户名称", "客户", self._reader(column, lambda contact: contact)) for column in columns]
        return [
            Field(column.label, "客户", self._reader(column, lambda contact: contact.customer), (column,))
            for column in self._clear("customer")
            if column.key not in LEFT_OUT
        ]

    def _contact(self) -> list[Field]:
        return [
            Field(f"{CONTACT}{column.label}", CONTACT, self._reader(column, lambda contact: contact), (column,))
            for column in self._clear("contact")
            if column.key not in LEFT_OUT
        ]

    def _clear(self, name: str) -> list:
        """Columns whose values this person sees as they are."""
        found = self.sets[name]
        return [
            column
            for column in found.columns
            if found.readable(column.key) and column.kind != "tags" and getattr(column, "source", "") != "files"
        ]

    @staticmethod
    def _reader(column, of: Callable) -> Callable:
        def read(contact) -> str:
            record = of(contact)
            return column.text(column.value(record)) if record is not None else ""

        return read

    def grouped(self) -> list[tuple[str, list[str]]]:
        """[(group, names)] for the picker."""
        groups: dict[str, list[str]] = {"客户": [], CONTACT: [], "负责人和公司": []}
        for field in self.by_name.values():
            groups[field.group].append(field.name)
        return [(title, names) for title, names in groups.items() if names]

    # Checking ---------------------------------------------------------------------------------------------------------
    def check(self, text: str) -> None:
        """ValidationError in words for fields this person cannot use and for brackets that belong to nothing."""
        unknown = list(dict.fromkeys(name for name, _ in marks(text) if name not in self.by_name))
        problems = []
        if unknown:
            names = "、".join(f"“{name or '空'}”" for name in unknown[:NAMED_MOST])
            problems.append(f"不能使用合并字段{names}：没有这个字段，或您的角色看不到它的内容。")
        rest = MARK.sub("", text)
        if "{{" in rest or "}}" in rest:
            problems.append("“{{”和“}}”没有配成对，请检查合并字段的写法，例如 {{客户名称}}。")
        if problems:
            raise ValidationError(problems)

    # Filling in -------------------------------------------------------------------------------------------------------
    def rows(self, pks: Iterable[int], text: str) -> dict[int, Contact]:
        """{id: contact} with all that the text asks for, read at once."""
        used = [self.by_name[name] for name, _ in marks(text) if name in self.by_name]
        joins = {"owner", "customer", "customer__owner"}
        columns: dict[str, list] = {"客户": [], CONTACT: [], "负责人和公司": []}
        for field in used:
            prefix = "customer__" if field.group == "客户" else ""
            joins |= {f"{prefix}{join}" for column in field.columns for join in column.joins}
            columns[field.group] += field.columns
        found = Contact.objects.select_related(*sorted(joins)).in_bulk(list(pks))
        self.sets["contact"].prepare(columns[CONTACT], list(found.values()))
        self.sets["customer"].prepare(columns["客户"], [contact.customer for contact in found.values()])
        return found

    def pieces(self, text: str, contact) -> list[Piece]:
        """The text with its fields filled in; LookupError for a field that is none."""
        found, place = [], 0
        for mark in MARK.finditer(text):
            name, _, otherwise = (part.strip() for part in mark.group(1).partition("|"))
            found.append(Piece(text[place : mark.start()]))
            found.append(Piece(self.by_name[name].read(contact) or otherwise, value=True))
            place = mark.end()
        found.append(Piece(text[place:]))
        return [piece for piece in found if piece.text]

    def text(self, text: str, contact) -> str:
        """The text with its fields filled in, as plain text."""
        return "".join(piece.text for piece in self.pieces(text, contact))
