"""Customers, contacts and everything that hangs on them, as streams of rows."""

import time
from array import array
from collections.abc import Iterable, Iterator
from datetime import timedelta
from random import Random

from django.contrib.contenttypes.models import ContentType
from django.db import connection, models
from django.utils import timezone

from crm.demodata import words
from crm.loading import load, next_id
from crm.records import modules, search, teams
from crm.records.fields import DictionaryField, name_key
from crm.records.models import DictionaryItem, OperationLog, SearchRow, Star
from customers.models import Contact, Customer, CustomerGrant
from customers.pools import book

from . import company, followups
from .names import Firms, People

DAY = 86_400
FRESH, OLD = 3 * 365 * DAY, 6 * 365 * DAY  # live departments work on three years, stale ones stopped before those
POOL, DELETED, BUSIEST = 0.2, 0.05, 0.018
CONTACTS = (0, 1, 2, 3)
CONTACT_WEIGHTS = (5, 77, 93 + 5, 100)  # cumulative: 5 % none, 72 % one, 21 % two, 2 % three: 1.2 a customer
PART = 10_000


def moment(stamp: float) -> str:
    """Seconds since 1970 as the database reads them."""
    return time.strftime(
        "%Y-%m-%d %H:%M:%S+00" if connection.vendor == "postgresql" else "%Y-%m-%d %H:%M:%S", time.gmtime(stamp)
    )


def columns_of(model: type[models.Model], given: list[str]) -> tuple[list[str], tuple]:
    """(attribute names: the given ones and the rest, default values of the rest)."""
    rest = [field for field in model._meta.concrete_fields if field.attname not in given]
    return [*given, *(field.attname for field in rest)], tuple(field.get_default() for field in rest)


