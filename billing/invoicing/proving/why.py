"""Why an invoice's line has its amount: the days, the hours and the events that it comes from.

They are read as they stand now. Events that came after the invoice are in them; what they change is
a correction on a later invoice, so both sums are told.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import msgspec
from django.conf import settings

from billing.exact import ZERO, exactly, in_units
from billing.invoicing.charging.parts import Part
from billing.invoicing.charging.rate import prices_of_invoice
from billing.invoicing.models import Invoice, InvoiceLine
from billing.metering.backlog import IN_BACKLOG
from billing.metering.folding.saga import FILES, stored_bytes
from billing.metering.inspecting import explaining, listing
from billing.metering.inspecting.listing import Filter, Wanted
from billing.metering.models import Service
from billing.metering.querying import query
from billing.metering.querying.asked import Query
from billing.metering.querying.windows import ONE_HOUR, Size
from billing.periods import ONE_DAY, start_of
from eventstore import events as codec
from eventstore.models import StoredEvent

ADDED = (Service.Aggregation.SUM, Service.Aggregation.COUNT, Service.Aggregation.LEVEL)
MOST_EVENTS = 500  # of an hour, on one page


@dataclass(frozen=True, slots=True)
class Span:
    """What was used in a day or an hour: ``figure`` as events say it, of a level its integral."""

    starts_at: datetime
    ends_at: datetime
    figure: Decimal
    unit_size: Decimal

    @property
    def quantity(self) -> Decimal:
        """What it is in the line's unit."""
        return in_units(self.figure, unit_size=self.unit_size)


@dataclass(frozen=True, slots=True)
class Counted:
    """An event that the line counts: ``quantity`` is what it says, in the service's own unit."""

    at: datetime
    source: str
    id: str
    type: str
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class Opened:
    """A line, and whose usage of which days it is for."""

    line: InvoiceLine
    period: Invoice  # whose days they are: another one's where the line corrects that
    part: Part | None  # None where the line is for no usage

    @property
    def service(self) -> Service | None:
        return self.part.service if self.part else None

    @property
    def adds_up(self) -> bool:
        """Whether the period comes to the sum of its days."""
        return self.service is not None and self.service.aggregation in ADDED

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.period.time_zone)


def open_line(invoice: Invoice, position: int) -> Opened:
    """Raises InvoiceLine.DoesNotExist."""
    line = invoice.lines.select_related("corrects__plan_version", "service").get(position=position)
    period = line.corrects or invoice
    return Opened(line, period, _part(period, line))


def days(opened: Opened, *, now: datetime) -> list[Span]:
    """Return what was used on each day of the period; days without usage are absent."""
    first = start_of(opened.period.starts_on, opened.zone)
    return _spans(opened, Size.DAY, first, start_of(opened.period.ends_on, opened.zone), now)


def hours(opened: Opened, day: date, *, now: datetime) -> list[Span]:
    """Return what was used in each hour of a day."""
    first = start_of(day, opened.zone)
    return _spans(opened, Size.HOUR, first, start_of(day + ONE_DAY, opened.zone), now)


def events(opened: Opened, hour: datetime) -> list[Counted]:
    """Return the events of an hour that the service counts, the oldest first."""
    if opened.part is None:
        return []
    found = [*_usage(opened, opened.part, hour)]
    if opened.part.service.slug == FILES and not opened.part.value:
        found += _of_files(opened, hour)
    return sorted(found, key=lambda one: (one.at, one.source, one.id))


def total(spans: list[Span]) -> Decimal:
    """Return what spans are together in the line's unit, divided once, as the invoice does."""
    with exactly():
        figure = sum((one.figure for one in spans), ZERO)
    return in_units(figure, unit_size=spans[0].unit_size) if spans else ZERO


def _part(period: Invoice, line: InvoiceLine) -> Part | None:
    """Return what a line is for, by the price that it was rated at."""
    if line.service is None:
        return None
    for price in prices_of_invoice(period):
        if (price.service.pk, price.part.value) == (line.service_id, line.value):
            return price.part
    return Part(line.service)


def _spans(opened: Opened, size: Size, first: datetime, end: datetime, now: datetime) -> list[Span]:
    if opened.part is None:
        return []
    question = Query(
        service=opened.part.service,
        owners=[opened.period.organisation_id],
        first=first,
        end=end,
        size=size,
        zone=opened.zone,
        filters=opened.part.filters,
    )
    unit_size = opened.part.service.unit_size
    return [
        Span(row.starts_at, row.ends_at, row.value, unit_size)
        for row in query.run(question, now=now)
    ]


def _usage(opened: Opened, part: Part, hour: datetime) -> Iterator[Counted]:
    wanted = Wanted(
        organisations=[opened.period.organisation_id],
        since=hour,
        until=hour + ONE_HOUR,
        filter=_priced_by(part),
    )
    for one in explaining.explain(listing.read(wanted, limit=MOST_EVENTS)):
        for finding in one.findings:
            counts = finding.service == part.service.slug and one.voided is None
            if counts and finding.quantity is not None:
                event = one.stored.event
                at = one.stored.place.occurred_at
                yield Counted(at, event.source, event.id, event.type, finding.quantity)


def _priced_by(part: Part) -> Filter:
    """Say which events a part prices: of those that its service counts, those of its value."""
    has_none = "" if part.value else "NOT"
    told = f"AND {has_none} EXISTS ({OF_VALUES})" if part.dimension else ""
    values = {
        "service": part.service.pk,
        "dimension": part.dimension,
        "values": [part.value] if part.value else list(part.others),
    }
    return Filter(f"EXISTS ({COUNTED_BY} {told})", values)


COUNTED_BY = f"""
SELECT FROM billing_counting AS counting
WHERE counting.service_id = %(service)s AND counting.event_type = event.data ->> 'type'
    AND event.occurred_at >= counting.starts_at AND event.occurred_at < counting.ends_at
    AND NOT {IN_BACKLOG}
"""
# As in the hours: a value that is not told apart is one of the others.
OF_VALUES = """
SELECT FROM billing_dimensionvalue AS known
WHERE known.organisation_id = event.tenant_id AND known.definition_id = counting.definition_id
    AND known.name = %(dimension)s AND known.value = ANY(%(values)s)
    AND known.value = billing_groups(event.data -> 'data', counting.dimensions) ->> %(dimension)s
"""


def _of_files(opened: Opened, hour: datetime) -> Iterator[Counted]:
    """Yield what uploads changed of what is stored: an event's own id names it."""
    stored = StoredEvent.objects.filter(
        tenant_id=opened.period.organisation_id,
        type__startswith="file.",
        occurred_at__gte=hour,
        occurred_at__lt=hour + ONE_HOUR,
    ).order_by("occurred_at", "position")
    for one in stored[:MOST_EVENTS]:
        data = msgspec.json.encode(one.data)
        event = codec.decode(name=one.type, version=one.schema_version, data=data)
        size = stored_bytes(event, unfinished=settings.METER_UNFINISHED_UPLOADS)
        if size:
            yield Counted(one.occurred_at, "uploads", str(one.event_id), one.type, Decimal(size))
