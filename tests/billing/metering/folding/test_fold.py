"""The fold, by property: any order, any split, the same sums; and the integral that they mean."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal, localcontext
from fractions import Fraction
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from billing.exact import EXACT
from billing.metering.folding.fold import Cell, Change, Sums, by_day, by_month, fold, merge
from billing.periods import DAY_MICROSECONDS, microseconds, month_of, start_of

ORGANISATION = UUID(int=1)
START = datetime(2026, 1, 30, tzinfo=UTC)

quantities = st.decimals(
    min_value=-(10**24), max_value=10**24, places=6, allow_nan=False, allow_infinity=False
)
changes = st.builds(
    Change,
    organisation_id=st.sampled_from([ORGANISATION, UUID(int=2)]),
    service=st.just("storage"),
    quantity=quantities,
    at=st.integers(0, 5 * DAY_MICROSECONDS).map(lambda us: START + timedelta(microseconds=us)),
    of_level=st.just(True),
)


LEVELS = frozenset({"storage"})


def days_of(events):
    return by_day(fold(events), LEVELS)


@given(st.lists(changes), st.integers(0, 30), st.randoms())
def test_any_order_and_any_split_give_the_same_sums(events, cut, dice):
    shuffled = dice.sample(events, len(events))
    assert merge(fold(shuffled[:cut]), fold(shuffled[cut:])) == fold(events)


def integral(events, start, end):
    """Step through the changes in order and add up level × time, in fractions."""
    level, since, total = Fraction(0), datetime.min.replace(tzinfo=UTC), Fraction(0)
    for change in sorted(events, key=lambda change: change.at):
        until = min(max(change.at, start), end)
        total += level * microseconds(until - min(max(since, start), end))
        level, since = level + Fraction(change.quantity), change.at
    return total + level * microseconds(end - min(max(since, start), end))


@given(st.lists(changes.filter(lambda change: change.organisation_id == ORGANISATION)))
def test_a_level_at_the_days_start_and_its_sums_give_the_exact_integral_of_the_day(events):
    days = days_of(events)
    level = Fraction(0)
    for number in range(6):
        start = START + timedelta(days=number)
        sums = days.get(Cell(ORGANISATION, "storage", start.date()), Sums())
        expected = integral(events, start, start + timedelta(days=1))
        assert level * DAY_MICROSECONDS + Fraction(sums.area) == expected
        level += Fraction(sums.quantity)


@given(st.lists(changes.filter(lambda change: change.organisation_id == ORGANISATION), min_size=1))
def test_months_add_up_their_days_with_areas_to_the_months_end(events):
    months = by_month(days_of(events), LEVELS)[ORGANISATION]
    level = Fraction(0)
    for month in sorted(months, key=lambda month: month.first):
        sums = months[month]["storage"]
        so_far = level * microseconds(month.ends_at - month.starts_at) + Fraction(sums.area)
        assert so_far == integral(events, month.starts_at, month.ends_at)
        level += Fraction(sums.quantity)


def test_a_counter_has_no_area():
    used = Change(ORGANISATION, "execution-time", Decimal("1.5"), START, of_level=False)
    [sums] = fold([used, used]).values()
    assert sums == Sums(Decimal(3), Decimal(0), 2)


def test_a_change_belongs_to_the_day_in_utc():
    at = datetime.fromisoformat("2026-02-01T01:30:00+02:00")
    [cell] = days_of([Change(ORGANISATION, "storage", Decimal(1), at, of_level=True)])
    assert cell.day.isoformat() == "2026-01-31"


def test_the_largest_quantities_stay_exact():
    at = start_of(month_of(START.date()).first) + timedelta(microseconds=1)
    change = Change(ORGANISATION, "storage", Decimal(10) ** 24, at, of_level=True)
    [sums] = days_of([change]).values()
    with localcontext(EXACT):
        assert sums.area == Decimal(10) ** 24 * (DAY_MICROSECONDS - 1)
