"""Follow-ups of seeded customers: a few in the hand of each owner, in the order of time, by arithmetic instead of chance so
that the customers' rows can name the newest before it is written."""

from array import array
from collections.abc import Iterator

from django.contrib.contenttypes.models import ContentType

from crm.demodata import said
from crm.loading import load, next_id
from crm.records.models import DictionaryItem, FollowUp, FollowUpLink
from customers.models import Customer

DAY = 86_400
COUNTS = (0, 1, 1, 1, 2, 2, 2, 2, 3, 4)  # of one customer; 1.8 on average
STALE_SPAN = 30 * DAY
PLACES = 1 << 24  # more customers than any seed has: time and place stand in one sortable number
TEXTS = [
    f"{opening.format(who='客户')}，{body.format(n=6, money=35)}。{more}"
    for opening, body, more in zip(
        [line for lines in said.OPENING.values() for line in lines] * 3,
        [line for lines in said.BODY.values() for line in lines] * 2,
        said.NEXT * 6,
        strict=False,
    )
]


def times(place: int, created: int, now: int, *, stale: bool) -> list[int]:
    """When the customer at this place was followed, oldest first (seconds)."""
    mixed = place * 2_654_435_761 >> 5
    number = COUNTS[mixed % len(COUNTS)]
    end = min(now, created + STALE_SPAN) if stale else now
    span = end - created
    return [created + span * (step + 1) * (97 + mixed % 3) // (100 * (number + 1)) for step in range(number)]


def dates(place: int, owner: int, gone: int, created: int, now: int, *, stale: bool) -> tuple[int | None, int | None]:
    """(最后跟进时间, 下次联系时间) of a customer, None without."""
    found = times(place, created, now, stale=stale) if owner and not gone else []
    return (found[-1], _planned(found[-1])) if found else (None, None)


def _planned(at: int) -> int | None:
    return at + (3 + at % 25) * DAY if at % 3 else None


def load_followups(customers, moment) -> int:
    """Write the follow-ups and their links of all customers; returns how many."""
    stack = array("q")
    for place in range(customers.size.customers):
        owner, created = customers.owners[place], customers.created[place]
        if owner and not customers.gone[place]:
            stale = owner in customers.people.stale
            stack.extend(at * PLACES + place for at in times(place, created, customers.now, stale=stale))
    ordered = sorted(stack)
    kind, first = ContentType.objects.get_for_model(Customer).pk, next_id(FollowUp)
    methods = list(
        DictionaryItem.objects.filter(dictionary="followup.method", active=True).values_list("pk", flat=True)
    )

    def rows() -> Iterator[tuple]:
        for number, key in enumerate(ordered):
            at, place = divmod(key, PLACES)
            when, planned = moment(at), _planned(at)
            yield (
                first + number,
                kind,
                customers.first + place,
                methods[number % 5 % len(methods)],
                TEXTS[number % len(TEXTS)],
                moment(planned) if planned else None,
                customers.owners[place],
                when,
                when,
                "",
                "",
                "",
                "",
                [],
                1,
            )

    names = ["id", "content_type_id", "object_id", "method_id", "content", "next_contact_at", "author_id", "created_at"]
    names += ["updated_at", "title", "place", "purpose", "result", "mentions", "version"]
    count = load(FollowUp, names, rows())
    own = FollowUpLink.Kind.OWN.value
    links = ((first + number, kind, customers.first + key % PLACES, own) for number, key in enumerate(ordered))
    load(FollowUpLink, ["followup_id", "content_type_id", "object_id", "kind"], links)
    return count
