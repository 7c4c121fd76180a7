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

from django.db import connection, transaction
from django.db.models import Exists, F, OuterRef, Sum, Window
from django.db.models.functions import Coalesce, RowNumber

from billing.exact import ZERO, exactly
from billing.invoicing.charging.fees import Standing, due
from billing.invoicing.charging.lines import Kind
from billing.invoicing.charging.rate import rate_as_if
from billing.invoicing.charging.standings import standings_of, stay_on
from billing.invoicing.models import Invoice, InvoiceLine
from billing.migrating.models import Move, PlanMigration
from billing.periods import Days
from billing.pricing.currencies import round_amount

TOGETHER = 500  # organisations in a part


@dataclass(slots=True)
class _Sum:
    periods: int = 0
    then: Decimal = ZERO
    new: Decimal = ZERO


def simulate(migration: PlanMigration, *, now: datetime) -> None:
    """Write to each move what its last closed periods came to, and would have come to."""
    begin(migration, now=now)
    while simulate_part(migration, now=now):
        pass


def begin(migration: PlanMigration, *, now: datetime) -> None:
    """Let a migration be simulated, from the beginning. Until it has been, nobody confirms it."""
    with transaction.atomic():
        begun = PlanMigration.objects.filter(
            pk=migration.pk, status=PlanMigration.Status.NAMED
        ).update(simulating_since=now, simulated_at=None)
        if begun:
            migration.moves.update(simulated_at=None)


def parts_left(migration: PlanMigration) -> int:
    """Return how many parts nobody has simulated yet; some of them workers may be at."""
    return -(-migration.moves.filter(simulated_at=None).count() // TOGETHER)


def simulate_part(migration: PlanMigration, *, now: datetime) -> int:
    """Simulate some whom no other worker has, and return how many they were; 0 if none is left.

    Whoever finds that all are done says so of the migration.
    """
    with transaction.atomic():
        free = migration.moves.select_for_update(of=["self"], skip_locked=True).filter(
            simulated_at=None, migration__simulating_since__isnull=False
        )
        moves = dict(free.order_by("pk").values_list("organisation_id", "pk")[:TOGETHER])
        if moves:
            found = _simulated(migration, list(moves), now)
            _write({move: found[owner] for owner, move in moves.items()}, now)
    left = Move.objects.filter(migration=OuterRef("pk"), simulated_at=None)
    PlanMigration.objects.filter(
        ~Exists(left), pk=migration.pk, simulating_since__isnull=False
    ).update(simulated_at=now, simulating_since=None)
    return len(moves)


def _write(found: Mapping[int, _Sum], now: datetime) -> None:
    rows = [(move, one.periods, one.then, one.new) for move, one in found.items()]
    with connection.cursor() as cursor:
        cursor.execute(WRITE, [now, *(list(column) for column in zip(*rows, strict=True))])


WRITE = """
UPDATE billing_move
SET simulated_at = %s, periods = found.periods, "then" = found.before, new = found.now
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
    charged = usage + asked.fee(currency)
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
