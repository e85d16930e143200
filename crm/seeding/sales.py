"""Opportunities with the stages they went through, and leads, as streams of rows."""

from array import array
from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime
from random import Random

from django.contrib.contenttypes.models import ContentType
from django.utils import timezone

from crm.loading import load, next_id
from crm.records import numbering, search
from crm.records.models import DictionaryItem, OperationLog, SearchRow
from customers.pools import book
from leads.models import Lead, Status
from opportunities import pipelines
from opportunities.models import Opportunity, StageEntry, State

from .names import Firms, People
from .records import DAY, PART, columns_of, moment

THINGS = ["产线改造", "质量追溯", "仓储条码", "设备联网", "订单同步", "数据中台", "会员小程序", "年度维保", "备件供应"]
THINGS += ["能耗监测", "排产系统", "检测仪表", "电机更换", "泵站改造", "控制柜", "培训服务", "框架续签", "软件订阅"]
PHASES = ["一期", "二期", "试点", "扩容", "升级", "项目", "（华东）", "（总部）", "（三年）", "追加"]
STATES = [State.OPEN.value, State.WON.value, State.LOST.value, State.VOID.value]
STATE_WEIGHTS = (50, 70, 95, 100)  # cumulative
ELSEWHERE = 0.1  # share of opportunities whose owner is not the customer's
POOLED, LEAD_WEIGHTS = 0.25, (20, 70, 82, 100)  # cumulative: new, following, converted, dead


