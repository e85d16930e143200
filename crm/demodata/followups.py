"""A year of follow-ups: what sellers wrote after calls, visits and messages, and what their managers answered."""

from datetime import datetime, timedelta
from random import Random

from django.contrib.contenttypes.models import ContentType
from django.utils import timezone

from crm.loading import load, next_id, reset_sequences
from crm.records.models import DictionaryItem, FollowUp, FollowUpComment, FollowUpLink
from customers.models import Contact, Customer
from leads.models import Lead

from . import said
from .customers import BOSS

AT_MOST = 16  # of one customer
EVERY = 15  # days between two, about
OWN, PARENT, RELATED = FollowUpLink.Kind.OWN, FollowUpLink.Kind.PARENT, FollowUpLink.Kind.RELATED


def make(people: dict, made, pick: Random, *, more: list[dict]) -> list[tuple]:
    """Follow-ups of every customer that was followed, the newest at its 最后跟进时间 and with its 下次联系时间. Returns the log
    rows that writing them would have left: (at, content type, id, actor, code, text, changes). `more` = those of leads, made the
    same way."""
    kinds = ContentType.objects.get_for_models(Customer, Contact, Lead)
    values = {
        code: dict(DictionaryItem.objects.filter(dictionary=f"followup.{code}").values_list("label", "pk"))
        for code in ("method", "topic")
    }
    contacts: dict[int, list[Contact]] = {}
    for contact in made.contacts:
        contacts.setdefault(contact.customer_id, []).append(contact)
    bosses = {people[phone].pk: people[boss].pk for phone, boss in BOSS.items()}
    written = []
    for customer in made.customers:
        if customer.last_followed_at:
            written += _of(customer, contacts[customer.pk], bosses.get(customer.owner_id), pick)
    of_customers = sorted(written, key=lambda row: row["at"])
    written = sorted([*written, *more], key=lambda row: row["at"])
    rows, links, log, pk = [], [], [], next_id(FollowUp)
    for place, row in enumerate(written):
        customer, contact = row["customer"], row["contact"]
        record = contact if row["at_contact"] else customer
        row["pk"] = pk + place
        rows.append(
            (
                row["pk"],
                kinds[type(record)].pk,
                record.pk,
                values["method"][row["method"]],
                values["topic"].get(row["topic"]),
                row["title"],
                row["content"],
                row["next"],
                *row["visit"],
                [],
                row["author"],
                row["at"],
                row["at"],
                1,
            )
        )
        links.append((row["pk"], kinds[type(record)].pk, record.pk, OWN))
        if record is contact:
            links.append((row["pk"], kinds[Customer].pk, customer.pk, PARENT))
        elif contact:
            links.append((row["pk"], kinds[Contact].pk, contact.pk, RELATED))
        code = f"{type(record)._meta.model_name}.followup_added"
        log.append(
            (row["at"], kinds[type(record)].pk, record.pk, row["author"], code, f"写跟进（{row['method']}）", [])
        )
    names = ["id", "content_type_id", "object_id", "method_id", "topic_id", "title", "content", "next_contact_at"]
    names += ["place", "purpose", "result", "mentions", "author_id", "created_at", "updated_at", "version"]
    load(FollowUp, names, rows)
    load(FollowUpLink, ["followup_id", "content_type_id", "object_id", "kind"], links)
    log += _comments(people, of_customers, bosses, kinds, pick)
    reset_sequences([FollowUp])
    return log


def _of(customer: Customer, contacts: list[Contact], boss: int | None, pick: Random) -> list[dict]:
    """The follow-ups of one customer in the order they happened."""
    last, first = customer.last_followed_at, customer.created_at
    days = (last - first).days
    number = 1 + min(AT_MOST - 1, round(days / EVERY * pick.uniform(0.7, 1.5)) + pick.choice([0, 1, 2]) * (days > 3))
    times = sorted(_working(first + (last - first) * pick.random(), first, last, pick) for _ in range(number - 1))
    times = [at for at in times if at < last] + [last]
    found = []
    for place, at in enumerate(times):
        newest = place == len(times) - 1
        contact = pick.choice(contacts)
        contact = contact if contact.created_at <= at and pick.random() < 0.75 else None
        method = pick.choices(list(said.METHODS), weights=[said.METHODS[name] for name in said.METHODS])[0]
        stage = said.stage(place / max(1, len(times) - 1) if len(times) > 1 else 0.2, bool(customer.deal_status))
        planned = None if newest or pick.random() < 0.2 else _hour(times[place + 1])
        found.append(
            {
                "customer": customer,
                "contact": contact,
                "at_contact": bool(contact) and pick.random() < 0.12,
                "at": at,
                "author": boss if boss and pick.random() < 0.06 else customer.owner_id,
                "method": method,
                "topic": stage if pick.random() < 0.5 else "",
                "title": pick.choice(said.TITLES[stage]) if pick.random() < 0.12 else "",
                "content": said.content(method, stage, contact and f"{contact.name[:1]}{_called(contact)}", pick),
                "next": customer.next_contact_at if newest else planned,
                "visit": said.visit(customer, pick) if method == "上门拜访" else ("", "", ""),
            }
        )
    return found


def _called(contact: Contact) -> str:
    return (
        "经理"
        if "经理" in contact.position
        else "总"
        if contact.is_decider
        else "女士"
        if contact.gender == "f"
        else "先生"
    )


def _working(at: datetime, first: datetime, last: datetime, pick: Random) -> datetime:
    """A moment near `at` on a working day in working hours, between the two."""
    local = timezone.localtime(at)
    local -= timedelta(days=max(0, local.weekday() - 4))
    local = local.replace(hour=pick.choice([9, 9, 10, 10, 11, 13, 14, 14, 15, 16, 17]), minute=pick.randint(0, 59))
    return local if first < local < last else at


def _hour(at: datetime) -> datetime:
    return timezone.localtime(at).replace(minute=0, second=0, microsecond=0)


def _comments(people: dict, written: list[dict], bosses: dict, kinds: dict, pick: Random) -> list[tuple]:
    """Managers ask, sellers answer; returns the log rows of it."""
    rows, log, now = [], [], timezone.now()
    names = {person.pk: person.name for person in people.values()}
    for row in written:
        boss = bosses.get(row["author"])
        if boss is None or pick.random() > 0.06:
            continue
        at = min(row["at"] + timedelta(minutes=pick.randint(10, 600)), now)
        text, mentions = pick.choice(said.REMARKS), []
        if pick.random() < 0.3:
            text, mentions = f"@{names[row['author']]} {text}", [[row["author"], names[row["author"]]]]
        thread = [(boss, text, mentions, at)]
        if pick.random() < 0.5:
            thread.append((row["author"], pick.choice(said.REPLIES), [], min(at + timedelta(minutes=25), now)))
        for author, content, named, when in thread:
            rows.append((row["pk"], author, content, named, when))
            record = row["contact"] if row["at_contact"] else row["customer"]
            code = f"{type(record)._meta.model_name}.followup_commented"
            log.append((when, kinds[type(record)].pk, record.pk, author, code, "评论跟进", []))
    load(FollowUpComment, ["followup_id", "author_id", "content", "mentions", "created_at"], rows)
    return log
