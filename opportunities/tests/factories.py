"""Opportunities for tests: plain functions."""

from crm.records import services as records
from crm.records.models import DictionaryItem
from customers.models import Contact, Customer
from opportunities import pipelines
from opportunities import setting_services as settings
from opportunities.models import Opportunity, Stage
from opportunities.services import create_opportunity

STAGE = {"probability": 40, "required": [], "checklist": [], "max_days": None, "remind_days": None}


def customer(owner, name: str = "") -> Customer:
    return records.create(Customer(name=name or f"{owner.name}的公司", owner=owner), by=owner)


def contact(at: Customer, name: str = "许一诺", **more) -> Contact:
    return records.create(Contact(name=name, customer=at, owner=at.owner, **more), by=at.owner)


def stage(name: str = "初步接洽") -> Stage:
    """A stage of the default pipeline."""
    return Stage.objects.select_related("pipeline").get(pipeline__is_default=True, name=name)


def set_stage(one: Stage, **new) -> Stage:
    """Change a stage the way the settings page does."""
    keep = {key: getattr(one, key) for key in settings.STAGE_FIELDS}
    return settings.update_stage(one, {**keep, **new}, by=None)


def set_pipeline(**new) -> None:
    """Change the default pipeline the way the settings page does."""
    one = pipelines.default()
    keep = {key: getattr(one, key) for key in settings.PIPELINE_FIELDS}
    values = {**keep, "departments": one.departments.all(), **new}
    settings.update_pipeline(one, values, version=one.version, by=None)


def opportunity(owner, at: Customer | None = None, name: str = "数据中台一期", **more) -> Opportunity:
    first = more.pop("stage", None) or stage()
    at = at or Customer.objects.filter(owner=owner).first() or customer(owner)
    made = Opportunity(name=name, customer=at, owner=owner, pipeline=first.pipeline, stage=first, **more)
    return create_opportunity(made, by=owner)


def reason(label: str = "价格过高") -> DictionaryItem:
    return DictionaryItem.objects.get(dictionary="opportunity.close_reason", label=label)
