"""Agreements for tests: with whom, and no more words than needed."""

from datetime import UTC, datetime

from billing.accounts.commands import Agreement
from catacloud.accounts.models import Organisation

NOW = datetime(2026, 12, 1, tzinfo=UTC)
PER_UNIT = {"model": "per_unit", "tiers": [{"unit_price": "0.5"}]}


def agreed(organisation: Organisation, *, reason: str = "agreed", now: datetime = NOW) -> Agreement:
    return Agreement(organisation, reason=reason, now=now, actor="1")
