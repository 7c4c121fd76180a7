"""Rate what organisations used over days by the plan versions that they are on."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from billing.periods import Days


@dataclass(frozen=True, slots=True)
class RatedLine:
    service_id: int
    quantity: Decimal
    unit: str
    amount: Decimal
    working: Sequence[dict[str, str | None]]


@dataclass(frozen=True, slots=True)
class RatedPeriod:
    currency: str
    total: Decimal
    lines: tuple[RatedLine, ...]


def rate_organisations(
    *, days: Days, now: datetime, organisations: Sequence[UUID] | None = None
) -> dict[UUID, RatedPeriod]:
    """Return what each organisation with a subscription owes; nothing until rating is here."""
    return {}
