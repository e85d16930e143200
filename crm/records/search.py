"""Quick search through the narrow table: names by any two characters, phone fragments, pinyin initials.

PostgreSQL finds by `grams(text)` (two-character pieces; four-digit pieces where the text is all digits) with a GIN index
and checks by LIKE; SQLite scans the narrow table by LIKE. One character searches prefixes.
"""

import unicodedata
from dataclasses import replace
from functools import lru_cache
from itertools import product

from django.contrib.contenttypes.models import ContentType
from django.db import connections
from django.db.models import BooleanField, Exists, Func, OuterRef, Q

from . import fieldset, modules
from .models.satellites import SearchRow

MAX_READINGS = 8
FEW = 4000  # up to this many hits are fetched and given to the list as ids; above, the list checks row by row


@lru_cache(maxsize=20_000)
def _initials(char: str) -> tuple[str, ...]:
    """First letters of every reading of one character; letters and digits stand for themselves."""
    if char.isascii():
        return (char,) if char.isalnum() else ()
    from pypinyin import Style, pinyin  # a third of the start-up time; only needed once a new character comes along

    found = pinyin(char, style=Style.FIRST_LETTER, heteronym=True, errors="ignore")
    return tuple(dict.fromkeys(letter for letter in found[0] if letter))[:3] if found else ()


def initials(text: str) -> str:
    """Pinyin initials of every reading (at most 8), separated by spaces: 重庆啤酒 -> "zqpj cqpj"."""
    choices = [letters for letters in map(_initials, normal(text)) if letters]
    readings = []
    for letters in product(*choices):
        readings.append("".join(letters))
        if len(readings) == MAX_READINGS:
            break
    return " ".join(dict.fromkeys(readings))[:200]


def normal(text: str) -> str:
    """The form in which text is stored and asked for: NFKC, lower case, no spaces."""
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())


def rows_for(values: dict) -> list[tuple[str, str]]:
    """(key, text) lines of one record out of {"name": ..., "phone": [...]} values; a Chinese name adds its initials."""
    lines = []
    for key, value in values.items():
        for text in value if isinstance(value, list | tuple) else [value]:
            if not text:
                continue
            if key == "phone":
                lines.append((key, "".join(filter(str.isdigit, text))[:200]))
                continue
            plain = normal(text)[:200]
            lines.append((key, plain))
            if key == "name" and not plain.isascii() and (letters := initials(text)):
                lines.append(("pinyin", letters))
    return [line for line in lines if line[1]]


def index(module, records) -> None:
    """Rewrite the search lines of these records (one delete and one insert for all)."""
    records = list(records)
    content_type = ContentType.objects.get_for_model(module.model)
    SearchRow.objects.filter(content_type=content_type, object_id__any=[record.pk for record in records]).delete()
    SearchRow.objects.bulk_create(
        [
            SearchRow(content_type=content_type, object_id=record.pk, key=key, text=text)
            for record in records
            for key, text in rows_for(values_of(module, record))
        ],
        batch_size=2000,
    )


def values_of(module, record) -> dict:
    return {key: [getattr(record, name) for name in names] for key, names in module.search.items()}


def forget(module, ids) -> None:
    """Drop the search lines of purged records."""
    content_type = ContentType.objects.get_for_model(module.model)
    SearchRow.objects.filter(content_type=content_type, object_id__any=list(ids)).delete()


def _grams(text: str) -> list[str]:
    if text.isascii() and text.isdigit():
        return [text[i : i + 4] for i in range(len(text) - 3)]
    return [text[i : i + 2] for i in range(len(text) - 1)]


class HasGrams(Func):
    """Whether the text of a search line has all of these pieces; written so that the GIN index of migration 0020 serves it."""

    template = 'kaihai_grams(%(expressions)s) COLLATE "C"'
    output_field = BooleanField()

    def __init__(self, grams: list[str]):
        super().__init__("text")
        self.grams = grams

    def as_sql(self, compiler, connection, **context):
        sql, values = super().as_sql(compiler, connection, **context)
        return f"({sql} @> %s)", [*values, self.grams]


