"""The list of issued invoices: searched, filtered by status, with credit notes below their own."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from django.utils.translation import gettext_lazy as _

from billing.invoicing.after import CreditNote
from billing.invoicing.standing import Standing, Status, standings
from catacloud.accounts.models import Organisation

STATUSES = {
    Status.OPEN: _("Open"),
    Status.PARTLY_PAID: _("Partly paid"),
    Status.OVERDUE: _("Overdue"),
    Status.PAID: _("Paid"),
    Status.CREDITED: _("Credited"),
    Status.VOID: _("Void"),
}
LONGEST = 60  # letters of a search


@dataclass(frozen=True, slots=True)
class Filters:
    """What the address asks for; an unknown status asks for all."""

    status: str = ""
    search: str = ""
    year: str = ""

    @property
    def statuses(self) -> Mapping[str, str]:
        return {str(one): str(name) for one, name in STATUSES.items()}

    @property
    def is_filtered(self) -> bool:
        return bool(self.status or self.search or self.year)


@dataclass(frozen=True, slots=True)
class Row:
    standing: Standing
    status: Status
    notes: list[CreditNote]

    @property
    def status_name(self) -> str:
        return str(STATUSES[self.status])


def read_filters(asked: Mapping[str, str]) -> Filters:
    status, year = asked.get("status", ""), asked.get("year", "")
    return Filters(
        status=status if status in set(STATUSES) else "",
        search=asked.get("q", "").strip()[:LONGEST],
        year=year if year.isdecimal() and len(year) == 4 else "",
    )


def rows(organisation: Organisation, asked: Filters, *, today: date) -> list[Row]:
    """Return the invoices that are asked for, the newest first."""
    notes: dict[int, list[CreditNote]] = {}
    for note in CreditNote.objects.filter(invoice__organisation=organisation).order_by("pk"):
        notes.setdefault(note.invoice_id, []).append(note)
    found = [
        Row(one, one.status(today), notes.get(key, []))
        for key, one in standings(organisation).items()
    ]
    found.sort(
        key=lambda row: (row.standing.invoice.starts_on, row.standing.invoice.number), reverse=True
    )
    return [row for row in found if _fits(row, asked)]


def _fits(row: Row, asked: Filters) -> bool:
    invoice = row.standing.invoice
    if asked.status and row.status != asked.status:
        return False
    if asked.year and str(invoice.starts_on.year) != asked.year:
        return False
    names = [invoice.number, str(invoice.plan_version), *(note.number for note in row.notes)]
    return not asked.search or any(asked.search.lower() in one.lower() for one in names)
