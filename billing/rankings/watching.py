"""Which rankings somebody looks at, so that workers renew them as soon as events are folded.

An open page asks every second. If only that rang, it would wait for half a second on average, and
then for the renewal as well.
"""

import json
from datetime import datetime

from billing.rankings.spans import Span
from catacloud.valkey import valkey

KEY = "rankings-watched"  # a sorted set: spans, by when they were asked for last
FOR = 3  # seconds: who looks asks every second


def note(span: Span, *, now: datetime) -> None:
    """Note that somebody looks. Raises RedisError."""
    valkey().zadd(KEY, {json.dumps(span.as_sent): now.timestamp()})


def spans(*, now: datetime) -> list[Span]:
    """Return what somebody looks at. Raises RedisError."""
    client = valkey()
    ago = now.timestamp() - FOR
    with client.pipeline(transaction=False) as pipe:
        pipe.zremrangebyscore(KEY, "-inf", ago)
        pipe.zrange(KEY, 0, -1)
        _, found = pipe.execute()
    return [Span.sent(**json.loads(one)) for one in found]
