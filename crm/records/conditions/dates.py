"""Days people mean: "2026-01-31", "today", "week", "last:30", "ago:7" and so on, as half-open ranges of local days."""

from datetime import date, datetime, time, timedelta

from django.utils import timezone

MAX_DAYS = 3650
NAMED = {
    "today": "今天",
    "yesterday": "昨天",
    "tomorrow": "明天",
    "week": "本周",
    "last_week": "上周",
    "next_week": "下周",
    "month": "本月",
    "last_month": "上月",
    "next_month": "下月",
    "quarter": "本季度",
    "last_quarter": "上季度",
    "year": "今年",
    "last_year": "去年",
}
COUNTED = {"last": "最近 {n} 天", "next": "未来 {n} 天", "ago": "{n} 天前", "ahead": "{n} 天后"}


def _month(day: date, step: int) -> date:
    """The first day of the month `step` months on."""
    number = day.year * 12 + day.month - 1 + step
    return date(number // 12, number % 12 + 1, 1)


def span(text: str, today: date | None = None) -> tuple[date, date]:
    """[first day, day behind the last one) of a spelling; ValueError for anything else."""
    today, day = today or timezone.localdate(), timedelta(days=1)
    name, _, count = text.partition(":")
    if name in COUNTED:
        n = int(count)
        if not 0 <= n <= MAX_DAYS:
            raise ValueError(text)
        return {
            "last": lambda: (today - (n - 1) * day, today + day) if n else (today, today),
            "next": lambda: (today, today + n * day),
            "ago": lambda: (today - n * day, today - (n - 1) * day),
            "ahead": lambda: (today + n * day, today + (n + 1) * day),
        }[name]()
    monday = today - today.weekday() * day
    quarter = (today.month - 1) // 3 * 3 + 1 - today.month
    ranges = {
        "today": lambda: (today, today + day),
        "yesterday": lambda: (today - day, today),
        "tomorrow": lambda: (today + day, today + 2 * day),
        "week": lambda: (monday, monday + 7 * day),
        "last_week": lambda: (monday - 7 * day, monday),
        "next_week": lambda: (monday + 7 * day, monday + 14 * day),
        "month": lambda: (_month(today, 0), _month(today, 1)),
        "last_month": lambda: (_month(today, -1), _month(today, 0)),
        "next_month": lambda: (_month(today, 1), _month(today, 2)),
        "quarter": lambda: (_month(today, quarter), _month(today, quarter + 3)),
        "last_quarter": lambda: (_month(today, quarter - 3), _month(today, quarter)),
        "year": lambda: (date(today.year, 1, 1), date(today.year + 1, 1, 1)),
        "last_year": lambda: (date(today.year - 1, 1, 1), date(today.year, 1, 1)),
    }
    if text in ranges:
        return ranges[text]()
    found = date.fromisoformat(text)
    if not 1900 <= found.year <= 9998:
        raise ValueError(text)
    return found, found + day


def words(text: str) -> str:
    """A spelling as people read it."""
    name, _, count = text.partition(":")
    return COUNTED[name].format(n=count) if name in COUNTED else NAMED.get(text, text)


def moment(day: date) -> datetime:
    """The local midnight a day begins with."""
    return timezone.make_aware(datetime.combine(day, time.min))
