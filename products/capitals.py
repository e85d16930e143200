"""An amount in Chinese capital figures (大写金额), as bills and contracts write it."""

from decimal import ROUND_HALF_UP, Decimal

DIGITS = "零壹贰叁肆伍陆柒捌玖"
PLACES = ("", "拾", "佰", "仟")
GROUPS = ("", "万", "亿")
MOST = Decimal("999999999999.99")


def _group(value: int) -> str:
    """1 to 9999 without leading 零: 1005 -> 壹仟零伍, 10 -> 壹拾."""
    found, gap = "", False
    for place in (3, 2, 1, 0):
        digit = value // 10**place % 10
        if digit:
            found += ("零" if gap and found else "") + DIGITS[digit] + PLACES[place]
        gap = not digit
    return found


def _whole(value: int) -> str:
    """Whole yuan above 0: one 零 stands for any row of zeros between two figures, none for those at the end of a group."""
    found = ""
    for place in (2, 1, 0):
        part = value // 10000**place % 10000
        if not part:
            continue
        below = value // 10000 ** (place + 1) % 10000  # the group before this one
        gap = found and (part < 1000 or not below)
        found += ("零" if gap else "") + _group(part) + GROUPS[place]
    return found


def in_capitals(amount: Decimal) -> str:
    """Yuan, 0 to 999,999,999,999.99, in capitals: 1409.50 -> 壹仟肆佰零玖元伍角整, 0.05 -> 伍分. 整 follows 元 and 角, never 分;
    零 stands before 分 where there is no 角. ValueError for anything else, a third decimal too."""
    amount = Decimal(amount)
    if not amount.is_finite() or not 0 <= amount <= MOST:
        raise ValueError(f"no amount that can be written in capitals: {amount}")
    fen = amount.scaleb(2)
    if fen != fen.to_integral_value(ROUND_HALF_UP):
        raise ValueError(f"an amount has two decimals at most: {amount}")
    yuan, rest = divmod(int(fen), 100)
    jiao, fen = divmod(rest, 10)
    found = f"{_whole(yuan)}元" if yuan else ""
    if not rest:
        return f"{found or '零元'}整"
    if jiao:
        found += f"{DIGITS[jiao]}角"
    elif yuan:
        found += "零"
    return found + (f"{DIGITS[fen]}分" if fen else "整")
