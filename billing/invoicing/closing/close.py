"""Close a period: make its invoice, once, when the time for late events is over."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from billing.invoicing.charging.agreed import mates_of
from billing.invoicing.charging.standings import standings_of
from billing.invoicing.closing.drafting import drafts_of
from billing.invoicing.closing.due import has_period
from billing.invoicing.closing.issuing import issue
from billing.invoicing.models import Invoice, Subscription
from billing.periods import Days
from catacloud.accounts.models import Organisation

NONE = timedelta()
CLOSED_TOGETHER = 200  # accounts in a transaction: so many wait where one of them is changed


class CannotClose(Exception):
    """The period cannot be invoiced. The message says why."""


class PeriodNotOver(CannotClose):
    def __init__(self, days: Days, time_zone: str, grace: timedelta = NONE) -> None:
        late = f"; late events may come for {grace} after that" if grace else ""
        super().__init__(
            f"The period from {days.first} is not over before {days.end} ({time_zone}){late}."
        )


class NotSubscribed(CannotClose):
    def __init__(self, organisation: Organisation, days: Days) -> None:
        super().__init__(f"{organisation} was on no plan on {days.last}.")


class PeriodOverlaps(CannotClose):
    def __init__(self, invoice: Invoice) -> None:
        super().__init__(
            f"Invoice {invoice} has some of these days: it is for {invoice.starts_on} "
            f"up to, not including, {invoice.ends_on}."
        )


def close_period(
    *, organisation: Organisation, days: Days, now: datetime, grace: timedelta = NONE
) -> Invoice:
    """Return the invoice of days of the organisation's time zone, made where there is none yet.

    For ``grace`` after its end, a period waits for late events. Raises PeriodNotOver,
    NotSubscribed, or PeriodOverlaps where a day was invoiced in another period; InvalidPrice where
    the plan's tiers are; NoRate where VAT has none. Nothing is written then, no number is spent.
    """
    [invoice] = close_periods(organisations=[organisation.pk], days=days, now=now, grace=grace)
    return invoice


def close_periods(
    *, organisations: Sequence[UUID], days: Days, now: datetime, grace: timedelta = NONE
) -> list[Invoice]:
    """Return the invoices of many for the same days, in the order given: all of them, or none.

    Raises what :func:`close_period` does, if for one of them: then close each by itself.
    """
    with transaction.atomic():
        each = _locked(organisations)
        for one in (each[owner] for owner in organisations):
            if days.ends_in(one.zone) + grace > now:
                raise PeriodNotOver(days, one.time_zone, grace)
        found = _existing(organisations, days)
        missing = [each[owner] for owner in organisations if owner not in found]
        for invoice in _made(missing, days, now):
            found[invoice.organisation_id] = invoice
        return [found[owner] for owner in organisations]


def _locked(organisations: Sequence[UUID]) -> dict[UUID, Organisation]:
    """Return them, and who shares prices with them: nobody else changes or invoices any of these.

    Closers of one organisation queue here, so the second one finds the invoice of the first. Nor
    does its time zone change meanwhile. In one order for all, so that nobody deadlocks.
    """
    locked = Organisation.objects.select_for_update(no_key=True).order_by("pk")
    asked = {*organisations, *mates_of(organisations)}
    return {one.pk: one for one in locked.filter(pk__in=asked)}


def _made(organisations: Sequence[Organisation], days: Days, now: datetime) -> list[Invoice]:
    if not organisations:
        return []
    drafts = drafts_of(organisations, days=days, now=now)
    for one in organisations:
        if one.pk not in drafts:
            raise NotSubscribed(one, days)
    return issue([drafts[one.pk] for one in organisations], now=now)


def organisations_to_close(
    *, days: Days, now: datetime, grace: timedelta = NONE
) -> QuerySet[Organisation]:
    """Return whose billing period these days are, over with the time for late events, who was on a
    plan at its end and has no invoice for it yet.
    """
    zones = Organisation.objects.order_by("time_zone").values_list("time_zone", flat=True)
    over = [name for name in zones.distinct() if days.ends_in(ZoneInfo(name)) + grace <= now]
    subscribed = Subscription.objects.filter(organisation=OuterRef("pk"), starts_on__lt=days.end)
    invoiced = Invoice.objects.filter(
        organisation=OuterRef("pk"), starts_on=days.first, voided_at=None
    )
    found = Organisation.objects.filter(
        Exists(subscribed), ~Exists(invoiced), time_zone__in=over
    ).order_by("slug")
    standings = standings_of(list(found.values_list("pk", flat=True)))
    return found.filter(pk__in=[one for one, its in standings.items() if has_period(its, days)])


def _existing(organisations: Sequence[UUID], days: Days) -> dict[UUID, Invoice]:
    invoices = Invoice.objects.filter(
        organisation__in=organisations,
        starts_on__lt=days.end,
        ends_on__gt=days.first,
        voided_at=None,
    )
    for invoice in invoices:
        if (invoice.starts_on, invoice.ends_on) != (days.first, days.end):
            raise PeriodOverlaps(invoice)
    return {invoice.organisation_id: invoice for invoice in invoices}
