"""The types of custom fields: what is stored, what people type, see and get in a file.

`clean(value, definition)` takes what a person typed or a cell held and returns the stored JSON value, None for empty, or
raises ValidationError with the sentence to show. `raw(stored, definition, names)` is the value lists and files show.
"""

from collections.abc import Iterable
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation

from django.core.exceptions import ValidationError

from .. import areas, fields
from ..fields import name_key, tidy
from .definitions import Definition, Type

MAX_CHOICES = 100


class FieldType:
    """Text of one line; the others say where they differ. `storage`: how queries compare it (text, number, list)."""

    kind, storage, limit = "text", "text", 200
    check = fields.Text("", max_length=200)
    ordered = True  # can be sorted by, and compared as greater or less
    importable = True

    def clean(self, value, definition: Definition):
        return self.check.clean_value(value) or None

    def raw(self, stored, definition, names):
        return stored

    def shown(self, stored, definition) -> str:
        """The stored value as a form input holds it."""
        return "" if stored is None else str(stored)


class LongText(FieldType):
    limit = 2000
    check = fields.LongText("", max_length=2000)
    ordered = False


class Mobile(FieldType):
    kind, check = "phone", fields.Mobile("")


class Email(FieldType):
    check = fields.Email("", max_length=100)


class Url(FieldType):
    check = fields.Website("", max_length=200)


class Number(FieldType):
    """A decimal of up to 12 digits before and 4 behind the point, stored as a JSON number."""

    kind, storage, places = "number", "number", 4
    low, high = Decimal("-999999999999.9999"), Decimal("999999999999.9999")
    out_of_range = "数字过大，整数部分最多 12 位"

    def clean(self, value, definition):
        text = tidy(value).replace(",", "").replace("，", "").removeprefix("¥").removesuffix(self.unit).strip()
        if not text:
            return None
        try:
            number = Decimal(text)
        except InvalidOperation:
            raise ValidationError("请填写数字", code="invalid") from None
        if not number.is_finite() or not self.low <= number <= self.high:
            raise ValidationError(self.out_of_range, code="invalid")
        if number != round(number, self.places):
            raise ValidationError(f"最多 {self.places} 位小数", code="invalid")
        if len(number.normalize().as_tuple().digits) > 15:
            raise ValidationError("最多 15 位有效数字", code="invalid")
        return int(number) if number == int(number) else float(number)

    unit = ""

    def raw(self, stored, definition, names):
        return None if stored is None else Decimal(str(stored))

    def shown(self, stored, definition):
        return "" if stored is None else f"{Decimal(str(stored)).normalize():f}"


class Money(Number):
    kind, places = "money", 2
    low, high = Decimal(0), Decimal("999999999999.99")
    out_of_range = "金额应在 0 到 999,999,999,999.99 之间"

    def shown(self, stored, definition):
        return "" if stored is None else f"{Decimal(str(stored)):.2f}"


class Percent(Number):
    kind, places, unit = "percent", 2, "%"
    low, high = Decimal(-100000), Decimal(100000)
    out_of_range = "百分比应在 -100,000 到 100,000 之间"


class Day(FieldType):
    kind = "date"

    def clean(self, value, definition):
        from ..importing import cells

        text = tidy(value)
        return cells.day(text).isoformat() if text else None

    def raw(self, stored, definition, names):
        return date.fromisoformat(stored) if stored else None


class Moment(FieldType):
    """A moment, stored in UTC in one fixed form, so that text order is time order."""

    kind = "datetime"
    form = "%Y-%m-%dT%H:%M:%SZ"

    def clean(self, value, definition):
        from ..importing import cells

        text = tidy(value)
        return cells.moment(text).astimezone(UTC).strftime(self.form) if text else None

    def raw(self, stored, definition, names):
        return datetime.strptime(stored, self.form).replace(tzinfo=UTC) if stored else None

    def shown(self, stored, definition):
        from ..formatting import moment

        return moment(self.raw(stored, definition, None))


