from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from django import forms
from django.template import Context, Template

from crm.records import formatting
from crm.records.templatetags import kaihai

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
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1 KB"),
        (88_000, "86 KB"),
        (1024**2 - 1, "1.0 MB"),
        (1_887_437, "1.8 MB"),
        (25 * 1024**2, "25 MB"),
    ],
)
def test_file_sizes_step_up_before_they_would_read_1024(size, text):
    assert formatting.file_size(size) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 秒"),
        (40.4, "40 秒"),
        (60, "1 分"),
        (200, "3 分 20 秒"),
        (3900, "1 小时 5 分"),
        (timedelta(hours=2), "2 小时"),
        (None, ""),
    ],
)
def test_durations_name_at_most_two_units(seconds, text):
    assert formatting.duration(seconds) == text


def test_counts_have_separators():
    assert formatting.count(2318) == "2,318"
    assert formatting.count(None) == ""


EVIL = "<script>\"'&"


def test_list_cells_escape_whatever_a_record_holds():
    row = {
        "url": f"/x/?{EVIL}",
        "title": EVIL,
        "tel": EVIL,
        "cells": [
            {"html": EVIL, "title": EVIL, "css": "", "m": "title", "label": "名称"},
            {"html": EVIL, "title": EVIL, "css": "k-num", "m": "pair", "label": EVIL},
        ],
    }
    html = kaihai.cells(row)
    assert "<script>" not in html
    assert html.count("&lt;script&gt;") >= 7
    assert "\"'" not in html


def test_list_cells_keep_safe_markup_and_show_a_dash_for_nothing():
    row = {"url": "", "title": "", "cells": [{"html": "甲"}, {"html": kaihai.stars_html(2)}, {"html": ""}]}
    html = kaihai.cells(row)
    assert 'aria-label="2 星"' in html
    assert html.endswith(f"<td>{kaihai.DASH}</td>")
    assert "<a " not in html


def test_people_and_ratings_without_a_value_are_a_dash():
    assert (
        kaihai.person_html(None)
        == kaihai.stars_html(None)
        == kaihai.near_html(None)
        == kaihai.big_html(None)
        == kaihai.DASH
    )


def test_the_tint_of_an_avatar_belongs_to_the_id_and_the_name_is_escaped():
    first, again = kaihai.avatar_html("林晓岚", key=7), kaihai.avatar_html("林某", key=7)
    assert first == again
    assert "&lt;" in kaihai.avatar_html("<b>", key=1)


def test_near_times_carry_the_exact_time_in_the_tooltip():
    html = kaihai.near_html(NOW - timedelta(days=400))
    assert 'title="2025-10-16 14:30"' in html
    assert ">2025-10-16<" in html


class Row(forms.Form):
    industry = forms.ChoiceField(label="客户行业", required=False, choices=[("", "---------"), ("1", "制造业")])
    name = forms.CharField(label="客户名称", required=False)
    few = forms.ChoiceField(choices=[("", "---------"), ("a", "高"), ("b", "低")], widget=forms.RadioSelect)
    many = forms.ChoiceField(choices=[(str(i), "一个很长的选项") for i in range(6)], widget=forms.RadioSelect)


def test_fields_of_the_search_row_carry_their_name_inside():
    form = Row()
    select, text = kaihai.compact(form["industry"]), kaihai.compact(form["name"])
    assert ">客户行业</option>" in select
    assert "---------" not in select
    assert 'placeholder="客户名称"' in text
    assert 'aria-label="客户名称"' in text


def test_only_choices_that_do_not_fit_take_both_columns():
    form = Row()
    assert not kaihai.is_wide(form["few"])
    assert kaihai.is_wide(form["many"])


def test_the_tags_work_without_load():
    html = Template('{% icon "edit" %}{{ 1234|money }}{% dash "" %}').render(Context())
    assert "#i-edit" in html
    assert "¥1,234.00" in html
    assert html.endswith(kaihai.DASH)
