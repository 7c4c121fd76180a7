"""What is left of an event can be read for ever, whatever form it had when it was archived."""

import pytest

from billing.metering.events import Archived, UsageRecorded
from eventstore import events as codec

LEFT = """{
    "type": "catacloud.execution.finished", "source": "/clusters/7", "id": "run-1", %s
    "$archived": {"in": 7, "digest": "%s"}
}"""


@pytest.mark.parametrize(
    ("version", "rest", "digest", "data"),
    [
        (
            1,
            '"service": "x", "quantity": "1", "data": {"seconds": 1e-12},',
            "",
            '{"seconds":1E-12}',
        ),
        (1, '"service": "x", "quantity": "1",', "", "null"),
        (2, '"time": null, "data": {"seconds": "1"},', "abc", '{"seconds": "1"}'),
        (2, '"time": "2026-11-01T12:00:00Z",', "abc", "null"),
    ],
)
def test_every_version_with_and_without_data(version, rest, digest, data):
    event = codec.decode(name="usage.recorded", version=version, data=LEFT % (rest, digest))
    assert isinstance(event, UsageRecorded)
    assert event.archived == Archived(7, digest)
    assert (event.id, bytes(event.data).decode()) == ("run-1", data)


def test_new_events_say_nothing_of_it():
    event = UsageRecorded(type="t", source="s", id="i")
    assert b"archived" not in bytes(codec.encode(event))
