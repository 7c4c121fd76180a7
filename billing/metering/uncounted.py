"""How many of the newest events do not count: what an operator is to see without asking."""

import logging
from dataclasses import dataclass
from uuid import UUID

from django.core.cache import cache
from redis import RedisError

from billing.metering import explaining, listing
from billing.metering.listing import Wanted

logger = logging.getLogger(__name__)

LOOKED_AT = 1000  # events: as many as are read and explained while nobody notices
REMEMBERED = 60  # seconds


@dataclass(frozen=True, slots=True)
class Uncounted:
    count: int
    of: int  # of so many events that were looked at, the newest ones


def uncounted(organisation_id: UUID | None) -> Uncounted:
    """Look at an organisation's newest events, or at the last that came from any of them.

    At most once a minute: however many events there are, and however often a page is opened.
    """
    key = f"uncounted:{organisation_id}"
    try:
        known: Uncounted | None = cache.get(key)
        if known is None:
            known = _look(organisation_id)
            cache.set(key, known, REMEMBERED)
    except RedisError as error:
        logger.warning("Events are looked at anew, for Valkey is away: %s", error)
        return _look(organisation_id)
    return known


def _look(organisation_id: UUID | None) -> Uncounted:
    if organisation_id is None:
        events = listing.last_arrived(limit=LOOKED_AT)
    else:
        events = listing.read(Wanted(organisations=[organisation_id]), limit=LOOKED_AT)
    found = explaining.explain(events)
    return Uncounted(sum(one.state == "not-counted" for one in found), len(found))
