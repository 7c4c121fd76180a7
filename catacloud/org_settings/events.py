"""What is done to an organisation by its people, one stream of events for each.

Who did it is in the metadata, as ``user:`` and the number: addresses are personal, so they are
sealed, and can be erased.
"""

from datetime import datetime
from typing import ClassVar
from uuid import UUID, uuid5

from catacloud.accounts.models import Organisation, User
from eventstore import registry, store
from eventstore.events import Event, Metadata, StreamKey, event_type
from eventstore.store import Append, NewEvent

STREAM_TYPE = registry.plain_streams("organisation")
NAMESPACE = UUID("c1f6d7a4-52a5-4c8e-8b53-6d8b3a4f9b60")


class AboutPerson(Event, frozen=True, kw_only=True):
    """An event that names somebody by the e-mail address; None once that was erased."""

    sealed: ClassVar[frozenset[str]] = frozenset({"email"})

    email: str | None


@event_type("organisation.member_invited")
class MemberInvited(AboutPerson, frozen=True, kw_only=True):
    role: str


@event_type("organisation.invitation_withdrawn")
class InvitationWithdrawn(AboutPerson, frozen=True, kw_only=True):
    pass


@event_type("organisation.member_added")
class MemberAdded(AboutPerson, frozen=True, kw_only=True):
    """Somebody belongs to it now; ``invited`` who came by an invitation."""

    role: str
    invited: bool = False


@event_type("organisation.role_changed")
class RoleChanged(AboutPerson, frozen=True, kw_only=True):
    was: str
    role: str


@event_type("organisation.member_removed")
class MemberRemoved(AboutPerson, frozen=True, kw_only=True):
    """Somebody belongs to it no more; ``left`` who went on their own."""

    left: bool = False


@event_type("organisation.key_made")
class KeyMade(Event, frozen=True, kw_only=True):
    prefix: str
    name: str


@event_type("organisation.key_revoked")
class KeyRevoked(Event, frozen=True, kw_only=True):
    prefix: str
    name: str


@event_type("organisation.time_zone_changed")
class TimeZoneChanged(Event, frozen=True, kw_only=True):
    was: str
    time_zone: str


@event_type("organisation.billing_details_changed")
class BillingDetailsChanged(Event, frozen=True, kw_only=True):
    """Which of the billing details are others now; they themselves are no business of the log."""

    fields: list[str]


def record(organisation: Organisation, event: Event, *, by: User, now: datetime) -> None:
    """Append an event to the organisation's stream, in the transaction of what it tells of."""
    key = StreamKey(organisation.pk, uuid5(NAMESPACE, str(organisation.pk)), STREAM_TYPE)
    append = Append(key=key, events=[NewEvent(event=event, occurred_at=now)])
    store.append([append], metadata=Metadata(actor=f"user:{by.pk}"))
