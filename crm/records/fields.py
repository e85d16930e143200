"""Model fields of records. Each owns its limit and its exact message once: the form, the import and `full_clean` all
go through `clean_value`, so that no door is laxer than another.

`clean_value(value)` takes what a person typed or a cell held (str, number, None) and returns the stored value, or raises
ValidationError with the sentence to show.
"""

import re
import unicodedata
from decimal import Decimal, InvalidOperation

import phonenumbers
from django.core.exceptions import ValidationError
from django.core.validators import EmailValidator, URLValidator
from django.db import models

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]")
_SPACES = re.compile(r"[\s\u3000]+")
_FLOAT_TAIL = re.compile(r"^\d+\.0$")
_MOBILE = re.compile(r"1[3-9]\d{9}")
_email = EmailValidator()
_url = URLValidator(schemes=["http", "https"])


def tidy(value, *, multiline: bool = False) -> str:
    """Text as it is stored: NFC, control and direction marks removed, line breaks and tabs folded to a space unless
    multiline, trimmed. Numbers from a sheet lose a trailing ".0"."""
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = value if isinstance(value, str) else str(value)
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)
    if multiline:
        text = _CONTROL.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    elif not text.isprintable():
        text = _CONTROL.sub("", _SPACES.sub(" ", text))
    return text.strip(" \t\n\r\u3000\xa0")


def name_key(value: str) -> str:
    """What "the same name" means where duplicates are forbidden: NFKC, case and spaces apart."""
    return _SPACES.sub("", unicodedata.normalize("NFKC", value).casefold())


class Text(models.CharField):
    """One line of at most `max_length` code points."""

    multiline = False

    def __init__(self, verbose_name=None, max_length=None, **kwargs):
        kwargs.setdefault("blank", True)
        kwargs.setdefault("default", "" if kwargs["blank"] else models.NOT_PROVIDED)
        self.required_message = kwargs.pop("required_message", None)
        super().__init__(verbose_name, max_length=max_length, **kwargs)
        self.error_messages["max_length"] = f"最多 {max_length} 个字"
        message = self.required_message or f"请填写{verbose_name}"
        self.error_messages["blank"] = self.error_messages["null"] = self.error_messages["required"] = message

    def deconstruct(self):
        name, path, args, kwargs = super().deconstruct()
        kwargs["blank"] = self.blank
        return name, path, args, kwargs

    def parse(self, text: str) -> str:
        """The stored form of tidy, non-empty text; subclasses check and normalise here."""
        return text

    def clean_value(self, value) -> str:
        text = tidy(value, multiline=self.multiline)
        if text:
            text = self.parse(text)
        elif not self.blank:
            raise ValidationError(self.error_messages["blank"], code="blank")
        if len(text) > self.max_length:
            raise ValidationError(self.error_messages["max_length"], code="max_length")
        return text

    def clean(self, value, model_instance):
        return self.clean_value(value)

    def formfield(self, **kwargs):
        from . import formfields

        kwargs.setdefault("form_class", formfields.Cleaned)
        return super().formfield(model_field=self, **kwargs)


class LongText(Text):
    """Several lines of at most `max_length` code points."""

    multiline = True

    def formfield(self, **kwargs):
        from django import forms

        kwargs.setdefault("widget", forms.Textarea(attrs={"rows": 3}))
        return super().formfield(**kwargs)


class Mobile(Text):
    """Mainland mobile, stored as 11 digits; spaces, "-", full-width digits and +86 are taken off."""

    def __init__(self, verbose_name=None, max_length=11, **kwargs):
        super().__init__(verbose_name, max_length=max_length, **kwargs)

    def parse(self, text):
        digits = re.sub(r"[\s\-\u2010-\u2015]", "", unicodedata.normalize("NFKC", text))
        if _FLOAT_TAIL.match(digits):
            digits = digits[:-2]
        digits = re.sub(r"^(\+|00)86", "", digits)
        if not _MOBILE.fullmatch(digits):
            raise ValidationError("手机号格式不正确", code="invalid")
        return digits


class Phone(Text):
    """Any phone number of at most 20 characters, kept as typed; mobiles are kept as 11 digits."""

    def __init__(self, verbose_name=None, max_length=20, **kwargs):
        super().__init__(verbose_name, max_length=max_length, **kwargs)

    def parse(self, text):
        text = unicodedata.normalize("NFKC", text)
        if _FLOAT_TAIL.match(text):
            text = text[:-2]
        compact = re.sub(r"[\s\-]", "", text)
        if _MOBILE.fullmatch(compact.removeprefix("+86")):
            return compact.removeprefix("+86")
        if re.fullmatch(r"1[3-9]\d{0,8}", compact):  # no landline begins so: a mobile with digits missing
            raise ValidationError("手机号格式不正确", code="invalid")
        if len(text) <= self.max_length and not re.fullmatch(r"[\d\s()+\-,;.#*/转ext]+", text):
            raise ValidationError("电话格式不正确", code="invalid")
        return text


def readable_phone(value: str) -> str:
    """A stored number in its usual grouping (138 0000 0186, 0512-6555 0186); unknown shapes unchanged."""
    if len(value) == 11 and value.isdigit() and value[0] == "1":
        return f"{value[:3]} {value[3:7]} {value[7:]}"
    try:
        number = phonenumbers.parse(value, "CN")
    except phonenumbers.NumberParseException:
        return value
    if not phonenumbers.is_valid_number(number) or number.country_code == 86:
        return value
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.INTERNATIONAL)


class Email(Text):
    def __init__(self, verbose_name=None, max_length=50, **kwargs):
        super().__init__(verbose_name, max_length=max_length, **kwargs)

    def parse(self, text):
        if len(text) <= self.max_length:
            try:
                _email(text)
            except ValidationError:
                raise ValidationError("邮箱格式不正确", code="invalid") from None
        return text


