"""Agree on something with a customer: its account's event, and the row that says so, at once.

All of these raise :class:`Refused` with a sentence, and then nothing is written. They queue with
whoever invoices the organisation: what was invoiced stays as it was agreed on, so nothing starts or
ends on a day that is invoiced.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from typing import Any
from uuid import uuid4

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext

from billing.accounts import events as said
from billing.accounts.account import BillingAccount, Refused, account_id
from billing.accounts.models import Credit, PoolMember, PriceOverride, Standstill
from billing.accounts.own_prices import refuse_unlike_a_charge
from billing.invoicing.models import Invoice
from billing.metering.models import Service
from billing.pricing.currencies import UnknownCurrency, round_amount
from billing.pricing.tiers import InvalidPrice
from catacloud.accounts.models import Organisation
from eventstore import repository
from eventstore.events import Metadata
from eventstore.rehydrating import Decide


class AlreadyInvoiced(Refused):
    def __init__(self, until: date, to: Organisation | None = None) -> None:
        """``to`` is who was invoiced, where that is another than was asked about."""
        why = gettext("Days before {until} are invoiced already: choose {until} or later.")
        if to is not None:
            why = gettext(
                "Days before {until} are invoiced already to {to}, whose usage is rated together "
                "with its: choose {until} or later."
            )
        super().__init__(why.format(until=until, to=to))


@dataclass(frozen=True, slots=True)
class Agreement:
    """With whom, why, who of the operators says so, and when."""

    organisation: Organisation
    reason: str
    now: datetime
    actor: str | None = None


@contextmanager
def changing(*organisations: Organisation, since: date | None = None) -> Iterator[None]:
    """Be the only one to change or invoice them; ``since`` must not be invoiced to any of them.

    Raises AlreadyInvoiced.
    """
    with transaction.atomic():
        lock(*organisations)
        if since is not None:
            for one in organisations:
                refuse_invoiced(one, since)
        yield


@contextmanager
def pricing(organisation: Organisation, *, since: date) -> Iterator[None]:
    """Be the only one to change what its usage costs from a day on, and that of its volume account.

    Raises AlreadyInvoiced, if to one that it shares prices with.
    """
    with changing(organisation):
        refuse_priced(organisation, since)
        yield


def lock(*organisations: Organisation) -> None:
    """Wait for who else changes or invoices them; in one order for all, so nobody deadlocks."""
    asked = Organisation.objects.filter(pk__in=[one.pk for one in organisations]).order_by("pk")
    list(asked.select_for_update(no_key=True).values_list("pk"))


def refuse_invoiced(organisation: Organisation, since: date) -> None:
    invoices = Invoice.objects.filter(organisation=organisation, ends_on__gt=since, voided_at=None)
    if last := invoices.order_by("-ends_on").first():
        raise AlreadyInvoiced(last.ends_on)


def refuse_priced(organisation: Organisation, since: date) -> None:
    """Raise AlreadyInvoiced where days are invoiced by what it is to pay for its usage.

    Who closes one of a volume account locks all of it, so none is closed meanwhile.
    """
    refuse_invoiced(organisation, since)
    still = PoolMember.objects.filter(Q(ends_on=None) | Q(ends_on__gt=since))
    its = still.filter(organisation=organisation).values("parent")
    pool = still.filter(Q(parent=organisation) | Q(parent__in=its))
    mates = Q(organisation__in=pool.values("organisation")) | Q(organisation__in=its)
    invoices = Invoice.objects.filter(mates, ends_on__gt=since, voided_at=None)
    if last := invoices.select_related("organisation").order_by("-ends_on").first():
        raise AlreadyInvoiced(last.ends_on, last.organisation)


def tell(
    organisation: Organisation, decide: Decide[BillingAccount], actor: str | None = None
) -> None:
    """Let the organisation's billing account decide; its events are written."""
    repository.execute(
        BillingAccount,
        tenant_id=organisation.pk,
        stream_id=account_id(organisation.pk),
        decide=decide,
        metadata=Metadata(actor=actor),
    )


def override_price(
    agreed: Agreement,
    *,
    service: Service,
    terms: dict[str, Any],
    starts_on: date,
    ends_on: date | None = None,
) -> PriceOverride:
    """Give the organisation a price of its own: see own_prices.py for the terms."""
    try:
        refuse_unlike_a_charge(terms, service)
    except InvalidPrice as error:
        raise Refused(str(error)) from error
    with pricing(agreed.organisation, since=starts_on):
        event = said.PriceOverridden(
            override=uuid4(),
            service=service.pk,
            terms=terms,
            starts_on=starts_on,
            ends_on=ends_on,
            reason=agreed.reason,
        )
        decide = partial(BillingAccount.override_price, event=event, now=agreed.now)
        tell(agreed.organisation, decide, agreed.actor)
        return PriceOverride.objects.create(
            id=event.override,
            organisation=agreed.organisation,
            service=service,
            terms=terms,
            reason=agreed.reason,
            made_at=agreed.now,
            starts_on=starts_on,
            ends_on=ends_on,
        )


