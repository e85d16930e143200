"""The one answer to "which fields of this module does this person see, in which words, and which may they change".

Role and field give a level; the highest of a person's roles counts. Lists, details, forms, filters, sorting, search, export,
import, log, duplicates and pickers ask the same FieldSet.
"""

import copy
from dataclasses import dataclass
from functools import cached_property

from .columns import Column
from .custom import definitions
from .custom.columns import CustomColumn, Names

HIDDEN, MASKED, READ, EDIT = range(4)
LEVELS = {EDIT: "可编辑", READ: "只读", MASKED: "脱敏", HIDDEN: "隐藏"}
# What every record carries; people cannot be kept from it, so it is not offered in the field rights.
ALWAYS = frozenset({"created_by", "created_at", "updated_at", "owner"})


def mask(value) -> str:
    """A value with its middle taken out: 138****1234, z***@example.com, 云***; empty stays empty."""
    if value is None or value == "":
        return ""
    text = str(value)
    if "@" in text:
        name, _, domain = text.partition("@")
        return f"{name[:1]}***@{domain}"
    digits = sum(char.isdigit() for char in text)
    if digits >= 7 and digits >= len(text) / 2:
        return f"{text[:3]}****{text[-4:]}"
    return f"{text[:1]}***" if not isinstance(value, int | float) and digits < len(text) else "***"


@dataclass(frozen=True)
class Placed:
    """A field of a form or detail page in its section."""

    key: str
    section: str
    order: int


