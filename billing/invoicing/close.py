"""Close a period: make its invoice, once, when the time for late events is over."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from billing.invoicing.besides import standings_of
from billing.invoicing.drafting import draft_of
from billing.invoicing.due import has_period
from billing.invoicing.issuing import issue
from billing.invoicing.models import Invoice, Subscription
from billing.periods import Days
from catacloud.accounts.models import Organisation

NONE = timedelta()


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
    with transaction.atomic():
        # Closers of one organisation queue here, so the second one finds the invoice of the first.
        # Nor does its time zone change meanwhile.
        organisation = Organisation.objects.select_for_update(no_key=True).get(pk=organisation.pk)
        if days.ends_in(organisation.zone) + grace > now:
            raise PeriodNotOver(days, organisation.time_zone, grace)
        if invoice := _existing(organisation, days):
            return invoice
        draft = draft_of(organisation=organisation, days=days, now=now)
        if draft is None:
            raise NotSubscribed(organisation, days)
        return issue(draft, now=now)


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


def _existing(organisation: Organisation, days: Days) -> Invoice | None:
    invoice = Invoice.objects.filter(
        organisation=organisation,
        starts_on__lt=days.end,
        ends_on__gt=days.first,
        voided_at=None,
    ).first()
    if invoice and (invoice.starts_on, invoice.ends_on) != (days.first, days.end):
        raise PeriodOverlaps(invoice)
    return invoice
