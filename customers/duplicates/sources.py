"""Where duplicates are looked for. Customers and contacts stand here; modules above (leads) register theirs."""

from collections.abc import Callable
from dataclasses import dataclass, field

from django.contrib.contenttypes.models import ContentType

from crm.records import fieldset, modules, search
from crm.records.models import SearchRow

from ..models import Contact, Customer

NAME, PART, PHONE, DOMAIN = "name", "part", "phone", "domain"


@dataclass(frozen=True)
class Source:
    """
    module    whose records: its gate decides who may open one, its field rights what may be looked for and shown
    match     match(kind, values, limit) -> [(value, record id)] of live records, whoever owns them; the kinds are NAME (stems
              of `names.name_stem`), PART (a piece of a normalised name), PHONE (digits) and DOMAIN
    reads     {kind: fields a person must be able to read in clear to look by it; "contact.mobile" is one of another module}
    phones    fields that hold numbers; the first filled one is shown, masked
    names     fields that hold names; without any it is the title alone
    label     label(record) -> what stands in the column 模块
    followed  field of the last follow-up, "" without one
    actions   actions(records, user) -> {record id: {"label", "url", "icon", "dialog"}}: what may be done with records that the
              person may not open (申请移交; 领取 in a pool)
    """

    module: str
    match: Callable
    reads: dict[str, tuple[str, ...]]
    phones: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    label: Callable = lambda record: modules.of_model(type(record)).label
    followed: str = ""
    actions: Callable | None = None
    order: int = 50
    joins: tuple[str, ...] = field(default=("owner__department",))

    @property
    def model(self):
        return modules.get(self.module).model

    def readable(self, kind: str, user) -> bool:
        """Whether the person may look for records of this source by that kind of thing; never without its 查看."""
        if not user.has_function(f"{self.module}.view"):
            return False
        keys = [key if "." in key else f"{self.module}.{key}" for key in self.reads.get(kind, ())]
        places = [key.split(".") for key in keys]
        return all(fieldset.of(modules.get(module), user).readable(key) for module, key in places)


ALL: dict[str, Source] = {}


def register(source: Source) -> Source:
    """Add a source; its module must be new here."""
    if source.module in ALL:
        raise ValueError(f"duplicates of {source.module} are registered twice")
    ALL[source.module] = source
    return source


def ordered() -> list[Source]:
    return sorted(ALL.values(), key=lambda source: source.order)


def lines(model, key: str):
    """Search lines of live records of a model under one key."""
    return SearchRow.objects.filter(
        content_type=ContentType.objects.get_for_model(model), key=key, object_id__in=model.objects.live().values("pk")
    )


def by_line(model, key: str, values, limit: int) -> list[tuple[str, int]]:
    """(value, record id) of live records that have exactly one of these values in their search lines."""
    return list(lines(model, key).filter(text__any=values).values_list("text", "object_id")[:limit])


def by_part(module: str, text: str, limit: int) -> list[tuple[str, int]]:
    """(text, record id) of live records whose name contains the text, in no order: there may be very many."""
    module = modules.get(module)
    found = search.hits([module], text, keys=("name",), user=None)
    ids = found.filter(object_id__in=module.model.objects.live().values("pk")).values_list("object_id", flat=True)
    return [(text, pk) for pk in ids[:limit]]


def by_column(model, column: str, values, limit: int) -> list[tuple[str, int]]:
    return list(model.objects.live().filter(**{f"{column}__any": values}).values_list(column, "pk")[:limit])


def customers_with_number(numbers, limit: int) -> list[tuple[str, int]]:
    """(number, customer id) of live customers that have one of the numbers themselves or at one of their contacts."""
    own = by_line(Customer, "phone", numbers, limit)
    theirs = by_line(Contact, "phone", numbers, limit)
    people = dict(
        Contact.objects.filter(pk__any=[pk for _, pk in theirs], customer__deleted_at=None).values_list(
            "pk", "customer_id"
        )
        if theirs
        else ()
    )
    return list(dict.fromkeys([*own, *((text, people[pk]) for text, pk in theirs if pk in people)]))


def match_customers(kind: str, values, limit: int) -> list[tuple[str, int]]:
    """Customers, those of the pools among them."""
    if kind == NAME:
        return by_column(Customer, "name_stem", values, limit)
    if kind == PART:
        return [pair for value in values for pair in by_part("customer", value, limit)]
    if kind == PHONE:
        return customers_with_number(values, limit)
    return by_column(Customer, "domain", values, limit)


def match_contacts(kind: str, values, limit: int) -> list[tuple[str, int]]:
    """Contacts by their whole name, number or mail domain."""
    if kind == PART:
        return [(value, pk) for value, pk in by_line(Contact, "name", values, limit)]
    if kind == PHONE:
        return by_line(Contact, "phone", values, limit)
    return by_column(Contact, "domain", values, limit) if kind == DOMAIN else []


def offered(customers, user) -> dict[int, dict]:
    """申请移交, where somebody else owns the customer; the request, where one waits already; 领取, where it lies in a pool
    of the person."""
    from ..handover import services
    from ..pools import access, kinds

    kind = kinds.get("customer")
    mine = {pool.pk for pool in access.pools_of(kind, user)} if user.has_function("customer.claim") else set()
    asked = services.waiting_of(user, [customer.pk for customer in customers])
    found = {}
    for customer in customers:
        if customer.pk in asked:
            url = f"{services.PAGE}{asked[customer.pk]}/"
            found[customer.pk] = {"label": "已申请", "url": url, "icon": "clock", "dialog": False}
        elif customer.pool_id in mine:
            url = f"/{kind.prefix}/{customer.pool_id}/bulk/claim/?ids={customer.pk}"
            found[customer.pk] = {"label": "领取", "url": url, "icon": "plus", "dialog": True}
        elif customer.owner_id not in (None, user.pk):
            url = services.address(customer, user)
            found[customer.pk] = {"label": "申请移交", "url": url, "icon": "transfer", "dialog": True}
    return found


register(
    Source(
        "customer",
        match_customers,
        reads={PHONE: ("phone", "contact.mobile", "contact.phone"), DOMAIN: ("website",)},
        phones=("phone",),
        label=lambda customer: "客户" if customer.owner_id else "公海",
        followed="last_followed_at",
        actions=offered,
        order=10,
    )
)
register(
    Source(
        "contact",
        match_contacts,
        reads={PHONE: ("mobile", "phone"), DOMAIN: ("email",)},
        phones=("mobile", "phone"),
        order=20,
    )
)
