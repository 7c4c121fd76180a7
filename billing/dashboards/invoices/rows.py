"""The list of issued invoices: searched, filtered by status, with credit notes below their own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from billing.invoicing.settling.after import CreditNote
from billing.invoicing.settling.standing import Standing, Status, reading_standings
from billing.prepared import Slot, prepared
from billing.together import Reading, together
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


def reading_rows(organisation: Organisation, *, today: date) -> Reading[list[Row]]:
    """Read all invoices, the newest first, in one round."""
    notes: dict[int, list[CreditNote]] = {}
    standings, credited = yield from together(
        reading_standings(organisation), _credit_notes(organisation)
    )
    for note in credited:
        notes.setdefault(note.invoice_id, []).append(note)
    found = [Row(one, one.status(today), notes.get(key, [])) for key, one in standings.items()]
    found.sort(
        key=lambda row: (row.standing.invoice.starts_on, row.standing.invoice.number), reverse=True
    )
    return found


def filtered(rows: Sequence[Row], asked: Filters) -> list[Row]:
    """Return those that are asked for. Pure."""
    return [row for row in rows if _fits(row, asked)]


def _credit_notes(organisation: Organisation) -> Reading[list[CreditNote]]:
    [rows] = yield [_notes_of(owner=organisation.pk)]
    return rows


@prepared
def _notes_of(owner: Slot) -> QuerySet[CreditNote]:
    return CreditNote.objects.filter(invoice__organisation=owner).order_by("pk")


def _fits(row: Row, asked: Filters) -> bool:
    invoice = row.standing.invoice
    if asked.status and row.status != asked.status:
        return False
    if asked.year and str(invoice.starts_on.year) != asked.year:
        return False
    names = [invoice.number, str(invoice.plan_version), *(note.number for note in row.notes)]
    return not asked.search or any(asked.search.lower() in one.lower() for one in names)
