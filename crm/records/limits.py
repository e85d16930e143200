"""How often something happened in a stretch of time; kept in the cache, which all processes of a site share with Redis."""

from datetime import datetime

from django.core.cache import cache
from django.utils import timezone


def moment() -> datetime:
    """Now, as stretches of time are named after it."""
    return timezone.localtime()


def count(place: str, seconds: int) -> int:
    """Count one more use of `place`, which is forgotten after so many seconds; how many it makes. `place` names its stretch
    of time ("search:7:202611281405"), so that the next one starts at one."""
    key = f"limit:{place}"
    cache.add(key, 0, seconds)
    try:
        return cache.incr(key)
    except ValueError:  # it ended between the two calls
        return 1
