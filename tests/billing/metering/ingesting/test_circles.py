"""Corrections that lead back to themselves are refused, however they come: none would count."""

from itertools import permutations
from operator import itemgetter

import msgspec
import pytest
from django.utils import timezone

from billing.metering.ingesting import circles, ingestion
from billing.metering.ingesting.cloudevents import read
from billing.metering.ingesting.ingestion import BadBatch
from billing.metering.recounting import checking, rebuilding
from billing.metering.usage_tables import HourlyUsage
from catacloud.accounts.models import ApiKey
from tests.billing.metering.ingesting.test_corrections import (
    LATER,
    refused,
    replace,
    send,
    usage,
    void,
)
from tests.billing.metering.services.test_definitions import catch_up, total
from tests.factories import make_organisation, make_service
from tests.races import run_at_once

pytestmark = pytest.mark.django_db
SAID = (
    "The event {!r} of 's', which it names, corrects it in turn, by itself or by others: none of "
    "them would count."
)


@pytest.fixture
def tokens():
    return make_service(slug="tokens")


def circle(*ids):
    """Replacements each of which names the next one, and the last one the first."""
    return [replace(id, of, 10) for id, of in zip(ids, [*ids[1:], ids[0]], strict=True)]


@pytest.mark.parametrize("ids", ["ab", "abc", "abcde"])
def test_of_those_that_come_one_by_one_the_last_is_refused(acme, tokens, ids):
    *first, last = circle(*ids)
    for one in first:
        send(acme, one)
    for _ in range(2):
        assert refused(acme, last) == [(0, SAID.format(ids[0]))]
    send(acme, usage(ids[-1], 7))  # its id is free: what was refused was not stored
    catch_up()
    assert total(tokens) == 10


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_so_it_is_in_any_order_of_a_batch(acme, tokens, order):
    batch = itemgetter(*order)(circle("a", "b", "c"))
    named = batch[-1]["data"]["id"]
    assert refused(acme, *batch) == [(2, SAID.format(named))]
    assert send(acme, *batch[:-1]) == 2


def test_the_rest_of_a_batch_is_taken_where_that_is_asked_for(acme, tokens):
    events = read(msgspec.json.encode([*circle("a", "b"), usage("1", 5)]))
    key = ApiKey(organisation=acme, prefix="tests")
    outcomes = ingestion.accept_each(events, key=key, now=LATER)
    assert [one.status for one in outcomes] == ["accepted", "refused", "accepted"]
    assert outcomes[1].reason == SAID.format("a")
    catch_up()
    assert total(tokens) == 15


def test_a_batch_may_close_a_circle_with_what_stands(acme):
    a, b, c, d = circle("a", "b", "c", "d")
    send(acme, b, d)
    assert refused(acme, a, c) == [(1, SAID.format("d"))]


def test_a_void_may_close_it_too(acme):
    send(acme, replace("r", "v", 1))
    assert refused(acme, void("v", "r")) == [(0, SAID.format("r"))]


def test_what_no_circle_closes_is_taken_in_any_order(acme, tokens):
    send(acme, replace("c", "b", 100))
    send(acme, replace("b", "a", 10), replace("d", "c", 1000))
    send(acme, replace("a", "x", 1))
    send(acme, usage("x", 1))
    catch_up()
    assert total(tokens) == 1000


def test_those_of_another_organisation_are_others(acme, tokens):
    a, b = circle("a", "b")
    send(acme, a)
    assert send(make_organisation("Other"), b) == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("ids", ["ab", "abcd"])
def test_of_those_that_come_at_once_one_is_refused(acme, tokens, ids):
    batches = [lambda one=one: send(acme, one) for one in circle(*ids)]
    [raised] = run_at_once(*batches, expected=BadBatch)
    assert "corrects it in turn" in str(raised)
    catch_up()
    assert total(tokens) == 10


@pytest.mark.django_db(transaction=True)  # a check has a connection of its own
class TestACircleThatWasTakenBefore:
    """As none was looked for: nothing of it counts, for saga, check and rebuild alike."""

    @pytest.fixture(autouse=True)
    def stands(self, acme, tokens, monkeypatch):
        with monkeypatch.context() as patch:
            patch.setattr(circles, "refuse", lambda batch: None)
            send(acme, usage("1", 5), *circle("a", "b"))

    @pytest.mark.parametrize("limit", [1, 100])
    def test_counts_the_same_for_all(self, tokens, limit):
        catch_up(limit)
        assert total(tokens) == 5
        assert list(checking.findings()) == []

    def test_is_rebuilt_to_the_same(self, tokens):
        catch_up()
        HourlyUsage.objects.all().delete()
        rebuilding.rebuild(None, now=timezone.now())
        assert total(tokens) == 5
        assert list(checking.findings()) == []

    def test_can_be_sent_again_as_any_event(self, acme):
        assert send(acme, *circle("a", "b")) == 0
        assert send(acme, circle("a", "b")[1]) == 0
        assert send(acme, replace("c", "x", 1)) == 1
