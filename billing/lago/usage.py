"""What a customer used of each charge in the month so far, and what that costs, in Lago's shape."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import Q, Sum

from billing.accounts.models import PriceOverride
from billing.exact import plain
from billing.invoicing.charging.rate import RatedLine, rate_organisations
from billing.lago.errors import not_found
from billing.lago.wire import moment
from billing.metering.models import Service
from billing.metering.usage_tables import DailyUsage
from billing.periods import Days, day_of, month_of
from billing.pricing.currencies import minor_unit
from billing.pricing.models import Charge
from catacloud.accounts.models import Organisation

AGGREGATIONS = {
    Service.Aggregation.SUM: "sum_agg",
    Service.Aggregation.COUNT: "count_agg",
    Service.Aggregation.MAX: "max_agg",
    Service.Aggregation.LATEST: "latest_agg",
    Service.Aggregation.UNIQUE_COUNT: "unique_count_agg",
    Service.Aggregation.LEVEL: "weighted_sum_agg",
    Service.Aggregation.PEAK: "max_agg",
}
MODELS = {  # Lago has no flat price; a standard one is the plainest that it has
    Charge.Model.FLAT: "standard",
    Charge.Model.PER_UNIT: "standard",
    Charge.Model.PACKAGE: "package",
    Charge.Model.GRADUATED: "graduated",
    Charge.Model.VOLUME: "volume",
    Charge.Model.PERCENTAGE: "percentage",
    Charge.Model.GRADUATED_PERCENTAGE: "graduated_percentage",
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which charges to tell of: by their ids and the slugs of what they charge for.

    Whatever is named has to be the charge's; nothing means all of them.
    """

    ids: Sequence[str] = ()
    codes: Sequence[str] = ()

    def has(self, price: "Priced") -> bool:
        return all(one == price.id for one in self.ids) and all(
            one == price.service.slug for one in self.codes
        )


@dataclass(frozen=True, slots=True)
class Priced:
    """What prices a line: a charge of a plan, or a price of the customer's own."""

    id: str
    model: str
    service: Service
    value: str = ""


def current_usage(organisation: Organisation, *, wanted: Wanted, now: datetime) -> dict[str, Any]:
    """Rate the month so far, as its invoice would. Raises LagoError where there is no plan."""
    days, zone = month_of(day_of(now, organisation.zone)), organisation.zone
    rated = rate_organisations(days=days, now=now, organisations=[organisation.pk])
    if organisation.pk not in rated:
        raise not_found("subscription")
    period = rated[organisation.pk]
    pricer = period.together[0] if period.together else organisation.pk
    by_line = {(one.service.pk, one.value): one for one in _priced(pricer, days)}
    counts = _event_counts(organisation, days)
    lines = [line for line in period.lines if wanted.has(by_line[line.service_id, line.value])]
    total = sum(_cents(line.amount, period.currency) for line in lines)
    return {
        "from_datetime": moment(days.starts_in(zone)),
        "to_datetime": moment(days.ends_in(zone)),
        "issuing_date": days.end.isoformat(),
        "lago_invoice_id": None,
        "currency": period.currency,
        "amount_cents": total,
        "taxes_amount_cents": 0,
        "total_amount_cents": total,
        "charges_usage": [
            _charge(line, by_line[line.service_id, line.value], counts, period.currency)
            for line in lines
        ],
    }


def _priced(pricer: UUID, days: Days) -> Iterator[Priced]:
    """Yield by what one is priced in a period, or prices its volume account; what holds at the end
    comes last.
    """
    own = PriceOverride.objects.filter(
        Q(ends_on=None) | Q(ends_on__gt=days.first), organisation=pricer, starts_on__lt=days.end
    )
    owned = [
        (row.ends_on is None or row.ends_on >= days.end, row)
        for row in own.select_related("service")
    ]
    yield from (_own(row) for is_last, row in owned if not is_last)
    charges = Charge.objects.filter(
        version__subscription__organisation=pricer, version__subscription__starts_on__lt=days.end
    ).order_by("version__subscription__starts_on")
    for one in charges.select_related("service"):
        yield Priced(str(one.pk), one.model, one.service, one.value)
    yield from (_own(row) for is_last, row in owned if is_last)


def _own(row: PriceOverride) -> Priced:
    return Priced(str(row.pk), row.terms["model"], row.service)


def _charge(
    line: RatedLine, charge: Priced, counts: Mapping[int, int], currency: str
) -> dict[str, Any]:
    service = charge.service
    units = plain(line.quantity)
    return {
        "units": units,
        "total_aggregated_units": units,
        "events_count": counts.get(line.service_id, 0),
        "amount_cents": _cents(line.amount, currency),
        "amount_currency": currency,
        "charge": {
            "lago_id": charge.id,
            "charge_model": MODELS[Charge.Model(charge.model)],
            "invoice_display_name": f"{service.name}, {line.value}" if line.value else service.name,
        },
        "billable_metric": {
            "lago_id": str(service.pk),
            "name": service.name,
            "code": service.slug,
            "aggregation_type": AGGREGATIONS[Service.Aggregation(service.aggregation)],
        },
        "filters": [],
        "grouped_usage": [],
    }


def _event_counts(organisation: Organisation, days: Days) -> dict[int, int]:
    rows = DailyUsage.objects.filter(
        organisation=organisation, day__gte=days.first, day__lt=days.end
    )
    return dict(rows.values_list("service").annotate(count=Sum("event_count")))


def _cents(amount: Decimal, currency: str) -> int:
    """Return an amount that was rounded to the minor unit as a number of these."""
    return int(amount / minor_unit(currency))
