"""Whether a page shows what there is by now: a tag of its figures that costs one small query.

A page that is open asks again and again with the tag that it has. It is a digest of the days that
the page shows, so it changes when a figure does, and within five minutes at the latest: what is
stored goes on to cost something while nothing happens.
"""

import hashlib
from datetime import date, datetime, timedelta

from django.db.models import TextField
from django.http import HttpRequest, HttpResponse
from django.utils.translation import get_language

from billing.periods import ONE_DAY, Days, month_before, month_of, slot_start
from billing.together import Raw, Reading, read
from catacloud.accounts.models import Organisation

RENEWED = timedelta(minutes=5)

# Of the days before, only a level is of interest, and that a change of one is noted by month.
STAMP = """
SELECT concat_ws(':', count(*),
    coalesce(bit_xor(hash_record_extended((service_id, day, quantity, area, high), 0)), 0),
    (SELECT max(position) FROM billing_usagechange
     WHERE organisation_id = %(owner)s AND month < %(first)s))
FROM billing_dailyusage
WHERE organisation_id = %(owner)s AND day >= %(first)s AND day < %(end)s
"""

# Each service by itself, for that is how the index has the days.
PLATFORM_STAMP = """
SELECT concat_ws(':', count(*), coalesce(
    bit_xor(hash_record_extended((service_id, day, partition, quantity, area, high), 0)), 0))
FROM billing_platformusage
WHERE service_id = ANY(ARRAY(SELECT id FROM billing_service)) AND day >= %(first)s AND day < %(end)s
"""


def stamp_of(organisation: Organisation, days: Days) -> str:
    """Return what tells the figures of some days from those that were before or come after."""
    return read(reading_stamp(organisation, days))


def reading_stamp(organisation: Organisation, days: Days) -> Reading[str]:
    """Read what :func:`stamp_of` returns."""
    asked = {"owner": organisation.pk, "first": days.first, "end": days.end}
    [[(stamp,)]] = yield [Raw(STAMP, asked, [TextField()], is_planned_once=True)]
    return str(stamp)


def to_be_billed(today: date) -> Days:
    """Return the days that bills to come are of, as a rule: of the others, see RENEWED."""
    return Days(month_before(month_of(today)).first, today + ONE_DAY)


def tag_of(request: HttpRequest, organisation: Organisation, stamp: str, now: datetime) -> str:
    """Return the tag of what an address shows, as an ETag."""
    stands = organisation.time_zone, organisation.stopped_until, organisation.warned_until
    return tag(request, now, *stands, stamp)


def stamp_of_platform(days: Days) -> Raw:
    """Return what asks for the stamp of all organisations together, beside what a page reads."""
    asked = {"first": days.first, "end": days.end}
    return Raw(PLATFORM_STAMP, asked, [TextField()], is_planned_once=True)


def tag(request: HttpRequest, now: datetime, *stands: object) -> str:
    """Return the tag of a page that shows what stands so."""
    said = [request.get_full_path(), get_language(), slot_start(now, RENEWED), *stands]
    return f'"{hashlib.sha256(repr(said).encode()).hexdigest()[:32]}"'


def asks_again(request: HttpRequest) -> bool:
    """Say whether an open page asks, and not somebody who opens it."""
    return "HX-Request" in request.headers and "If-None-Match" in request.headers


def is_known(request: HttpRequest, tag: str) -> bool:
    """Say whether an open page that asks shows it already."""
    return asks_again(request) and request.headers["If-None-Match"] == tag


def unchanged(tag: str) -> HttpResponse:
    return HttpResponse(status=304, headers={"ETag": tag})
