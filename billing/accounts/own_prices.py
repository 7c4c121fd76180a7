"""The terms of an organisation's own price, as data: what a plan's charge says, and its tiers.

{"model": "graduated", "allowance": "10", "tiers": [{"up_to": "100", "unit_price": "0.1"}, …]}, with
the names of the columns of charges and tiers, and numbers as decimal strings. What is not said is
as in a charge that does not say it.
"""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Field
from django.utils.translation import gettext

from billing.exact import plain
from billing.metering.models import Service
from billing.pricing import tiers as priced
from billing.pricing.charges import Charge, Tier
from billing.pricing.checks import refuse_percentage_of
from billing.pricing.prices import Terms
from billing.pricing.terms import terms_of
from billing.pricing.tiers import InvalidPrice
from billing.pricing.words import in_words

Data = Mapping[str, Any]

# Where it is in a plan; VAT is that of the plan, for who has a price of their own as well.
PLACE = {"id", "version", "service", "dimension", "value", "charge", "tax_class"}


def to_data(charge: Charge, tiers: Sequence[Tier]) -> dict[str, Any]:
    """Return the terms as data. Raises InvalidPrice where they would not price every quantity."""
    data = dict(_said(charge)) | {"tiers": [dict(_said(tier)) for tier in tiers]}
    terms_from(data)
    return data


def terms_from(data: Data) -> Terms:
    """Return terms that can be rated. Raises InvalidPrice."""
    charge, tiers = _rows(data)
    each = [priced.Tier(one.up_to, one.unit_price, one.flat_fee, one.cap) for one in tiers]
    return terms_of(charge, each)


def refuse_unlike_a_charge(data: Data, service: Service) -> None:
    """Raise InvalidPrice for terms that no charge for the service could have in a plan."""
    charge, tiers = _rows(data)
    try:
        for row in (charge, *tiers):
            row.clean_fields(exclude=PLACE)
            row.validate_constraints(exclude=PLACE)
    except ValidationError as error:
        raise InvalidPrice(" ".join(error.messages)) from error
    terms_from(data)
    refuse_percentage_of(service, charge.model)


def charge_from(data: Data) -> Charge:
    """Return an unsaved charge of these terms, without its tiers. Raises InvalidPrice."""
    return _rows(data)[0]


def words_of(data: Data) -> str:
    """Say the terms as an operator would read them out."""
    return in_words(*_rows(data))


def _rows(data: Data) -> tuple[Charge, list[Tier]]:
    columns = {name: value for name, value in data.items() if name != "tiers"}
    return _row(Charge, columns), [_row(Tier, one) for one in data.get("tiers", [])]


def _row(model: Any, columns: Data) -> Any:
    fields = {field.name: field for field in _fields(model)}
    try:
        return model(**{name: fields[name].to_python(value) for name, value in columns.items()})
    except (KeyError, ValidationError) as error:
        why = gettext("This is no price: {error}").format(error=error)
        raise InvalidPrice(why) from error


def _said(row: Any) -> Iterator[tuple[str, Any]]:
    for field in _fields(row):
        value = getattr(row, field.name)
        if value is not None and value != "":
            yield field.name, plain(value) if isinstance(value, Decimal) else value


def _fields(model: Any) -> "list[Field[Any, Any]]":
    return [field for field in model._meta.concrete_fields if field.name not in PLACE]
