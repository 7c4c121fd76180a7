"""What days cost of a billing period's bill: shares that add up to it, whatever is asked for."""

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from billing.invoicing.charging.day_costs import Part, cost_of, costs_per_day
from billing.invoicing.charging.lines import RatedLine
from billing.invoicing.charging.rated import RatedPeriod, Span, joined
from billing.periods import ONE_DAY, Days
from billing.pricing.currencies import round_amount
from billing.pricing.tiers import ONE, Step

OCTOBER = Days(date(2026, 10, 1), date(2026, 11, 1))
OVER = date(2026, 12, 1)
HOURS, SEATS = 1, 2  # hours add up over days, seats do not
Used = Mapping[date, int]


def line(service: int, amount: Decimal, value: str = "") -> RatedLine:
    working = (Step(Decimal(0), None, ONE, amount, amount),)
    return RatedLine(
        service, "", Decimal(7), "h", round_amount(amount, "EUR"), working, value=value
    )


def bill(*lines: RatedLine) -> RatedPeriod:
    return RatedPeriod("EUR", 1, sum((one.amount for one in lines), Decimal(0)), lines)


def before(used: Used) -> Callable[[int, Days, date], Decimal | None]:
    def used_before(service: int, span: Days, day: date) -> Decimal | None:
        if service == SEATS:
            return None
        return Decimal(sum(many for at, many in used.items() if span.first <= at < day))

    return used_before


days_of_october = st.integers(0, 30).map(lambda n: OCTOBER.first + timedelta(days=n))
spans = st.tuples(days_of_october, days_of_october).map(
    lambda two: Days(min(two), max(two) + ONE_DAY)
)
amounts = st.decimals(min_value=0, max_value=10**6, places=4)
used = st.dictionaries(days_of_october, st.integers(-2, 10**9), max_size=31)


@st.composite
def bills(draw: st.DrawFn) -> RatedPeriod:
    """Bills of October: of hours at two prices and of seats, perhaps divided."""

    def one() -> RatedPeriod:
        return bill(
            line(HOURS, draw(amounts)), line(HOURS, draw(amounts), "eu"), line(SEATS, draw(amounts))
        )

    cuts = sorted(draw(st.sets(days_of_october.filter(lambda day: day.day > 1), max_size=2)))
    if not cuts:
        return one()
    ends = [*cuts, OCTOBER.end]
    each = [
        Span(Days(first, end), one())
        for first, end in zip([OCTOBER.first, *cuts], ends, strict=True)
    ]
    return joined(each[-1].rated, each)


@given(bills(), used, spans, st.integers(1, 40))
def test_days_add_up_to_what_they_cost_together_and_those_of_a_period_to_its_bill(
    bill: RatedPeriod, used: Used, days: Days, passed: int
) -> None:
    until = OCTOBER.first + timedelta(days=passed)
    some, whole = (Part(OCTOBER, one, until) for one in (days, OCTOBER))
    cost, found = cost_of(some, bill, before(used)), costs_per_day(some, bill, before(used))
    of_all = costs_per_day(whole, bill, before(used))
    to_come = [span for span in bill.spans if span.days.first >= until]
    assert to_come or cost_of(whole, bill, before(used)) == bill
    for service in (HOURS, SEATS):
        own = [one.amount for one in cost.lines if one.service_id == service]
        assert sum(found[service].values()) == sum(own)
        billed = [one.amount for one in bill.lines if one.service_id == service]
        assert to_come or sum(of_all[service].values()) == sum(billed)
        assert found[service].items() <= of_all[service].items()  # whatever else is shown
        assert all(one == round(one, 2) for one in found[service].values())
    assert cost.total == sum(one.amount for one in cost.lines)


def costs(
    bill: RatedPeriod, used: Used, days: Days, *, until: date = OVER, of: int = HOURS
) -> dict[int, Decimal]:
    found = costs_per_day(Part(OCTOBER, days, until), bill, before(used))[of]
    return {day.day: cost for day, cost in found.items() if cost}


def test_a_day_costs_its_share_of_its_whole_period() -> None:
    october = bill(line(HOURS, Decimal(10)))
    used = {date(2026, 10, 2): 1, date(2026, 10, 30): 3}
    assert costs(october, used, OCTOBER) == {2: Decimal("2.50"), 30: Decimal("7.50")}
    assert costs(october, used, Days(date(2026, 10, 30), OCTOBER.end)) == {30: Decimal("7.50")}


def test_a_day_before_a_change_of_plan_costs_what_it_did_then() -> None:
    cut = date(2026, 10, 16)
    cheap, dear = bill(line(HOURS, Decimal(1))), bill(line(HOURS, Decimal(9)))
    each = [Span(Days(OCTOBER.first, cut), cheap), Span(Days(cut, OCTOBER.end), dear)]
    used = {date(2026, 10, 2): 5, date(2026, 10, 20): 5}
    assert costs(joined(dear, each), used, OCTOBER) == {2: 1, 20: 9}


def test_a_price_that_is_to_come_costs_nothing_yet() -> None:
    cut, until = date(2026, 10, 16), date(2026, 10, 3)
    each = [
        Span(Days(OCTOBER.first, cut), bill(line(HOURS, Decimal(1)))),
        Span(Days(cut, OCTOBER.end), bill(line(HOURS, Decimal(9)))),
    ]
    october = joined(each[-1].rated, each)
    assert costs(october, {date(2026, 10, 2): 1}, OCTOBER, until=until) == {2: 1}
    assert cost_of(Part(OCTOBER, OCTOBER, until), october, before({})).total == 1


def test_what_does_not_add_up_is_shared_by_the_days_so_far() -> None:
    october, until = bill(line(SEATS, Decimal(1))), date(2026, 10, 5)
    quarter = Decimal("0.25")
    assert costs(october, {}, OCTOBER, until=until, of=SEATS) == dict.fromkeys(range(1, 5), quarter)


def test_what_is_owed_though_nothing_was_used_is_shared_by_days() -> None:
    october = bill(line(HOURS, Decimal("0.31")))
    assert costs(october, {}, OCTOBER) == dict.fromkeys(range(1, 32), Decimal("0.01"))


def test_of_what_was_used_days_have_their_own() -> None:
    october = bill(line(HOURS, Decimal(10)), line(SEATS, Decimal(1)))
    used = {date(2026, 10, 2): 1, date(2026, 10, 30): 6}
    part = Part(OCTOBER, Days(OCTOBER.first, date(2026, 10, 9)), OVER)
    hours, seats = cost_of(part, october, before(used)).lines
    assert hours.quantity == Decimal(1)
    assert seats.quantity == Decimal(7)
