"""Whatever arrives at Lago's doors for events is taken or refused in its shape."""

import json

import pytest
from django.test import Client
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from catacloud.accounts.api_keys import create_api_key
from tests.billing.metering.ingesting.test_ingestion_fuzz import fuzzed, object_of, values

EVENT = {"transaction_id": "1", "external_subscription_id": "acme", "code": "transfer"}
names = st.sampled_from([*EVENT, "timestamp", "properties", "precise_total_amount_cents"])
members = st.dictionaries(names, values | st.sampled_from(["1e-999999999", '"1e999999999"']))


events = members.map(
    lambda changed: object_of({name: json.dumps(value) for name, value in EVENT.items()} | changed)
)
bodies = (
    events.map(lambda one: ("events", f'{{"event": {one}}}'))
    | st.lists(events, max_size=3).map(
        lambda many: ("events/batch", f'{{"events": [{", ".join(many)}]}}')
    )
    | st.tuples(st.sampled_from(["events", "events/batch"]), values)
)


@pytest.mark.django_db
def test_no_body_makes_the_server_fail(acme):
    key = create_api_key(organisation=acme, name="fuzz", now=timezone.now())
    client = Client()

    @fuzzed(40)
    @given(bodies)
    def check(sent):
        path, text = sent
        answer = client.generic(
            "POST",
            f"/lago/api/v1/{path}",
            text.encode("utf-8", "surrogateescape"),
            content_type="application/json",
            headers={"authorization": f"Bearer {key}"},
        )
        assert answer.status_code in (200, 400, 422), answer.content
        if answer.status_code > 200:
            assert answer.json()["status"] == answer.status_code

    check()
