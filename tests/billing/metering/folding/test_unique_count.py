"""What a unique count tells apart."""

import hashlib
from random import Random

import msgspec
import pytest

from billing.metering.ingesting import ingestion
from billing.metering.usage_tables import DailyUsage
from catacloud.accounts.models import ApiKey
from tests.billing.metering.worlds import (
    NOW,
    START,
    catch_up,
)
from tests.factories import make_service

pytestmark = pytest.mark.django_db


class TestWhatAUniqueCountTellsApart:
    def count(self, acme, *values):
        service = make_service(aggregation="unique_count")
        events = [
            {
                "specversion": "1.0",
                "id": str(number),
                "source": service.slug,
                "type": f"test.{service.slug}",
                "time": START,
                "data": {"quantity": value},
            }
            for number, value in enumerate(values)
        ]
        key = ApiKey(organisation=acme, prefix="tests")
        ingestion.accept(ingestion.parse(msgspec.json.encode(events)), key=key, now=NOW)
        catch_up(Random(1))
        rows = DailyUsage.objects.filter(service=service)
        return [(row.quantity, row.event_count) for row in rows]

    def test_is_a_text_or_a_number_whichever_way_it_is_written(self, acme):
        assert self.count(acme, "a", "b", "a", 1, "1", 1.0, 10**40) == [(4, 7)]

    def test_is_nothing_that_cannot_be_told_apart(self, acme):
        assert self.count(acme, None, True, [], {}, "") == []

    def test_may_be_as_long_as_it_likes(self, acme):
        long = "x" * 101
        digest = f"sha256:{hashlib.sha256(long.encode()).hexdigest()}"
        assert self.count(acme, long, long, long + "x", digest) == [(3, 4)]
