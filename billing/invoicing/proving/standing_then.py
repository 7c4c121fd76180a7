"""On which plans an organisation was at a moment, as its account's events had told until then.

An invoice may charge a fee of the period that follows, for the plan that was to be in force then:
what was changed since makes a difference on the next invoice, not on this one.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import date, datetime
from uuid import UUID

import msgspec

from billing.accounts import events as said
from billing.accounts.account import account_id
from billing.invoicing.charging.fees import Standing
from billing.invoicing.charging.standings import standings_of, stay_on
from billing.invoicing.models import Subscription
from billing.pricing.models import PlanVersion
from eventstore import events as codec
from eventstore.events import Event
from eventstore.models import StoredEvent

TOLD = (
    said.AccountSubscribed,
    said.PlanChanged,
    said.AccountMigrated,
    said.MigrationUndone,
    said.AccountPaused,
    said.AccountResumed,
    said.AccountClosed,
)
Pauses = list[tuple[date, date | None]]


def standing_then(organisation_id: UUID, at: datetime) -> Standing:
    """Return it. Of who has a plan that no event tells of, return what stands now."""
    told = list(_told(organisation_id, at))
    versions = plans_of(told)
    if not versions:
        return standings_of([organisation_id])[organisation_id]
    found, first = PlanVersion.objects.in_bulk(versions.values()), min(versions)
    rows = Subscription.objects.filter(organisation=organisation_id, is_prorated=True)
    divided = set(rows.values_list("starts_on", "plan_version"))
    stays = [
        replace(
            stay_on(found[version], day, subscribed_on=first),
            is_prorated=(day, version) in divided,
        )
        for day, version in sorted(versions.items())
    ]
    return Standing(stays, pauses_of(told))


def plans_of(told: Iterable[Event]) -> Mapping[date, int]:
    """Return which plan version starts on which day. Pure."""
    versions: dict[date, int] = {}
    before: dict[UUID, int | None] = {}  # of each migration: what was to start on its day
    for event in told:
        match event:
            case said.AccountSubscribed() | said.PlanChanged():
                versions[event.starts_on] = event.plan_version
            case said.AccountMigrated():
                before[event.migration] = versions.get(event.starts_on)
                versions[event.starts_on] = event.plan_version
            case said.MigrationUndone():
                versions.pop(event.starts_on, None)
                if (version := before.pop(event.migration, None)) is not None:
                    versions[event.starts_on] = version
    return versions


def pauses_of(told: Iterable[Event]) -> Pauses:
    """Return the days on which nothing is due: from, up to (excluded); None is for ever. Pure."""
    found: Pauses = []
    for event in told:
        match event:
            case said.AccountPaused():
                found.append((event.starts_on, None))
            case said.AccountResumed():
                found = [(start, event.ends_on if end is None else end) for start, end in found]
            case said.AccountClosed():
                found.append((event.closes_on, None))
    return found


def _told(organisation_id: UUID, at: datetime) -> Iterator[Event]:
    rows = StoredEvent.objects.filter(
        tenant_id=organisation_id,
        stream_id=account_id(organisation_id),
        type__in=[codec.name_of(one) for one in TOLD],
        occurred_at__lte=at,
    )
    for row in rows.order_by("version"):
        data = msgspec.json.encode(row.data)
        yield codec.decode(name=row.type, version=row.schema_version, data=data)
