"""Run a confirmed migration, one organisation a transaction, so it can break off anywhere; undo it.

A move and its mark are one transaction: run again, it goes on with who is left.
"""

from datetime import date, datetime
from functools import partial

from django.db import transaction
from django.utils.translation import gettext

from billing.accounts.account import BillingAccount, Refused
from billing.accounts.commands import (
    Agreement,
    AlreadyInvoiced,
    changing,
    end_price,
    override_price,
    refuse_priced,
    tell,
)
from billing.accounts.models import PriceOverride
from billing.invoicing.charging.standings import standings_of
from billing.invoicing.charging.subscriptions import CannotSubscribe, put_on, refuse_not_on_offer
from billing.invoicing.models import Invoice, Subscription
from billing.migrating.models import Move, PlanMigration
from billing.periods import day_of
from billing.pricing.models import PlanVersion
from catacloud.accounts.models import Organisation, User


class CannotConfirm(Exception):
    """The migration cannot be run or undone as it stands. The message says why."""


def confirm(migration: PlanMigration, *, by: User | None, now: datetime) -> None:
    """Let a migration run that has been simulated. Raises CannotConfirm."""
    claimed = PlanMigration.objects.filter(
        pk=migration.pk, status=PlanMigration.Status.NAMED, simulated_at__isnull=False
    ).update(status=PlanMigration.Status.RUNNING, confirmed_at=now, confirmed_by=by)
    if not claimed:
        raise CannotConfirm(gettext("It has not been simulated yet, or was confirmed before."))


def run(migration: PlanMigration, *, now: datetime) -> None:
    """Move all who wait; where it broke off it goes on."""
    waiting = migration.moves.filter(status=Move.Status.WAITING).values_list("pk", flat=True)
    for pk in list(waiting):
        move_one(pk, now=now)
    PlanMigration.objects.filter(pk=migration.pk, status=PlanMigration.Status.RUNNING).exclude(
        moves__status=Move.Status.WAITING
    ).update(status=PlanMigration.Status.DONE)


def move_one(pk: int, *, now: datetime) -> None:
    """Move one organisation, unless it has been; one that cannot move says why."""
    try:
        with transaction.atomic():
            move = _waiting(pk)
            if move is not None:
                _move(move, now)
    except (Refused, CannotSubscribe) as error:
        Move.objects.filter(pk=pk, status=Move.Status.WAITING).update(
            status=Move.Status.REFUSED, why=str(error)
        )


def _waiting(pk: int) -> Move | None:
    """Take the organisation's lock first, as all who change it do, and then the move."""
    organisation = Organisation.objects.get(moves=pk)
    with changing(organisation):
        found = Move.objects.select_for_update(of=["self"]).filter(
            pk=pk, status=Move.Status.WAITING, migration__status=PlanMigration.Status.RUNNING
        )
        return found.select_related("organisation", "migration__to_version").first()


def _move(move: Move, now: datetime) -> None:
    migration, organisation = move.migration, move.organisation
    starts_on = _start(migration, organisation, now)
    refuse_not_on_offer(migration.to_version, starts_on)
    refuse_priced(organisation, starts_on)
    _refuse_another_currency(migration, organisation, starts_on)
    decide = partial(
        BillingAccount.migrate,
        migration=migration.pk,
        plan_version=migration.to_version_id,
        starts_on=starts_on,
        now=now,
    )
    tell(organisation, decide, _actor(migration))
    replaced = Subscription.objects.filter(organisation=organisation, starts_on=starts_on).first()
    if replaced:
        move.version_before, move.was_prorated = replaced.plan_version, replaced.is_prorated
    is_prorated = migration.starts_on is not None
    put_on(organisation, migration.to_version, starts_on, is_prorated=is_prorated)
    if not migration.keeps_own_prices:
        move.ended_prices = _end_prices(_agreement(move, now), starts_on)
    move.status, move.starts_on = Move.Status.MOVED, starts_on
    move.save()


