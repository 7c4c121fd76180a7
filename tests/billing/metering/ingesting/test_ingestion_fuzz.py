"""Whatever arrives at the door for usage events is taken or refused: the server never fails."""

import json
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from billing.metering.events import REPLACED, VOIDED
from catacloud.accounts.api_keys import create_api_key

EVENT = {"specversion": "1.0", "id": "1", "source": "s", "type": "t"}
CORRECTION = {"source": "s", "id": "2", "reason": "wrong", "type": "t", "data": {}}
TIMES = [
    *(None, "2026-01-01T00:00:00Z", "2026-01-01 00:00:00z", "2016-12-31T23:59:60Z"),
    *("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2026-01-01T00:00:00+99:99"),
]
ODD = [
    *("1e999999999", "-0", "1" * 5000, "1.5e-99999", "NaN", '"\\ud800"', '"\\u0000"', "01", "{"),
    *(
        "[" * 99 + "]" * 99,
        "[" * 101 + "]" * 101,
        "[" * 900 + "]" * 900,
        "[" * 100_000,
        '{"a":' * 900 + "1" + "}" * 900,
        '"\udcff"',
        "{,}",
    ),
]
plain = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
values = st.recursive(plain, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)).map(
    json.dumps
) | st.sampled_from(ODD)
names = st.sampled_from([*EVENT, "subject", "time", "data", "datacontenttype", "data_base64"])
members = st.dictionaries(names, values, max_size=3)
datas = st.dictionaries(st.text(max_size=3), values, max_size=3).map(
    lambda data: {"data": object_of(data)}
)


def object_of(texts):
    return "{" + ", ".join(f"{json.dumps(name)}: {text}" for name, text in texts.items()) + "}"


def _changed(base, changes):
    return {name: json.dumps(value) for name, value in base.items()} | changes


def _correction(kind, time, changes):
    data = object_of(_changed(CORRECTION, changes))
    return {"type": json.dumps(kind), "time": json.dumps(time), "data": data}


corrections = st.builds(
    _correction,
    st.sampled_from([VOIDED, REPLACED]),
    st.sampled_from(TIMES),
    st.dictionaries(st.sampled_from([*CORRECTION]), values, max_size=2),
)
timely = st.sampled_from(TIMES).map(lambda time: {"time": json.dumps(time)})
events = (members | datas | corrections | timely).map(
    lambda changes: object_of(_changed(EVENT, changes))
)
bodies = (events | st.lists(events, max_size=3).map(lambda many: f"[{', '.join(many)}]")).map(
    lambda text: text.encode("utf-8", "surrogateescape")
) | st.binary()
content_types = st.sampled_from(
    ["application/json", "application/cloudevents+json", "application/cloudevents-batch+json", ""]
)
headers = st.dictionaries(
    st.sampled_from(["ce-specversion", "ce-id", "ce-source", "ce-type", "ce-time", "ce-subject"]),
    st.sampled_from(["1.0", "%00", "%", "ü", '"', "%ff", "2026-01-01T00:00:00Z"]),
)


def fuzzed(max_examples):
    return settings(
        max_examples=max_examples,
        deadline=timedelta(seconds=5),
        suppress_health_check=list(HealthCheck),
        database=None,
    )


@pytest.mark.django_db
def test_no_body_makes_the_server_fail(acme):
    key = create_api_key(organisation=acme, name="fuzz", now=timezone.now())
    client = Client()

    @fuzzed(300)
    @given(bodies, content_types, headers, st.booleans())
    def check(body, content_type, headers, partial):
        answer = client.generic(
            "POST",
            f"/api/v1/events?partial={partial}",
            body,
            content_type=content_type,
            headers={"authorization": f"Bearer {key}", **headers},
        )
        assert answer.status_code in (200, 204, 400, 409), answer.content
        if answer.status_code >= 400:
            assert answer["Content-Type"] == "application/problem+json"

    check()
