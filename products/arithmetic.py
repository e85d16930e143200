"""The arithmetic of product lines: exact decimals, each figure rounded half up once, to the fen."""

from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Decimal, localcontext

FEN = Decimal("0.01")
HUNDRED = Decimal(100)


def rounded(value: Decimal) -> Decimal:
    """To two places, half up."""
    return value.quantize(FEN, ROUND_HALF_UP)


def subtotal(price: Decimal, quantity: Decimal) -> Decimal:
    """小计 = 售价 × 数量."""
    with localcontext(prec=60):
        return rounded(price * quantity)


def total(subtotals: Iterable[Decimal], discount: Decimal) -> Decimal:
    """Σ of the subtotals less `discount` per cent (0 to 100)."""
    with localcontext(prec=60):
        return rounded(sum(subtotals, Decimal(0)) * (HUNDRED - discount) / HUNDRED)


def discounted(list_price: Decimal, discount: Decimal) -> Decimal:
    """售价 = 单价 less `discount` per cent."""
    with localcontext(prec=60):
        return rounded(list_price * (HUNDRED - discount) / HUNDRED)


def discount_of(list_price: Decimal, price: Decimal) -> Decimal:
    """折扣 in per cent by which 售价 lies below 单价 (negative: above); 0 where there is no 单价."""
    with localcontext(prec=60):
        return rounded((list_price - price) * HUNDRED / list_price) if list_price else Decimal("0.00")
