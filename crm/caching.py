"""The cache on Redis, which the site shares with its queue (and parallel tests with each other)."""

from django.core.cache.backends.redis import RedisCache as DjangoRedisCache


class RedisCache(DjangoRedisCache):
    """Django's `clear` is FLUSHDB: it would take the waiting jobs and everybody else's keys along."""

    def clear(self) -> bool:
        """Drop this cache's own keys; the rest of the database stays."""
        client = self._cache.get_client(None, write=True)
        pipe = client.pipeline(transaction=False)
        for key in client.scan_iter(match=self.make_key("*").replace("[", "\\["), count=1000):
            pipe.delete(key)
        pipe.execute()
        return True