class Sales:
    """One load on top of seeded customers."""

    def __init__(self, size, customers, pick: Random, now: int):
        self.size, self.customers, self.pick, self.now = size, customers, pick, now
        self.first, self.first_lead = next_id(Opportunity), next_id(Lead)
        self.pipeline, self.pool = pipelines.default(), book.default("lead").pk
        self.stages = list(self.pipeline.stages.all())
        self.items = {
            code: list(DictionaryItem.objects.filter(dictionary=code, active=True).values_list("pk", flat=True))
            for code in ("customer.source", "customer.industry", "opportunity.close_reason", "lead.dead_reason")
        }
        live = [n for n in range(size.customers) if customers.owners[n] and not customers.gone[n]]
        number = size.opportunities if live else 0
        self.places = array("q", (live[n * 7919 % len(live)] for n in range(number)))
        self.names = [pick.choice(THINGS) + pick.choice(PHASES) for _ in range(number)]
        self.states = pick.choices(STATES, cum_weights=STATE_WEIGHTS, k=number)
        self.steps = bytearray(min(int(pick.expovariate(0.8)), len(self.stages) - 1) for _ in range(number))
        self.spans = [self._span(n) for n in range(number)]
        sellers = customers.people.sellers or customers.people.ids
        self.owners = array(
            "q",
            (pick.choice(sellers) if pick.random() < ELSEWHERE else customers.owners[place] for place in self.places),
        )
        self.lead_made: list[tuple[int, int]] = []  # (created, by)
        self.lead_rows: list[tuple[str, str, str, str]] = []  # (name, number, contact, mobile), for the search lines

    def _span(self, number: int) -> tuple[int, int]:
        """(created, last moved): open ones within the last months, the others any time since the customer came."""
        since, pick = self.customers.created[self.places[number]], self.pick
        if self.states[number] == State.OPEN:
            since = max(since, self.now - 240 * DAY)
        created = since + int((self.now - since) * pick.random())
        return created, created + int(min(self.now - created, 150 * DAY) * pick.random())

    def _stays(self, number: int) -> list[int]:
        """When each stage on its way was entered."""
        created, moved = self.spans[number]
        steps = self.steps[number] or 1
        return [created + (moved - created) * step // steps for step in range(self.steps[number] + 1)]

    def load_opportunities(self) -> int:
        given = [
            *("id", "customer_id", "name", "pipeline_id", "stage_id", "stage_since", "state", "amount", "expected_on"),
            *("source_id", "next_contact_at", "moved_at", "closed_at", "close_reason_id", "owner_id", "created_by_id"),
            *("created_at", "updated_at"),
        ]
        names, constants = columns_of(Opportunity, given)
        return load(Opportunity, names, (row + constants for row in self._rows()))

    def _rows(self) -> Iterator[tuple]:
        pick, reasons = self.pick, self.items["opportunity.close_reason"]
        for number, (place, name, state) in enumerate(zip(self.places, self.names, self.states, strict=True)):
            created, moved = self.spans[number]
            still, owner = state == State.OPEN, self.owners[number]
            expected = moved + pick.randrange(-20, 200) * DAY if still else moved
            yield (
                self.first + number,
                self.customers.first + place,
                name,
                self.pipeline.pk,
                self.stages[self.steps[number]].pk,
                moment(self._stays(number)[-1]),
                state,
                f"{pick.lognormvariate(11, 1.2):.2f}" if pick.random() < 0.92 else None,
                moment(expected)[:10] if pick.random() < 0.9 else None,
                pick.choice(self.items["customer.source"]),
                moment(self.now + pick.randrange(-3, 20) * DAY) if still and pick.random() < 0.6 else None,
                moment(moved),
                None if still else moment(moved),
                pick.choice(reasons) if state in (State.LOST, State.VOID) else None,
                owner,
                owner,
                moment(created),
                moment(moved),
            )

    def load_entries(self) -> int:
        return load(
            StageEntry,
            ["opportunity_id", "stage_id", "stage_name", "state", "entered_at", "left_at", "by_id", "note"],
            self._entries(),
        )

    def _entries(self) -> Iterator[tuple]:
        for number, state in enumerate(self.states):
            pk, by, stays, moved = self.first + number, self.owners[number], self._stays(number), self.spans[number][1]
            for step, entered in enumerate(stays):
                last, stage = step == len(stays) - 1, self.stages[step]
                left = (None if state == State.OPEN else moved) if last else stays[step + 1]
                stamp = None if left is None else moment(left)
                yield pk, stage.pk, stage.name, State.OPEN.value, moment(entered), stamp, by, ""
            if state != State.OPEN:
                yield pk, None, "", state, moment(moved), moment(moved), by, ""

    # Leads ------------------------------------------------------------------------------------------------------------
    def load_leads(self) -> int:
        count, pick = self.size.leads, self.pick
        created = sorted(self.now - int(3 * 365 * DAY * pick.random() ** 2) for _ in range(count))
        numbers = self._numbers(created)
        given = [
            *(
                "id",
                "number",
                "name",
                "company",
                "contact_name",
                "mobile",
                "province",
                "city",
                "industry_id",
                "source_id",
            ),
            *("status", "pool_id", "pooled_at", "owner_id", "received_at", "created_by_id", "created_at", "updated_at"),
            *("assigned_at", "ended_at", "dead_reason_id", "customer_id"),
        ]
        names, constants = columns_of(Lead, given)
        return load(Lead, names, (row + constants for row in self._lead_rows(created, numbers)))

    @staticmethod
    def _numbers(created: list[int]) -> Iterator[str]:
        """Numbers in the periods of these moments, taken like everybody's."""
        zone = timezone.get_default_timezone()
        months = Counter(datetime.fromtimestamp(at, zone).strftime("%Y-%m") for at in created)
        taken = [one for month, n in sorted(months.items()) for one in numbering.take("lead", n, day=_first(month))]
        return iter(taken)

    def _lead_rows(self, created: list[int], numbers: Iterator[str]) -> Iterator[tuple]:
        pick, people = self.pick, self.customers.people
        firms, persons = Firms(pick), People(pick)
        statuses = (Status.NEW, Status.FOLLOWING, Status.CONVERTED, Status.DEAD)
        for start in range(0, len(created), PART):
            part = created[start : start + PART]
            drawn = zip(part, firms.next(len(part)), persons.next(len(part)), strict=True)
            for place, (at, (name, province, city), (person, _)) in enumerate(drawn, start):
                pooled = pick.random() < POOLED
                status = Status.NEW if pooled else pick.choices(statuses, cum_weights=LEAD_WEIGHTS)[0]
                owner, number = pick.choice(people.sellers or people.ids), next(numbers)
                when, ended = moment(at), status in (Status.CONVERTED, Status.DEAD)
                end = moment(at + (self.now - at) // 3)
                mobile = f"1{pick.choice('3578')}{pick.randrange(10**9):09d}"
                self.lead_made.append((at, owner))
                self.lead_rows.append((name, number, person, mobile))
                yield (
                    self.first_lead + place,
                    number,
                    name,
                    name,
                    person,
                    mobile,
                    province,
                    city,
                    pick.choice(self.items["customer.industry"]),
                    pick.choice(self.items["customer.source"]),
                    status.value,
                    self.pool if pooled else None,
                    when if pooled else None,
                    None if pooled else owner,
                    when,
                    owner,
                    when,
                    end if ended else when,
                    None if pooled or status == Status.NEW else when,
                    end if ended else None,
                    pick.choice(self.items["lead.dead_reason"] or [None]) if status == Status.DEAD else None,
                    self._customer(place) if status == Status.CONVERTED else None,
                )

    def _customer(self, place: int) -> int | None:
        return self.customers.first + self.places[place % len(self.places)] if self.places else None

    # What hangs on them -----------------------------------------------------------------------------------------------
    def load_log(self) -> int:
        """A line for each creation."""
        kinds = {model: ContentType.objects.get_for_model(model).pk for model in (Opportunity, Lead)}

        def rows():
            for number, (created, _) in enumerate(self.spans):
                pk, by = self.first + number, self.owners[number]
                yield moment(created), by, "opportunity.created", "新建", [], kinds[Opportunity], pk
            for place, (at, by) in enumerate(self.lead_made):
                yield moment(at), by, "lead.created", "新建", [], kinds[Lead], self.first_lead + place

        names = ["created_at", "actor_id", "code", "text", "changes", "content_type_id", "object_id"]
        return load(OperationLog, names, rows())

    def load_search(self) -> int:
        """The lines that search.index would have written."""
        kinds = {model: ContentType.objects.get_for_model(model).pk for model in (Opportunity, Lead)}

        def rows():
            known: dict[str, list] = {}
            for number, name in enumerate(self.names):
                if name not in known:
                    known[name] = search.rows_for({"name": name})
                for key, text in known[name]:
                    yield kinds[Opportunity], self.first + number, key, text
            for place, (name, number, person, mobile) in enumerate(self.lead_rows):
                values = {"name": [name, name, number], "phone": [mobile], "contact": [person]}
                for key, text in search.rows_for(values):
                    yield kinds[Lead], self.first_lead + place, key, text

        return load(SearchRow, ["content_type_id", "object_id", "key", "text"], rows())


def _first(month: str) -> date:
    return date.fromisoformat(f"{month}-01")
