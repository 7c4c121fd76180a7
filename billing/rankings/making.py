"""Rank all organisations over a span of days, and again those whose usage changed since then.

Rows are committed as they come, for a transaction that stays open would hold up the feed. Nobody
reads a ranking before it is whole.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import islice
from types import MappingProxyType

from django.db import transaction
from django.db.models import Q, QuerySet, Sum

from billing.dashboards.metrics import STORED
from billing.exact import ZERO
from billing.metering.folding.seen import folded
from billing.metering.querying import months
from billing.metering.usage_tables import PlatformUsage
from billing.rankings import changes, invoiced, sums
from billing.rankings.models import RankedOrganisation, Ranking
from billing.rankings.rows import AT_A_TIME, rows_of
from billing.rankings.spans import Span
from billing.rankings.used import OfAll, metered_services, read_together
from catacloud.accounts.models import Organisation

KEPT = 2  # rankings of a span: who reads the one before may go on
RENEWED = ("as_of", "renewal", "seen", "costs", "organisations", "unpriced")
FORGOTTEN_AFTER = timedelta(days=2)  # of days that nobody asks for any more


def make(span: Span, *, now: datetime) -> Ranking:
    """Rank all organisations as of ``now``, in place of what was made before."""
    started = time.monotonic()
    months.keep(span.months, now=now)
    ranking = Ranking.objects.create(
        first=span.first,
        end=span.end,
        before=span.before,
        compared_days=span.compared_days,
        as_of=now,
        made_at=now,
        seen=folded(),
        opening=_platform_opening(span),
    )
    read = read_together(span, now)
    for rows in _rows(ranking, Organisation.objects.all(), span, now, read):
        RankedOrganisation.objects.bulk_create(rows)
    final, due = invoiced.month_before(now)
    # What changed meanwhile is in the ranking before, and must not be gone again in this one.
    with _replaced(ranking, span, now):
        ranking.invoices_final, ranking.invoices_all = final, final + due
        ranking.took = timedelta(seconds=time.monotonic() - started)
        ranking.as_of = now + ranking.took
        ranking.save()
    _forget(span, now)
    return ranking


def renew(ranking: Ranking, span: Span, *, now: datetime) -> None:
    """Rank those again whose usage changed since, as of ``now``; all others are left as they are:
    what they store has gone on to add up, but no event of theirs is new.

    Where nothing at all is new the ranking stays as it is, and so do the pages that show it.
    """
    if ranking.seen == folded() and not changes.changed_since(ranking.seen, span):
        return
    started = time.monotonic()
    with _replaced(ranking, span, now):
        ranking.as_of, ranking.renewal = now, timedelta(seconds=time.monotonic() - started)
        ranking.save(update_fields=RENEWED)


@contextmanager
def _replaced(ranking: Ranking, span: Span, now: datetime) -> Iterator[None]:
    """Write anew whose usage changed, together with what is written inside."""
    seen = folded()
    changed = changes.changed_since(ranking.seen, span)
    whose = Organisation.objects.filter(pk__in=changed)
    rows = [row for some in _rows(ranking, whose, span, now) for row in some]
    with transaction.atomic():
        RankedOrganisation.objects.filter(ranking=ranking, organisation__in=changed).delete()
        RankedOrganisation.objects.bulk_create(rows)
        ranking.seen = dict(seen)
        sums.add_up(ranking)
        yield


def _rows(
    ranking: Ranking,
    organisations: QuerySet[Organisation],
    span: Span,
    now: datetime,
    read: OfAll = MappingProxyType({}),
) -> Iterator[Sequence[RankedOrganisation]]:
    services = metered_services()
    found = organisations.order_by("pk").iterator(chunk_size=2000)
    while some := list(islice(found, AT_A_TIME)):
        yield rows_of(
            some, ranking=ranking, services=services, span=span, now=now, read_before=read
        )


def _platform_opening(span: Span) -> Decimal:
    before = Q(service__slug=STORED.service, day__lt=span.before)
    found = PlatformUsage.objects.filter(before).aggregate(level=Sum("quantity"))
    return found["level"] or ZERO


def _forget(span: Span, now: datetime) -> None:
    """Delete what nobody reads any more: rows first, for there are many."""
    of_span = Ranking.objects.filter(
        first=span.first, end=span.end, before=span.before, compared_days=span.compared_days
    )
    kept = list(of_span.order_by("-pk").values_list("pk", flat=True)[:KEPT])
    old = of_span.exclude(pk__in=kept) | Ranking.objects.filter(as_of__lt=now - FORGOTTEN_AFTER)
    gone = list(old.values_list("pk", flat=True))
    RankedOrganisation.objects.filter(ranking__in=gone).delete()
    Ranking.objects.filter(pk__in=gone).delete()
