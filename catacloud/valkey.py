"""The client of Valkey, for what Django's cache has no words for: one in each process."""

from functools import cache

from django.conf import settings
from redis import Redis


def valkey() -> Redis:
    """Return it. What it is asked for raises RedisError when Valkey is away for half a second."""
    return _client(settings.REDIS_URL)


@cache
def _client(url: str) -> Redis:
    return Redis.from_url(url, **settings.REDIS_PATIENCE)
