"""Every status × action × role × door of contracts, payments, invoices, requests and plans.

TABLE, HOLDS and NEEDS are written by hand: what a status allows, which functions a role holds, which function an act needs.
What all three allow must change what it is about; whatever one of them denies changes no row of any table of money.
"""

from contextlib import contextmanager

import pytest
from django.db import connection, transaction
from django.test import TestCase

from approvals import states
from crm.tests import money
from crm.tests.money_doors import DOORS, KEPT, MATE, Door
from crm.tests.test_urls import Writes
from orgs.models import Role
from orgs.tests.factories import client_for

# What a status allows ------------------------------------------------------------------------------------------------------
SEEN = "view print export"
ALWAYS = f"{SEEN} follow share transfer attach"
FREE = f"{ALWAYS} create edit delete submit"
TABLE = {
    "draft": FREE,
    "rejected": FREE,
    "withdrawn": FREE,
    "pending": f"{ALWAYS} withdraw",
    "approved": f"{ALWAYS} amend void renew pay bill finish issue settle",
    "void": f"{SEEN} follow",
}
# What stands in the way beside the status of the approval: {state: (its status, what it denies)}
BESIDES = {
    "finished": ("approved", "pay finish"),
    "shut": ("approved", "pay finish"),
    "changing": ("approved", "amend void finish"),
    "voiding": ("approved", "amend void finish"),
    "settled": ("approved", "void settle"),
    "issued": ("approved", ""),
}
# A plan has no status; its contract's stands in the way: {act: {state of the contract: the doors that are left}}. The page of the
# form opens and says why it does not save; 批量编辑 offers what no sum depends on.
CLOSED = ("draft", "pending", "rejected", "withdrawn", "void", "finished", "shut")
PLANS_OPEN = {
    "edit": dict.fromkeys(CLOSED, ("page", "bulk", "bulk raw")),
    "delete": {"finished": (), "shut": ()},
}
# Which functions a role holds, and whose records it reaches: those of the owner or none ---------------------------------------
WORK = "view create edit delete import export transfer print"
READ = "view export print"
ASK = "view create edit delete export print"
SELL = {"contract": f"{WORK} amend finish", "payment_plan": WORK, "payment": WORK, "invoice": WORK, "request": ASK}
MANAGE = {
    **SELL,
    "contract": f"{WORK} amend finish void history",
    "payment": f"{WORK} void history over settle",
    "invoice": f"{WORK} void history issue",
}
HOLDS = {
    "owner": ("seller", SELL),
    "stranger": ("seller", SELL),
    "manager": ("sales_manager", MANAGE),
    "finance": (
        "finance",
        {
            "contract": READ,
            "payment_plan": WORK,
            "payment": f"{WORK} void history settle",
            "invoice": f"{WORK} void history issue",
            "request": ASK,
        },
    ),
    "executive": (
        "executive",
        {"contract": READ, "payment_plan": READ, "payment": READ, "invoice": READ, "request": ASK},
    ),
    "nobody": ("", {}),
}
REACHED = {"owner": True, "stranger": False, "manager": True, "finance": True, "executive": True, "nobody": False}
PRIVATE = {"request": ("finance", "executive")}  # who reaches everybody's records elsewhere, and there only their own
# Which function an act needs: of the record's own module unless it names another ----------------------------------------------
NEEDS = {
    "submit": "edit",
    "withdraw": "edit",
    "renew": "create",
    "share": "edit",
    "attach": "edit",
    "follow": "edit",
    "pay plan": "payment_plan.create",
    "pay": "payment.create",
    "bill": "invoice.create",
}


def words(text: str) -> set[str]:
    return set(text.split())


def test_the_table_is_the_one_the_product_obeys():
    assert {str(status): words(actions) for status, actions in TABLE.items()} == {
        str(status): set(actions) for status, actions in states.TABLE.items()
    }


