"""Whether a page shows what there is by now: a tag of its figures that costs one small query.

A page that is open asks again and again with the tag that it has. It is a digest of the days that
the page shows, so it changes when a figure does, and within five minutes at the latest: what is
stored goes on to cost something while nothing happens.
"""

import hashlib
from datetime import datetime, timedelta

from django.db import connection
from django.http import HttpRequest, HttpResponse

from billing.periods import Days, slot_start
from catacloud.accounts.models import Organisation

RENEWED = timedelta(minutes=5)

# Of the days before, only a level is of interest, and that a change of one is noted by month.
TAG = """
SELECT count(*),
    coalesce(bit_xor(hash_record_extended((service_id, day, quantity, area, high), 0)), 0),
    (SELECT max(position) FROM billing_usagechange
     WHERE organisation_id = %(owner)s AND month < %(first)s)
FROM billing_dailyusage
WHERE organisation_id = %(owner)s AND day >= %(first)s AND day < %(end)s
"""


def tag_of(request: HttpRequest, organisation: Organisation, *, days: Days, now: datetime) -> str:
    """Return the tag of what an address shows of some days, as an ETag."""
    with connection.cursor() as cursor:
        cursor.execute(TAG, {"owner": organisation.pk, "first": days.first, "end": days.end})
        known = cursor.fetchone()
    stands = organisation.time_zone, organisation.stopped_until, organisation.warned_until
    said = [request.get_full_path(), slot_start(now, RENEWED), *stands, *known]
    return f'"{hashlib.sha256(repr(said).encode()).hexdigest()[:32]}"'


def is_known(request: HttpRequest, tag: str) -> bool:
    """Say whether who asks has it already; of no request but those of an open page."""
    return "HX-Request" in request.headers and request.headers.get("If-None-Match") == tag


def unchanged(tag: str) -> HttpResponse:
    return HttpResponse(status=304, headers={"ETag": tag})
