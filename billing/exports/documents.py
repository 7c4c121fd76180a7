"""Invoices, credit notes and the bills to come of organisations, as what FOCUS rows are made of."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from itertools import islice
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import Prefetch, QuerySet

from billing.exact import ZERO
from billing.exports.focus import Charge, Document, Taxed, next_period
from billing.invoicing.charging.lines import Kind
from billing.invoicing.closing.draft_lines import DraftLine
from billing.invoicing.closing.drafting import Draft, drafts_of
from billing.invoicing.closing.due import open_periods
from billing.invoicing.models import Invoice, InvoiceLine
from billing.invoicing.settling.after import CreditNote, CreditNoteLine
from billing.invoicing.tax import tax_rows
from billing.metering.models import Service
from billing.periods import Days, day_of
from billing.together import read, together
from catacloud.accounts.models import Organisation

AT_A_TIME = 200  # invoices
AT_ONCE = 50  # organisations whose bills to come are made together
NAMELESS = "Catacloud"  # a seller whose details nobody has filled in


def documents(
    organisations: QuerySet[Organisation], *, days: Days, now: datetime
) -> Iterator[Document]:
    """Yield the documents of billing periods that start on some days, by organisation.

    Each invoice comes before its credit notes, and last what is not invoiced yet.
    """
    found = organisations.order_by("slug").iterator(chunk_size=2000)
    while some := list(islice(found, AT_ONCE)):
        drafts = _drafts(some, days, now)
        slugs = dict(Service.objects.values_list("pk", "slug"))
        for organisation in some:
            yield from _issued(organisation, days)
            for draft in drafts.get(organisation.pk, []):
                yield _drafted(draft, slugs)


def _issued(organisation: Organisation, days: Days) -> Iterator[Document]:
    of_line = ("invoice_line__service", "invoice_line__corrects")
    credited = CreditNoteLine.objects.select_related(*of_line)
    lines = InvoiceLine.objects.select_related("service", "corrects").order_by("position")
    found = (
        Invoice.objects.filter(
            organisation=organisation, starts_on__gte=days.first, starts_on__lt=days.end
        )
        .prefetch_related(
            Prefetch("lines", lines), "credit_notes", Prefetch("credit_notes__lines", credited)
        )
        .order_by("starts_on", "issued_at", "pk")
    )
    for invoice in found.iterator(chunk_size=AT_A_TIME):
        yield _invoiced(organisation, invoice)
        notes = sorted(invoice.credit_notes.all(), key=lambda note: (note.issued_at, note.pk))
        yield from (_credited(organisation, invoice, note) for note in notes)


def _drafts(
    organisations: Sequence[Organisation], days: Days, now: datetime
) -> dict[UUID, list[Draft]]:
    """Return what is not invoiced yet of each, the oldest first: most have the same periods.

    Periods before those days are drafted, too: what they take of credit is not there any more.
    """
    who: defaultdict[Days, list[Organisation]] = defaultdict(list)
    readings = (open_periods(one, today=day_of(now, one.zone)) for one in organisations)
    for organisation, periods in zip(organisations, read(together(*readings)), strict=True):
        for period in periods:
            if period.first < days.end:
                who[period].append(organisation)
    made: list[Draft] = []
    for period in sorted(who, key=lambda period: period.first):
        made += drafts_of(who[period], days=period, now=now, after=made).values()
    found: defaultdict[UUID, list[Draft]] = defaultdict(list)
    for draft in made:
        if days.first <= draft.days.first:
            found[draft.organisation.pk].append(draft)
    return found


def _invoiced(organisation: Organisation, invoice: Invoice) -> Document:
    days = Days(invoice.starts_on, invoice.ends_on)
    taxes = [] if invoice.prices_include_tax else _taxes(invoice.taxes)
    charges = [_charge(line, days, _service_of(line)) for line in invoice.lines.all()]
    return _issued_as(organisation, invoice, invoice.number, charges, taxes)


def _credited(organisation: Organisation, invoice: Invoice, note: CreditNote) -> Document:
    """Its amounts have the signs of the invoice's, and are taken off."""
    days = Days(invoice.starts_on, invoice.ends_on)
    taxes = [] if note.gross == note.total else _taxes(note.taxes, sign=-1)
    charges = [
        _charge(line.invoice_line, days, _service_of(line.invoice_line))._replace(
            quantity=-line.quantity, amount=-line.amount, is_correction=True
        )
        for line in note.lines.all()
    ]
    return _issued_as(organisation, invoice, note.number, charges, taxes)


def _issued_as(
    organisation: Organisation,
    invoice: Invoice,
    number: str,
    charges: Sequence[Charge],
    taxes: Sequence[Taxed],
) -> Document:
    """Return an invoice, or what takes some of it back, under the number of that document."""
    return Document(
        account=organisation.slug,
        account_name=organisation.name,
        issuer=_name(invoice.seller),
        number=number,
        currency=invoice.currency,
        plan_version=invoice.plan_version_id,
        days=Days(invoice.starts_on, invoice.ends_on),
        zone=ZoneInfo(invoice.time_zone),
        charges=charges,
        taxes=taxes,
    )


def _drafted(draft: Draft, slugs: Mapping[int, str]) -> Document:
    return Document(
        account=draft.organisation.slug,
        account_name=draft.organisation.name,
        issuer=draft.seller.name or NAMELESS,
        number="",
        currency=draft.currency,
        plan_version=draft.plan_version.pk,
        days=draft.days,
        zone=draft.organisation.zone,
        charges=[
            _charge(line, draft.days, slugs[line.service_id] if line.service_id else "")
            for line in draft.lines
        ],
        taxes=[] if draft.prices_include_tax else _taxes(tax_rows(draft.taxes)),
    )


def _service_of(line: InvoiceLine) -> str:
    return line.service.slug if line.service else ""


def _charge(line: InvoiceLine | DraftLine, days: Days, service: str) -> Charge:
    corrected = line.corrects
    return Charge(
        kind=Kind(line.kind),
        service=service,
        name=line.service_name,
        value=line.value,
        quantity=line.quantity,
        unit=line.unit,
        amount=line.amount,
        covers=Days(corrected.starts_on, corrected.ends_on) if corrected else _covers(line, days),
        is_correction=corrected is not None,
    )


def _covers(line: InvoiceLine | DraftLine, days: Days) -> Days:
    in_advance = line.covers_from is not None and line.covers_from >= days.end
    return next_period(days) if in_advance else days


def _taxes(rows: Iterable[Mapping[str, Any]], *, sign: int = 1) -> list[Taxed]:
    return [
        Taxed(f"VAT {row['rate']} %", sign * Decimal(row["tax"]))
        for row in rows
        if Decimal(row["tax"]) != ZERO
    ]


def _name(party: Mapping[str, Any]) -> str:
    return str(party.get("name") or NAMELESS)
