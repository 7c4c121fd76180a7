"""Limit how many events per second a key may send: a leaky bucket, kept exactly by Valkey.

A request is taken as long as what its key sent before is not more than BURST ahead of the rate;
so a batch of any size passes once, and has to be waited for after.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from math import ceil

from django.conf import settings
from redis import Redis, RedisError
from redis.commands.core import Script

from catacloud.accounts.models import ApiKey
from catacloud.outages import Outage

logger = logging.getLogger(__name__)

BURST = 10.0  # seconds' worth of events
PATIENCE = 0.5  # seconds that a request waits for Valkey before it goes on without
valkey = Outage()

# Of each key it is stored when all that it sent will have been paid for, in microseconds.
TAKE = """
local now = redis.call('TIME')
now = now[1] * 1000000 + now[2]
local paid = math.max(tonumber(redis.call('GET', KEYS[1]) or '0'), now)
local taken = 0
if paid - now < tonumber(ARGV[2]) then
    taken = 1
    paid = paid + tonumber(ARGV[1])
    local last = math.ceil((paid - now) / 1000) + 1
    redis.call('SET', KEYS[1], string.format('%.0f', paid), 'PX', last)
end
return {taken, math.ceil(paid - now)}
"""


@dataclass(frozen=True, slots=True)
class Taken:
    """Whether a request may pass, and how far its key is ahead of its rate, in seconds."""

    passed: bool
    ahead: float
    per_second: int

    @property
    def headers(self) -> Mapping[str, str]:
        """What clients read: events at once, events left, and seconds until all are free."""
        headers = {
            "x-ratelimit-limit": str(int(BURST * self.per_second)),
            "x-ratelimit-remaining": str(max(0, int((BURST - self.ahead) * self.per_second))),
            "x-ratelimit-reset": str(ceil(self.ahead)),
        }
        if self.passed:
            return headers
        return {"Retry-After": str(max(1, ceil(self.ahead - BURST))), **headers}


def take(key: ApiKey, events: int) -> Taken | None:
    """Count events of a key, if they may pass. None where there is no limit, or none to be had."""
    per_second = settings.INGEST_EVENTS_PER_SECOND
    if per_second is None or valkey.spares():
        return None
    cost = events * 1_000_000 / per_second
    try:
        passed, ahead = _script(settings.REDIS_URL)(
            keys=[f"ingest-rate:{key.pk}"], args=[cost, BURST * 1_000_000]
        )
    except RedisError as error:
        valkey.failed()
        logger.warning("Events are taken without a limit, for Valkey is away: %s", error)
        return None
    valkey.answered()
    return Taken(passed=bool(passed), ahead=ahead / 1_000_000, per_second=per_second)


@cache
def _script(url: str) -> Script:
    client = Redis.from_url(url, socket_timeout=PATIENCE, socket_connect_timeout=PATIENCE)
    return client.register_script(TAKE)