class Choice(FieldType):
    """One option, stored by its id; its label, trimmed, is what files hold."""

    ordered = False

    def clean(self, value, definition):
        return self.option(value, definition, {pk for pk, _, offered in definition.options if offered})

    def option(self, value, definition, offered):
        if value in (None, ""):
            return None
        if isinstance(value, int) and value in definition.labels:
            return value
        key = name_key(tidy(value))
        if not key:
            return None
        found = next((pk for pk, label, _ in definition.options if name_key(label) == key), None)
        if found is None:
            labels = "、".join(label for _, label, on in definition.options if on)
            raise ValidationError(f"只能填写：{labels[:200]}", code="invalid")
        if found not in offered:
            raise ValidationError(f"“{definition.labels[found]}”已停用，不能再选", code="invalid")
        return found

    def raw(self, stored, definition, names):
        return definition.labels.get(stored, "") if stored is not None else None


class Choices(Choice):
    """Several options, stored as a sorted list of ids; files hold their labels with 、 between."""

    storage = "list"

    def clean(self, value, definition):
        if isinstance(value, list | tuple):
            parts: Iterable = value
        else:
            text = tidy(value)
            for sign in "，,；;\n":
                text = text.replace(sign, "、")
            parts = text.split("、")
        offered = {pk for pk, _, on in definition.options if on}
        found = {self.option(part, definition, offered) for part in parts} - {None}
        return sorted(found) or None

    def raw(self, stored, definition, names):
        return "、".join(definition.labels.get(pk, "") for pk in stored) if stored else None


class Check(FieldType):
    """Yes, or absent for no."""

    kind, ordered = "bool", False

    def clean(self, value, definition):
        from ..importing import cells

        if value is True or value is False:
            return value or None
        text = tidy(value)
        return (True if text == "on" else cells.yes_or_no(text) or None) if text else None

    def raw(self, stored, definition, names):
        return bool(stored)


class Person(FieldType):
    """An employee's id; cells hold a phone number or a name only one active employee has."""

    ordered = False
    source = "people"

    def clean(self, value, definition):
        if value in (None, ""):
            return None
        return value if isinstance(value, int) else getattr(value, "pk", None)

    def raw(self, stored, definition, names):
        return names.of(self.source, stored) if stored is not None else None


class Department(Person):
    source = "departments"


class Files(FieldType):
    """Ids of attachments that belong to the field."""

    storage, ordered, importable = "list", False, False

    def clean(self, value, definition):
        return sorted(value) or None if isinstance(value, list | tuple | set) else None

    def raw(self, stored, definition, names):
        return "、".join(names.of("files", pk) or "" for pk in stored) if stored else None


class Area(FieldType):
    """A province, or a province and a city ("江苏省/苏州市")."""

    ordered = False

    def clean(self, value, definition):
        text = tidy(value).replace("／", "/")
        if not text:
            return None
        province, _, city = text.partition("/") if "/" in text else text.partition(" ")
        try:
            province, city = areas.place(province, city)
        except ValidationError:
            province, city = self.in_one_word(text)
        return f"{province}/{city}" if city else province

    @staticmethod
    def in_one_word(text: str) -> tuple[str, str]:
        """江苏省苏州市 without a sign between."""
        for length in range(2, len(text)):
            try:
                return areas.place(text[:length], text[length:])
            except ValidationError:
                continue
        raise ValidationError(f"没有“{text[:20]}”这个地区", code="invalid")

    def raw(self, stored, definition, names):
        return stored.replace("/", " ") if stored else None


TYPES: dict[str, FieldType] = {
    Type.LINE: FieldType(),
    Type.TEXT: LongText(),
    Type.NUMBER: Number(),
    Type.MONEY: Money(),
    Type.PERCENT: Percent(),
    Type.DATE: Day(),
    Type.MOMENT: Moment(),
    Type.CHOICE: Choice(),
    Type.CHOICES: Choices(),
    Type.CHECK: Check(),
    Type.MOBILE: Mobile(),
    Type.EMAIL: Email(),
    Type.URL: Url(),
    Type.PERSON: Person(),
    Type.DEPARTMENT: Department(),
    Type.FILES: Files(),
    Type.AREA: Area(),
}


def of(definition: Definition) -> FieldType:
    return TYPES[definition.type]
