"""The daily tables, read back, against integrals that are stepped through change by change."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from uuid import UUID

import pytest
from django.db import transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.metering.models import Service
from billing.metering.querying.totals import daily_totals
from billing.metering.querying.usage import daily_figures, period_figures
from billing.periods import DAY_MICROSECONDS, Days, microseconds, start_of
from catacloud.accounts.models import Organisation
from tests.factories import make_organisation, make_service, make_usage_row

pytestmark = pytest.mark.django_db

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
SPAN = 12  # days that changes fall into
Change = tuple[int, datetime, Decimal]  # whose, when, by how much

moments = st.integers(0, SPAN * DAY_MICROSECONDS - 1).map(
    lambda n: EPOCH + timedelta(microseconds=n)
)
# As fine and as large as the tables keep them, in whole bytes and in fractions.
amounts = st.integers(-(10**40), 10**40).map(lambda n: Decimal(f"{n}e-12")) | st.integers(
    -(10**18), 10**18
).map(Decimal)
changes = st.lists(st.tuples(st.integers(0, 1), moments, amounts), max_size=12)
spans = st.tuples(st.integers(-2, SPAN), st.integers(1, SPAN)).map(
    lambda span: Days(EPOCH.date() + timedelta(span[0]), EPOCH.date() + timedelta(sum(span)))
)
nows = st.integers(-1, SPAN + 2).flatmap(
    lambda day: st.integers(0, DAY_MICROSECONDS - 1).map(
        lambda n: EPOCH + timedelta(days=day, microseconds=n)
    )
)


def level_at(changes: Sequence[Change], moment: datetime) -> Fraction:
    return sum((Fraction(by) for _, at, by in changes if at < moment), Fraction(0))


def integral(changes: Sequence[Change], start: datetime, end: datetime) -> Fraction:
    """Step from change to change: level × microseconds."""
    steps = sorted({start, end, *(at for _, at, _ in changes if start < at < end)})
    return sum(
        (
            level_at(changes, upper) * microseconds(upper - lower)
            for lower, upper in pairwise(steps)
        ),
        Fraction(0),
    )


def record(organisation: Organisation, service: Service, changes: Sequence[Change]) -> None:
    days: dict[date, list[Change]] = defaultdict(list)
    for change in changes:
        days[change[1].date()].append(change)
    for day, of_day in days.items():
        quantity = sum((Fraction(by) for _, _, by in of_day), Fraction(0))
        day_end = start_of(day) + timedelta(days=1)
        area = sum((Fraction(by) * microseconds(day_end - at) for _, at, by in of_day), Fraction(0))
        make_usage_row(
            organisation=organisation,
            service=service,
            day=day,
            quantity=as_decimal(quantity),
            area=as_decimal(area),
        )


def as_decimal(number: Fraction) -> Decimal:
    return Decimal(f"{int(number * 10**12)}e-12")


@contextmanager
def rolled_back() -> Iterator[None]:
    """Each example starts from empty tables."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def recorded(changes: Sequence[Change], *, level: bool) -> tuple[Service, list[UUID]]:
    service = make_service(level=level)
    organisations = [make_organisation() for _ in range(2)]
    for index, organisation in enumerate(organisations):
        record(organisation, service, [change for change in changes if change[0] == index])
    return service, [organisation.pk for organisation in organisations]


def passed(changes: Sequence[Change], now: datetime) -> list[Change]:
    """A change that is still to come today is in the day's row, and the row is read as a whole."""
    return [change for change in changes if change[1] <= now]