class Customers:
    """One load: what later steps need of each customer stands in compact arrays."""

    def __init__(self, size, people, pick: Random, now: int):
        self.size, self.people, self.pick, self.now = size, people, pick, now
        self.first, self.first_contact = next_id(Customer), next_id(Contact)
        self.dictionary: dict[str, list[int]] = {}
        codes = [field.code for field in Customer._meta.fields if isinstance(field, DictionaryField)]
        for code, pk in DictionaryItem.objects.filter(dictionary__in=codes, active=True).values_list(
            "dictionary", "pk"
        ):
            self.dictionary.setdefault(code.split(".")[1], []).append(pk)
        self.owners, self.gone = self._deal()
        self.created = array("q", bytes(8 * size.customers))
        self.names: list[str] = []
        self.phones: list[str] = []
        self.people_rows: list[tuple[int, str, str]] = []  # (contact, name, mobile), for the search lines

    def _deal(self) -> tuple[array, bytearray]:
        """Who owns each customer (0: the pool) and whether it is deleted, shuffled."""
        number = self.size.customers
        pool, gone = round(number * POOL), round(number * DELETED)
        gone_pool = round(pool * DELETED)
        gone_owned = gone - gone_pool
        busiest = round(number * BUSIEST)
        shares = company.shares(self.people, number - pool - gone_owned, busiest, self.pick)
        deck = [owner * 2 for owner, count in shares.items() for _ in range(count)]
        deck += [
            owner * 2 + 1 for owner in self.pick.choices(list(shares), weights=list(shares.values()), k=gone_owned)
        ]
        deck += [0] * (pool - gone_pool) + [1] * gone_pool
        self.pick.shuffle(deck)
        return array("q", (card >> 1 for card in deck)), bytearray(card & 1 for card in deck)

    def _when(self, place: int, owner: int) -> tuple[float, float]:
        """(created, updated): growing over three years; of a stale department all of it before them."""
        pick = self.pick
        created = self.now - FRESH + FRESH * (place + pick.random()) / self.size.customers
        if owner in self.people.stale:
            created -= OLD - FRESH + 30 * DAY
            return created, created + pick.random() * 30 * DAY
        return created, created if pick.random() < 0.4 else created + (self.now - created) * pick.random()

    def load(self) -> int:
        given = [
            "id",
            "name",
            "name_key",
            "owner_id",
            "created_by_id",
            "created_at",
            "updated_at",
            "deleted_at",
            "deleted_by_id",
            "province",
            "city",
            "address",
            "phone",
            "rating",
            "postcode",
            "deal_status",
            "last_followed_at",
            "next_contact_at",
            "remark",
            "received_at",
            "pool_id",
            "pooled_at",
            *(f"{kind}_id" for kind in self.dictionary),
        ]
        names, constants = columns_of(Customer, given)
        return load(Customer, names, (row + constants for row in self._rows()))

    def _rows(self) -> Iterator[tuple]:
        firms, pick, pool = Firms(self.pick), self.pick, book.default("customer").pk
        for start in range(0, self.size.customers, PART):
            number = min(PART, self.size.customers - start)
            drawn = firms.next(number)
            kinds = zip(*(pick.choices([*values, None], k=number) for values in self.dictionary.values()), strict=True)
            ratings = pick.choices([1, 2, 3, None], k=number)
            for place, (name, province, city), chosen, rating in zip(
                range(start, start + number), drawn, kinds, ratings, strict=True
            ):
                owner, gone = self.owners[place], self.gone[place]
                created, updated = self._when(place, owner)
                self.created[place] = int(created)
                at, phone = moment(created), self._phone()
                dealt, stale = rating == 3, owner in self.people.stale
                followed, planned = followups.dates(place, owner, gone, int(created), self.now, stale=stale)
                self.names.append(name)
                self.phones.append(phone)
                by = owner or self.people.ids[place % len(self.people.ids)]
                yield (
                    self.first + place,
                    name,
                    name_key(name),
                    owner or None,
                    by,
                    at,
                    moment(updated),
                    moment(min(self.now, updated + DAY)) if gone else None,
                    by if gone else None,
                    province,
                    city,
                    f"{words.SURNAMES[place % 100]}庄路 {place % 997 + 1} 号",
                    phone,
                    rating,
                    f"{200000 + place % 600000}",
                    int(dealt),
                    followed and moment(followed),
                    planned and moment(planned),
                    words.REMARKS[place % len(words.REMARKS)],
                    at,
                    None if owner else pool,
                    None if owner else moment(updated),
                    *chosen,
                )

    def _phone(self) -> str:
        digits = self.pick.randrange(100_000_000)
        if digits % 7 == 0:
            return ""
        return f"0512-{60_000_000 + digits % 30_000_000}" if digits % 2 else f"1{30 + digits % 70}{digits:08d}"[:11]

    def load_contacts(self) -> int:
        names, constants = columns_of(
            Contact,
            [
                "id",
                "customer_id",
                "owner_id",
                "created_by_id",
                "created_at",
                "updated_at",
                "deleted_at",
                "deleted_by_id",
                "name",
                "salutation",
                "gender",
                "position",
                "mobile",
                "is_primary",
            ],
        )
        return load(Contact, names, (row + constants for row in self._contact_rows()))

    def _contact_rows(self) -> Iterator[tuple]:
        pick, pk, persons = self.pick, self.first_contact, People(self.pick)
        positions = [position for position, _, _ in words.POSITIONS]
        for start in range(0, self.size.customers, PART):
            number = min(PART, self.size.customers - start)
            counts = pick.choices(CONTACTS, cum_weights=CONTACT_WEIGHTS, k=number)
            found = iter(persons.next(sum(counts)))
            for place, count in zip(range(start, start + number), counts, strict=True):
                owner, gone, created = self.owners[place], self.gone[place], self.created[place]
                by, at = owner or self.people.ids[0], moment(created)
                for which in range(count):
                    name, gender = next(found)
                    mobile = f"1{pick.choice('3578')}{pick.randrange(10**9):09d}"
                    self.people_rows.append((pk, name, mobile))
                    yield (
                        pk,
                        self.first + place,
                        owner or None,
                        by,
                        at,
                        at,
                        at if gone else None,
                        by if gone else None,
                        name,
                        "女士" if gender == "f" else "先生",
                        gender,
                        positions[pk % len(positions)],
                        mobile,
                        not which,
                    )
                    pk += 1

    def load_grants(self) -> int:
        """Team members: a long tail of helpers, 3 of 10 until a date, half of those over."""
        pick, today, number = self.pick, timezone.localdate(), self.size.grants
        read, write = (teams.permission_for(Customer, write=one).pk for one in (False, True))
        helpers = list(self.people.ids)
        pick.shuffle(helpers)
        weights, seen = company.helper_weights(len(helpers)), set()
        live = [place for place in range(self.size.customers) if self.owners[place] and not self.gone[place]]
        number = min(number, len(live) * max(1, len(helpers) - 1) // 2)

        def rows():
            while len(seen) < number:
                part = min(PART, number - len(seen))
                for user, place in zip(
                    pick.choices(helpers, cum_weights=weights, k=part), pick.choices(live, k=part), strict=True
                ):
                    if (user, place) in seen or self.owners[place] == user:
                        continue
                    seen.add((user, place))
                    until = today + timedelta(days=pick.randint(-200, 200)) if pick.random() < 0.3 else None
                    yield (
                        user,
                        read if pick.random() < 0.8 else write,
                        self.first + place,
                        "team",
                        until,
                        self.owners[place],
                        moment(self.created[place] + DAY),
                    )

        return load(
            CustomerGrant,
            ["user_id", "permission_id", "content_object_id", "source", "until", "granted_by_id", "created_at"],
            rows(),
        )

    def load_stars(self) -> int:
        kind = ContentType.objects.get_for_model(Customer).pk
        places = range(0, self.size.customers, 97)
        return load(
            Star,
            ["user_id", "content_type_id", "object_id"],
            ((self.owners[place], kind, self.first + place) for place in places if self.owners[place]),
        )

    def load_log(self) -> int:
        """A line for each creation and an edit for every fourth customer."""
        kind = ContentType.objects.get_for_model(Customer).pk
        change = [{"label": "客户状态", "old": "初步接触", "new": "需求沟通"}]

        def rows():
            for place in range(self.size.customers):
                by = self.owners[place] or self.people.ids[place % len(self.people.ids)]
                yield moment(self.created[place]), by, "customer.created", "新建", [], kind, self.first + place
                if place % 4 == 0:
                    yield (
                        moment(self.created[place] + 3600),
                        by,
                        "customer.updated",
                        "编辑",
                        change,
                        kind,
                        self.first + place,
                    )

        return load(
            OperationLog, ["created_at", "actor_id", "code", "text", "changes", "content_type_id", "object_id"], rows()
        )

    def load_followups(self) -> int:
        return followups.load_followups(self, moment)

    def load_search(self) -> int:
        """The lines that search.index would have written."""
        kinds = {
            name: ContentType.objects.get_for_model(modules.get(name).model).pk for name in ("customer", "contact")
        }
        return load(SearchRow, ["content_type_id", "object_id", "key", "text"], self._search_rows(kinds))

    def _search_rows(self, kinds: dict[str, int]) -> Iterator[tuple]:
        for place, (name, phone) in enumerate(zip(self.names, self.phones, strict=True)):
            yield from self._lines(kinds["customer"], self.first + place, {"name": name, "phone": phone})
        known: dict[str, list] = {}  # the same few thousand names of persons again and again
        for pk, name, mobile in self.people_rows:
            if name not in known:
                known[name] = search.rows_for({"name": name})
            for key, text in known[name]:
                yield kinds["contact"], pk, key, text
            yield kinds["contact"], pk, "phone", mobile

    @staticmethod
    def _lines(kind: int, pk: int, values: dict) -> Iterable[tuple]:
        return ((kind, pk, key, text) for key, text in search.rows_for(values))
