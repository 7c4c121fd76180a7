"""Appends are announced after their commit; who fails to hear of them fails no writer."""

import logging

import pytest
from django.db import transaction

from eventstore import store
from eventstore.store import Append, appended
from tests.eventstore.examples import counted, stream

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def heard():
    heard = []

    def hear(partitions, **_):
        heard.append(partitions)

    appended.connect(hear)
    yield heard
    appended.disconnect(hear)


def append(key):
    return store.append([Append(key=key, events=[counted()])]).new


def test_an_append_is_announced_with_its_partitions(heard):
    one, other = stream(), stream()
    append(one)
    store.append([Append(key=key, events=[counted()]) for key in (one, other)])
    partition = store.partition_of(one.tenant_id)
    assert heard == [{partition}, {partition, store.partition_of(other.tenant_id)}]


@pytest.mark.scenario(23)
def test_nothing_is_announced_before_the_commit_or_after_a_rollback(heard):
    with transaction.atomic():
        append(stream())
        assert heard == []
    assert len(heard) == 1
    with transaction.atomic():
        append(stream())
        transaction.set_rollback(True)
    assert len(heard) == 1


@pytest.mark.parametrize("atomic", [True, False])
def test_a_listener_that_fails_is_logged_and_fails_no_writer(caplog, atomic):
    def fail(**_):
        raise ConnectionError("the broker is away")

    appended.connect(fail)
    try:
        with caplog.at_level(logging.ERROR):
            if atomic:
                with transaction.atomic():
                    assert append(key := stream()) == 1
            else:
                append(key := stream())
                assert append(key) == 1
    finally:
        appended.disconnect(fail)
    assert list(store.read_stream(key))
    assert "the broker is away" in caplog.text
