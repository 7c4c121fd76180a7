"""A verification of many invoices, shared by workers: each notes in the cache how its own went.

The cache forgets, so what it holds is progress, not proof: whoever waits and misses an invoice
verifies it himself.
"""

from collections.abc import Iterable
from uuid import uuid4

from django.core.cache import cache

from billing.invoicing.models import Invoice

KEPT = 3600  # seconds
FINE = ""


def new() -> str:
    return uuid4().hex


def done(run: str, invoice: Invoice, difference: str | None) -> None:
    cache.set(_key(run, invoice.pk), difference or FINE, timeout=KEPT)


def results(run: str, invoices: Iterable[int]) -> dict[int, str]:
    """Return the first difference of those that are done; empty where there is none."""
    keys = {_key(run, pk): pk for pk in invoices}
    return {keys[key]: said for key, said in cache.get_many(list(keys)).items()}


def _key(run: str, invoice_id: int) -> str:
    return f"verify-invoice:{run}:{invoice_id}"