class FieldSet:
    """`columns` = what the person may see, in order; keys are those of columns and form fields alike."""

    def __init__(self, module, user):
        self.module, self.user, self.names = module, user, Names()
        stamp = definitions.stamp_of(user)
        everything = definitions.of(module.name, stamp)
        self.custom = {one.key: one for one in everything if not one.builtin and not one.retired}
        self.changed = {one.key: one for one in everything if one.builtin}
        self.levels = user.field_levels(module.name)

    # Rights -----------------------------------------------------------------------------------------------------------
    def level(self, key: str) -> int:
        """The level of one field; the title and what belongs to the record itself cannot be restricted."""
        if key == self.module.title_field or key in ALWAYS:
            return EDIT
        if key in self.changed and not self._stays(key):
            return HIDDEN
        level = self.levels.get(key, EDIT)
        return min(level, MASKED) if key in self.module.masked else level

    def _stays(self, key: str) -> bool:
        one = self.changed[key]
        return one.in_form or one.in_list or one.in_filter

    def of_column(self, column: Column) -> int:
        """The level of a column: the lowest of the fields it is made of."""
        if column.function and not self.user.has_function(f"{self.module.name}.{column.function}"):
            return HIDDEN
        return min(self.level(key) for key in column.depends)

    def readable(self, key: str) -> bool:
        """Whether the value shows in clear: only then it may be searched, filtered or sorted by."""
        column = self.module.by_key.get(key)
        if key in definitions.custom(self.module.name, definitions.stamp_of(self.user)) and key not in self.custom:
            return False
        return (self.of_column(column) if column is not None else self.level(key)) >= READ

    def editable(self, key: str) -> bool:
        column = self.module.by_key.get(key)
        if key.startswith("f") and key[1:].isdigit() and key not in self.custom:
            return False
        return (self.of_column(column) if column is not None else self.level(key)) >= EDIT

    # Words ------------------------------------------------------------------------------------------------------------
    def label(self, key: str, otherwise: str = "") -> str:
        """The company's name of a field."""
        if key in self.custom:
            return self.custom[key].label
        if key in self.changed and self.changed[key].label:
            return self.changed[key].label
        column = self.module.by_key.get(key)
        return otherwise or (column.label if column is not None else key)

    def required(self, key: str) -> bool:
        """Whether the company demands a built-in field its declaration leaves free."""
        return key in self.changed and self.changed[key].required

    # Columns ----------------------------------------------------------------------------------------------------------
    @cached_property
    def columns(self) -> list[Column]:
        """Every column the person may see: built-in ones as declared, then the custom ones."""
        found = []
        for column in self.module.columns:
            level = self.of_column(column)
            if level == HIDDEN:
                continue
            column = column.fresh()
            label = self.label(column.key, column.label)
            if level == MASKED or label != column.label:
                column = copy.copy(column)
                column.label = label
            found.append(masked(column) if level == MASKED else column)
        for one in self.custom.values():
            level = self.level(one.key)
            if level != HIDDEN:
                column = CustomColumn(one, self.names)
                found.append(masked(column) if level == MASKED else column)
        return found

    @cached_property
    def by_key(self) -> dict[str, Column]:
        return {column.key: column for column in self.columns}

    @cached_property
    def listed(self) -> list[Column]:
        """The columns a list offers."""
        return [column for column in self.columns if self._shows(column.key, "in_list")]

    def _shows(self, key: str, where: str) -> bool:
        one = self.custom.get(key) or self.changed.get(key)
        return one is None or getattr(one, where)

    def in_form(self, key: str) -> bool:
        return self._shows(key, "in_form")

    def in_filter(self, key: str) -> bool:
        return self._shows(key, "in_filter")

    def prepare(self, columns, records) -> None:
        """Read at once what custom columns point to in these records."""
        self.names.prepare(columns, [record.extra for record in records])
        pks = [record.pk for record in records]
        for column in columns:
            column.load(pks)

    # Sections ---------------------------------------------------------------------------------------------------------
    def arrange(self, sections) -> list[tuple[str, list[str]]]:
        """[(title, keys)] out of declared ((title, keys), ...): moved and ordered as the company wants, custom fields in
        their sections, those without one in 其他信息."""
        places: list[tuple[str, int, int, str]] = []
        titles = [title for title, _ in sections]
        for title, keys in sections:
            for place, key in enumerate(keys):
                one = self.changed.get(key)
                section = one.section if one is not None and one.section else title
                order = one.order if one is not None and one.order else (place + 1) * 10
                places.append((section, order, place, key))
        for place, one in enumerate(self.custom.values()):
            places.append((one.section or "其他信息", one.order or 10_000 + place, 1000 + place, one.key))
        titles += [section for section, *_ in places if section not in titles]
        return [
            (title, [key for section, _, _, key in sorted(places, key=lambda p: (p[1], p[2])) if section == title])
            for title in dict.fromkeys(titles)
        ]

    def shown(self, record, key: str) -> str:
        """One value outside of lists (side cards, second lines) as text: "" where hidden or empty, masked where masked."""
        column = self.by_key.get(key)
        return column.text(column.value(record)) if column is not None else ""

    def as_text(self, record) -> str:
        """The record for a chat: its name, then a line for each field the person may read that is not empty."""
        module = self.module
        keys = [key for _, keys in self.arrange(module.sections) for key in keys]
        keys = list(dict.fromkeys([*(["owner"] if module.owned else []), *keys]))
        shown = [self.by_key[key] for key in keys if key in self.by_key and key != module.title_field]
        self.prepare(shown, [record])
        lines = [(column.label, column.text(column.value(record))) for column in shown]
        return "\n".join([module.title_of(record), *(f"{label}：{text}" for label, text in lines if text)])

    def clear_text(self, record, key: str) -> str:
        """The value of a masked field in clear; only for services.reveal, which logs it."""
        column = CustomColumn(self.custom[key], self.names) if key in self.custom else self.module.by_key[key].fresh()
        return column.text(column.value(record))

    # Search -----------------------------------------------------------------------------------------------------------
    def search_keys(self) -> tuple[str, ...] | None:
        """Keys of the search lines the person may find by; None = all of them."""
        keys = [key for key, names in self.module.search.items() if all(self.readable(name) for name in names)]
        if len(keys) == len(self.module.search):
            return None
        return (*keys, "pinyin") if "name" in keys else tuple(keys)

    # Log --------------------------------------------------------------------------------------------------------------
    def log_changes(self, changes: list[dict]) -> list[dict]:
        """Changes of a log row as far as the person may read them: hidden fields are absent, masked ones without middle."""
        found = []
        for change in changes:
            level = self._level_of_change(change)
            if level == MASKED:
                change = {**change, "old": mask(change["old"]), "new": mask(change["new"])}
            if level != HIDDEN:
                found.append(change)
        return found

    def _level_of_change(self, change) -> int:
        key = change.get("key") or self._keys_by_label.get(change["label"], "")
        if not key:
            return EDIT
        column = self.module.by_key.get(key)
        if column is not None:
            return self.of_column(column)
        return self.level(key)

    @cached_property
    def _keys_by_label(self) -> dict[str, str]:
        """For log rows from before fields were named by key."""
        return {str(field.verbose_name): field.name for field in self.module.model._meta.fields} | {
            column.label: column.key for column in self.module.columns
        }


def masked(column: Column) -> Column:
    """The column with its values masked: cannot be sorted by, is plain text everywhere."""
    shown = copy.copy(column)
    original = column.from_row

    def hide(*values):
        value = original(values)
        return mask(column.text(value) if not isinstance(value, str) else value)

    shown.combine, shown.kind, shown.sort, shown.field, shown.masked = hide, "text", "", None, True
    return shown


def enter(user, *located) -> None:
    """For the rest of the request (or job) these modules' fields are those of a place: whoever asks for them by name gets
    what is masked there masked."""
    user.__dict__["_fieldsets"] = {module.name: FieldSet(module, user) for module in located}


def of(module, user) -> FieldSet:
    """The person's FieldSet of a module, made once per request."""
    kept = user.__dict__.setdefault("_fieldsets", {})
    if module.name not in kept:
        kept[module.name] = FieldSet(module, user)
    return kept[module.name]
