"""What the charges of a version have to be before it is published: one price for all usage."""

from collections import defaultdict
from collections.abc import Sequence

from django.utils.translation import gettext

from billing.metering.models import Dimension, Service
from billing.pricing.models import Charge
from billing.pricing.terms import terms_of
from billing.pricing.tiers import InvalidPrice


class InvalidCharges(Exception):
    """A charge would leave usage without a price, or give it two. The message says why."""

    def __init__(self, charge: Charge, reason: str) -> None:
        super().__init__(reason)
        self.charge = charge


def check(charges: Sequence[Charge]) -> None:
    """Look at all charges of a version, with their services and tiers. Raises InvalidCharges."""
    by_service: defaultdict[int, list[Charge]] = defaultdict(list)
    for charge in charges:
        _check_terms(charge)
        by_service[charge.service_id].append(charge)
    for each in by_service.values():
        _check_dimension(each)


def _check_terms(charge: Charge) -> None:
    try:
        terms_of(charge)
        refuse_percentage_of(charge.service, charge.model)
    except InvalidPrice as error:
        raise InvalidCharges(charge, str(error)) from error


def refuse_percentage_of(service: Service, model: str) -> None:
    """Raise InvalidPrice for a percentage of what is no sum."""
    if model in Charge.OF_MONEY and service.aggregation != Service.Aggregation.SUM:
        raise InvalidPrice(
            gettext("A percentage is of money that a service adds up: its aggregation must be Sum.")
        )


def _check_dimension(charges: Sequence[Charge]) -> None:
    """Look at the charges of one service."""
    priced = [charge for charge in charges if charge.dimension]
    if not priced:
        return
    dimensions = {charge.dimension for charge in priced}
    if len(dimensions) > 1:
        text = gettext("One usage would have two prices: name one dimension only, not {names}.")
        names = gettext(" and ").join(sorted(dimensions))
        raise InvalidCharges(priced[0], text.format(names=names))
    if len(priced) == len(charges):
        raise InvalidCharges(
            priced[0],
            gettext("What has none of the values has no price: add a charge without a value."),
        )
    [name] = dimensions
    service = priced[0].service
    if not Dimension.objects.filter(definition__service=service, name=name).exists():
        text = gettext("The service tells no {name} apart: add that dimension.")
        raise InvalidCharges(priced[0], text.format(name=name))
