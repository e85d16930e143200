import pytest
from django.core.cache import cache


@pytest.fixture(autouse=True)
def empty_cache():
    """A server found away in one test is not away in the next."""
    cache.clear()
    yield
    cache.clear()
