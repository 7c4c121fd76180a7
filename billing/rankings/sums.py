"""What all organisations owe together, by currency: added up while they are ranked. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from uuid import UUID

from billing.exact import ZERO, exactly, plain
from billing.invoicing.charging.rate import RatedPeriod

Rated = Mapping[UUID, RatedPeriod]
ByService = dict[str, dict[int, Decimal]]  # by currency and service


@dataclass(slots=True)
class Sums:
    organisations: int = 0
    unpriced: int = 0
    totals: dict[str, dict[str, Decimal]] = field(default_factory=dict)
    by_service: ByService = field(default_factory=dict)

    def add(self, count: int, *, now: Rated, compared: Rated, before: Rated) -> None:
        self.organisations += count
        self.unpriced += count - len(now)
        for name, rated in (("cost", now), ("compared", compared), ("before", before)):
            for bill in rated.values():
                of_currency = self.totals.setdefault(bill.currency, {})
                with exactly():
                    of_currency[name] = of_currency.get(name, ZERO) + bill.total
        add_by_service(self.by_service, now)

    def costs(self) -> list[dict[str, str]]:
        """Return a row for each currency, the largest first: currencies do not add up."""
        names = ("cost", "compared", "before")
        return [
            {"currency": code, **{name: plain(sums.get(name, ZERO)) for name in names}}
            for code, sums in sorted(
                self.totals.items(), key=lambda one: (-one[1].get("cost", ZERO), one[0])
            )
        ]


def add_by_service(sums: ByService, rated: Rated) -> None:
    with exactly():
        for bill in rated.values():
            of_currency = sums.setdefault(bill.currency, {})
            for line in bill.lines:
                amount = of_currency.get(line.service_id, ZERO)
                of_currency[line.service_id] = amount + line.amount
