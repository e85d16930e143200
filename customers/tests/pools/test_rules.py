"""The rules of reclaim: one condition, and the deadline of a row that says the same."""

from datetime import datetime, time, timedelta

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm.notices.models import Message
from crm.records.models import OperationLog
from customers.models import Contact, Customer, Pool, PoolEvent
from customers.pools import book, declared, kinds, reclaim, rules

from .conftest import change_pool, days_ago, levels, make, rule

KIND = declared.CUSTOMERS


def taken(day=None):
    return set(Customer.objects.filter(rules.due(KIND, day or timezone.localdate())).values_list("name", flat=True))


def test_a_rule_takes_what_ran_out_before_today_and_counts_from_the_later_of_event_and_receipt(sea):
    change_pool(sea.pool, rules={"followup": rule(30)})
    make("早就没跟进", sea.ann, received_at=days_ago(90), last_followed_at=days_ago(31))
    make("昨天才得到", sea.ann, received_at=days_ago(1), last_followed_at=days_ago(31))
    make("从没跟进", sea.ann, received_at=days_ago(31), created_at=days_ago(31))
    make("刚好三十天", sea.ann, received_at=days_ago(90), last_followed_at=days_ago(30))
    make("外面的人", sea.eve, received_at=days_ago(90), last_followed_at=days_ago(90))
    assert taken() == {"早就没跟进", "从没跟进"}
    assert taken(timezone.localdate() + timedelta(days=1)) == {"早就没跟进", "从没跟进", "刚好三十天"}


def test_days_differ_by_level_and_a_level_without_days_is_never_taken(sea):
    level = levels()
    a, b = level["A 重点"], level["B 普通"]
    change_pool(sea.pool, rules={"followup": {"on": True, "days": 10, "levels": {str(a): 45, str(b): None}}})
    old = {"received_at": days_ago(40), "created_at": days_ago(40)}
    make("重点", sea.ann, level_id=a, **old)
    make("普通", sea.ann, level_id=b, **old)
    make("没有级别", sea.ann, **old)
    assert taken() == {"没有级别"}
    assert taken(timezone.localdate() + timedelta(days=6)) == {"没有级别", "重点"}


def test_exempt_customers_stay(sea):
    change_pool(sea.pool, rules={"followup": rule(5)}, exempt=["dealt", "opportunity", "contract"])
    old, today = {"received_at": days_ago(40), "created_at": days_ago(40)}, timezone.localdate()
    make("锁定的", sea.ann, locked=True, **old)
    make("成交的", sea.ann, deal_status=1, **old)
    make("有商机的", sea.ann, open_opportunities=1, **old)
    make("合同到今天的", sea.ann, contract_ends_on=today, **old)
    make("合同昨天到期的", sea.ann, contract_ends_on=today - timedelta(days=1), **old)
    assert taken() == {"合同昨天到期的"}
    assert taken(today + timedelta(days=1)) == {"合同昨天到期的", "合同到今天的"}
    change_pool(sea.pool, exempt=[])
    assert taken() == {"成交的", "有商机的", "合同到今天的", "合同昨天到期的"}


def test_the_rule_of_contracts_leaves_customers_without_one_alone(sea):
    change_pool(sea.pool, rules={"contract": rule(10)}, exempt=[])
    old, today = {"received_at": days_ago(90), "created_at": days_ago(90)}, timezone.localdate()
    make("没有合同", sea.ann, **old)
    make("十一天前到期", sea.ann, contract_ends_on=today - timedelta(days=11), **old)
    make("十天前到期", sea.ann, contract_ends_on=today - timedelta(days=10), **old)
    assert taken() == {"十一天前到期"}


def test_a_disabled_pool_takes_nothing(sea):
    change_pool(sea.pool, rules={"followup": rule(5)})
    make("老客户", sea.ann, received_at=days_ago(40), created_at=days_ago(40))
    Pool.objects.create(kind="customer", name="停用的", enabled=False, rules={"followup": rule(1)})
    book.touch("customer")
    make("外面的老客户", sea.eve, received_at=days_ago(40), created_at=days_ago(40))
    assert taken() == {"老客户"}


