"""What is sent to an organisation whose budget is used up."""

import json
from datetime import timedelta

import pytest
from django.utils import timezone

from catacloud.accounts.api_keys import create_api_key
from tests.factories import make_organisation

pytestmark = pytest.mark.django_db
EVENT = {
    "specversion": "1.0",
    "id": "1",
    "source": "tests",
    "type": "catacloud.execution.finished",
    "subject": "acme",
    "data": {"seconds": "1"},
}


@pytest.fixture
def stopped(acme):
    acme.stopped_until = timezone.now() + timedelta(days=1)
    acme.save()
    return acme


def key_of(organisation):
    key = create_api_key(organisation=organisation, name="tests", now=timezone.now())
    return {"Authorization": f"Bearer {key}"}


def upload(client, headers):
    tus = {"Tus-Resumable": "1.0.0", "Upload-Length": "5", **headers}
    return client.post("/files/acme/", content_type="application/octet-stream", headers=tus)


def send(client, headers, *events):
    kind = "application/cloudevents-batch+json"
    return client.post("/api/v1/events", json.dumps(events), content_type=kind, headers=headers)


def test_uploads_are_refused(client, stopped):
    refused = upload(client, key_of(stopped))
    assert refused.status_code == 402
    assert refused["Content-Type"] == "application/problem+json"
    assert "raise the budget, or wait" in refused.json()["detail"]


def test_usage_is_refused(client, stopped):
    refused = send(client, key_of(stopped), EVENT)
    assert (refused.status_code, refused.json()["title"]) == (402, "Payment Required")


def test_usage_is_refused_in_the_shape_of_lagos_clients(client, stopped):
    event = {"transaction_id": "1", "external_subscription_id": "acme", "code": "execution-time"}
    refused = client.post(
        "/lago/api/v1/events",
        json.dumps({"event": event}),
        content_type="application/json",
        headers=key_of(stopped),
    )
    assert (refused.status_code, refused.json()["code"]) == (402, "budget_used_up")


def test_a_platform_key_is_told_of_which_events(client, stopped):
    make_organisation("Globex")
    refused = send(client, key_of(None), {**EVENT, "subject": "globex"}, EVENT)
    assert refused.status_code == 400
    (error,) = refused.json()["errors"]
    assert error["index"] == 1
    assert "budget is used up" in error["reason"]


def test_once_it_is_over_all_is_taken_again(client, stopped):
    stopped.stopped_until = timezone.now() - timedelta(seconds=1)
    stopped.save()
    assert upload(client, key_of(stopped)).status_code == 201
    assert send(client, key_of(stopped), EVENT).status_code == 204
