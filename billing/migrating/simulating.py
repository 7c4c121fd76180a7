"""Simulate a migration: what the last closed periods would have come to on the new version.

Both sides are before discounts, credit and tax, which a migration leaves as they are: usage, base
fee and commitment. Then is what was invoiced for the period, with later corrections; new is what
the recorded usage comes to on the new version. One pass for each distinct span of days.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db import connection
from django.db.models import F, Sum, Window
from django.db.models.functions import Coalesce, RowNumber

from billing.exact import ZERO, exactly
from billing.invoicing.besides import standings_of, stay_on
from billing.invoicing.fees import Standing, due
from billing.invoicing.lines import Kind
from billing.invoicing.models import Invoice, InvoiceLine
from billing.invoicing.rate import rate_as_if
from billing.migrating.models import PlanMigration
from billing.periods import Days
from billing.pricing.currencies import round_amount

BATCH = 1000


@dataclass(slots=True)
class _Sum:
    periods: int = 0
    then: Decimal = ZERO
    new: Decimal = ZERO


def simulate(migration: PlanMigration, *, now: datetime) -> None:
    """Write to each move what its last closed periods came to, and would have come to."""
    moves = dict(migration.moves.values_list("organisation_id", "pk"))
    owners = list(moves)
    for start in range(0, len(owners), BATCH):
        some = owners[start : start + BATCH]
        found = _simulated(migration, some, now)
        _write({moves[owner]: found[owner] for owner in some})
    PlanMigration.objects.filter(pk=migration.pk, status=PlanMigration.Status.NAMED).update(
        simulated_at=now
    )


def _write(found: Mapping[int, _Sum]) -> None:
    rows = [(move, one.periods, one.then, one.new) for move, one in found.items()]
    with connection.cursor() as cursor:
        cursor.execute(WRITE, [list(column) for column in zip(*rows, strict=True)])


WRITE = """
UPDATE billing_move SET periods = found.periods, "then" = found.before, new = found.now
FROM unnest(%s::bigint[], %s::smallint[], %s::numeric[], %s::numeric[])
    AS found (id, periods, before, now)
WHERE billing_move.id = found.id
"""


def _simulated(
    migration: PlanMigration, organisations: Sequence[UUID], now: datetime
) -> Mapping[UUID, _Sum]:
    sums: defaultdict[UUID, _Sum] = defaultdict(_Sum)
    closed = _closed_periods(organisations, migration.simulated_periods)
    then = _invoiced(organisations)
    standings = standings_of(organisations)
    for days, owners in closed.items():
        rated = rate_as_if(
            migration.to_version,
            days=days,
            now=now,
            organisations=owners,
            with_own_prices=migration.keeps_own_prices,
        )
        for owner in owners:
            one = sums[owner]
            standing = _moved(standings[owner], migration)
            with exactly():
                one.periods += 1
                one.then += then.get((owner, days), ZERO)
                one.new += _with_fees(rated[owner].total, standing, days, migration)
    return sums


def _moved(standing: Standing, migration: PlanMigration) -> Standing:
    """Return an organisation's standing as if it had been on the new version all along."""
    first = standing.stays[0].starts_on
    return replace(standing, stays=[stay_on(migration.to_version, first, subscribed_on=first)])


def _with_fees(usage: Decimal, standing: Standing, days: Days, migration: PlanMigration) -> Decimal:
    currency = migration.to_version.currency
    asked = due(standing, days, currency)
    charged = usage + round_amount(asked.fee, currency)
    return max(charged, round_amount(asked.commitment or ZERO, currency))


def _closed_periods(organisations: Sequence[UUID], count: int) -> Mapping[Days, list[UUID]]:
    """Return the last invoiced periods, and who has them."""
    newest = Window(RowNumber(), partition_by=F("organisation"), order_by=F("starts_on").desc())
    rows = (
        Invoice.objects.filter(organisation__in=organisations, voided_at=None)
        .annotate(place=newest)
        .filter(place__lte=count)
        .order_by("starts_on", "organisation")
        .values_list("organisation_id", "starts_on", "ends_on")
    )
    found: defaultdict[Days, list[UUID]] = defaultdict(list)
    for owner, first, end in rows:
        found[Days(first, end)].append(owner)
    return found


def _invoiced(organisations: Sequence[UUID]) -> Mapping[tuple[UUID, Days], Decimal]:
    """Return what was invoiced for each period: on its own invoice, in advance, and later."""
    lines = InvoiceLine.objects.filter(
        invoice__organisation__in=organisations,
        invoice__voided_at=None,
        kind__in=[Kind.USAGE, Kind.BASE_FEE, Kind.COMMITMENT, Kind.CORRECTION],
    ).order_by()
    lines = lines.exclude(kind=Kind.CORRECTION, source_id__isnull=False)  # of discounts
    first = Coalesce("covers_from", "corrects__starts_on", "invoice__starts_on")
    rows = (
        lines.annotate(first=first)
        .values_list("invoice__organisation", "first")
        .annotate(amount=Sum("amount"))
    )
    by_first = {(owner, day): amount for owner, day, amount in rows}
    ends = Invoice.objects.filter(organisation__in=organisations, voided_at=None).order_by()
    return {
        (owner, Days(day, end)): by_first.get((owner, day), ZERO)
        for owner, day, end in ends.values_list("organisation_id", "starts_on", "ends_on")
    }
