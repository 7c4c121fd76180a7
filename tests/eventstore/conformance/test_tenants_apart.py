"""One tenant's ids mean nothing to another."""

from uuid import uuid4

import pytest

from tests.eventstore.conformance.sides import COMMITTING, of, ones
from tests.eventstore.examples import counted, stream

pytestmark = COMMITTING


@pytest.mark.scenario(52)
def test_what_a_tenant_has_is_its_own(store):
    # What is shredded of one tenant leaves all others alone: see tests/eventstore/shredding. What
    # is left to see here is that one tenant's ids mean nothing to another.
    key, event_id = stream(), uuid4()
    other = stream(uuid4(), key.stream_id)
    store.append(of(key, counted(7, event_id=event_id)))
    done = store.append(of(other, counted(1, event_id=event_id), expected=0))
    assert (done.new, done.repeated) == (1, [])
    assert [one.event.by for one in store.read(key)] == [7]
    assert [one.event.by for one in store.read(other)] == [1]
    third = type(key)(uuid4(), key.stream_id, "file")
    assert store.append(of(third, *ones(1))).versions == {third: 1}