def _match(lines, text: str, *, indexed: bool = True):
    """`lines` that match the text, or None where it has nothing to search by; `indexed` finds them by the index of all lines,
    without it they are only checked."""
    plain = normal(text)[:100]
    if not plain:
        return None
    digits = "".join(filter(str.isdigit, plain))
    if digits != plain and len(digits) >= 4 and not plain.strip("0123456789-+()"):
        plain = digits
    number = plain.isascii() and plain.isdigit()
    if len(plain) < 2 or (number and len(plain) < 4):
        return lines.filter(text__startswith=plain)
    lines = lines.filter(text__contains=plain)
    if connections[lines.db].vendor != "postgresql" or not indexed:
        return lines
    match = Q(HasGrams(_grams(plain)))
    if number:  # digits inside a text that is not all digits are cut in pairs
        match |= Q(HasGrams([plain[i : i + 2] for i in range(len(plain) - 1)]))
    return lines.filter(match)


def readable_keys(module, user, keys=None) -> tuple[str, ...] | None:
    """Keys of the lines `user` may find records of a module by (None = all); `user` None = the system itself."""
    allowed = fieldset.of(module, user).search_keys() if user is not None else None
    if allowed is None or keys is None:
        return keys if allowed is None else allowed
    return tuple(key for key in keys if key in allowed)


def hits(modules, text: str, keys=None, *, user):
    """Search lines of these modules that match `text` and that `user` may find by, or None where the text has nothing to
    search by."""
    types = ContentType.objects.get_for_models(*[module.model for module in modules])
    limits = {types[module.model].pk: readable_keys(module, user, keys) for module in modules}
    lines = SearchRow.objects.filter(content_type__in=list(limits))
    if len(set(limits.values())) == 1:
        only = next(iter(limits.values()))
        lines = lines if only is None else lines.filter(key__in=only)
    else:
        condition = Q()
        for content_type, only in limits.items():
            condition |= Q(content_type=content_type) & (Q() if only is None else Q(key__in=only))
        lines = lines.filter(condition)
    return _match(lines, text)


def narrow(rows, module, text: str, keys=None, *, user):
    """`rows` of `module` that match `text` by their own lines or by those of related records (a customer by the name or
    mobile of its contacts), as far as `user` may read what matches."""
    from . import scope

    related = [] if keys is not None else _related(module, user)
    lines = hits([module, *(other for other, _ in related)], text, keys, user=user)
    if lines is None:
        return rows
    some = list(lines.values_list("content_type_id", "object_id")[: FEW + 1])
    if len(some) > FEW:
        narrowed = rows.filter(_matches(text, keys, module, related, user))
        narrowed.branches = tuple(
            replace(part, candidates=_candidates(lines, module, related)) for part in rows.branches
        )
        return narrowed
    found: dict[int, set[int]] = {}
    for content_type, pk in some:
        found.setdefault(content_type, set()).add(pk)
    ids = found.get(ContentType.objects.get_for_model(module.model).pk, set())
    for other, path in related:
        if theirs := found.get(ContentType.objects.get_for_model(other.model).pk):
            ids = ids | set(other.model.objects.live().filter(pk__any=theirs).values_list(path, flat=True)) - {None}
    narrowed = rows.filter(pk__any=ids)
    # So few rows are fetched one by one; the parts of the scope would each look through all of theirs.
    narrowed.branches = (scope.Branch(Q(), ids=tuple(ids)),)
    return narrowed


def _related(module, user) -> list[tuple]:
    """[(module, path)] of Module.search_related, as far as `user` may read the field that leads there."""
    fields = fieldset.of(module, user) if user is not None else None
    return [
        (modules.get(name), path)
        for name, path, *keys in module.search_related
        if fields is None or all(map(fields.readable, keys))
    ]


def _candidates(lines, module, related):
    """Keys of the rows that a search hits, by their own lines or by those of their children."""

    def hit(model):
        return lines.filter(content_type=ContentType.objects.get_for_model(model)).values("object_id")

    found = hit(module.model)
    parts = [other.model.objects.live().filter(pk__in=hit(other.model)).values(path) for other, path in related]
    return found.union(*parts, all=True) if parts else found


def _matches(text: str, keys, module, related, user) -> Q:
    """Too many hits to fetch: whether a row has a matching line, or a child that has one; looked up row by row, because a list
    finds its page among the first few of them."""

    def lines_of(owner):
        lines = SearchRow.objects.filter(
            content_type=ContentType.objects.get_for_model(owner.model), object_id__at=OuterRef("pk")
        )
        only = readable_keys(owner, user, keys)
        return Exists(_match(lines if only is None else lines.filter(key__in=only), text, indexed=False))

    condition = Q(lines_of(module))
    for other, path in related:
        children = other.model.objects.live().filter(**{f"{path}__at": OuterRef("pk")})
        condition |= Q(Exists(children.filter(lines_of(other))))
    return condition
