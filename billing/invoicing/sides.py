"""Who invoices whom, read for invoices that are to come."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from django.db.models import Q, QuerySet

from billing.invoicing.legal import BillingDetails, LegalEntity, VatRate, default_seller, rates_in
from billing.invoicing.parties import Party
from billing.invoicing.tax import Rates
from billing.prepared import Slot, any_of, prepared
from billing.together import Reading
from catacloud.accounts.models import Organisation


@dataclass(frozen=True, slots=True)
class Sides:
    """Who invoices whom, and the VAT rates of the seller."""

    entity: LegalEntity
    rates: Rates
    seller: Party
    buyer: Party
    language: str
    reference: str


def sides_of(organisations: Collection[Organisation], *, on: date) -> Reading[dict[UUID, Sides]]:
    """Read it for each, as of a day."""
    owners = [one.pk for one in organisations]
    each, sellers, rates = yield [
        _details(owners=owners),
        _sellers(owners=owners),
        _rates_of(owners=owners, on=on),
    ]
    details = {row.organisation_id: row for row in each}
    known = {
        one.pk: (
            one,
            rates_in([rate for rate in rates if rate.legal_entity_id == one.pk]),
            one.party,
        )
        for one in sellers
    }
    found = {}
    for one in organisations:
        its = details.get(one.pk)
        if not known:
            made_up = default_seller()
            known[made_up.pk] = made_up, {}, made_up.party
        seller = its.legal_entity_id if its and its.legal_entity_id else next(iter(known))
        found[one.pk] = Sides(*known[seller], *_buyer(one, its))
    return found


@prepared
def _details(owners: Slot) -> QuerySet[BillingDetails]:
    return BillingDetails.objects.filter(organisation=any_of(owners))


@prepared
def _sellers(owners: Slot) -> QuerySet[LegalEntity]:
    return _entities(owners)


@prepared
def _rates_of(owners: Slot, on: Slot) -> QuerySet[VatRate]:
    entities = _entities(owners).order_by().values("pk")
    return VatRate.objects.filter(legal_entity__in=entities, starts_on__lte=on)


def _entities(owners: Slot) -> QuerySet[LegalEntity]:
    own = BillingDetails.objects.filter(organisation=any_of(owners))
    first = LegalEntity.objects.order_by("-is_default", "pk")
    return first.filter(Q(pk__in=own.values("legal_entity")) | Q(pk__in=first.values("pk")[:1]))


def _buyer(organisation: Organisation, own: BillingDetails | None) -> tuple[Party, str, str]:
    """Return whom the invoice is for, its language, and what it is to name."""
    if own is None:
        nobody = Party(name=organisation.name, key=organisation.slug)
        return nobody, BillingDetails.Language.ENGLISH, ""
    own.organisation = organisation
    return own.party, own.language, own.reference
