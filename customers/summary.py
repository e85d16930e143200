"""The summary beside a customer: what is next, how long nobody called, how complete the record is."""

from collections.abc import Callable

from django.utils import timezone

from crm.records import fieldset, formatting, modules

from .pools import kinds, rules

# What a seller should know of a customer; custom fields the company demands count as well.
WANTED = (
    "type",
    "level",
    "status",
    "industry",
    "source",
    "nature",
    "annual_turnover",
    "employees",
    "rating",
    "province",
    "city",
    "address",
    "phone",
    "website",
)

# Rows about money that modules above know of: rows(customer, user) -> [{"label", "text", "title"}].
MONEY: list[Callable] = []


def completeness(customer, fields) -> int | None:
    """Percent of the wanted fields that are filled, out of those the person may read; None where they may read none."""
    read = [key for key in WANTED if fields.readable(key)]
    read += [key for key, one in fields.custom.items() if one.required and fields.readable(key)]
    if not read:
        return None
    filled = sum(bool(customer.extra.get(key) if key in fields.custom else getattr(customer, key)) for key in read)
    return round(100 * filled / len(read))


def card(customer, user) -> list[dict]:
    """Side card 概况."""
    if customer.owner_id is None:
        return []
    fields, rows = fieldset.of(modules.get("customer"), user), []
    found = rules.deadline(kinds.get("customer"), customer, customer.owner)
    if found is not None:
        days = (found.day - timezone.localdate()).days
        words = f"还有 {days} 天（{formatting.day(found.day)}）" if days >= 0 else "今晚"
        rows.append({"label": "距公海回收", "text": words, "title": found.words, "hot": days <= 3})
    elif customer.locked and fields.readable("locked"):
        rows.append({"label": "距公海回收", "text": "已锁定，不回收", "title": "", "hot": False})
    if fields.readable("next_contact_at"):
        at = customer.next_contact_at
        late = at is not None and at < timezone.now()
        rows.append({"label": "下次联系", "text": formatting.near(at) if at else "", "title": "", "hot": late})
    if fields.readable("last_followed_at"):
        at = customer.last_followed_at
        text = f"{(timezone.localdate() - timezone.localdate(at)).days} 天" if at else "还没有跟进"
        rows.append({"label": "距上次跟进", "text": text, "title": "", "hot": False})
    rows += [row for money in MONEY for row in money(customer, user)]
    percent = completeness(customer, fields)
    return [{"title": "概况", "template": "customers/summary.html", "rows": rows, "percent": percent}]
