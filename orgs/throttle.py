"""How often one address may ask for a page that needs no sign-in."""

from django.core.cache import cache

from .signals import client_address


def too_many(request, page: str, *, per_minute: int) -> bool:
    """Count one call of `page` from this address; whether it is one too many in this minute."""
    key = f"{page}:{client_address(request)}"
    cache.add(key, 0, 60)
    try:
        return cache.incr(key) > per_minute
    except ValueError:  # it ended between the two calls
        return False