moments = st.integers(0, 60 * 24).map(lambda hours: hours / 24)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(
        st.fixed_dictionaries(
            {
                "created": moments,
                "received": moments,
                "followed": st.none() | moments,
                "opportunity": st.none() | moments,
                "contract": st.none() | st.integers(-40, 20),
                "dealt": st.booleans(),
                "locked": st.booleans(),
                "open": st.integers(0, 1),
                "level": st.sampled_from(["", "A 重点", "B 普通", "C 非优先"]),
                "mine": st.booleans(),
            }
        ),
        min_size=1,
        max_size=6,
    ),
    switched=st.dictionaries(
        st.sampled_from(["followup", "opportunity", "deal", "contract"]),
        st.tuples(st.none() | st.integers(0, 40), st.none() | st.integers(0, 40)),
        min_size=1,
    ),
    exempt=st.lists(st.sampled_from(["dealt", "opportunity", "contract"]), unique=True),
    ahead=st.integers(-2, 25),
)
def test_the_deadline_of_a_row_and_the_condition_of_the_run_never_differ(sea, rows, switched, exempt, ahead):
    level = levels()
    change_pool(
        sea.pool,
        exempt=exempt,
        rules={
            key: {"on": True, "days": days, "levels": {str(level["A 重点"]): other}}
            for key, (days, other) in switched.items()
        },
    )
    Customer.objects.all().delete()
    today = timezone.localdate()
    Customer.objects.bulk_create(
        [
            Customer(
                name=f"客户{place}",
                owner=sea.ann if row["mine"] else sea.eve,
                created_at=days_ago(max(row["created"], row["received"])),
                received_at=days_ago(row["received"]),
                last_followed_at=None if row["followed"] is None else days_ago(row["followed"]),
                last_opportunity_at=None if row["opportunity"] is None else days_ago(row["opportunity"]),
                contract_ends_on=None if row["contract"] is None else today + timedelta(days=row["contract"]),
                deal_status=int(row["dealt"]),
                locked=row["locked"],
                open_opportunities=row["open"],
                level_id=level.get(row["level"]),
            )
            for place, row in enumerate(rows)
        ]
    )
    day = today + timedelta(days=ahead)
    found = Customer.objects.select_related("owner__department")
    deadlines = {one.pk: rules.deadline(KIND, one, one.owner) for one in found}
    by_row = {pk for pk, one in deadlines.items() if one is not None and one.day < day}
    assert by_row == set(Customer.objects.filter(rules.due(KIND, day)).values_list("pk", flat=True))


# The nightly run ---------------------------------------------------------------------------------------------------------


def test_the_run_moves_exactly_what_was_expected_with_log_history_contacts_and_one_message(sea):
    change_pool(sea.pool, rules={"followup": rule(30), "deal": rule(60)}, exempt=[])
    old = days_ago(70)
    for place in range(3):
        make(f"没跟进{place}", sea.ann, contacts=2, received_at=days_ago(40), created_at=days_ago(40))
    make("没成交", sea.ann, received_at=old, created_at=old, last_followed_at=days_ago(1))
    make("新的", sea.ann, contacts=1)
    today = timezone.localdate()
    said = {
        row.pk: clause.words for clause, rows in reclaim.expected(KIND, today, Customer.objects.all()) for row in rows
    }
    Message.objects.all().delete()
    assert reclaim.run(KIND) == 4
    pooled = Customer.objects.filter(owner=None)
    assert {row.pk: row.pool_reason for row in pooled} == said
    assert sorted(set(said.values())) == ["30 天无新跟进，规则自动回收", "60 天未成交，规则自动回收"]
    assert set(pooled.values_list("pool_id", "former_owner_id")) == {(sea.pool.pk, sea.ann.pk)}
    assert Contact.objects.filter(owner=None).count() == 6 and Contact.objects.exclude(owner=None).count() == 1
    assert OperationLog.objects.filter(code="customer.reclaimed").count() == 4
    assert OperationLog.objects.filter(code="contact.reclaimed").count() == 6
    events = PoolEvent.objects.filter(action="reclaimed", owner=sea.ann, told=True)
    assert {event.object_id: event.reason for event in events} == said
    message = Message.objects.get(kind="pool")
    assert message.recipient == sea.ann and message.title == "您的 4 个客户已回收到公海"
    assert reclaim.run(KIND) == 0 and Message.objects.filter(kind="pool").count() == 1


