"""What may stand in the number fields of product lines. Each takes what was typed and returns a Decimal, or raises
ValidationError with the sentence."""

from decimal import Decimal, InvalidOperation

from django.core.exceptions import ValidationError

from crm.records.fields import tidy

MOST = Decimal("999999999999.99")
_QUANTITY, _MOST_QUANTITY = Decimal("0.0001"), Decimal("9999999999.9999")
_PERCENT = Decimal("0.01")


def _number(value, what: str) -> Decimal:
    text = tidy(value).replace(",", "").replace("，", "")
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise ValidationError(f"请填写{what}" if not text else f"{what}应为数字") from None
    if not number.is_finite():
        raise ValidationError(f"{what}应为数字")
    return number


def quantity(value) -> Decimal:
    """More than 0, at most four decimals, at most 9,999,999,999.9999."""
    number = _number(value, "数量")
    if number <= 0:
        raise ValidationError("数量应大于 0")
    if number > _MOST_QUANTITY:
        raise ValidationError("数量不能超过 9,999,999,999.9999")
    if number != number.quantize(_QUANTITY):
        raise ValidationError("数量最多四位小数")
    return number.quantize(_QUANTITY)


def percent(value) -> Decimal:
    """整单折扣: 0 (also when empty) to 100, at most two decimals."""
    if tidy(value) == "":
        return Decimal("0.00")
    number = _number(str(value).replace("%", ""), "整单折扣")
    if not 0 <= number <= 100:
        raise ValidationError("整单折扣应在 0 到 100 之间")
    if number != number.quantize(_PERCENT):
        raise ValidationError("整单折扣最多两位小数")
    return number.quantize(_PERCENT)


def plain(value: Decimal | None) -> str:
    """A stored figure as an input holds it: no separators, no zeros behind the last decimal that says something."""
    if value is None:
        return ""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def words(value: Decimal) -> str:
    """A quantity as people read it: 1,200.5."""
    whole, _, rest = plain(value).partition(".")
    return f"{int(whole):,}" + (f".{rest}" if rest else "")
