"""Take and find events as Lago's clients send and ask for them.

``code`` is a CloudEvents type, or the slug of a service: it then stands for the first type that the
service counts. ``external_subscription_id`` is an organisation's slug or external key.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, cast

from django.db.models import Q, QuerySet, TextField
from django.db.models.functions import Cast

from billing.lago import wire
from billing.lago.errors import invalid, not_found
from billing.lago.wire import LagoEvent
from billing.metering.events import UsageRecorded
from billing.metering.ingesting import cloudevents, ingestion, tally
from billing.metering.ingesting.ingestion import EARLIEST, MAX_AHEAD, SentDifferently
from billing.metering.models import Definition
from billing.metering.names import uuid_of
from catacloud.accounts.models import ApiKey, Organisation
from catacloud.accounts.organisations import called, visible
from eventstore import events as codec
from eventstore.models import StoredEvent

COUNTED = 100_000  # events of a list; of more, that many are told
RECORDED = "usage.recorded"

Wrong = dict[int, wire.Wrong]  # by the index of the event


def take_one(event: LagoEvent, *, key: ApiKey, now: datetime) -> dict[str, Any]:
    """Store an event, and return it as Lago would. Raises LagoError, also where it was stored."""
    new, wrong = _take([event], key=key, now=now)
    if wrong:
        raise invalid(wrong[0])
    if not new:
        raise invalid({"transaction_id": [wire.EXISTS]})
    return wire.shown(event, lago_id=_id(event), now=now)


def take_batch(events: Sequence[LagoEvent], *, key: ApiKey, now: datetime) -> list[dict[str, Any]]:
    """Store all events or none, and return them as Lago would. Raises LagoError.

    What was stored before with the same content is no error here: so a batch whose answer was lost
    can be sent again as it is, and counts once.
    """
    if not events:
        raise invalid({"events": ["no_events"]})
    if len(events) > wire.MOST:
        raise invalid({"events": ["too_many_events"]})
    _, wrong = _take(events, key=key, now=now)
    if wrong:
        raise invalid({str(index): wrong[index] for index in sorted(wrong)})
    return [wire.shown(event, lago_id=_id(event), now=now) for event in events]


def _take(events: Sequence[LagoEvent], *, key: ApiKey, now: datetime) -> tuple[int, Wrong]:
    """Return how many events were new, and what is wrong; where anything is, nothing is stored."""
    wrong = _wrong(events, key=key, now=now)
    if wrong:
        tally.became(invalid=len(wrong))
        return 0, wrong
    read = cloudevents.read(wire.as_cloudevents(events, _types(event.code for event in events)))
    try:
        new = ingestion.accept(ingestion.all_good(read), key=key, now=now)
    except SentDifferently as error:
        tally.became(conflicting=len(error.bad))
        return 0, {bad.index: {"transaction_id": [wire.EXISTS]} for bad in error.bad}
    except ingestion.BadBatch as error:
        tally.became(invalid=len(error.bad))
        return 0, {bad.index: {"event": [bad.reason]} for bad in error.bad}
    tally.became(new=new, repeated=len(events) - new)
    return new, {}


def _wrong(events: Sequence[LagoEvent], *, key: ApiKey, now: datetime) -> Wrong:
    wrong = {index: found for index, one in enumerate(events) if (found := wire.wrong_with(one))}
    names = {one.external_subscription_id or "" for one in events}
    known = {name for name in names if name and called(name, key=key)}
    for index, event in enumerate(events):
        if index in wrong:
            continue
        time = wire.time_of(event.timestamp)
        if time and not EARLIEST <= time <= now + MAX_AHEAD:
            wrong[index] = {"timestamp": [f"must be from {EARLIEST.year} on, and not to come"]}
        elif event.external_subscription_id not in known:
            wrong[index] = {"external_subscription_id": [wire.NO_SUBSCRIPTION]}
    return wrong


def find(transaction_id: str, *, subscription: str | None, key: ApiKey) -> dict[str, Any]:
    """Return an event. Raises LagoError where there is none that the key may see.

    A platform's key has to name the subscription where several sent that transaction.
    """
    owners = visible(key)
    if subscription is not None:
        owners = owners.filter(pk=_owner(subscription, key).pk)
    found = list(
        _shapes(
            StoredEvent.objects.filter(
                tenant_id__in=owners.values("pk"),
                stream_id=uuid_of(wire.SOURCE),
                event_id=uuid_of(transaction_id),
            )[:2]
        )
    )
    if not found:
        raise not_found("event")
    if len(found) > 1:
        raise invalid({"external_subscription_id": [wire.MANDATORY]})
    return found[0]


def page_of(
    *,
    key: ApiKey,
    subscription: str | None,
    code: str | None,
    first: datetime | None,
    last: datetime | None,
    page: int,
    per_page: int,
) -> tuple[list[dict[str, Any]], Mapping[str, int | None]]:
    """Return a page of an organisation's events, newest first, and where it is. Raises LagoError.

    Events of every source are listed. Times are of the events, first and last included.
    """
    found = StoredEvent.objects.filter(tenant_id=_owner(subscription, key).pk, type=RECORDED)
    if code is not None:
        found = found.filter(data__type=_types([code])(code))
    if first is not None:
        found = found.filter(occurred_at__gte=first)
    if last is not None:
        found = found.filter(occurred_at__lte=last)
    total = found[:COUNTED].count()
    start = (page - 1) * per_page
    ordered = found.order_by("-occurred_at", "-position")
    events = list(_shapes(ordered[start : start + per_page])) if start < COUNTED else []
    return events, wire.meta(page=page, per_page=per_page, total=total)


def _owner(subscription: str | None, key: ApiKey) -> Organisation:
    if subscription is None:
        if key.organisation is None:
            raise invalid({"external_subscription_id": [wire.MANDATORY]})
        return key.organisation
    owner = called(subscription, key=key)
    if owner is None:
        raise not_found("subscription")
    return owner


def _shapes(rows: QuerySet[StoredEvent]) -> Iterator[dict[str, Any]]:
    # As text, for in Python's floats a number could lose digits.
    stored = list(rows.annotate(text=Cast("data", TextField())).defer("data"))
    owners = Organisation.objects.in_bulk({row.tenant_id for row in stored})
    for row in stored:
        event = cast(
            UsageRecorded,
            codec.decode(name=row.type, version=row.schema_version, data=row.text),
        )
        owner = owners[row.tenant_id]
        yield wire.shape(
            lago_id=str(row.event_id),
            transaction_id=event.id,
            subscription=owner.external_key or owner.slug,
            code=event.type,
            time=row.occurred_at,
            properties=event.data,
            created_at=row.recorded_at,
        )


def _types(codes: Iterable[str | None]) -> Callable[[str], str]:
    """Return what says the type that each of these codes stands for."""
    asked = [code for code in codes if code]
    rows = (
        Definition.objects.filter(Q(event_types__overlap=asked) | Q(service__slug__in=asked))
        .filter(event_types__len__gt=0)
        .order_by("starts_at")
    )
    counted: set[str] = set()
    firsts: dict[str, str] = {}
    for slug, types in rows.values_list("service__slug", "event_types"):
        counted.update(types)
        firsts[slug] = types[0]  # the newest definition's
    return lambda code: code if code in counted else firsts.get(code, code)


def _id(event: LagoEvent) -> str:
    return str(uuid_of(event.transaction_id or ""))
