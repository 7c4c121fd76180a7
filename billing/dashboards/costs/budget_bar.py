"""How far a budget is used up, as a bar of a thousand steps and its sentence's figures. Pure."""

from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal

from billing.budgets.rules import Bill
from billing.exact import ROUNDING, ZERO

WIDTH = 1000


@dataclass(frozen=True, slots=True)
class Bar:
    """``percent`` is rounded down, so that 100 is all of it; the rest are places on the bar."""

    percent: Decimal
    spent: int
    forecast: int
    limit: int
    marks: tuple[int, ...]  # of 50 and 80 %
    is_forecast_over: bool

    @property
    def state(self) -> str:
        if self.percent >= 100:
            return "over"
        return "warned" if self.is_forecast_over or self.percent >= 80 else "within"


def bar(bill: Bill, *, amount: Decimal) -> Bar:
    """Draw a bill against a budget of ``amount`` above zero, in the bill's currency."""
    forecast = bill.total if bill.forecast is None else bill.forecast
    longest = max(amount, bill.total, forecast)

    def place(value: Decimal) -> int:
        return int(_share(max(value, ZERO), of=longest, whole=WIDTH).to_integral_value())

    percent = _share(bill.total, of=amount, whole=100).to_integral_value(ROUND_DOWN)
    limit = place(amount)
    return Bar(
        percent=percent,
        spent=place(bill.total),
        forecast=place(forecast),
        limit=min(limit, WIDTH - 4),  # so that its mark is on the bar
        marks=(limit // 2, limit * 4 // 5),
        is_forecast_over=forecast > amount,
    )


def _share(value: Decimal, *, of: Decimal, whole: int) -> Decimal:
    return ROUNDING.divide(ROUNDING.multiply(value, whole), of)
