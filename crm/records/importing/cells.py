"""Checks of one column's cells. Each distinct text is checked once per chunk of memory: dictionaries, owners and provinces
repeat, and a check costs far more than a look-up."""

import re
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal, InvalidOperation

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone

from ..fields import DictionaryField, Mobile, name_key, tidy
from ..forms import EARLIEST, people_in_reach
from ..models import DictionaryItem
from . import targets
from .upload import readable

MEMO = 20_000
_DATE = re.compile(
    r"(\d{4})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})\s*日?(?:[T\s]+(\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?)?"
)
_YES, _NO = {"是", "true", "1", "yes", "y", "√", "有", "上架"}, {"否", "false", "0", "no", "n", "×", "无", "下架"}
_mobile = Mobile("手机号")


class Column:
    """The checked cells of one target: `texts` in, values and [(row, sentence)] out."""

    def __init__(self, check: Callable[[str], object]):
        self.check = check
        self.memo: dict[str, tuple] = {}

    def read(self, texts: list[str]) -> tuple[list, list[tuple[int, str]]]:
        memo, values, faults = self.memo, [], []
        if len(memo) > MEMO:
            memo.clear()
        for row, text in enumerate(texts):
            found = memo.get(text)
            if found is None:
                found = memo[text] = self._checked(text)
            value, fault = found
            values.append(value)
            if fault:
                faults.append((row, fault))
        return values, faults

    def _checked(self, text: str) -> tuple:
        try:
            return self.check(readable(text)), ""
        except ValidationError as error:
            return None, "；".join(error.messages)


class Relation(Column):
    """A relation of the module's own: the new texts of a chunk are looked up together."""

    def __init__(self, look: Callable, user):
        super().__init__(None)
        self.look, self.user = look, user

    def read(self, texts):
        fresh = {tidy(text) for text in texts} - set(self.memo)
        for text, answer in self.look(self.user, fresh).items() if fresh else ():
            self.memo[text] = (None, answer) if isinstance(answer, str) else (answer, "")
        found = [self.memo[tidy(text)] for text in texts]
        values, faults = [value for value, _ in found], [(row, fault) for row, (_, fault) in enumerate(found) if fault]
        self.memo.clear()  # the other table may change between chunks
        return values, faults


def column_for(target, field, *, user, options) -> Column:
    """The check of one target for one import."""
    if callable(target.lookup):
        return Relation(target.lookup, user)
    if target.lookup == targets.OWNER:
        return Column(people(people_in_reach(user, f"{options['module']}.import"), empty=user.pk))
    if target.lookup == targets.PERSON:
        return Column(people(get_user_model().objects.all(), empty=user.pk))
    if field is None:
        return Column(lambda text: tidy(text))
    if isinstance(field, DictionaryField):
        return Column(
            dictionary(field, unknown=options["unknown"], chosen=options.get("values", {}).get(target.key, {}))
        )
    if hasattr(field, "clean_value"):
        return Column(field.clean_value)
    for cls, check in (
        (models.DateTimeField, moment),
        (models.DateField, day),
        (models.BooleanField, yes_or_no),
        (models.DecimalField, number(field)),
    ):
        if isinstance(field, cls):
            return Column(lambda text, check=check: _or_empty(check, text, field))
    if field.flatchoices:
        return Column(choice(field))
    raise TypeError(f"{field} cannot be imported")


def _or_empty(check, text, field):
    text = tidy(text)
    if text:
        return check(text)
    return field.get_default() if field.has_default() else None


def moment(text: str) -> datetime:
    """A date with or without time, in the local zone."""
    found = _DATE.fullmatch(text)
    if found:
        year, month, day_, hour, minute, second = (int(part or 0) for part in found.groups())
        try:
            found = timezone.make_aware(datetime(year, month, day_, hour, minute, second))
        except ValueError:
            raise ValidationError("日期格式应为 2026-01-31 或 2026-01-31 14:00") from None
        EARLIEST(found)
        return found
    raise ValidationError("日期格式应为 2026-01-31 或 2026-01-31 14:00")


