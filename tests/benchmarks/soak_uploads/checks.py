"""What must be true after the soak, each as a line with its bar."""

import sys
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import connection

from billing.metering.folding import saga
from billing.metering.models import Service
from billing.metering.querying.usage import period_figures
from billing.periods import ONE_DAY, Days, microseconds
from eventstore import feed
from eventstore.check import findings
from tests.benchmarks.harness import Bar, Measure, at_most
from tests.benchmarks.soak_uploads.clients import Client
from tests.benchmarks.soak_uploads.ledger import Ledger
from tests.benchmarks.uploads.place import Place
from tests.uploads.tus.client import Tus
from uploads import collecting, quota
from uploads.models import Segment

SHOWN = 5  # of what is wrong, each kind
MB_HOUR = 10**6 * 3600 * 10**6  # in bytes × microseconds
GAPS = """
SELECT count(*) FROM (
    SELECT FROM eventstore_storedevent AS event
    JOIN eventstore_stream AS stream USING (tenant_id, stream_id)
    GROUP BY tenant_id, stream_id
    HAVING min(event.version) <> 1 OR max(event.version) <> count(*)
        OR max(event.version) <> max(stream.version)
) AS broken
"""


def run(where: Place, ledger: Ledger, *, killed: int, files: int) -> Iterator[Measure]:
    done = len(ledger.files) + ledger.counts["deleted"] + ledger.counts["abandoned"]
    yield Measure("workers killed", "workers", killed, bars=[_at_least(1)])
    yield _none("files not uploaded", [str(n) for n in range(files - done)])
    yield _none("errors that no retry cured", ledger.failures)
    yield _none("answers of 500 and more", ledger.broken)
    yield _none("failures in the server's log", where.log.split("Traceback (most recent")[1:])
    yield _none("done twice", ledger.twice)
    yield _none("files with other bytes", _other_bytes(where, ledger))
    _ask_for_all(where, ledger)
    yield _none("acknowledged bytes lost", ledger.lost)
    yield _none("streams with a gap", range(_count(GAPS)))
    yield _none("findings of eventstore_check", list(findings()))
    yield from _metered(where, ledger)
    yield from _collected(where, ledger)


def _other_bytes(where: Place, ledger: Ledger) -> list[str]:
    return [
        file.url
        for file in ledger.files
        if _client(where, ledger, file.url).content(file.url) != b"".join(file.content)
    ]


def _ask_for_all(where: Place, ledger: Ledger) -> None:
    """Let clients learn how much is kept of every upload, also of those that were cut."""
    time.sleep(2)  # until no request is on its way any more
    for url, kept in ledger.uploads.items():
        if not kept.gone:
            _client(where, ledger, url).offset(url)


def _client(where: Place, ledger: Ledger, url: str) -> Client:
    account = next(a for a in where.accounts if f"/files/{a.slug}/" in url)
    tus = Tus(where.server.port, account.slug, {"Authorization": f"Bearer {account.key}"})
    return Client(tus, ledger, "checks")


def _metered(where: Place, ledger: Ledger) -> Iterator[Measure]:
    """Compare what is metered with what clients know: bytes, and when they can have been kept."""
    for partition in feed.partitions():
        while saga.advance(partition=partition):
            pass
    now, storage = datetime.now(UTC), Service.objects.get(slug=saga.FILES)
    days = Days(now.date() - ONE_DAY, now.date() + ONE_DAY)
    owners = [account.organisation.id for account in where.accounts]
    figures = period_figures(days=days, now=now, organisations=owners)
    metered = sum(figure.figure for figure in figures if figure.service_id == storage.pk)
    least, most = ledger.area(now)
    yield Measure(
        "metered storage",
        "MB·h",
        float(metered / MB_HOUR),
        bars=[
            Bar(f"≥ {least / MB_HOUR:.4f} of the clients", lambda _: metered >= least),
            Bar(f"≤ {most / MB_HOUR:.4f}", lambda _: metered <= most),
            Bar("= the sum over the log", lambda _: metered == _area(where, now)),
        ],
    )
    known = ledger.kept_now()
    level = sum(figure.level for figure in figures if figure.service_id == storage.pk)
    yield _same("bytes metered, unfinished ones too", int(level), known)
    yield _same("bytes in the quota, unfinished ones too", _in_quota(where), known)


def _collected(where: Place, ledger: Ledger) -> Iterator[Measure]:
    """Let time move on until all that is unfinished expires, and look what is left."""
    later = datetime.now(UTC) + timedelta(hours=2 * settings.UPLOAD_EXPIRES_HOURS)
    collecting.collect(now=later)
    known = ledger.kept_in(ledger.files)
    yield _same("bytes metered after collection", _deltas(where, unfinished=True), known)
    yield _same("bytes of files metered then", _deltas(where, unfinished=False), known)
    yield _same("bytes in the quota then", _in_quota(where), known)
    blobs = {UUID(path.name): path.stat().st_size for path in where.blobs.glob("??/*")}
    segments = dict(Segment.objects.values_list("id", "size"))
    yield _none("blobs without a segment", list(blobs.keys() - segments.keys()))
    yield _none("segments without a blob", list(segments.keys() - blobs.keys()))
    yield _same("bytes on disk then", sum(blobs.values()), known)


def _deltas(where: Place, *, unfinished: bool) -> int:
    return sum(
        saga.stored_bytes(recorded.event, unfinished=unfinished)
        for account in where.accounts
        for recorded in feed.read_log(tenant_id=account.organisation.id)
    )


def _area(where: Place, now: datetime) -> int:
    """Add up what every event changes, from then up to now: bytes × microseconds."""
    return sum(
        saga.stored_bytes(event.event, unfinished=True) * microseconds(now - event.occurred_at)
        for account in where.accounts
        for event in feed.read_log(tenant_id=account.organisation.id)
    )


def _in_quota(where: Place) -> int:
    return sum(quota.kept(account.organisation) for account in where.accounts)


def _count(sql: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        (count,) = cursor.fetchone()
    return int(count)


def _same(what: str, ours: int, known: int) -> Measure:
    bar = Bar(f"= {known:,} of the clients", lambda _: ours == known)
    return Measure(what, "bytes", ours, bars=[bar])


def _none(what: str, found: Sequence[object]) -> Measure:
    """Say how many there were, and show some."""
    for one in found[:SHOWN]:
        sys.stderr.write(f"{what}: {one}\n")
    return Measure(what, "", len(found), bars=[at_most(0)])


def _at_least(least: int) -> Bar:
    return Bar(f"≥ {least}", lambda m: m.ours >= least)
