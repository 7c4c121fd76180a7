"""Which time zones there are: those of the IANA database."""

from functools import cache
from zoneinfo import available_timezones


@cache
def time_zones() -> frozenset[str]:
    """Return the names of all. ``localtime`` is none: that is whatever zone this host is set to."""
    return frozenset(available_timezones() - {"localtime"})