def day(text: str) -> date:
    """A date; a time behind it is left out."""
    found = _DATE.fullmatch(text)
    if found:
        try:
            return date(*(int(part) for part in found.groups()[:3]))
        except ValueError:
            pass
    raise ValidationError("日期格式应为 2026-01-31")


def yes_or_no(text: str) -> bool:
    if text.casefold() in _YES | _NO:
        return text.casefold() in _YES
    raise ValidationError("请填写“是”或“否”")


def number(field) -> Callable:
    """A decimal that fits the field exactly; too many places are refused, not rounded."""

    def check(text: str) -> Decimal:
        try:
            value = Decimal(text.replace(",", ""))
        except InvalidOperation:
            raise ValidationError("请填写数字") from None
        places, whole = field.decimal_places, field.max_digits - field.decimal_places
        if not value.is_finite() or abs(value) >= 10**whole:
            raise ValidationError(f"数字过大，整数部分最多 {whole} 位")
        if value != round(value, places):
            raise ValidationError(f"最多 {places} 位小数")
        return round(value, places)

    return check


def choice(field) -> Callable:
    """A value out of the field's choices, by its label."""
    known = {name_key(str(label)): value for value, label in field.flatchoices}
    labels = "、".join(str(label) for _, label in field.flatchoices)

    def check(text: str):
        text = tidy(text)
        if not text:
            return field.get_default()
        if name_key(text) not in known:
            raise ValidationError(f"只能填写：{labels}")
        return known[name_key(text)]

    return check


def dictionary(field: DictionaryField, *, unknown: str, chosen: dict) -> Callable:
    """The id of a dictionary value by its label. An unknown one is refused, replaced as `chosen` says ({label: id or
    None}), or, under "create", answered by its label: the chunk creates it and puts the id there."""
    items = list(DictionaryItem.objects.filter(dictionary=field.code))
    known = {name_key(item.label): item.pk for item in items if item.active}
    retired = {name_key(item.label) for item in items if not item.active}
    active = set(known.values())
    label = DictionaryItem._meta.get_field("label")

    def check(text: str):
        text = tidy(text)
        key = name_key(text)
        if not text:
            return None
        if key in known:
            return known[key]
        if text in chosen and unknown == "map" and (chosen[text] is None or chosen[text] in active):
            return chosen[text]
        if key in retired:
            raise ValidationError(f"“{text[:50]}”已停用，不能再选")
        if unknown == "create":
            return label.clean_value(text)
        raise ValidationError(f"字典中没有“{text[:50]}”")

    return check


def unknown_values(field: DictionaryField, texts) -> list[str]:
    """Those of the texts that the dictionary does not offer."""
    known = {
        name_key(label)
        for label in DictionaryItem.objects.filter(dictionary=field.code, active=True).values_list("label", flat=True)
    }
    return [text for text in dict.fromkeys(map(tidy, texts)) if text and name_key(text) not in known]


def people(rows, *, empty: int) -> Callable:
    """An employee's id by phone, or by a name that only one of `rows` has."""
    phones, names = {}, {}
    for pk, phone, name in rows.order_by().values_list("pk", "phone", "name"):
        phones[phone] = pk
        names.setdefault(name_key(name), []).append(pk)

    def check(text: str) -> int:
        text = tidy(text)
        if not text:
            return empty
        try:
            phone = _mobile.clean_value(text)
        except ValidationError:
            phone = ""
        if phone:
            if phone in phones:
                return phones[phone]
            raise ValidationError(f"没有手机号为 {phone} 的同事，或对方不在您的数据范围内")
        found = names.get(name_key(text), [])
        if len(found) == 1:
            return found[0]
        if found:
            raise ValidationError(f"有 {len(found)} 位“{text[:20]}”，请改用手机号")
        raise ValidationError(f"没有“{text[:20]}”这位同事，或对方不在您的数据范围内")

    return check
