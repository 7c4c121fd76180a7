from uuid import uuid5

from catacloud.accounts.models import Organisation
from catacloud.org_settings.events import NAMESPACE, STREAM_TYPE
from eventstore import store
from eventstore.events import Event, StreamKey


def events_of(organisation: Organisation) -> list[Event]:
    """Return what was recorded of an organisation, the oldest first."""
    key = StreamKey(organisation.pk, uuid5(NAMESPACE, str(organisation.pk)), STREAM_TYPE)
    return [one.event for one in store.read_stream(key)]
