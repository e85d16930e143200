"""Looking for duplicates. Whoever looks learns of records out of their sight the fixed fields and nothing else."""

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from crm.records import fieldset, modules, search
from crm.records.fields import tidy

from ..models import Contact, Customer
from . import names, sources
from .sources import DOMAIN, NAME, PART, PHONE

AT_MOST = 10
LOOKED_AT = 60  # records of one source that are ranked
SAME, LIKE, WEAK, PARTLY = range(4)
WHY = {SAME: "名称相同", LIKE: "名称相近", WEAK: "可能", PARTLY: "名称包含"}


@dataclass(frozen=True)
class Query:
    """What was asked for: `value` is compared, `words` say what was understood; `refusal` says why nothing is looked for."""

    kind: str
    value: str
    text: str
    words: str = ""
    refusal: str = ""


@dataclass
class Hit:
    """A record as 查重 shows it, visible or not."""

    source: sources.Source
    record: object
    rank: int
    why: str
    visible: bool
    phone: str = ""
    action: dict | None = None

    @property
    def name(self) -> str:
        return modules.get(self.source.module).title_of(self.record)

    @property
    def label(self) -> str:
        return self.source.label(self.record)

    @property
    def owner(self) -> str:
        return self.record.owner.name if self.record.owner else ""

    @property
    def department(self) -> str:
        return self.record.owner.department_name if self.record.owner else ""

    @property
    def created_at(self) -> datetime:
        return self.record.created_at

    @property
    def followed_at(self) -> datetime | None:
        return getattr(self.record, self.source.followed) if self.source.followed else None

    @property
    def url(self) -> str:
        return modules.get(self.source.module).url(pk=self.record.pk) if self.visible else ""


def understand(text: str) -> Query:
    """What a person typed into the box: a number, a web or mail address, or a name."""
    text = tidy(text)[:200]
    plain = search.normal(text)
    if not plain:
        return Query("", "", text)
    if not plain.strip("0123456789+-()*#,;/"):
        value = names.number(plain)
        if not value:
            return Query(PHONE, "", text, refusal=f"电话请输入完整的号码，至少 {names.MIN_NUMBER} 位数字。")
        return Query(PHONE, value, text, f"按电话 {value} 查找，号码须完全一致")
    if whole := names.whole_domain(text):
        if not names.domain(text):
            return Query(DOMAIN, "", text, refusal=f"{whole} 是公共的邮箱或平台，不能用来查重，请输入企业自己的域名。")
        return Query(DOMAIN, whole, text, f"按域名 {whole} 查找网址和邮箱")
    value = names.stem(text)[: names.KEPT]
    if len(value) < 2:
        return Query(NAME, "", text, refusal="名称请至少输入 2 个字。")
    return Query(NAME, value, text, f"按名称“{value}”查找，不计空格、括号和有限公司、股份、集团等字样")


def find(query: Query, user) -> tuple[list[Hit], bool]:
    """At most AT_MOST records of every source, the likeliest first, and whether there are more. Numbers and domains must be
    the whole ones: parts would let people guess what they may not see."""
    found: list[Hit] = []
    for source in sources.ordered():
        if query.value and source.readable(query.kind, user):
            found += _of_source(source, query, user)
    found.sort(key=lambda hit: (hit.rank, hit.source.order, hit.record.pk))
    shown = found[:AT_MOST]
    dress(shown, user)
    return shown, len(found) > AT_MOST


def _of_source(source, query: Query, user) -> list[Hit]:
    if query.kind == NAME:
        pairs = source.match(NAME, [names.core(query.value)[: names.KEPT]], LOOKED_AT)
        pairs += source.match(PART, [query.value], LOOKED_AT)
    else:
        pairs = source.match(query.kind, [query.value], LOOKED_AT)
    return hits_of(source, [pk for _, pk in pairs], user, query)


def hits_of(source, ids, user, query: Query) -> list[Hit]:
    """The records of these ids as hits: two statements whatever their number."""
    ids = list(dict.fromkeys(ids))
    if not ids:
        return []
    records = list(source.model.objects.live().filter(pk__any=ids).select_related(*source.joins).order_by("pk"))
    seen = set(source.model.objects.allowed(user, "view").filter(pk__any=ids).values_list("pk", flat=True))
    module, found = modules.get(source.module), []
    for record in records:
        called = [getattr(record, key) for key in source.names] or [module.title_of(record)]
        rank = min(rank_of(query, name) for name in called if name) if query.kind == NAME else SAME
        why = WHY[rank] if query.kind == NAME else {PHONE: "电话相同", DOMAIN: "域名相同"}[query.kind]
        found.append(Hit(source, record, rank, why, record.pk in seen))
    return found


def rank_of(query: Query, name: str) -> int:
    """How much alike the names are; what differs by a province or city only is weak evidence."""
    if search.normal(name) == search.normal(query.text):
        return SAME
    value = names.stem(name)
    if value == names.stem(query.text):
        return LIKE
    return WEAK if names.core(name) == names.core(query.text) else PARTLY


