"""Which days organisations are ranked by, and which those are compared with. Pure."""

from dataclasses import dataclass
from datetime import date

from billing.dashboards.grains import MONTH, places_of
from billing.dashboards.ranges import Range
from billing.periods import ONE_DAY, Days, month_of


@dataclass(frozen=True, slots=True)
class Span:
    """Days, and as many whole ones of them as are compared with those from ``before`` on."""

    first: date
    end: date
    before: date
    compared_days: int

    @classmethod
    def of(cls, asked: Range) -> "Span":
        count = len(asked.compared) if asked.compared else 0
        return cls(asked.days.first, asked.days.end, asked.before.first, count)

    @property
    def key(self) -> str:
        """What it is called in the cache."""
        return f"{self.first}:{self.end}:{self.before}:{self.compared_days}"

    @classmethod
    def sent(cls, *, first: str, end: str, before: str, compared_days: int, **_: object) -> "Span":
        """Return the span that :attr:`as_sent` wrote."""
        read = date.fromisoformat
        return cls(read(first), read(end), read(before), compared_days)

    @property
    def as_sent(self) -> dict[str, str | int]:
        """What a task is sent: dates in ISO 8601."""
        return {
            "first": self.first.isoformat(),
            "end": self.end.isoformat(),
            "before": self.before.isoformat(),
            "compared_days": self.compared_days,
        }

    @property
    def days(self) -> Days:
        return Days(self.first, self.end)

    @property
    def months(self) -> list[Days]:
        """The months that have some of its days, or of those that it is compared with."""
        return [month_of(part.first) for part in places_of(Days(self.before, self.end), MONTH)]

    @property
    def parts(self) -> set[Days]:
        """The days of it, and of those that are compared, by the month that they are in."""
        each = [one for one in (self.days, self.compared, self.compared_with) if one]
        return {part for days in each for part in places_of(days, MONTH)}

    @property
    def compared(self) -> Days | None:
        return self._whole(self.first)

    @property
    def compared_with(self) -> Days | None:
        return self._whole(self.before)

    def _whole(self, first: date) -> Days | None:
        count = self.compared_days
        return Days(first, first + ONE_DAY * count) if count else None