def end_price(agreed: Agreement, *, override: PriceOverride, ends_on: date) -> None:
    """Let the plan's price hold again from ``ends_on`` on."""
    with pricing(agreed.organisation, since=ends_on):
        decide = partial(
            BillingAccount.end_price,
            override=override.pk,
            ends_on=ends_on,
            reason=agreed.reason,
            now=agreed.now,
        )
        tell(agreed.organisation, decide, agreed.actor)
        PriceOverride.objects.filter(pk=override.pk).update(ends_on=ends_on)


def add_credit(agreed: Agreement, *, kind: str, amount: Any, currency: str) -> Credit:
    """Add to the organisation's credit: ``granted``, or ``prepaid`` by it."""
    try:
        is_whole = amount == round_amount(amount, currency)
    except UnknownCurrency as error:
        raise Refused(str(error)) from error
    if amount <= 0 or not is_whole:
        why = gettext("{amount} {currency} is no amount above zero of whole minor units.")
        raise Refused(why.format(amount=amount, currency=currency))
    with changing(agreed.organisation):
        event = said.CreditAdded(
            credit=uuid4(), kind=kind, amount=amount, currency=currency, reason=agreed.reason
        )
        decide = partial(BillingAccount.add_credit, event=event, now=agreed.now)
        tell(agreed.organisation, decide, agreed.actor)
        return Credit.objects.create(
            id=event.credit,
            organisation=agreed.organisation,
            kind=kind,
            amount=amount,
            currency=currency,
            reason=agreed.reason,
            added_at=agreed.now,
        )


def pause(agreed: Agreement, *, starts_on: date) -> None:
    with changing(agreed.organisation, since=starts_on):
        decide = partial(
            BillingAccount.pause, starts_on=starts_on, reason=agreed.reason, now=agreed.now
        )
        tell(agreed.organisation, decide, agreed.actor)
        _stand_still(agreed, Standstill.Kind.PAUSED, starts_on)


def resume(agreed: Agreement, *, ends_on: date) -> None:
    with changing(agreed.organisation, since=ends_on):
        decide = partial(
            BillingAccount.resume, ends_on=ends_on, reason=agreed.reason, now=agreed.now
        )
        tell(agreed.organisation, decide, agreed.actor)
        Standstill.objects.filter(
            organisation=agreed.organisation, kind=Standstill.Kind.PAUSED, ends_on=None
        ).update(ends_on=ends_on)


def close(agreed: Agreement, *, closes_on: date) -> None:
    with changing(agreed.organisation, since=closes_on):
        decide = partial(
            BillingAccount.close, closes_on=closes_on, reason=agreed.reason, now=agreed.now
        )
        tell(agreed.organisation, decide, agreed.actor)
        _stand_still(agreed, Standstill.Kind.CLOSED, closes_on)


def _stand_still(agreed: Agreement, kind: Standstill.Kind, starts_on: date) -> None:
    Standstill.objects.create(
        organisation=agreed.organisation, kind=kind, starts_on=starts_on, reason=agreed.reason
    )


def join_pool(agreed: Agreement, *, parent: Organisation, starts_on: date) -> PoolMember:
    """Rate the organisation's usage with that of ``parent``, at the parent's prices.

    It changes what all in the pool pay, so none of them may have been invoiced for these days.
    """
    with changing(agreed.organisation, *_pool(parent), since=starts_on):
        _refuse_chain(agreed.organisation, parent)
        decide = partial(
            BillingAccount.join_pool,
            parent=parent.pk,
            starts_on=starts_on,
            reason=agreed.reason,
            now=agreed.now,
        )
        tell(agreed.organisation, decide, agreed.actor)
        return PoolMember.objects.create(
            organisation=agreed.organisation,
            parent=parent,
            starts_on=starts_on,
            reason=agreed.reason,
        )


def leave_pool(agreed: Agreement, *, ends_on: date) -> None:
    membership = PoolMember.objects.filter(organisation=agreed.organisation, ends_on=None).first()
    others = _pool(membership.parent) if membership else []
    with changing(agreed.organisation, *others, since=ends_on):
        decide = partial(
            BillingAccount.leave_pool, ends_on=ends_on, reason=agreed.reason, now=agreed.now
        )
        tell(agreed.organisation, decide, agreed.actor)
        PoolMember.objects.filter(organisation=agreed.organisation, ends_on=None).update(
            ends_on=ends_on
        )


def _pool(parent: Organisation) -> list[Organisation]:
    """Return who is rated together with a parent, itself first."""
    of = {"pool_memberships__parent": parent, "pool_memberships__ends_on": None}
    return [parent, *Organisation.objects.filter(**of)]


def _refuse_chain(organisation: Organisation, parent: Organisation) -> None:
    """A parent is in no pool itself: pools have one level."""
    if organisation == parent:
        raise Refused(gettext("An organisation is not its own parent."))
    if PoolMember.objects.filter(organisation=parent, ends_on=None).exists():
        why = gettext("{parent} is in a volume account itself: name the parent of that.")
        raise Refused(why.format(parent=parent))
    if PoolMember.objects.filter(parent=organisation, ends_on=None).exists():
        why = gettext("{organisation} has a volume account of its own: let its members leave.")
        raise Refused(why.format(organisation=organisation))
