"""What the tests of rules and public forms share."""

from datetime import datetime, time

from django.core.cache import cache
from django.utils import timezone

from crm.records.models import DictionaryItem
from customers.models import Pool
from leads.models import AssignmentRule, Lead, WebForm
from leads.rules import setting_services
from leads.services import create_lead
from leads.webforms import answering
from leads.webforms import services as webforms

MONDAY = timezone.make_aware(datetime(2027, 3, 1, 10, 0))


def item(code: str, label: str = ""):
    found = DictionaryItem.objects.filter(dictionary=code)
    return found.get(label=label) if label else found.first()


def pool() -> Pool:
    return Pool.objects.get(kind="lead", is_default=True)


def rule(*people, name="轮流", departments=(), **values) -> AssignmentRule:
    """A rule for these people; working all week unless told."""
    plain = {"name": name, "days": list(range(7)), **values}
    return setting_services.save_rule(AssignmentRule(), plain, people, departments, version=1, by=None)


def lead(name="线索", owner=None, **values) -> Lead:
    """A lead of somebody, or one that lies in the default pool."""
    if owner is not None:
        return create_lead(Lead(name=name, owner=owner, **values), by=owner)
    return Lead.objects.create(name=name, pool=pool(), pooled_at=timezone.now(), **values)


def web_form(*, asks=("contact_name", "mobile", "company", "description"), required=(), **values) -> WebForm:
    """A form that asks these fields."""
    watchers = values.pop("watchers", [])
    plain = {
        "name": "官网",
        "title": "预约演示",
        "asks": [{"key": key, "label": "", "required": key in required, "hint": ""} for key in asks],
        **values,
    }
    return webforms.save_form(WebForm(), plain, watchers, version=1, by=None)


def answers(form: WebForm, **values) -> dict:
    """What a browser sends a minute after the page was opened."""
    return {"opened": answering.stamp(form, aged=60), **values}


def send(client, form: WebForm, **values):
    """Post answers; the counters of earlier ones do not count."""
    cache.clear()
    return client.post(form.path, answers(form, **values))


def hours(opens: int, closes: int) -> dict:
    return {"opens": time(opens), "closes": time(closes)}
