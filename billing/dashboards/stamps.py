"""What tells figures, and events, from those that were before: a stamp that costs a small query.

It is a digest of the days that a page shows, so it changes when a figure does: see catacloud/live.
"""

from datetime import date

from django.db.models import BigIntegerField, TextField

from billing.metering.events import STREAM_TYPE
from billing.periods import ONE_DAY, Days, month_before, month_of
from billing.together import Raw, Reading, read
from catacloud.accounts.models import Organisation

OWN_DAYS = """
SELECT service_id, day, quantity, area, high FROM billing_dailyusage
WHERE organisation_id = %(owner)s AND day >= %(first)s AND day < %(end)s
"""
# Of the days before, only a level is of interest, and that a change of one is noted by month.
OF_OWN = """
SELECT concat_ws(':', count(*),
    coalesce(bit_xor(hash_record_extended((service_id, day, quantity, area, high), 0)), 0),
    (SELECT max(position) FROM billing_usagechange
     WHERE organisation_id = %(owner)s AND month < %(first)s))
FROM own
"""
STAMP = f"WITH own AS ({OWN_DAYS}) {OF_OWN}"

# Events are told by the heads of their streams, one for each source; what counts, by definitions.
# How many do not is known a moment later. Of all organisations together, it comes with more events.
EVENTS = """
SELECT (SELECT sum(version) FROM eventstore_stream WHERE tenant_id = %(owner)s AND type = %(type)s),
    (SELECT max(id) FROM billing_definition),
    (SELECT sum(event_count)::bigint FROM billing_uncountedday WHERE organisation_id = %(owner)s)
"""
ALL_EVENTS = """
SELECT (SELECT max(position) FROM eventstore_storedevent), (SELECT max(id) FROM billing_definition),
    0
"""


def stamp_of(organisation: Organisation, days: Days) -> str:
    """Return the stamp of an organisation's days."""
    return read(reading_stamp(organisation, days))


def reading_stamp(organisation: Organisation, days: Days) -> Reading[str]:
    """Read what :func:`stamp_of` returns."""
    asked = {"owner": organisation.pk, "first": days.first, "end": days.end}
    [[(stamp,)]] = yield [Raw(STAMP, asked, [TextField()], is_planned_once=True)]
    return str(stamp)


def stamp_of_events(organisation: Organisation | None) -> str:
    """Return the stamp of an organisation's events, or of all."""
    return read(_reading_events(organisation))


def _reading_events(organisation: Organisation | None) -> Reading[str]:
    asked = {"owner": organisation.pk, "type": STREAM_TYPE} if organisation else {}
    sql, numbers = EVENTS if organisation else ALL_EVENTS, [BigIntegerField() for _ in range(3)]
    [[found]] = yield [Raw(sql, asked, numbers, is_planned_once=True)]
    return repr([int(one or 0) for one in found])


def to_be_billed(today: date) -> Days:
    """Return the days that bills to come are of, as a rule: others show when a tag is renewed."""
    return Days(month_before(month_of(today)).first, today + ONE_DAY)
