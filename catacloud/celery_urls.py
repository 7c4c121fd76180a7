"""How Celery writes the address of a Redis server that listens on a socket."""


def celery_url(redis_url: str) -> str:
    """Celery's form of `unix://PATH?db=N`: `redis+socket://PATH?virtual_host=N`; else as is."""
    if not redis_url.startswith("unix://"):
        return redis_url
    return "redis+socket" + redis_url.removeprefix("unix").replace("?db=", "?virtual_host=")
