"""Which organisations the subjects of events are."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from billing.metering.ingesting.cloudevents import BadEvent, CloudEvent
from catacloud.accounts import stopping
from catacloud.accounts.models import ApiKey
from eventstore.cursors import binary_cursor


def organisations_of(
    events: Iterable[CloudEvent | BadEvent], key: ApiKey, *, now: datetime
) -> tuple[dict[str | None, UUID], dict[UUID | None, datetime]]:
    """Return the ids of the organisations that the key may speak for, by slug and external key.

    With them, until when which of these take nothing new. Raises UsageStopped for the key's own.
    """
    if key.organisation is not None:
        own = key.organisation
        stopping.refuse_stopped(own, now=now)
        return dict.fromkeys([own.external_key, own.slug, None], own.id), {}
    subjects = {
        event.subject for event in events if isinstance(event, CloudEvent) and event.subject
    }
    found: dict[str | None, UUID] = {}
    stopped: dict[UUID | None, datetime] = {}
    with binary_cursor() as cursor:
        cursor.execute(ORGANISATIONS, {"subjects": list(subjects)})
        rows = cursor.fetchall()
    for slug, external_key, owner, until in rows:
        found[slug] = owner  # over another's external key
        if external_key:
            found.setdefault(external_key, owner)
        if until and now < until:
            stopped[owner] = until
    return found, stopped


ORGANISATIONS = """
SELECT slug, external_key, id, stopped_until FROM accounts_organisation
WHERE slug = ANY(%(subjects)s::text[]) OR external_key = ANY(%(subjects)s::text[])
"""
