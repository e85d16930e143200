"""Plans and payments of the seeded contracts, as streams of rows, with the figures their services would keep."""

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from random import Random

from django.contrib.contenttypes.models import ContentType
from django.utils import timezone

from approvals.models import Status
from contracts.models import Contract, Execution
from crm.loading import load, next_id
from crm.records import numbering
from crm.records.importing import write
from crm.records.models import DictionaryItem, OperationLog, SearchRow
from payments.models import Payment, PaymentAllocation, PaymentPlan

from .records import columns_of

PART = 10_000
ZERO = Decimal("0.00")
PAYMENTS = 0.4  # a customer


class Money:
    """One load on top of the contracts seeded since the key `first`: two plans a contract, about as many payments as `size` asks for."""

    def __init__(self, size, pick: Random, now: int, first: int):
        self.pick, self.now, self.today = pick, now, timezone.localdate()
        self.number = int(size.customers * PAYMENTS)
        self.methods = list(
            DictionaryItem.objects.filter(dictionary="payment.method", active=True).values_list("pk", flat=True)
        )
        rows = Contract.objects.filter(pk__gte=first, status=Status.APPROVED, amount__gte=100).order_by("pk")
        names = ("pk", "customer_id", "owner_id", "amount", "signed_on", "execution", "created_at")
        self.contracts = list(rows.values_list(*names))
        self.first_plan, self.first = next_id(PaymentPlan), next_id(Payment)
        self.plans: list[tuple] = []
        self.payments: list[tuple] = []  # (place of the contract, plan's place, day, amount)
        self._draw()

    def _draw(self) -> None:
        """What falls due, and what came in: a payment a plan that is due, in instalments while there are too few."""
        due: list[int] = []
        for place, (_, _, _, amount, signed, _, _) in enumerate(self.contracts):
            half = (amount / 2).quantize(Decimal("0.01"))
            for part, days in ((half, 15), (amount - half, 105)):
                day = signed + timedelta(days=days)
                if day <= self.today:
                    due.append(len(self.plans))
                self.plans.append((place, day, part))
        if not due:
            return
        times = max(1, -(-self.number // len(due)))
        for plan in due:
            place, day, amount = self.plans[plan]
            for part in range(times):
                if len(self.payments) >= self.number or self.pick.random() < 0.1:
                    break  # the rest of it is overdue
                share = (amount / times).quantize(Decimal("0.01"), rounding="ROUND_DOWN")
                if share > 0:
                    paid = min(day + timedelta(days=part * 3 - 5), self.today)
                    self.payments.append((place, plan, paid, share))
        self.payments.sort(key=lambda one: one[2])

    def load_plans(self) -> int:
        received = self._received()
        given = [
            *("id", "contract_id", "customer_id", "owner_id", "created_by_id", "created_at", "updated_at"),
            *("period", "amount", "due_on", "method_id", "received"),
        ]
        names, constants = columns_of(PaymentPlan, given)

        def rows() -> Iterator[tuple]:
            for number, (place, day, amount) in enumerate(self.plans):
                pk, customer, owner, _, _, _, made = self.contracts[place]
                at = made.isoformat()
                yield (
                    *(self.first_plan + number, pk, customer, owner, owner, at, at),
                    *(number % 2 + 1, str(amount), str(day), self.pick.choice(self.methods)),
                    str(received.get(number, ZERO)),
                    *constants,
                )

        return load(PaymentPlan, names, rows())

    def _received(self) -> dict[int, Decimal]:
        found: dict[int, Decimal] = {}
        for _, plan, _, amount in self.payments:
            found[plan] = found.get(plan, ZERO) + amount
        return found

    def load_payments(self) -> int:
        given = [
            *("id", "contract_id", "customer_id", "owner_id", "created_by_id", "created_at", "updated_at"),
            *("number", "type", "paid_on", "amount", "method_id", "status", "submitted_at", "approved_at"),
        ]
        names, constants = columns_of(Payment, given)
        numbers = self.numbers = list(self._numbers())

        def rows() -> Iterator[tuple]:
            for number, (place, _, day, amount) in enumerate(self.payments):
                pk, customer, owner, *_ = self.contracts[place]
                at = f"{day} 02:00:00+00:00"
                yield (
                    *(self.first + number, pk, customer, owner, owner, at, at),
                    *(numbers[number], "receipt", str(day), str(amount), self.pick.choice(self.methods)),
                    *(Status.APPROVED.value, at, at, *constants),
                )

        made = load(Payment, names, rows())
        parts = (
            (self.first + number, self.first_plan + plan, str(amount))
            for number, (_, plan, _, amount) in enumerate(self.payments)
        )
        load(PaymentAllocation, ["payment_id", "plan_id", "amount"], parts)
        return made

    def _numbers(self) -> Iterator[str]:
        months: dict[date, int] = {}
        for _, _, day, _ in self.payments:
            months[day.replace(day=1)] = months.get(day.replace(day=1), 0) + 1
        for month, count in sorted(months.items()):
            yield from numbering.take("payment", count, day=month)

    def keep_figures(self) -> int:
        """What the contracts say of their plans and payments."""
        figures: dict[int, list[Decimal]] = {}
        received = self._received()
        for number, (place, day, amount) in enumerate(self.plans):
            one = figures.setdefault(place, [ZERO, ZERO, ZERO])
            got = received.get(number, ZERO)
            one[0] += amount
            one[1] += got
            if day < self.today and self.contracts[place][5] not in (Execution.FINISHED, Execution.SHUT):
                one[2] += amount - got
        found = list(figures.items())
        for start in range(0, len(found), PART):
            records = []
            for place, (planned, got, overdue) in found[start : start + PART]:
                records.append(Contract(pk=self.contracts[place][0], planned=planned, received=got, overdue=overdue))
            write.update(records, {"planned", "received", "overdue"})
        return len(found)

    def load_log(self) -> int:
        kinds = {model: ContentType.objects.get_for_model(model).pk for model in (PaymentPlan, Payment)}

        def rows() -> Iterator[tuple]:
            for number, (place, _, _) in enumerate(self.plans):
                contract = self.contracts[place]
                at, pk = contract[6].isoformat(), self.first_plan + number
                yield at, contract[2], "payment_plan.created", "新建", [], kinds[PaymentPlan], pk
            for number, (place, _, day, _) in enumerate(self.payments):
                at, owner = f"{day} 02:00:00+00:00", self.contracts[place][2]
                yield at, owner, "payment.created", "新建", [], kinds[Payment], self.first + number

        names = ["created_at", "actor_id", "code", "text", "changes", "content_type_id", "object_id"]
        return load(OperationLog, names, rows())

    def load_search(self) -> int:
        kind = ContentType.objects.get_for_model(Payment).pk
        rows = ((kind, self.first + number, "name", text.lower()) for number, text in enumerate(self.numbers))
        return load(SearchRow, ["content_type_id", "object_id", "key", "text"], rows)
