"""How figures and dates read in Chinese: pages and exports use the same functions."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

from django.utils import timezone

WEEKDAYS = "一二三四五六日"
_SIZES = ("B", "KB", "MB", "GB", "TB")


def _cents(value) -> Decimal:
    return Decimal(str(value)).quantize(Decimal("0.01"), rounding=ROUND_HALF_UP)


def _local(value: datetime) -> datetime:
    return timezone.localtime(value) if timezone.is_aware(value) else value


def count(value) -> str:
    """A whole number with thousands separators: 2318 -> 2,318; None -> ""."""
    return "" if value is None else f"{int(value):,}"


def money(value) -> str:
    """Yuan with separators and two decimals: ¥1,234.50; None -> ""."""
    if value is None or value == "":
        return ""
    amount = _cents(value)
    return f"-¥{-amount:,}" if amount < 0 else f"¥{amount:,}"


def big(value) -> str:
    """A large sum in 万 or 亿, two decimals: ¥1.29 亿; below 10,000 as `money`; None -> ""."""
    if value is None or value == "":
        return ""
    amount = _cents(value)
    if abs(amount) < 10**4:
        return money(amount)
    sign = "-" if amount < 0 else ""
    wan = _cents(abs(amount) / 10**4)
    # The unit is chosen after rounding, so that 99,999,999 reads 1.00 亿 and not 10,000.00 万.
    return f"{sign}¥{wan:,} 万" if wan < 10**4 else f"{sign}¥{_cents(abs(amount) / 10**8):,} 亿"


def day(value) -> str:
    """A date, or the local date of a moment: 2026-11-21; None -> ""."""
    if not value:
        return ""
    return (_local(value) if isinstance(value, datetime) else value).strftime("%Y-%m-%d")


def clock(value) -> str:
    """The local time of a moment: 14:05; None -> ""."""
    return _local(value).strftime("%H:%M") if value else ""


def moment(value) -> str:
    """Local date and time: 2026-11-21 14:05; None -> ""."""
    return _local(value).strftime("%Y-%m-%d %H:%M") if value else ""


def near(value, *, now: datetime | None = None) -> str:
    """A date or moment as people say it: 今天 14:05, 昨天 18:12, 3 天前, 周一 14:00; beyond a week the date."""
    if not value:
        return ""
    today = _local(now or timezone.now()).date()
    is_moment = isinstance(value, datetime)
    then: date = _local(value).date() if is_moment else value
    time = f" {clock(value)}" if is_moment else ""
    days = (then - today).days
    names = {0: "今天", -1: "昨天", 1: "明天"}
    if days in names:
        return names[days] + time
    if -7 <= days < 0:
        return f"{-days} 天前"
    if 0 < days < 7:
        return f"周{WEEKDAYS[then.weekday()]}{time}"
    return day(value)


def file_size(size: int | None) -> str:
    """Bytes as people read them: 86 KB, 1.8 MB; None -> ""."""
    if size is None:
        return ""
    amount, unit = float(size), 0
    # 1023.6 KB would print as "1024 KB", so the step up happens where rounding would cross it.
    while round(amount) >= 1024 and unit < len(_SIZES) - 1:
        amount, unit = amount / 1024, unit + 1
    return f"{amount:.1f} {_SIZES[unit]}" if unit > 1 and amount < 10 else f"{amount:.0f} {_SIZES[unit]}"


def duration(seconds: float | timedelta | None) -> str:
    """A span of time: 40 秒, 3 分 20 秒, 1 小时 5 分; None -> ""."""
    if seconds is None:
        return ""
    total = round(seconds.total_seconds() if isinstance(seconds, timedelta) else seconds)
    hours, rest = divmod(max(total, 0), 3600)
    minutes, secs = divmod(rest, 60)
    if hours:
        return f"{hours} 小时 {minutes} 分" if minutes else f"{hours} 小时"
    if minutes:
        return f"{minutes} 分 {secs} 秒" if secs else f"{minutes} 分"
    return f"{secs} 秒"
