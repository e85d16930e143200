"""The cache on Redis shares its database with the queue."""

import pytest
import redis
from django.conf import settings
from django.core.cache import cache

from crm.caching import RedisCache


@pytest.mark.pg
def test_clearing_the_cache_leaves_the_queue_and_other_caches_alone():
    assert settings.REDIS_URL, "the suite on PostgreSQL runs with Redis: set REDIS_URL"
    client = redis.Redis.from_url(settings.REDIS_URL)
    other = RedisCache(settings.REDIS_URL, {"KEY_PREFIX": "kaihai-other"})
    client.set("a-waiting-job", "1", ex=60)
    other.set("kept", 1, 60)
    cache.set("gone", 1, 60)
    try:
        cache.clear()
        assert cache.get("gone") is None
        assert other.get("kept") == 1
        assert client.get("a-waiting-job") == b"1"
    finally:
        client.delete("a-waiting-job")
        other.delete("kept")
