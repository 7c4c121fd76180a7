"""An event is corrected once: whoever comes second is told who was first."""

import msgspec
import pytest

from billing.metering.events import VOIDED
from billing.metering.ingesting import ingestion
from billing.metering.ingesting.cloudevents import read
from billing.metering.ingesting.ingestion import SentDifferently
from catacloud.accounts.models import ApiKey
from tests.billing.metering.ingesting.test_corrections import (
    LATER,
    event,
    replace,
    send,
    usage,
    void,
)
from tests.billing.metering.services.test_definitions import catch_up, total
from tests.factories import make_service
from tests.races import run_at_once

pytestmark = pytest.mark.django_db
SAID = {
    "v": "The event '1' of 's' was voided before, by 'v' of 's': send its usage as a new event.",
    "r": "The event '1' of 's' was replaced before, by 'r' of 's': correct that one instead.",
}


@pytest.fixture
def tokens():
    return make_service(slug="tokens")


@pytest.mark.parametrize("first", ["v", "r"])
@pytest.mark.parametrize("second", ["v", "r"])
@pytest.mark.parametrize("together", [True, False])
def test_the_second_correction_is_told_of_the_first(acme, tokens, first, second, together):
    one = {"v": void("v", "1"), "r": replace("r", "1", 10)}[first]
    two = {"v": void("v2", "1"), "r": replace("r2", "1", 100)}[second]
    send(acme, usage("1"))
    if not together:
        send(acme, one)
    with pytest.raises(SentDifferently) as caught:
        send(acme, *([one, two] if together else [two]))
    assert [bad.reason for bad in caught.value.bad] == [SAID[first]]


def test_the_rest_of_a_batch_is_taken_where_that_is_asked_for(acme, tokens):
    send(acme, usage("1"), void("v", "1"))
    batch = [void("v", "1"), void("w", "1"), usage("2"), event("x", VOIDED, {})]
    events = read(msgspec.json.encode(batch))
    key = ApiKey(organisation=acme, prefix="tests")
    outcomes = ingestion.accept_each(events, key=key, now=LATER)
    assert [one.status for one in outcomes] == ["repeated", "refused", "accepted", "refused"]
    assert outcomes[1].reason == SAID["v"]


@pytest.mark.django_db(transaction=True)
def test_of_corrections_at_once_one_is_taken(acme, tokens):
    send(acme, usage("1"))
    raised = run_at_once(
        *[lambda n=n: send(acme, replace(f"r{n}", "1", 10)) for n in range(4)],
        expected=SentDifferently,
    )
    assert len(raised) == 3
    catch_up()
    assert total(tokens) == 10
