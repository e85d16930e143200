"""Quick search through the narrow table: names by any two characters, phone fragments, pinyin initials.

PostgreSQL finds by `grams(text)` (two-character pieces; four-digit pieces where the text is all digits) with a GIN index
and checks by LIKE; SQLite scans the narrow table by LIKE. One character searches prefixes.
"""

import unicodedata
from functools import lru_cache
from itertools import product

from django.contrib.contenttypes.models import ContentType
from django.db import connections
from django.db.models import Exists, OuterRef, Q
from django.db.models.expressions import RawSQL
from pypinyin import Style, pinyin

from .models.satellites import SearchRow

MAX_READINGS = 8
FEW = 4000  # up to this many hits are fetched and given to the list as ids; above, the list checks row by row


@lru_cache(maxsize=20_000)
def _initials(char: str) -> tuple[str, ...]:
    """First letters of every reading of one character; letters and digits stand for themselves."""
    if char.isascii():
        return (char,) if char.isalnum() else ()
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


def hits(module, text: str, keys=None):
    """Search lines of one module that match `text`, or None where the text has nothing to search by."""
    plain = normal(text)[:100]
    if not plain:
        return None
    lines = SearchRow.objects.filter(content_type=ContentType.objects.get_for_model(module.model))
    if keys is not None:
        lines = lines.filter(key__in=keys)
    like = Q(text__contains=plain)
    digits = "".join(filter(str.isdigit, plain))
    if digits != plain and len(digits) >= 4 and not plain.strip("0123456789-+()"):
        plain, like = digits, Q(text__contains=digits)
    if len(plain) < 2 or (plain.isascii() and plain.isdigit() and len(plain) < 4):
        return lines.filter(text__startswith=plain)
    if connections[lines.db].vendor != "postgresql":
        return lines.filter(like)
    table = SearchRow._meta.db_table
    match = RawSQL(f'kaihai_grams("{table}"."text") @> %s', (_grams(plain),))
    if plain.isascii() and plain.isdigit():
        pairs = [plain[i : i + 2] for i in range(len(plain) - 1)]
        match = RawSQL(f'(kaihai_grams("{table}"."text") @> %s OR kaihai_grams("{table}"."text") @> %s)', (_grams(plain), pairs))
    return lines.annotate(gram=match).filter(gram=True).filter(like)


def narrow(rows, module, text: str, keys=None):
    """`rows` of `module` that match `text` by their own lines or by those of related records (a customer by the name or
    mobile of its contacts)."""
    lines = hits(module, text, keys)
    if lines is None:
        return rows
    sources = [(lines, None)]
    if keys is None:
        from . import modules

        for name, path in module.search_related:
            related = modules.get(name)
            found = hits(related, text)
            sources.append((found, (related, path)))
    ids, many = set(), False
    for found, via in sources:
        some = list(found.values_list("object_id", flat=True)[: FEW + 1])
        many = many or len(some) > FEW
        if via and some and not many:
            related, path = via
            some = related.model.objects.live().filter(pk__any=some).values_list(path, flat=True)
        ids.update(pk for pk in some if pk)
    if not many:
        return rows.filter(pk__any=list(ids))
    condition = Exists(sources[0][0].filter(object_id=OuterRef("pk")))
    if len(sources) > 1:
        for found, (related, path) in sources[1:]:
            condition |= Q(pk__in=related.model.objects.live().filter(pk__in=found.values("object_id")).values(path))
    return rows.filter(condition)
