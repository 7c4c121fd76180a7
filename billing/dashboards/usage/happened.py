"""What happened on days that explains their figures: plans, prices, and events that came late."""

from collections.abc import Iterator, Mapping, Sequence

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from billing.dashboards.charts.marks import Note, Notes, late_on
from billing.dashboards.usage.days import MOST_LATE, UsageDays
from billing.invoicing.models import Subscription
from billing.metering.models import Service
from billing.periods import Days
from billing.templatetags.figures import service

MOST_DRAWN = 6  # of late days: more would hide the chart that they are to explain


def notes_of(
    subscriptions: Sequence[Subscription],
    services: Sequence[Service],
    usage: UsageDays,
    days: Days,
) -> Notes:
    agreed = [
        *_plans(subscriptions, days),
        *_prices({one.pk: service(one.name) for one in services}, usage, days),
    ]
    late = [
        Note(day, _late(count), is_late=True)
        for day, count in usage.late.items()
        if days.first <= day < days.end
    ]
    is_few = len(late) <= MOST_DRAWN
    return Notes(
        each=[*agreed, *late],
        drawn=sorted([*agreed, *(late if is_few else [])], key=lambda note: note.day),
        sentence="" if is_few else late_on(len(late)),
    )


def _plans(subscriptions: Sequence[Subscription], days: Days) -> Iterator[Note]:
    for number, one in enumerate(subscriptions):
        if days.first <= one.starts_on < days.end:
            text = _("Plan changes to {plan}") if number else _("First plan: {plan}")
            yield Note(one.starts_on, text.format(plan=one.plan_version))


def _prices(names: Mapping[int, str], usage: UsageDays, days: Days) -> Iterator[Note]:
    for day, services in usage.priced.items():
        for pk in services:
            if days.first <= day < days.end and pk in names:
                text = _("An own price for {service} begins")
                yield Note(day, text.format(service=names[pk]))


def _late(count: int) -> str:
    if count >= MOST_LATE:
        return _("{count} events or more came over two days late").format(count=count)
    text = ngettext(
        "{count} event came over two days late", "{count} events came over two days late", count
    )
    return text.format(count=count)