class RolesTest(TestCase):
    def test_the_built_in_roles_hold_what_the_table_says(self):
        for code, held in {code: held for code, held in HOLDS.values() if code}.items():
            for name in SELL:
                mine = {
                    one.partition(".")[2]
                    for one in Role.objects.get(code=code).permissions
                    if one.startswith(f"{name}.")
                }
                self.assertEqual(mine, words(held[name]), f"{code} {name}")


# The walk ----------------------------------------------------------------------------------------------------
def expected(kind: str, state: str, role: str, door: Door) -> bool:
    """Whether this door lets this person do this, by the tables above."""
    status, denied = BESIDES.get(state, (state, ""))
    action = door.act.split()[0]
    open_ = kind == "payment_plan" or action in words(TABLE[status]) - words(denied)
    if kind == "payment_plan" and door.name not in PLANS_OPEN.get(door.act, {}).get(state, (door.name,)):
        open_ = False
    module, _, function = NEEDS.get(door.act, door.act).rpartition(".")
    held = function in words(HOLDS[role][1].get(module or kind, ""))
    reached = REACHED[role] and role not in PRIVATE.get(kind, ())
    return open_ and held and reached and (not door.roles or role in words(door.roles))


class _Undo(Exception):
    pass


@contextmanager
def undone():
    """Whatever happens in it is taken back."""
    try:
        with transaction.atomic():
            yield
            raise _Undo
    except _Undo:
        pass


@pytest.mark.slow
class StatesTest(TestCase):
    """One walk a kind; every try is taken back, so that all of them meet the same company."""

    @classmethod
    def setUpTestData(cls):
        cls.site = money.every_status()

    def setUp(self):
        MATE[0] = self.site.who.mate.pk
        self.clients = {role: client_for(getattr(self.site.who, role)) for role in HOLDS}
        for role, client in self.clients.items():
            client.person = getattr(self.site.who, role)
        self.before, self.tables = money.fingerprint(), money.tables()

    def walk(self, kind: str) -> int:
        wrong, count = [], 0
        for state, record in self.site.records[kind].items():
            for door in DOORS[kind]:
                for role, client in self.clients.items():
                    count += 1
                    if fault := self.attempt(client, record, door, allowed=expected(kind, state, role, door)):
                        wrong.append(f"{kind} {state} {door.act} ({door.name}) as {role}: {fault}")
        self.assertEqual(wrong, [], "\n".join(["", *wrong[:60], f"{len(wrong)} of {count}"]))
        return count

    def attempt(self, client, record, door: Door, *, allowed: bool) -> str:
        """What is wrong with one try, "" where it went as the tables say."""
        writes = Writes()
        with undone():
            with connection.execute_wrapper(writes):
                response = door.send(client, type(record).objects.get(pk=record.pk))
            touched = set(self.tables) if None in writes.tables else writes.tables & set(self.tables)
            after = money.fingerprint(touched)
            changed = {name for name in touched if after[name] != self.before[name]}
            status = response.status_code if response is not None else 200
            if not allowed:
                if changed:
                    return f"changed {sorted(changed)} ({status})"
                return f"opened ({status})" if door.opens and status not in (403, 404) else ""
            if door.opens:
                return "" if status == 200 else f"answered {status}"
            if door.writes and door.writes not in changed:
                return f"did nothing ({status}) {self.said(response)}"
            return self.forged(record) if door.keeps else ""
        return ""

    @staticmethod
    def said(response) -> str:
        form = (response.context or {}).get("form") or (response.context or {}).get("fields") if response else None
        return str(getattr(form, "errors", ""))[:200]

    def forged(self, record) -> str:
        fresh = type(record).objects.get(pk=record.pk)
        taken = [name for name in KEPT if getattr(fresh, name, None) != getattr(record, name, None)]
        return f"took {taken} from the body" if taken else ""

    def test_contracts(self):
        self.walk("contract")

    def test_payments(self):
        self.walk("payment")

    def test_invoices(self):
        self.walk("invoice")

    def test_requests(self):
        self.walk("request")

    def test_plans_under_a_contract_in_every_status(self):
        self.walk("payment_plan")