def _start(migration: PlanMigration, organisation: Organisation, now: datetime) -> date:
    """Return the day it moves on: the one that is named, or the first of a billing period."""
    if migration.starts_on:
        return migration.starts_on
    today = day_of(now, organisation.zone)
    standing = standings_of([organisation.pk])[organisation.pk]
    stay = standing.on(today)
    if stay is None:
        raise Refused(gettext("It is on no plan."))
    invoices = Invoice.objects.filter(organisation=organisation, voided_at=None)
    last = invoices.order_by("-ends_on").values_list("ends_on", flat=True).first()
    start = stay.cycle.period_of(today).end
    earliest = max(
        filter(None, [migration.keep_until, migration.to_version.effective_on, last, start])
    )
    while start < earliest:
        start = stay.cycle.period_of(start).end
    return start


def _refuse_another_currency(
    migration: PlanMigration, organisation: Organisation, starts_on: date
) -> None:
    """Who was named in one currency may have changed to another since."""
    stay = standings_of([organisation.pk])[organisation.pk].on(starts_on)
    if stay and stay.currency != migration.to_version.currency:
        why = gettext(
            "It is billed in {currency} by then: name a version in that for it, since a "
            "migration leaves the currency."
        )
        raise Refused(why.format(currency=stay.currency))


def _end_prices(agreed: Agreement, ends_on: date) -> list[dict[str, str | None]]:
    """End what is in force then; return which, and when they were to end."""
    ended = []
    rows = PriceOverride.objects.filter(organisation=agreed.organisation, starts_on__lt=ends_on)
    for row in rows:
        if row.ends_on is None or row.ends_on > ends_on:
            before = row.ends_on.isoformat() if row.ends_on else None
            end_price(agreed, override=row, ends_on=ends_on)
            ended.append({"id": str(row.pk), "ends_on": before})
    return ended


def undo(migration: PlanMigration, *, now: datetime) -> int:
    """Take it back for all who moved and whose new period is not invoiced; return how many.

    Who waits still does not move any more.
    """
    left = migration.moves.filter(status__in=[Move.Status.MOVED, Move.Status.WAITING])
    PlanMigration.objects.filter(pk=migration.pk).exclude(status=PlanMigration.Status.NAMED).update(
        status=PlanMigration.Status.UNDONE
    )
    return sum(undo_one(pk, now=now) for pk in list(left.values_list("pk", flat=True)))


def undo_one(pk: int, *, now: datetime) -> bool:
    """Take a move back; say whether it was. What is invoiced stays as it is."""
    organisation = Organisation.objects.get(moves=pk)
    with changing(organisation):
        found = Move.objects.select_for_update(of=["self"]).select_related("migration")
        move = found.get(pk=pk)
        if move.status != Move.Status.MOVED or move.starts_on is None:
            return False
        try:
            refuse_priced(organisation, move.starts_on)
        except AlreadyInvoiced:
            return False
        decide = partial(BillingAccount.undo_migration, migration=move.migration_id, now=now)
        tell(organisation, decide, _actor(move.migration))
        _put_back(organisation, move, move.starts_on)
        _reopen_prices(move, move.starts_on, now)
        Move.objects.filter(pk=pk).update(status=Move.Status.UNDONE)
        return True


def _put_back(organisation: Organisation, move: Move, starts_on: date) -> None:
    if move.version_before_id:
        before = PlanVersion.objects.get(pk=move.version_before_id)
        put_on(organisation, before, starts_on, is_prorated=move.was_prorated)
    else:
        Subscription.objects.filter(organisation=organisation, starts_on=starts_on).delete()


def _reopen_prices(move: Move, starts_on: date, now: datetime) -> None:
    """Agree anew on the prices that the move ended, for the days that were left of them."""
    for ended in move.ended_prices:
        row = PriceOverride.objects.select_related("service").get(pk=ended["id"])
        override_price(
            _agreement(move, now),
            service=row.service,
            terms=row.terms,
            starts_on=starts_on,
            ends_on=ended["ends_on"] and date.fromisoformat(ended["ends_on"]),
        )


def _agreement(move: Move, now: datetime) -> Agreement:
    return Agreement(move.organisation, move.migration.reason, now, _actor(move.migration))


def _actor(migration: PlanMigration) -> str | None:
    return str(migration.confirmed_by_id) if migration.confirmed_by_id else None
