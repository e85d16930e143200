"""On which days a rule's occasions fall."""

from datetime import date, timedelta

from ..models import CareRule


def span(first: date, last: date) -> list[date]:
    """Every day from `first` to `last`."""
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def on_day(year: int, month: int, day: int) -> date:
    """That day of a year; 29 February is the 28th where there is none."""
    if (month, day) == (2, 29) and not _leap(year):
        day = 28
    return date(year, month, day)


def _leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def birthday_in(born: date, first: date, last: date) -> date | None:
    """The first birthday from `first` to `last`."""
    found = (on_day(year, born.month, born.day) for year in range(first.year, last.year + 1))
    return next((day for day in found if first <= day <= last), None)


def birthday_keys(first: date, last: date) -> list[int]:
    """month × 100 + day of every birth date whose birthday lies between the two days."""
    found = {day.month * 100 + day.day for day in span(first, min(last, first + timedelta(days=366)))}
    if 228 in found and any(on_day(year, 2, 29).day == 28 for year in range(first.year, last.year + 1)):
        found.add(229)
    return sorted(found)


def holidays(rule: CareRule, first: date, last: date) -> list[date]:
    """The days of a 节日 rule from `first` to `last`."""
    if rule.holiday == CareRule.Holiday.DATES:
        found = [date.fromisoformat(text) for text in rule.dates]
    else:
        text = rule.month_day if rule.holiday == CareRule.Holiday.YEARLY else rule.holiday
        month, day = (int(part) for part in text.split("-"))
        found = [on_day(year, month, day) for year in range(first.year, last.year + 1)]
    return [day for day in found if first <= day <= last]