class TestLevels:
    @settings(max_examples=60, deadline=None)
    @given(changes, spans, nows)
    def test_a_period_is_the_integral_up_to_now(
        self, changes: list[Change], days: Days, now: datetime
    ) -> None:
        changes = passed(changes, now)
        end = max(days.starts_at, min(days.ends_at, now))
        with rolled_back():
            _, organisations = recorded(changes, level=True)
            rows = period_figures(days=days, now=now)
        for index, organisation in enumerate(organisations):
            mine = [change for change in changes if change[0] == index]
            figures = [row for row in rows if row.organisation_id == organisation]
            assert len(figures) == any(change[1] < days.ends_at for change in mine)
            for row in figures:
                assert Fraction(row.figure) == integral(mine, days.starts_at, end)
                assert Fraction(row.level) == level_at(mine, days.ends_at)

    @settings(max_examples=60, deadline=None)
    @given(changes, spans, nows)
    def test_days_are_integrals_that_add_up_to_the_period(
        self, changes: list[Change], days: Days, now: datetime
    ) -> None:
        changes = passed(changes, now)
        with rolled_back():
            service, organisations = recorded(changes, level=True)
            rows = daily_figures(service=service, days=days, now=now, organisations=organisations)
            totals = daily_totals(services=[service], days=days, now=now).get(service.pk, [])
            periods = period_figures(days=days, now=now, organisations=organisations)
        for row in rows:
            mine = [change for change in changes if organisations[change[0]] == row.organisation_id]
            start = start_of(row.day)
            end = start + timedelta(days=1)
            assert Fraction(row.figure) == integral(mine, start, min(end, now))
            assert Fraction(row.level) == level_at(mine, end)
        for row in totals:
            parts = [other for other in rows if other.day == row.day]
            assert Fraction(row.figure) == sum(Fraction(part.figure) for part in parts)
            assert Fraction(row.level) == sum(Fraction(part.level) for part in parts)
        assert {row.day for row in totals} == {row.day for row in rows}
        for period in periods:
            own = [row for row in rows if row.organisation_id == period.organisation_id]
            assert Fraction(period.figure) == sum(Fraction(row.figure) for row in own)


class TestCounters:
    @settings(max_examples=40, deadline=None)
    @given(changes, spans, nows)
    def test_are_sums(self, changes: list[Change], days: Days, now: datetime) -> None:
        changes = passed(changes, now)
        with rolled_back():
            service, organisations = recorded(changes, level=False)
            rows = daily_figures(service=service, days=days, now=now, organisations=organisations)
            periods = period_figures(days=days, now=now)
        for row in rows:
            assert Fraction(row.figure) == sum(
                Fraction(by)
                for whose, at, by in changes
                if organisations[whose] == row.organisation_id and at.date() == row.day
            )
        for period in periods:
            assert Fraction(period.figure) == sum(
                Fraction(by)
                for whose, at, by in changes
                if organisations[whose] == period.organisation_id
                and days.starts_at <= at < days.ends_at
            )


class TestTheEdges:
    NOW = datetime(2026, 1, 3, 12, tzinfo=UTC)
    DAYS = Days(date(2026, 1, 1), date(2026, 2, 1))

    def test_days_to_come_have_not_counted_yet(self) -> None:
        organisation, service = make_organisation(), make_service(level=True)
        for day in (3, 5):
            at = datetime(2026, 1, day, tzinfo=UTC)
            record(organisation, service, [(0, at, Decimal(7))])

        [period] = period_figures(days=self.DAYS, now=self.NOW)
        rows = daily_figures(
            service=service, days=self.DAYS, now=self.NOW, organisations=[organisation.pk]
        )

        assert period.figure == 7 * DAY_MICROSECONDS // 2
        assert period.level == 7
        assert [(row.day.day, int(row.level)) for row in rows] == [(1, 0), (2, 0), (3, 7)]

    def test_the_days_are_those_of_utc_wherever_the_clock_is(self) -> None:
        organisation, service = make_organisation(), make_service(level=True)
        record(organisation, service, [(0, datetime(2026, 1, 1, tzinfo=UTC), Decimal(1))])

        east = datetime(2026, 1, 4, 1, tzinfo=timezone(timedelta(hours=13)))  # the 3rd, at noon

        rows = daily_figures(
            service=service, days=self.DAYS, now=east, organisations=[organisation.pk]
        )

        assert [row.day.day for row in rows] == [1, 2, 3]
        assert rows[-1].figure == DAY_MICROSECONDS // 2

    def test_other_organisations_are_left_out(self) -> None:
        service = make_service()
        mine, other = make_organisation(), make_organisation()
        for organisation in (mine, other):
            make_usage_row(
                organisation=organisation, service=service, day=date(2026, 1, 2), quantity=5
            )

        rows = period_figures(days=self.DAYS, now=self.NOW, organisations=[mine.pk])

        assert [row.organisation_id for row in rows] == [mine.pk]
        assert period_figures(days=self.DAYS, now=self.NOW, organisations=[]) == []
