"""大写金额: the examples of the bank's rules, and any amount read back by other means."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from products.capitals import MOST, in_capitals


@pytest.mark.parametrize(
    "amount,words",
    [
        ("0", "零元整"),
        ("0.05", "伍分"),
        ("0.50", "伍角整"),
        ("0.55", "伍角伍分"),
        ("1", "壹元整"),
        ("10", "壹拾元整"),
        ("15.20", "壹拾伍元贰角整"),
        ("325.04", "叁佰贰拾伍元零肆分"),
        ("1005", "壹仟零伍元整"),
        ("1409.50", "壹仟肆佰零玖元伍角整"),
        ("1680.32", "壹仟陆佰捌拾元叁角贰分"),
        ("6007.14", "陆仟零柒元壹角肆分"),
        ("10000", "壹万元整"),
        ("10001.00", "壹万零壹元整"),
        ("16409.02", "壹万陆仟肆佰零玖元零贰分"),
        ("100100", "壹拾万零壹佰元整"),
        ("101001", "壹拾万壹仟零壹元整"),
        ("107000.53", "壹拾万柒仟元伍角叁分"),
        ("1000000.01", "壹佰万元零壹分"),
        ("20003000", "贰仟万叁仟元整"),
        ("100000000", "壹亿元整"),
        ("100000001", "壹亿零壹元整"),
        ("100010000", "壹亿零壹万元整"),
        ("1010101010.10", "壹拾亿壹仟零壹拾万壹仟零壹拾元壹角整"),
        ("100000100000", "壹仟亿零壹拾万元整"),
        ("999999999999.99", "玖仟玖佰玖拾玖亿玖仟玖佰玖拾玖万玖仟玖佰玖拾玖元玖角玖分"),
    ],
)
def test_amounts_read_as_bills_write_them(amount, words):
    assert in_capitals(Decimal(amount)) == words


@pytest.mark.parametrize("bad", ["-0.01", "1000000000000", "NaN", "Infinity", "1E+30", "0.005"])
def test_what_is_no_amount_is_refused(bad):
    with pytest.raises(ValueError):
        in_capitals(Decimal(bad))


def read(words: str) -> Decimal:
    """The amount such words mean, character by character."""
    whole, part, digit, fraction = 0, 0, 0, Decimal(0)
    for char in words.removesuffix("整"):
        if char in "零壹贰叁肆伍陆柒捌玖":
            digit = "零壹贰叁肆伍陆柒捌玖".index(char)
        elif char in "拾佰仟":
            part, digit = part + digit * 10 ** (1 + "拾佰仟".index(char)), 0
        elif char in "万亿":
            whole, part, digit = whole + (part + digit) * {"万": 10**4, "亿": 10**8}[char], 0, 0
        elif char == "元":
            whole, part, digit = whole + part + digit, 0, 0
        else:
            fraction, digit = fraction + digit * {"角": Decimal("0.1"), "分": Decimal("0.01")}[char], 0
    return whole + fraction


@given(st.decimals(min_value=0, max_value=MOST, places=2))
def test_any_amount_can_be_read_back_and_keeps_the_rules_of_zero(amount):
    words = in_capitals(amount)
    assert read(words) == amount
    assert "零零" not in words and "零万" not in words and "零亿" not in words and "零角" not in words
    assert ("零元" in words) == (amount == 0)
    assert words.endswith("整") == (amount * 100 % 10 == 0)