def test_owners_of_a_killed_run_are_told_by_the_next(sea):
    change_pool(sea.pool, rules={"followup": rule(30)})
    make("没跟进", sea.ann, received_at=days_ago(40), created_at=days_ago(40))
    (clause,) = reclaim.clauses(KIND, timezone.localdate())
    ids = list(Customer.objects.values_list("pk", flat=True))
    assert reclaim._step(KIND, clause, ids, now=timezone.now()) == 1  # and then the process dies
    assert not Message.objects.filter(kind="pool").exists()
    assert reclaim.run(KIND) == 0
    assert Message.objects.get(kind="pool").recipient == sea.ann


def test_what_was_said_the_evening_before_is_what_the_night_does_for_sixty_days(sea):
    level = levels()
    change_pool(
        sea.pool,
        exempt=["contract"],
        rules={
            "followup": {"on": True, "days": 20, "levels": {str(level["A 重点"]): 45}},
            "deal": rule(50),
            "contract": rule(15),
        },
    )
    today = timezone.localdate()
    for place in range(60):
        make(
            f"客户{place}",
            sea.ann if place % 2 else sea.bob,
            received_at=days_ago(place % 23),
            created_at=days_ago(60),
            last_followed_at=None if place % 3 else days_ago(place % 11),
            level_id=level["A 重点"] if place % 4 == 0 else None,
            deal_status=place % 5 == 0,
            contract_ends_on=today + timedelta(days=place % 40) if place % 7 == 0 else None,
        )
    moved = 0
    for ahead in range(60):
        day = today + timedelta(days=ahead)
        said = set(Customer.objects.filter(rules.due(KIND, day)).values_list("pk", flat=True))
        before = set(Customer.objects.filter(owner=None).values_list("pk", flat=True))
        reclaim.run(KIND, day, now=timezone.make_aware(datetime.combine(day, time(0, 30))))
        after = set(Customer.objects.filter(owner=None).values_list("pk", flat=True))
        assert after - before == said
        moved += len(said)
    assert moved > 40


def test_reminders_come_once_per_owner_for_every_offset(sea):
    change_pool(sea.pool, rules={"followup": rule(30)}, reminders=[7, 1])
    make("还有七天", sea.ann, received_at=days_ago(23), created_at=days_ago(23))
    make("还有一天", sea.ann, received_at=days_ago(29), created_at=days_ago(29))
    make("还有两天", sea.ann, received_at=days_ago(28), created_at=days_ago(28))
    make("别人的", sea.bob, received_at=days_ago(29), created_at=days_ago(29))
    Message.objects.all().delete()
    assert reclaim.remind(KIND) == 2
    message = Message.objects.get(kind="pool", recipient=sea.ann)
    assert message.title == "2 个客户快要被回收到公海"
    assert "还有七天" in message.body and "还有一天" in message.body and "还有两天" not in message.body


def test_two_kinds_of_the_same_module_are_refused():
    with pytest.raises(ValueError, match="pooled already"):
        kinds.register(KIND)


def test_the_run_takes_few_statements_whatever_the_number(sea, django_assert_max_num_queries):
    change_pool(sea.pool, rules={"followup": rule(30)})
    for place in range(40):
        make(f"客户{place}", sea.ann, contacts=1, received_at=days_ago(40), created_at=days_ago(40))
    with django_assert_max_num_queries(40):
        assert reclaim.run(KIND) == 40
