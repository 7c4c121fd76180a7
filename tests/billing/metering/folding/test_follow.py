"""The metrics saga as a process of its own, beside or instead of Celery's worker."""

import signal
from datetime import UTC, datetime

import pytest

from billing.metering.folding.saga import CONSUMER
from billing.metering.usage_tables import DailyUsage
from eventstore import feed
from tests.billing.metering.examples import measured
from tests.eventstore.servers import elsewhere, until
from tests.forked import Forked

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)


@pytest.mark.django_db(transaction=True)
def test_it_folds_what_has_come_and_stops_when_asked_to(acme):
    measured(acme, "execution-time", [("1.5", NOON), ("2", NOON)])
    follow = ("manage.py", "eventstore_follow", CONSUMER)
    with Forked(*follow, environment=elsewhere(), pipes=True) as process:
        assert process.stdout
        until(lambda: feed.lag(consumer=CONSUMER).events == 0)
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
        assert process.stdout.read() == "metrics has stopped.\n"
    assert DailyUsage.objects.get(organisation=acme).event_count == 2
