"""Which billing periods are due to be invoiced: each organisation has its own."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from django.db.models import Max, QuerySet

from billing.invoicing.charging.fees import Standing
from billing.invoicing.charging.standings import reading_standings, standings_of
from billing.invoicing.models import Invoice, Subscription
from billing.periods import ONE_DAY, Days, day_of
from billing.prepared import Slot, any_of, prepared
from billing.together import Reading, read, together
from catacloud.accounts.models import Organisation


@dataclass(frozen=True, slots=True)
class DuePeriod:
    organisation_id: UUID
    days: Days


def due_periods(*, now: datetime, grace: timedelta) -> list[DuePeriod]:
    """Return the periods that are over, with the time for late events, and not invoiced.

    Of who was invoiced before, all since then; of others, the last one. In four queries.
    """
    subscribed = Subscription.objects.order_by().values("organisation")
    zones = {one.pk: one.zone for one in Organisation.objects.filter(pk__in=subscribed)}
    standings, invoiced = standings_of(zones.keys()), read(_invoiced_until())
    found = []
    for owner in sorted(zones):
        today = day_of(now, zones[owner])
        for days in since(standings[owner], invoiced.get(owner), today):
            if days.ends_in(zones[owner]) + grace <= now:
                found.append(DuePeriod(owner, days))
    return found


def since(standing: Standing, invoiced_until: date | None, today: date) -> Iterator[Days]:
    """Return the periods that ended by ``today``, from the day on that is not invoiced. Pure.

    A change to other periods leaves a shorter one, up to the start of the first whole one.
    """
    first = invoiced_until or _last_period(standing, today)
    while first is not None and (days := period_from(standing, first)) and days.end <= today:
        if standing.on(days.last) and not _is_closed(standing, first):
            yield days
        first = days.end


def open_periods(organisation: Organisation, *, today: date) -> Reading[list[Days]]:
    """Read which periods an organisation's next invoices are for, as closing will have them.

    The last one has ``today`` in it. The one before comes first while it is over, but waits for
    late events; those before that, where closing has failed, are left out. None without a plan.
    """
    standings, invoiced = yield from together(
        reading_standings([organisation.pk]), _invoiced_until([organisation.pk])
    )
    standing, until = standings[organisation.pk], invoiced.get(organisation.pk)
    over = list(since(standing, until, today))[:1]
    first = over[-1].end if over else until or _running_from(standing, today)
    running = running_period(standing, first, today) if first else None
    return [*over, *([running] if running else [])]


def running_period(standing: Standing, first: date, today: date) -> Days | None:
    """Return the period with ``today`` in it, counted from a day on that is not invoiced. Pure."""
    days = period_from(standing, first)
    while days and days.end <= today:
        days = period_from(standing, days.end)
    return days if days and not _is_closed(standing, days.first) else None


def period_from(standing: Standing, first: date) -> Days | None:
    """Return the period that is to be invoiced from a day on; None while it is on no plan."""
    stay = standing.on(first) or (standing.stays[0] if standing.stays else None)
    if stay is None:
        return None
    return Days(first, stay.cycle.period_of(first).end)


def has_period(standing: Standing, days: Days) -> bool:
    """Say whether days are one of its own billing periods, or the rest of one. Pure."""
    stay = standing.on(days.last)
    if stay is None or _is_closed(standing, days.first):
        return False
    whole = stay.cycle.period_of(days.last)
    return whole.end == days.end and whole.first <= days.first


def _last_period(standing: Standing, today: date) -> date | None:
    stay = standing.on(today)
    if stay is None:
        return None
    running = stay.cycle.period_of(today)
    last = stay.cycle.period_of(running.first - ONE_DAY)
    return last.first if last.end > standing.stays[0].starts_on else None


def _running_from(standing: Standing, today: date) -> date | None:
    stay = standing.on(today) or (standing.stays[0] if standing.stays else None)
    return stay.cycle.period_of(today).first if stay else None


def _is_closed(standing: Standing, first: date) -> bool:
    """Say whether all days from one on are without end closed or paused."""
    return any(end is None and start <= first for start, end in standing.pauses)


def _invoiced_until(
    organisations: Collection[UUID] | None = None,
) -> Reading[Mapping[UUID, date]]:
    asked = _ends() if organisations is None else _their_ends(owners=list(organisations))
    [rows] = yield [asked]
    return dict(rows)


@prepared
def _ends() -> QuerySet[Invoice, tuple[UUID, date]]:
    return _last_ends(Invoice.objects.all())


@prepared
def _their_ends(owners: Slot) -> QuerySet[Invoice, tuple[UUID, date]]:
    return _last_ends(Invoice.objects.filter(organisation=any_of(owners)))


def _last_ends(invoices: QuerySet[Invoice]) -> QuerySet[Invoice, tuple[UUID, date]]:
    valid = invoices.filter(voided_at=None).order_by()
    return valid.values_list("organisation").annotate(Max("ends_on"))
