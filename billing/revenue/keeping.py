"""Keep what days brought in: of periods that go on, where usage changed, and of months before.

Workers do it in batches of organisations, each in a transaction of its own, so who is killed has
done all but one. What is not there yet, as after an update, is worked out month by month, the
newest first; ``RevenueUpkeep`` says how far that is, so it goes on there.
"""

import time
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from itertools import islice
from typing import NamedTuple
from uuid import UUID

from django.db import transaction

from billing.alone import alone, in_turn
from billing.metering.folding.seen import folded
from billing.periods import day_of, month_before, month_of
from billing.revenue import batches
from billing.revenue.batches import Wanted
from billing.revenue.changes import changed_since
from billing.revenue.models import DayRevenue, PeriodRevenue, RevenueUpkeep
from catacloud.accounts.models import Organisation

AT_A_TIME = 100  # organisations, so that memory stays flat, and others need not wait long
LOOKED_BACK = timedelta(days=397)  # so that the longest preset, twelve months, has its curve
AT_LEAST, TIMES = timedelta(seconds=60), 10  # what is stored goes on to cost, so it is never done
RENEWED_TIMES = 3  # while somebody looks at it
UNFOLDED = timedelta(minutes=5)  # what changed without an event, as a rebuild does, may wait

BATCH, KEPT = "revenue: a batch", "revenue: kept"


class Progress(NamedTuple):
    """How many months of organisations are worked out, of how many."""

    done: int
    total: int


Watch = Callable[[Progress], None]


def keep(*, now: datetime, seconds: float) -> None:
    """Do what is due, unless somebody is at it, and for some time what is not there yet."""
    with alone(KEPT) as is_alone:
        if is_alone:
            begin(now=now)
            renew(now=now, times=TIMES)  # nobody may be looking
            _go_on(now=now)
            fill(now=now, seconds=seconds)


def begin(*, now: datetime) -> RevenueUpkeep:
    """Return how far it is, of what is yet to begin as well."""
    found = RevenueUpkeep.objects.first()
    month = month_of(day_of(now)).first
    return found or RevenueUpkeep.objects.create(
        pk=1, as_of=now, renewed_at=now, month=month, seen=folded()
    )


def renew(*, now: datetime, times: int = RENEWED_TIMES) -> None:
    """Work out again where usage changed, unless it was less than ``times`` as long ago as the last
    time took.
    """
    state, started = RevenueUpkeep.objects.first(), time.monotonic()
    if state is None or now - state.renewed_at < state.renewal * times:
        return
    seen = folded()
    if seen == state.seen and now - state.renewed_at < UNFOLDED:
        return
    wanted = {
        owner: Wanted(max(month, state.since), is_anew=True)
        for owner, month in sorted(changed_since(state.seen).items())
    }
    left = iter(wanted.items())
    while some := dict(islice(left, AT_A_TIME)):
        _batch(some, state.since, now)
    state.seen, state.renewed_at = seen, now
    state.renewal = timedelta(seconds=time.monotonic() - started)
    state.save(update_fields=["seen", "renewed_at", "renewal"])


def _go_on(*, now: datetime) -> None:
    """Work out again what goes on, and what has ended since, where that is due."""
    state, started = RevenueUpkeep.objects.get(), time.monotonic()
    if state.known_from is None or now - state.as_of < max(AT_LEAST, state.took * TIMES):
        return
    wanted, some = Wanted(day_of(now), goes_on=True), _next(None)
    while some:
        _batch(dict.fromkeys(some, wanted), state.since, now)
        some = _next(some[-1])
    state.as_of, state.took = now, timedelta(seconds=time.monotonic() - started)
    state.save(update_fields=["as_of", "took"])


def fill(*, now: datetime, seconds: float, watch: Watch = lambda _: None) -> None:
    """Work out what is not there yet for some time. Several may be at it: each takes a batch."""
    started = time.monotonic()
    while _fill_some(now):
        watch(progress(now=now))
        if time.monotonic() - started > seconds:
            return


def progress(*, now: datetime) -> Progress:
    """Return how much of what there was to begin with is worked out."""
    state, organisations = begin(now=now), Organisation.objects.count()
    first = month_of(day_of(state.as_of))
    todo = _months(_last_month(now), first.first)
    if state.month is None:
        return Progress(todo * organisations, todo * organisations)
    done = _months(state.month, first.first) - 1
    some = Organisation.objects.filter(pk__lte=state.after).count() if state.after else 0
    return Progress(done * organisations + some, todo * organisations)


def _fill_some(now: datetime) -> bool:
    """Work out a month of the next organisations; say whether there was something to do."""
    with transaction.atomic():
        in_turn(BATCH)
        state = RevenueUpkeep.objects.get()
        if state.month is None:
            return False
        month, some = month_of(state.month), _next(state.after)
        if some:
            batches.work(
                dict.fromkeys(some, Wanted(month.first, month.end)), since=state.since, now=now
            )
            state.after = some[-1]
        else:
            before = month_before(month).first
            state.known_from, state.after = month.first, None
            state.month = before if before >= _last_month(now) else None
        state.save(update_fields=["known_from", "month", "after"])
        return True


def _next(after: UUID | None) -> list[UUID]:
    left = Organisation.objects.order_by("pk").values_list("pk", flat=True)
    return list((left.filter(pk__gt=after) if after else left)[:AT_A_TIME])


def _batch(wanted: Mapping[UUID, Wanted], since: date, now: datetime) -> None:
    with transaction.atomic():
        in_turn(BATCH)
        batches.work(wanted, since=since, now=now)


def _last_month(now: datetime) -> date:
    return month_of(day_of(now - LOOKED_BACK)).first


def _months(first: date, last: date) -> int:
    """Return how many months there are, both counted."""
    return (last.year - first.year) * 12 + last.month - first.month + 1


def forget() -> None:
    """Let all of it be worked out again."""
    with transaction.atomic():
        in_turn(BATCH)
        for model in (PeriodRevenue, DayRevenue, RevenueUpkeep):
            model.objects.all().delete()
