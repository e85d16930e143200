"""Numbers of documents: rules, periods, what exists is passed over."""

from datetime import date

import pytest
from django.core.exceptions import ValidationError
from django.db import transaction

from crm.records import numbering
from crm.records.models import NumberCounter, NumberRule
from crm.records.numbering import Rule

pytestmark = pytest.mark.django_db
NOVEMBER, DECEMBER = date(2026, 11, 28), date(2026, 12, 1)
MONTHLY = ({"text": "T-"}, {"date": "yyyy"}, {"date": "mm"}, {"text": "-"}, {"seq": 3})


@pytest.fixture
def borne(monkeypatch):
    """A kind of document for the test; what it answers stands on documents."""
    there: set[str] = set()
    monkeypatch.setattr(numbering, "ALL", dict(numbering.ALL))
    fields = (("kind", "类型"), ("department", "部门"))
    numbering.declare("t", "测试", "T-{yyyy}{mm}-{seq:3}", fields=fields, taken=lambda some: there & set(some))
    return there


def rule(*parts, restart="month", start=1):
    row, _ = NumberRule.objects.update_or_create(
        key="t", defaults={"parts": list(parts), "restart": restart, "start": start}
    )
    return row


def test_numbers_follow_one_another_and_begin_anew_with_the_month(borne):
    assert numbering.take("t", 2, day=NOVEMBER) == ["T-202611-001", "T-202611-002"]
    assert numbering.take("t", day=DECEMBER) == ["T-202612-001"]
    assert numbering.take("t", day=NOVEMBER) == ["T-202611-003"]
    assert numbering.take("t", 0) == []


def test_a_number_rolled_back_is_the_next_ones(borne):
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        numbering.take("t", 5, day=NOVEMBER)
        raise ZeroDivisionError
    assert numbering.take("t", day=NOVEMBER) == ["T-202611-001"]


def test_a_number_that_exists_is_passed_over_and_leaves_no_gap(borne):
    borne |= {f"T-202611-{n:03d}" for n in (2, 3)}
    assert numbering.take("t", 2, day=NOVEMBER) == ["T-202611-001", "T-202611-004"]
    assert numbering.take("t", besides=["T-202611-005"], day=NOVEMBER) == ["T-202611-006"]


def test_a_long_stretch_of_imported_numbers_is_skipped_in_few_steps_and_without_a_gap(
    borne, django_assert_max_num_queries
):
    borne |= {f"T-202611-{n:03d}" for n in range(1, 901)}
    with django_assert_max_num_queries(110):
        assert numbering.take("t", day=NOVEMBER) == ["T-202611-901"]
    assert numbering.take("t", day=NOVEMBER) == ["T-202611-902"]


def test_a_rule_changed_in_the_middle_of_a_month_goes_on_counting_and_repeats_nothing(borne):
    given = numbering.take("t", 3, day=NOVEMBER)
    rule({"text": "新"}, {"date": "yy"}, {"date": "mm"}, {"seq": 2})
    given += numbering.take("t", 2, day=NOVEMBER)
    assert given[3:] == ["新261104", "新261105"]
    borne |= set(given)
    rule(*MONTHLY, restart="year")  # a counter of its own: what the month gave out is passed over
    given += numbering.take("t", 3, day=NOVEMBER)
    assert given[5:] == ["T-202611-004", "T-202611-005", "T-202611-006"]
    assert len(set(given)) == len(given)


def test_a_start_moves_the_counter_on_and_never_back(borne):
    rule(*MONTHLY, start=100)
    assert numbering.take("t", day=NOVEMBER) == ["T-202611-100"]
    rule(*MONTHLY, start=50)
    assert numbering.take("t", day=NOVEMBER) == ["T-202611-101"]
    rule(*MONTHLY, start=2000)
    assert numbering.take("t", 2, day=NOVEMBER) == ["T-202611-2000", "T-202611-2001"]


@pytest.mark.parametrize(
    "value,shown",
    [
        ("销售合同", "XSHT"),
        ("华东 Sales-2", "HDSALES2"),
        ("", ""),
        (None, ""),
        ('"><img src=x onerror=1>', "IMGSRCXO"),
        ("\x00\u202e=1+1", "11"),
        ("a" * 10_000, "AAAAAAAA"),
        ("🐟🐟", ""),
    ],
)
def test_a_field_stands_in_a_number_as_short_safe_text(value, shown):
    assert numbering.cleaned(value) == shown


def test_fields_stand_in_the_number_and_may_count_each_for_itself(borne):
    parts = ({"field": "kind"}, {"text": "-"}, {"seq": 2})
    rule(*parts, restart="field")
    some = [{"kind": "销售"}, {"kind": "服务"}, {"kind": "销售"}, {}]
    assert numbering.take_each("t", some) == ["XS-01", "FW-01", "XS-02", "-01"]
    assert NumberCounter.objects.get(key="t", period="=XS").last == 2
    rule(*parts, restart="never")
    assert numbering.take_each("t", some[:2]) == ["XS-01", "FW-02"]


@pytest.mark.parametrize(
    "parts,restart,start,said",
    [
        (({"text": "HT-"}, {"seq": 4}), "month", 1, "号码会重复"),
        (({"date": "mm"}, {"seq": 4}), "month", 1, "“年”"),
        (({"date": "yyyy"}, {"seq": 4}), "day", 1, "“月”、“日”"),
        (({"text": "HT-"},), "never", 1, "只有一段流水号"),
        (({"seq": 4}, {"seq": 4}), "never", 1, "只有一段流水号"),
        ((), "never", 1, "1 到 12 段"),
        (tuple({"text": "a"} for _ in range(13)), "never", 1, "1 到 12 段"),
        (({"seq": 0},), "never", 1, "不能用的内容"),
        (({"seq": "4"},), "never", 1, "不能用的内容"),
        (({"seq": 4}, {"field": "owner__password"}), "never", 1, "不能用的内容"),
        (({"seq": 4}, {"date": "%c"}), "never", 1, "不能用的内容"),
        (({"seq": 4}, {"text": '"><img src=x>'}), "never", 1, "文字为"),
        (({"seq": 4}, {"text": ""}), "never", 1, "文字为"),
        (({"seq": 4}, {"text": "a" * 21}), "never", 1, "文字为"),
        (({"seq": 4}, {"text": "a" * 20}, {"text": "b" * 20}), "never", 1, "最长 40"),
        (({"seq": 4},), "field", 1, "没有字段"),
        (({"seq": 4},), "weekly", 1, "何时重新开始"),
        (({"seq": 4},), "never", 0, "起始号"),
        (({"seq": 4},), "never", 10**9, "起始号"),
        (({"seq": 4, "text": "a"},), "never", 1, "无法识别"),
    ],
)
def test_a_rule_that_cannot_number_is_refused_in_words(parts, restart, start, said):
    with pytest.raises(ValidationError) as caught:
        numbering.check(Rule(parts, restart, start), ["kind"])
    assert said in "；".join(caught.value.messages)


def test_samples_say_what_comes_next_and_take_nothing(borne):
    numbering.take("t", 2, day=NOVEMBER)
    borne.add("T-202611-003")
    found = numbering.samples("t", numbering.rule_of("t"), day=NOVEMBER)
    assert found == ["T-202611-004", "T-202611-005", "T-202611-006"]
    assert numbering.take("t", day=NOVEMBER) == ["T-202611-004"]
