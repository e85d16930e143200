"""Contracts of seeded customers, as streams of rows: signed ones with their first version, drafts, refused and void ones."""

from array import array
from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from random import Random

from django.contrib.contenttypes.models import ContentType
from django.utils import timezone

from approvals.models import Status
from contracts import outcomes, services
from contracts.models import Contract, ContractVersion, Execution
from crm.loading import load, next_id
from crm.records import numbering, search
from crm.records.models import OperationLog, SearchRow
from customers.models import Customer

from .records import columns_of, moment
from .sales import PHASES, THINGS

STATUSES = (Status.APPROVED, Status.DRAFT, Status.REJECTED, Status.WITHDRAWN, Status.VOID)
WEIGHTS = (82, 90, 93, 95, 100)  # cumulative
NUMBERED = (Status.APPROVED, Status.VOID, Status.REJECTED, Status.WITHDRAWN)
IN_FORCE = (Status.APPROVED, Status.VOID)
CHUNK = 5000


class Contracts:
    """One load on top of seeded customers: a customer in five has one, some have several."""

    def __init__(self, size, customers, pick: Random, now: int):
        self.customers, self.pick, self.now = customers, pick, now
        self.today = timezone.localdate()
        self.first = next_id(Contract)
        live = [n for n in range(size.customers) if customers.owners[n] and not customers.gone[n]]
        count = size.contracts if live else 0
        self.places = array("q", (live[n * 6151 % len(live)] for n in range(count)))
        self.names = [f"{pick.choice(THINGS)}{pick.choice(PHASES)}合同" for _ in range(count)]
        self.statuses = pick.choices(STATUSES, cum_weights=WEIGHTS, k=count)
        self.made = array("q", (self._when(place) for place in self.places))
        self.amounts = [f"{pick.lognormvariate(11, 1.1):.2f}" for _ in range(count)]
        self.numbers = self._numbers()

    def _when(self, place: int) -> int:
        since = self.customers.created[place]
        return since + int((self.now - since) * self.pick.random())

    def _numbers(self) -> list[str]:
        """Numbers in the months of their submission, taken like everybody's."""
        days = [self._day(at) if self._numbered(n) else None for n, at in enumerate(self.made)]
        months = Counter(day.replace(day=1) for day in days if day)
        taken = {month: iter(numbering.take("contract", n, day=month)) for month, n in sorted(months.items())}
        return [next(taken[day.replace(day=1)]) if day else "" for day in days]

    def _numbered(self, number: int) -> bool:
        return self.statuses[number] in NUMBERED

    @staticmethod
    def _day(at: int) -> date:
        return datetime.fromtimestamp(at, timezone.get_default_timezone()).date()

    def _dates(self, number: int) -> tuple[date, date, date]:
        """Signed, begun, over."""
        signed = self._day(self.made[number])
        starts = signed + timedelta(days=number % 15)
        return signed, starts, starts + timedelta(days=(180, 365, 365, 730)[number % 4])

    def _execution(self, number: int, starts: date, ends: date) -> str:
        if self.statuses[number] not in IN_FORCE:
            return Execution.NOT_STARTED.value
        bare = Contract(status=Status.APPROVED, starts_on=starts, ends_on=ends)
        return str(services.execution_of(bare, self.today).value)

    def load(self) -> int:
        given = [
            *("id", "number", "name", "customer_id", "signed_on", "starts_on", "ends_on", "amount", "status"),
            *("submitted_at", "approved_at", "execution", "edition", "voided_at", "void_reason"),
            *("owner_id", "created_by_id", "created_at", "updated_at", "version"),
        ]
        names, constants = columns_of(Contract, given)
        return load(Contract, names, (row + constants for row in self._rows()))

    def _rows(self) -> Iterator[tuple]:
        for number, (place, name, status) in enumerate(zip(self.places, self.names, self.statuses, strict=True)):
            signed, starts, ends = self._dates(number)
            at, owner, force = moment(self.made[number]), self.customers.owners[place], status in IN_FORCE
            void = status == Status.VOID
            yield (
                self.first + number,
                self.numbers[number],
                name,
                self.customers.first + place,
                signed.isoformat(),
                starts.isoformat(),
                ends.isoformat(),
                self.amounts[number],
                status.value,
                at if status != Status.DRAFT else None,
                at if force else None,
                self._execution(number, starts, ends),
                int(force),
                at if void else None,
                "重新签订" if void else "",
                owner,
                owner,
                at,
                at,
                1 if status == Status.DRAFT else 3,
            )

    def load_versions(self) -> int:
        """What the approved ones said."""
        names = ["contract_id", "number", "state", "data", "amount", "reason", "by_id", "created_at", "effective_at"]
        return load(ContractVersion, names, self._versions())

    def _versions(self) -> Iterator[tuple]:
        state = ContractVersion.State.EFFECTIVE.value
        for number, status in enumerate(self.statuses):
            if status not in IN_FORCE:
                continue
            signed, starts, ends = self._dates(number)
            bare = Contract(name=self.names[number], signed_on=signed, starts_on=starts, ends_on=ends)
            bare.amount, at = self.amounts[number], moment(self.made[number])
            owner = self.customers.owners[self.places[number]]
            data = services.snapshot(bare, ())
            yield self.first + number, 1, state, data, self.amounts[number], "", owner, at, at

    def load_log(self) -> int:
        """A line for each creation."""
        kind = ContentType.objects.get_for_model(Contract).pk

        def rows():
            for number, at in enumerate(self.made):
                owner = self.customers.owners[self.places[number]]
                yield moment(at), owner, "contract.created", "新建", [], kind, self.first + number

        names = ["created_at", "actor_id", "code", "text", "changes", "content_type_id", "object_id"]
        return load(OperationLog, names, rows())

    def load_search(self) -> int:
        """The lines that search.index would have written."""
        kind, known = ContentType.objects.get_for_model(Contract).pk, {}

        def rows():
            for number, name in enumerate(self.names):
                if name not in known:
                    known[name] = search.rows_for({"name": name})
                for key, text in [*known[name], *search.rows_for({"number": self.numbers[number]})]:
                    yield kind, self.first + number, key, text

        return load(SearchRow, ["content_type_id", "object_id", "key", "text"], rows())

    def figures(self) -> int:
        """What the approved ones mean for their customers."""
        dealt = sorted(
            {
                self.customers.first + place
                for place, status in zip(self.places, self.statuses, strict=True)
                if status == Status.APPROVED
            }
        )
        for start in range(0, len(dealt), CHUNK):
            part = dealt[start : start + CHUNK]
            outcomes.recount(part)
            Customer.objects.filter(pk__any=part).update(deal_status=Customer.DealStatus.DEALT)
        return len(dealt)
