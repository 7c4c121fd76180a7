"""Daily usage as rows for export: few organisations at a time, so that memory stays flat."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from itertools import islice

from django.db.models import QuerySet

from billing.exact import in_units
from billing.metering.models import Service
from billing.metering.querying.daily import DayFigure
from billing.metering.querying.usage import daily_figures
from billing.periods import Days
from catacloud.accounts.models import Organisation

AT_A_TIME = 20  # organisations; each has a row for every day and service


@dataclass(frozen=True, slots=True)
class DailyRow:
    """What one organisation used of one service on one day of its time zone.

    Quantities have twelve places, as invoices price them. ``level`` is where a level stood at the
    day's end, in ``level_unit``; None and empty for other services.
    """

    organisation: str  # its slug
    name: str
    time_zone: str
    day: date
    service: str  # its slug
    quantity: Decimal
    unit: str
    level: Decimal | None
    level_unit: str


def daily_rows(
    organisations: QuerySet[Organisation], *, days: Days, now: datetime
) -> Iterator[DailyRow]:
    """Yield the rows of days with usage, or with a level, by organisation, service and day."""
    services = list(Service.objects.order_by("slug"))
    found = organisations.order_by("slug").iterator(chunk_size=2000)
    while some := list(islice(found, AT_A_TIME)):
        yield from _rows(some, services, days, now)


def _rows(
    organisations: Sequence[Organisation], services: Sequence[Service], days: Days, now: datetime
) -> Iterator[DailyRow]:
    ids = [one.pk for one in organisations]
    figures: dict[object, list[tuple[Service, DayFigure]]] = {pk: [] for pk in ids}
    for service in services:
        for figure in daily_figures(service=service, days=days, now=now, organisations=ids):
            if figure.figure or (figure.level and service.level_unit_size):
                figures[figure.organisation_id].append((service, figure))
    for organisation in organisations:
        for service, figure in figures[organisation.pk]:
            yield _row(organisation, service, figure)


def _row(organisation: Organisation, service: Service, figure: DayFigure) -> DailyRow:
    size = service.level_unit_size
    return DailyRow(
        organisation=organisation.slug,
        name=organisation.name,
        time_zone=organisation.time_zone,
        day=figure.day,
        service=service.slug,
        quantity=in_units(figure.figure, unit_size=service.unit_size),
        unit=service.unit,
        level=in_units(figure.level, unit_size=size) if size else None,
        level_unit=service.level_unit,
    )
