"""Attribute values of records as JSON and back, exactly: times keep their microseconds, amounts their decimals."""

from datetime import date, datetime
from decimal import Decimal

from django.db import models


def _field(model, name: str) -> models.Field:
    """The field an attribute (owner_id) or a name (owner) belongs to."""
    return next(one for one in model._meta.concrete_fields if name in (one.name, one.attname))


def pack(value):
    """A value as JSON: related rows by their key."""
    if isinstance(value, models.Model):
        return value.pk
    if isinstance(value, datetime | date):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal) else value


def unpack(model, name: str, stored):
    """The value of an attribute of `model` out of its packed form."""
    field = _field(model, name)
    return (field.target_field if field.is_relation else field).to_python(stored)


def attribute(model, name: str) -> str:
    """The attribute that holds the stored value of a field: owner -> owner_id."""
    return _field(model, name).attname
