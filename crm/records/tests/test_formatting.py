from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from crm.records import formatting

SHANGHAI = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 11, 20, 14, 30, tzinfo=SHANGHAI)  # a Friday


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Decimal("1234.5"), "¥1,234.50"),
        (0, "¥0.00"),
        ("999999999999.99", "¥999,999,999,999.99"),
        (Decimal("-12.345"), "-¥12.35"),
        (0.1 + 0.2, "¥0.30"),
        (None, ""),
    ],
)
def test_money_has_separators_and_two_decimals(value, text):
    assert formatting.money(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Decimal("9999.99"), "¥9,999.99"),
        (Decimal(12345), "¥1.23 万"),
        (Decimal("128640218.50"), "¥1.29 亿"),
        (Decimal(99999999), "¥1.00 亿"),
        (Decimal(-50000), "-¥5.00 万"),
        (None, ""),
    ],
)
def test_big_sums_read_in_wan_and_yi(value, text):
    assert formatting.big(value) == text


def test_dates_are_local_whatever_zone_they_come_in():
    late = datetime(2026, 11, 20, 16, 5, tzinfo=UTC)  # 00:05 of the next day in Shanghai
    assert formatting.day(late) == "2026-11-21"
    assert formatting.clock(late) == "00:05"
    assert formatting.moment(late) == "2026-11-21 00:05"
    assert formatting.day(date(2026, 1, 2)) == "2026-01-02"
    assert formatting.day(None) == formatting.clock(None) == formatting.moment(None) == ""


@pytest.mark.parametrize(
    ("delta", "text"),
    [
        (timedelta(), "今天 14:30"),
        (timedelta(hours=-14, minutes=-29), "今天 00:01"),
        (timedelta(hours=-15), "昨天 23:30"),
        (timedelta(days=-3), "3 天前"),
        (timedelta(days=-7), "7 天前"),
        (timedelta(days=-8), "2026-11-12"),
        (timedelta(days=1), "明天 14:30"),
        (timedelta(days=3), "周一 14:30"),
        (timedelta(days=7), "2026-11-27"),
    ],
)
def test_near_moments_read_as_people_say_them(delta, text):
    assert formatting.near(NOW + delta, now=NOW) == text


def test_near_dates_carry_no_time():
    assert formatting.near(date(2026, 11, 20), now=NOW) == "今天"
    assert formatting.near(date(2026, 11, 17), now=NOW) == "3 天前"
    assert formatting.near(None, now=NOW) == ""


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 B"), (1023, "1023 B"), (1024, "1 KB"), (88_000, "86 KB"), (1024**2 - 1, "1.0 MB"), (1_887_437, "1.8 MB"), (25 * 1024**2, "25 MB")],
)
def test_file_sizes_step_up_before_they_would_read_1024(size, text):
    assert formatting.file_size(size) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 秒"), (40.4, "40 秒"), (60, "1 分"), (200, "3 分 20 秒"), (3900, "1 小时 5 分"), (timedelta(hours=2), "2 小时"), (None, "")],
)
def test_durations_name_at_most_two_units(seconds, text):
    assert formatting.duration(seconds) == text


def test_counts_have_separators():
    assert formatting.count(2318) == "2,318"
    assert formatting.count(None) == ""
