"""Events that void or replace others: what is taken, what is refused, and what counts after."""

from datetime import timedelta
from itertools import permutations

import msgspec
import pytest

from billing.metering.events import REPLACED, VOIDED, EventName, UsageVoided
from billing.metering.ingesting import corrections, ingestion
from billing.metering.ingesting.corrections import BadCorrection, CorrectedBefore
from billing.metering.ingesting.ingestion import BadBatch, SentDifferently
from billing.metering.inspecting import explaining, listing
from billing.metering.inspecting.listing import Wanted
from billing.metering.usage_tables import HourlyUsage
from catacloud.accounts.models import ApiKey
from eventstore.models import StoredEvent
from tests.billing.metering.sending import skip_the_last
from tests.billing.metering.services.test_definitions import HOUR, NOON, TYPE, catch_up, total
from tests.factories import make_organisation, make_service

pytestmark = pytest.mark.django_db
LATER = NOON + 99 * HOUR


@pytest.fixture
def tokens():
    return make_service(slug="tokens")


def usage(id, quantity=1, at=NOON, source="s"):
    return event(id, TYPE, {"quantity": quantity}, at=at, source=source)


def void(id, of, *, source="s", reason="sent by mistake"):
    return event(id, VOIDED, {"source": "s", "id": of, "reason": reason}, source=source)


def replace(own, of, quantity, *, at=NOON, **changes):
    data = {"source": "s", "id": of, "reason": "wrong quantity", "type": TYPE}
    return event(own, REPLACED, {**data, "data": {"quantity": quantity}, **changes}, at=at)


def event(id, kind, data, *, at=NOON, source="s"):
    return {
        "specversion": "1.0",
        "id": id,
        "source": source,
        "type": kind,
        "time": at,
        "data": data,
    }


def send(organisation, *events):
    return ingestion.accept(
        ingestion.parse(msgspec.json.encode(events)),
        key=ApiKey(organisation=organisation, prefix="tests"),
        now=LATER,
    )


def refused(organisation, *events):
    with pytest.raises(BadBatch) as caught:
        send(organisation, *events)
    return [(bad.index, bad.reason) for bad in caught.value.bad]


def explained(organisation):
    found = explaining.explain(listing.read(Wanted(organisations=[organisation.pk]), limit=100))
    return {one.stored.event.id: one for one in found}


