"""What happens to an organisation's budget, one stream of events for each."""

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID, uuid5

from catacloud.accounts.models import Organisation
from eventstore import registry, store
from eventstore.events import Event, Metadata, StreamKey, event_type
from eventstore.store import Append, NewEvent

STREAM_TYPE = registry.plain_streams("budget")
NAMESPACE = UUID("5a0f3f0e-61f4-4b7b-9a4b-0f2b9c1d7e35")


@event_type("budget.set")
class BudgetSet(Event, frozen=True, kw_only=True):
    """From now on it is this much for each billing period; ``stops`` refuses what goes over."""

    amount: Decimal
    currency: str
    thresholds: list[str]
    stops: bool


@event_type("budget.removed")
class BudgetRemoved(Event, frozen=True, kw_only=True):
    pass


@event_type("budget.reached")
class BudgetReached(Event, frozen=True, kw_only=True):
    """The bill to come, at ``total``, reached a threshold in the period from ``starts_on`` on."""

    threshold: str
    starts_on: date
    total: Decimal
    amount: Decimal
    currency: str


@event_type("budget.usage_stopped")
class UsageStopped(Event, frozen=True, kw_only=True):
    """All of it is reached: nothing new is taken until a moment, or until it is raised."""

    until: datetime


def record(organisation: Organisation, *events: Event, by: str | None, now: datetime) -> None:
    """Append events to the budget's stream, in the transaction of what they tell of."""
    key = StreamKey(organisation.pk, uuid5(NAMESPACE, str(organisation.pk)), STREAM_TYPE)
    append = Append(key=key, events=[NewEvent(event=one, occurred_at=now) for one in events])
    store.append([append], metadata=Metadata(actor=by))
