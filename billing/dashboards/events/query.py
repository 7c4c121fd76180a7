"""What an address asks of the list of events, and the events that it finds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta, tzinfo
from uuid import UUID

from django.utils.translation import gettext, gettext_noop

from billing.metering.inspecting import explaining, listing
from billing.metering.inspecting.explaining import Explained
from billing.metering.inspecting.listing import Place, Wanted
from billing.metering.models import Definition
from billing.periods import start_of

PER_PAGE = 50
CHUNK = 1000  # events that are read at once where some of them are passed over
# Then the page says so, and offers to look further back. To look at all organisations costs more,
# for each one's newest events have to be read to know the newest of all.
MOST_LOOKED_AT = 5_000
MOST_LOOKED_AT_OF_ALL = 2_000

ONE_HOUR, HOUR = timedelta(hours=1), "%Y-%m-%dT%H:%MZ"
STATES = {
    "counted": gettext_noop("Counted"),
    "not-counted": gettext_noop("Not counted"),
    "voided": gettext_noop("Voided or replaced"),
    "correction": gettext_noop("Corrections"),
}


class BadQuery(ValueError):
    """The address asks for what cannot be shown; the message says why, to a person."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The filters of the page, as they stand in its address."""

    service: str = ""
    type: str = ""
    state: str = ""
    source: str = ""
    id: str = ""
    first: str = ""
    last: str = ""
    hour: datetime | None = None  # when one starts, in place of days
    zone: tzinfo = UTC
    before: Place | None = None
    message: str = ""

    @property
    def is_filtered(self) -> bool:
        texts = (self.service, self.type, self.state, self.source, self.id, self.first, self.last)
        return any(texts) or self.hour is not None

    @property
    def hour_ends(self) -> datetime | None:
        return self.hour + ONE_HOUR if self.hour else None


@dataclass(frozen=True, slots=True)
class Found:
    """A page of events. ``older`` is where the next one begins, ``looked_back_to`` where it ended.

    The latter is set where the search was given up for now: there may be more before it.
    """

    events: Sequence[Explained]
    older: Place | None
    looked_back_to: datetime | None


def read_asked(query: Mapping[str, str], zone: tzinfo = UTC) -> Asked:
    """Return what an address asks for, of days in a zone; what it cannot mean is left out, with a
    message.
    """

    def text(name: str) -> str:
        return query.get(name, "").strip()[:500].replace("\0", "")

    asked = Asked(
        service=text("service"),
        type=text("type"),
        state=text("state") if text("state") in STATES else "",
        source=text("source"),
        id=text("id"),
        first=text("from"),
        last=text("to"),
        zone=zone,
    )
    try:
        if not (asked.first or asked.last):  # days that are chosen take the hour's place
            asked = replace(asked, hour=_hour(text("hour")))
        _span(asked)
        return replace(asked, before=read_place(query.get("before", "")))
    except BadQuery as bad:
        message = gettext("{why} All days are shown instead.").format(why=bad)
        return replace(asked, first="", last="", hour=None, message=message)


def find(asked: Asked, *, organisations: Sequence[UUID] | None) -> Found:
    """Return the newest events that are asked for."""
    since, until = _span(asked)
    wanted = Wanted(
        organisations=organisations,
        since=since,
        until=until,
        source=asked.source or None,
        id=asked.id or None,
    )
    if not (asked.service or asked.type or asked.state):
        rows = listing.read(wanted, limit=PER_PAGE + 1, before=asked.before)
        older = rows[PER_PAGE - 1].place if len(rows) > PER_PAGE else None
        return Found(explaining.explain(rows[:PER_PAGE]), older, None)
    return _search(asked, wanted)


def _search(asked: Asked, wanted: Wanted) -> Found:
    """Look through events in their order, for what only reading them tells."""
    types = _types(asked)
    found: list[Explained] = []
    before, looked_at = asked.before, 0
    most = MOST_LOOKED_AT_OF_ALL if wanted.organisations is None else MOST_LOOKED_AT
    while looked_at < most:
        rows = listing.read(wanted, limit=CHUNK, before=before)
        likely = [one for one in rows if types is None or one.event.type in types]
        found += [one for one in explaining.explain(likely) if _fits(one, asked)]
        if len(found) > PER_PAGE:
            return Found(found[:PER_PAGE], found[PER_PAGE - 1].stored.place, None)
        if len(rows) < CHUNK:
            return Found(found, None, None)
        before, looked_at = rows[-1].place, looked_at + len(rows)
    return Found(found, before, before.occurred_at if before else None)


def _types(asked: Asked) -> set[str] | None:
    """Return the types that events have to be of; None where any will do."""
    types: set[str] | None = None
    if asked.service:
        definitions = Definition.objects.filter(service__slug=asked.service)
        types = {one for many in definitions.values_list("event_types", flat=True) for one in many}
    if asked.type:
        types = {asked.type} if types is None else types & {asked.type}
    return types


def _fits(one: Explained, asked: Asked) -> bool:
    if asked.service and asked.state in ("counted", "not-counted") and one.voided is None:
        quantities = [f.quantity for f in one.findings if f.service == asked.service]
        return bool(quantities) and (quantities[0] is not None) == (asked.state == "counted")
    return not asked.state or one.state == asked.state


def _span(asked: Asked) -> tuple[datetime | None, datetime | None]:
    if asked.hour:
        return asked.hour, asked.hour_ends
    first, last = _day(asked.first), _day(asked.last)
    if first and last and last < first:
        raise BadQuery(gettext("The first day must not come after the last one."))
    return (
        start_of(first, asked.zone) if first else None,
        start_of(last + timedelta(days=1), asked.zone) if last else None,
    )


def _hour(text: str) -> datetime | None:
    """Read when an hour starts. Raises BadQuery."""
    if not text:
        return None
    try:
        hour = datetime.strptime(text, HOUR).replace(tzinfo=UTC)
    except ValueError as error:
        raise BadQuery(
            gettext("“{text}” is not an hour such as 2026-11-30T14:00Z.").format(text=text[:40])
        ) from error
    _day(f"{hour:%Y-%m-%d}")
    return hour


def _day(text: str) -> date | None:
    if not text:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError as error:
        raise BadQuery(
            gettext("“{text}” is not a date such as 2026-11-30.").format(text=text[:40])
        ) from error
    if not 2000 <= day.year <= 2999:
        raise BadQuery(gettext("There are no events of the year {year}.").format(year=day.year))
    return day


def read_place(text: str) -> Place | None:
    if not text:
        return None
    try:
        return Place.read(text)
    except ValueError as error:
        raise BadQuery(gettext("The address of this page is broken.")) from error