class TestAVoid:
    def test_takes_an_event_back_and_both_remain(self, acme, tokens):
        send(acme, usage("1", 1), usage("2", 2))
        catch_up()
        send(acme, void("v", "1"))
        catch_up()
        assert total(tokens) == 2
        found = explained(acme)
        assert [found[id].state for id in ("1", "2", "v")] == ["voided", "counted", "correction"]
        assert found["1"].voided.reason == "sent by mistake"
        assert found["1"].voided.by == EventName("s", "v")
        assert found["v"].stored.event.type == VOIDED

    def test_may_be_sent_again_as_any_event(self, acme, tokens):
        send(acme, usage("1"))
        assert [send(acme, void("v", "1")) for _ in range(2)] == [1, 0]
        assert StoredEvent.objects.filter(type="usage.voided").count() == 1

    @pytest.mark.parametrize("limit", [1, 100])
    def test_may_come_before_its_event(self, acme, tokens, limit):
        send(acme, void("v", "1"))
        catch_up(limit)
        send(acme, usage("1"), usage("2"))
        catch_up(limit)
        assert total(tokens) == 1

    def test_may_come_in_the_batch_of_its_event(self, acme, tokens):
        send(acme, void("v", "1"), usage("1"), usage("2"))
        catch_up()
        assert total(tokens) == 1

    def test_of_what_was_skipped_subtracts_nothing_that_never_counted(self, acme, tokens):
        send(acme, usage("1", 1))
        catch_up()
        send(acme, usage("2", 2))
        skip_the_last()
        send(acme, void("v", "2"))
        catch_up()
        assert total(tokens) == 1

    def test_takes_back_only_its_own_organisations(self, acme, tokens):
        other = make_organisation("Other")
        send(acme, usage("1"))
        send(other, void("v", "1"))
        catch_up()
        assert total(tokens) == 1

    def test_is_sent_differently_under_one_id(self, acme):
        send(acme, void("v", "1"))
        for other in (void("v", "2"), void("v", "1", reason="another reason")):
            with pytest.raises(SentDifferently) as refused:
                send(acme, other)
            [bad] = refused.value.bad
            assert bad.facts["stored_digest"] != bad.facts["sent_digest"]

    @pytest.mark.parametrize(
        ("data", "reason"),
        [
            (None, "Expected `object`"),
            ({"source": "s", "id": "1"}, "missing required field `reason`"),
            ({"source": "s", "id": "1", "reason": ""}, "Its reason is empty"),
            ({"source": "s", "id": "1", "reason": "  "}, "Its reason is empty"),
            ({"source": "s", "reason": "x"}, "missing required field `id`"),
            ({"id": "1", "reason": "x"}, "missing required field `source`"),
            ({"source": "s", "id": "v", "reason": "x"}, "It names itself"),
        ],
    )
    def test_says_what_is_wrong_with_it(self, acme, data, reason):
        [(index, said)] = refused(acme, usage("1"), event("v", VOIDED, data))
        assert index == 1
        assert reason in said
        assert not StoredEvent.objects.exists()

    @pytest.mark.parametrize("time", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
    def test_and_a_replacement_of_a_time_that_is_none_in_utc_are_refused(self, acme, time):
        for one in (
            event("v", VOIDED, void("v", "1")["data"], at=time),
            replace("r", "1", 1, at=time),
        ):
            [(_, said)] = refused(acme, one)
            assert "is, in UTC, in no year from 1 to 9999" in said, said

    def test_of_a_void_is_refused_for_a_void_stands(self, acme):
        send(acme, usage("1"), void("v", "1"))
        assert refused(acme, void("w", "v")) == [(0, corrections.A_VOID_STANDS)]
        assert refused(acme, void("w", "x"), void("x", "2")) == [(0, corrections.A_VOID_STANDS)]


class TestAReplacement:
    def test_counts_instead_and_both_remain(self, acme, tokens):
        send(acme, usage("1", 1))
        catch_up()
        send(acme, replace("r", "1", 10, at=NOON + HOUR))
        catch_up()
        assert total(tokens) == 10
        assert not HourlyUsage.objects.filter(hour=NOON).exists()
        found = explained(acme)
        assert found["1"].state == "voided"
        assert found["1"].voided.is_replaced
        assert (found["r"].state, found["r"].stored.event.type) == ("counted", TYPE)
        replaces = found["r"].stored.event.replaces
        assert (replaces.source, replaces.id, replaces.reason) == ("s", "1", "wrong quantity")

    def test_may_be_sent_again_as_any_event(self, acme, tokens):
        for _ in range(2):
            send(acme, replace("r", "1", 10))
        with pytest.raises(SentDifferently) as caught:
            send(acme, replace("r", "1", 11))
        assert caught.value.bad[0].facts["stored_digest"]
        catch_up()
        assert total(tokens) == 10

    def test_can_be_voided_and_then_neither_counts(self, acme, tokens):
        send(acme, usage("1", 1), replace("r", "1", 10), void("v", "r"))
        catch_up()
        assert total(tokens) == 0

    def test_can_be_replaced_and_then_the_last_counts(self, acme, tokens):
        batch = [usage("1", 1), replace("r", "1", 10), replace("q", "r", 100)]
        send(acme, *batch)
        catch_up()
        assert total(tokens) == 100

    def test_of_a_void_is_refused(self, acme):
        send(acme, void("v", "1"))
        assert refused(acme, replace("r", "v", 1)) == [(0, corrections.A_VOID_STANDS)]

    @pytest.mark.parametrize(
        ("changes", "reason"),
        [
            ({"at": None}, "It has no time"),
            ({"type": VOIDED}, "It replaces usage by a correction"),
            ({"type": ""}, "length >= 1"),
            ({"data": "text"}, "must be a JSON object or null"),
            ({"id": "r"}, "It names itself"),
        ],
    )
    def test_says_what_is_wrong_with_it(self, acme, changes, reason):
        [(_, said)] = refused(acme, replace("r", "1", 1, **changes))
        assert reason in said


@pytest.mark.parametrize("order", list(permutations(range(4)))[::5])
@pytest.mark.parametrize("limit", [1, 3])
def test_corrections_give_the_same_in_any_order(acme, tokens, order, limit):
    sent = [usage("1", 1), replace("r", "1", 10, at=NOON + HOUR), void("v", "r"), usage("2", 5)]
    for n in order:
        send(acme, sent[n])
        if n % 2:
            catch_up(limit)
    catch_up(limit)
    assert total(tokens) == 5


class TestByAPerson:
    def void(self, acme, id, reason="wrong"):
        corrections.void(
            organisation=acme,
            name=EventName("s", id),
            reason=reason,
            actor="user:owner@example.org",
            now=LATER,
        )

    def test_an_event_is_voided(self, acme, tokens):
        send(acme, usage("1"))
        self.void(acme, "1")
        self.void(acme, "1")
        catch_up()
        assert total(tokens) == 0
        [one] = explained(acme).values()
        assert (one.voided.reason, one.voided.actor) == ("wrong", "user:owner@example.org")

    def test_and_not_by_another_reason_again(self, acme):
        send(acme, usage("1"))
        self.void(acme, "1")
        with pytest.raises(CorrectedBefore, match=r"voided before: send its usage"):
            self.void(acme, "1", "another")

    @pytest.mark.parametrize(("id", "reason"), [("1", " "), ("2", "wrong"), ("v", "wrong")])
    def test_and_nothing_else_is(self, acme, id, reason):
        send(acme, usage("1"), void("v", "x"))
        with pytest.raises(BadCorrection):
            self.void(acme, id, reason)
        assert StoredEvent.objects.filter(type="usage.voided").count() == 1


def test_what_older_voids_said_is_read_as_ever():
    old = {"source": "s", "id": "1", "reason": "x"}
    assert msgspec.convert(old, type=UsageVoided).by is msgspec.UNSET
    assert (
        msgspec.json.decode(msgspec.json.encode(UsageVoided(source="s", id="1", reason="x"))) == old
    )


def test_time_zones_are_no_other_content(acme):
    send(acme, replace("r", "1", 10))
    moved = (NOON + timedelta(0)).isoformat().replace("12:00:00+00:00", "13:00:00+01:00")
    assert send(acme, replace("r", "1", 10, at=moved)) == 0
