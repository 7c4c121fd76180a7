"""A month of 2,000 accounts is closed by two closers, which are killed at random until it is done.

Then all is compared with a run on a copy of the same database that nobody disturbed, and each
invoice is made anew from its events, as ``verify_invoices --all`` does. SEED says who dies when.
"""

import os
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from random import Random
from typing import Any
from urllib.parse import urlsplit

from django.core.management import CommandError, call_command
from django.db import connection

from billing.invoicing.models import Invoice, InvoiceLine
from billing.invoicing.settling.after import Payment
from tests.benchmarks import databases
from tests.benchmarks.harness import Bar, Measure, Options, at_most
from tests.benchmarks.soak_closing import closers, platform

SEED = int(os.environ.get("SOAK_SEED", "20261128"))
ACCOUNTS, KILLS = 2_000, 40  # the least that a full run must have seen killed
SHOWN = 5  # of what is wrong
PLATFORM = f"{databases.TEMPLATE}_platform"

Rows = Mapping[object, Any]


def run(options: Options) -> Iterator[Measure]:
    accounts = max(100, round(ACCOUNTS * options.scale))
    kills = max(1, round(KILLS * options.scale))
    sys.stderr.write(f"Seed {SEED}: {accounts:,} accounts.\n")
    connection.close()  # a template must have no users
    with _at(databases.create(PLATFORM, template=databases.TEMPLATE)):
        platform.make(accounts)
    with databases.fresh("undisturbed", template=PLATFORM) as url, _at(url):
        closers.close_rest(Random(SEED))
        wanted = _closed()
    with databases.fresh("disturbed", template=PLATFORM) as url, _at(url):
        start = time.monotonic()
        killed = closers.close_amid_kills(Random(SEED))
        yield Measure("closed, amid all that", "accounts/s", accounts / (time.monotonic() - start))
        bars = [Bar(f"≥ {kills}", lambda measure: measure.ours >= kills)]
        yield Measure("closers killed", "", killed, bars=bars)
        yield _exactly("accounts with an invoice", Invoice.objects.count(), accounts)
        yield _none("numbers that are not the next", _gaps())
        yield _none("accounts that came out otherwise", _differing(wanted, _closed()))
        yield _none("findings of verify_invoices --all", _findings())


@contextmanager
def _at(url: str) -> Iterator[None]:
    """Let Django work on another database of the server."""
    connection.close()
    before = connection.settings_dict["NAME"]
    connection.settings_dict["NAME"] = urlsplit(url).path.removeprefix("/")
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict["NAME"] = before


def _closed() -> Rows:
    """Return all that closing wrote, by its organisation, but for numbers and keys."""
    found: dict[object, Any] = {}
    own = [one.attname for one in Invoice._meta.concrete_fields]
    kept = [name for name in own if name not in ("id", "number")]
    for row in Invoice.objects.values(*kept):
        found[row["organisation_id"]] = [row]
    lines = [one.attname for one in InvoiceLine._meta.concrete_fields]
    kept = [name for name in lines if name not in ("id", "invoice_id")]
    by_owner = InvoiceLine.objects.order_by("invoice", "position")
    for row in by_owner.values("invoice__organisation_id", *kept):
        found[row["invoice__organisation_id"]].append(row)
    for owner, amount, reference in Payment.objects.order_by("reference").values_list(
        "invoice__organisation_id", "amount", "reference"
    ):
        found[owner].append((amount, reference))
    return found


def _differing(wanted: Rows, found: Rows) -> list[object]:
    return [owner for owner in {*wanted, *found} if wanted.get(owner) != found.get(owner)]


def _gaps() -> list[str]:
    numbers = sorted(Invoice.objects.values_list("number", flat=True))
    series = (f"INV-{platform.NOW.year}-{n:05}" for n in range(1, len(numbers) + 1))
    pairs = zip(numbers, series, strict=True)
    return [f"{one} is not {other}" for one, other in pairs if one != other]


def _findings() -> list[str]:
    try:
        call_command("verify_invoices", all=True, here=True, stdout=sys.stderr)
    except CommandError as error:
        return [str(error)]
    return []


def _exactly(what: str, ours: int, wanted: int) -> Measure:
    return Measure(what, "", ours, bars=[Bar(f"= {wanted:,}", lambda m: m.ours == wanted)])


def _none(what: str, found: list[Any]) -> Measure:
    """Say how many there were, and show some."""
    for one in found[:SHOWN]:
        sys.stderr.write(f"{what}: {one}\n")
    return Measure(what, "", len(found), bars=[at_most(0)])