def dress(hits: list[Hit], user) -> None:
    """The masked number and what may be done, for hits that are shown."""
    for source in {hit.source.module: hit.source for hit in hits}.values():
        mine = [hit for hit in hits if hit.source is source]
        fields = fieldset.of(modules.get(source.module), user)
        for hit in mine:
            for key in source.phones:
                if not hit.phone and (fields.readable(key) or fields.level(key) == fieldset.MASKED):
                    hit.phone = fieldset.mask(getattr(hit.record, key))
        hidden = [hit.record for hit in mine if not hit.visible]
        actions = source.actions(hidden, user) if hidden and source.actions else {}
        for hit in mine:
            hit.action = actions.get(hit.record.pk)


# The hints of forms, the rule on saving, the card of a customer --------------------------------------


def like(
    user, *, name: str = "", phones=(), exclude: int | None = None, weak: bool = False, module: str = "customer"
) -> list[Hit]:
    """Customers (or records of another source) with the same stem of the name (`weak`: but for a province or city) or one of
    the numbers, their own or a contact's; nobody is told of a match by a field they may not read."""
    source, found = sources.ALL[module], {}
    numbers = [value for phone in phones if (value := names.number(phone))]
    for query in [
        *(
            [Query(NAME, names.stem(name), name)]
            if name and names.name_stem(name) and source.readable(NAME, user)
            else []
        ),
        *(Query(PHONE, value, value) for value in numbers if source.readable(PHONE, user)),
    ]:
        values = [names.name_stem(name)] if query.kind == NAME else [query.value]
        ids = [pk for _, pk in source.match(query.kind, values, LOOKED_AT) if pk != exclude]
        for hit in hits_of(source, ids, user, query):
            if hit.rank <= (WEAK if weak else LIKE) and hit.record.pk not in found:
                found[hit.record.pk] = hit
    hits = sorted(found.values(), key=lambda hit: (hit.rank, hit.record.pk))[:AT_MOST]
    dress(hits, user)
    return hits


def hints(field: str, value: str, user, exclude: str = "") -> list[dict]:
    """Customers that look like what is being typed into the form of one."""
    return hints_of(field, value, user, exclude, names=("name",), phones=("phone", "contact_mobile"), own="customer")


def hints_of(
    field: str, value: str, user, exclude: str, *, names: tuple[str, ...], phones: tuple[str, ...], own: str
) -> list[dict]:
    """Likely duplicates of what is being typed into a form, at most ten: customers, then records of the form's own type
    (`own`, of which `exclude` is the one that is edited). `names` and `phones` = the fields that are looked at. What `user` may
    not see shows name, owner and department only."""
    from . import limits
    from .names import number

    skip = int(exclude) if exclude.isascii() and exclude.isdigit() and len(exclude) < 19 else None
    if field in names:
        asked = {"name": tidy(value), "weak": True}
    elif field in phones and number(value) and not limits.spend(user):
        # Numbers count like searches: whoever tries them one by one comes to an end.
        asked = {"phones": [value]}
    else:
        return []
    hits = [
        hit
        for module in dict.fromkeys(("customer", own))
        for hit in like(user, **asked, exclude=skip if module == own else None, module=module)
    ]
    return [plain(hit, value) for hit in hits[:AT_MOST]]


def plain(hit: Hit, typed: str) -> dict:
    """A hit as the box below a form field shows it."""
    owner = " · ".join(filter(None, [hit.owner or hit.label, hit.department]))
    return {
        "name": hit.name,
        "type": modules.get(hit.source.module).label,
        "owner": owner,
        "url": hit.url,
        "created": hit.created_at if hit.visible else None,
        "why": hit.why,
        "action": hit.action,
        "all_url": f"/duplicates/?{urlencode({'q': tidy(typed)[:100]})}",
    }


def related(customer: Customer, user) -> list[Hit]:
    """Other customers that share a number (their own or a contact's) or the domain of the website or a contact's mail."""
    source = sources.ALL["customer"]
    by_phone, by_domain = source.readable(PHONE, user), source.readable(DOMAIN, user)
    by_mail = by_domain and sources.ALL["contact"].readable(DOMAIN, user)
    people = list(
        Contact.objects.live().filter(customer=customer).values_list("mobile", "phone", "domain")[:200]
        if by_phone or by_mail
        else ()
    )
    numbers = [customer.phone, *(one for *pair, _ in people for one in pair)] if by_phone else []
    domains = [customer.domain if by_domain else None, *(domain for *_, domain in people if by_mail)]
    numbers = list(dict.fromkeys(value for value in map(names.number, numbers) if value))
    domains = list(dict.fromkeys(value for value in domains if value))
    why: dict[int, str] = {}
    if numbers:
        why |= dict.fromkeys((pk for _, pk in sources.customers_with_number(numbers, LOOKED_AT)), "电话相同")
    if domains:
        for _, pk in source.match(DOMAIN, domains, LOOKED_AT):
            why.setdefault(pk, "域名相同")
    why.pop(customer.pk, None)
    hits = hits_of(source, why, user, Query(PHONE, "", ""))
    for hit in hits:
        hit.why = why[hit.record.pk]
    return sorted(hits, key=lambda hit: (hit.why != "电话相同", not hit.visible, hit.record.pk))


def describe(hit: Hit) -> str:
    """How a sentence names a hit: by its name where it is visible, else by its owner alone."""
    if hit.visible:
        return f"：{hit.name}"
    return f"，负责人：{hit.owner}" if hit.owner else "，在公海中"