class Website(Text):
    def __init__(self, verbose_name=None, max_length=200, **kwargs):
        super().__init__(verbose_name, max_length=max_length, **kwargs)

    def parse(self, text):
        if "://" not in text:
            text = f"http://{text}"
        if len(text) <= self.max_length:
            try:
                _url(text)
            except ValidationError:
                raise ValidationError("网址格式不正确", code="invalid") from None
        return text


class Digits(Text):
    """Digits only: exactly `exact` of them, or at most `max_length`."""

    def __init__(self, verbose_name=None, max_length=None, *, message="", exact=None, **kwargs):
        self.message, self.exact = message, exact
        super().__init__(verbose_name, max_length=max_length or exact, **kwargs)
        self.error_messages["max_length"] = message

    def deconstruct(self):
        name, path, args, kwargs = super().deconstruct()
        return name, path, args, {**kwargs, "message": self.message, "exact": self.exact}

    def parse(self, text):
        text = unicodedata.normalize("NFKC", text)
        if _FLOAT_TAIL.match(text):
            text = text[:-2]
        if not (text.isascii() and text.isdigit()) or (self.exact and len(text) != self.exact):
            raise ValidationError(self.message, code="invalid")
        return text


class Scale(models.PositiveSmallIntegerField):
    """A small whole number from 1 to `top` (stars, satisfaction); empty is allowed."""

    def __init__(self, verbose_name=None, *, top=5, unit="", **kwargs):
        self.top, self.unit = top, unit
        kwargs.setdefault("null", True)
        kwargs.setdefault("blank", True)
        kwargs["choices"] = [(n, f"{n}{unit}") for n in range(1, top + 1)]
        super().__init__(verbose_name, **kwargs)

    def deconstruct(self):
        name, path, args, kwargs = super().deconstruct()
        kwargs.pop("choices", None)
        return name, path, args, {**kwargs, "top": self.top, "unit": self.unit}

    def clean_value(self, value):
        text = tidy(value).removesuffix(self.unit).removesuffix("星") if value is not None else ""
        if not text:
            return None
        if text not in {str(n) for n in range(1, self.top + 1)}:
            raise ValidationError(f"请填写 1 到 {self.top} 的整数", code="invalid")
        return int(text)


class Percent(models.PositiveSmallIntegerField):
    """A whole number from 0 to 100; empty is allowed."""

    def __init__(self, verbose_name=None, **kwargs):
        super().__init__(verbose_name, **{"null": True, "blank": True, **kwargs})

    def clean_value(self, value):
        text = tidy(value).removesuffix("%").strip()
        if not text:
            return None
        if not (text.isascii() and text.isdigit() and len(text) < 4 and int(text) <= 100):
            raise ValidationError("请填写 0 到 100 的整数", code="invalid")
        return int(text)

    def clean(self, value, model_instance):
        return self.clean_value(value)

    def formfield(self, **kwargs):
        from django import forms

        from . import formfields

        kwargs.setdefault("widget", forms.TextInput(attrs={"inputmode": "numeric"}))
        return models.Field.formfield(self, form_class=formfields.Cleaned, model_field=self, **kwargs)


class Money(models.DecimalField):
    """An amount in yuan, 0 to 999,999,999,999.99; a third decimal is refused, not rounded."""

    def __init__(self, verbose_name=None, **kwargs):
        kwargs["max_digits"], kwargs["decimal_places"] = 18, 2
        super().__init__(verbose_name, **kwargs)

    def clean_value(self, value):
        text = tidy(value).replace(",", "").removeprefix("¥").strip()
        if not text:
            if not self.blank:
                raise ValidationError(f"请填写{self.verbose_name}", code="blank")
            return None
        try:
            amount = Decimal(text)
        except InvalidOperation:
            raise ValidationError("请填写金额", code="invalid") from None
        if not amount.is_finite() or amount.copy_abs() > Decimal("999999999999.99") or amount < 0:
            raise ValidationError("金额应在 0 到 999,999,999,999.99 之间", code="invalid")
        if amount != amount.quantize(Decimal("0.01")):
            raise ValidationError("金额最多两位小数", code="invalid")
        return abs(amount.quantize(Decimal("0.01")))  # "-0" is nothing

    def clean(self, value, model_instance):
        return self.clean_value(value)

    def formfield(self, **kwargs):
        from django import forms

        from . import formfields

        kwargs.setdefault("widget", forms.TextInput(attrs={"data-money": "", "inputmode": "decimal"}))
        return models.Field.formfield(self, form_class=formfields.Cleaned, model_field=self, **kwargs)


class DictionaryField(models.ForeignKey):
    """A value of one data dictionary (`code`, e.g. "customer.industry")."""

    def __init__(self, verbose_name=None, code="", **kwargs):
        self.code = code
        kwargs["to"] = "records.DictionaryItem"
        kwargs["on_delete"] = models.PROTECT
        kwargs.setdefault("null", True)
        kwargs.setdefault("blank", True)
        kwargs["related_name"] = "+"
        # Lists are read by owner and date; an index per dictionary would only slow down writing.
        kwargs["db_index"] = False
        if code:
            kwargs["limit_choices_to"] = {"dictionary": code}
        super().__init__(verbose_name=verbose_name, **kwargs)

    def deconstruct(self):
        name, path, args, kwargs = super().deconstruct()
        for key in ("to", "on_delete", "related_name", "db_index", "limit_choices_to"):
            kwargs.pop(key, None)
        return name, path, args, {**kwargs, "code": self.code, "null": self.null, "blank": self.blank}

    def formfield(self, **kwargs):
        from . import formfields

        return super().formfield(form_class=formfields.DictionaryChoice, code=self.code, **kwargs)
