"""Customers whose plans have more than prices, and what closing makes of a period of theirs."""

from datetime import UTC, date, datetime

from billing.invoicing.charging.subscriptions import subscribe
from billing.invoicing.closing.close import close_period
from billing.periods import month_of
from billing.pricing.plans import publish
from tests.factories import (
    LONG_AGO,
    make_draft,
    make_organisation,
    make_usage_row,
)

AUGUST, SEPTEMBER, OCTOBER, NOVEMBER = (month_of(date(2026, month, 1)) for month in range(8, 12))
NOW = datetime(2026, 12, 1, tzinfo=UTC)
GRADUATED = [("100", "0.10"), (None, "0.05")]


def plan(hours, prices=GRADUATED, **terms):
    draft = make_draft(prices={hours: prices})
    for name, value in terms.items():
        setattr(draft, name, value)
    draft.save()
    publish(version=draft, now=LONG_AGO)
    return draft


def customer(hours, *, used=0, starts_on=date(2026, 9, 1), on=None, **terms):
    version = on or plan(hours, **terms)
    organisation = make_organisation()
    subscribe(organisation=organisation, plan_version=version, starts_on=starts_on, now=LONG_AGO)
    if used:
        use(organisation, hours, used)
    return organisation


def use(organisation, hours, used, day=date(2026, 10, 9)):
    make_usage_row(organisation=organisation, service=hours, day=day, quantity=used * 3600)


def close(organisation, days=OCTOBER):
    return close_period(organisation=organisation, days=days, now=NOW)


def lines(invoice):
    return [(line.kind, f"{line.amount:.2f}") for line in invoice.lines.all()]
