"""The database's clock jumps back: what was written before it seems to come from the future."""

from contextlib import contextmanager

import pytest
from django.db import connection

from eventstore import feed, store
from eventstore.models import Horizon, StoredEvent
from eventstore.store import Append
from tests.eventstore.examples import counted, stream
from tests.eventstore.faults import effects
from tests.eventstore.test_holds import position_taken

# Nobody can set the clock of the machine, so what is written is set an hour ahead instead.
CLOCK = """
CREATE FUNCTION fault_clock() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE name text; moment timestamptz;
BEGIN
    FOREACH name IN ARRAY TG_ARGV LOOP
        moment := to_jsonb(NEW) ->> name;
        IF moment IS DISTINCT FROM (to_jsonb(OLD) ->> name)::timestamptz THEN
            NEW := jsonb_populate_record(NEW, jsonb_build_object(name, moment + interval '1 hour'));
        END IF;
    END LOOP;
    RETURN NEW;
END $$;
CREATE TRIGGER fault_clock BEFORE INSERT ON eventstore_storedevent
    FOR EACH ROW EXECUTE FUNCTION fault_clock('recorded_at');
CREATE TRIGGER fault_clock BEFORE INSERT OR UPDATE ON eventstore_horizon
    FOR EACH ROW EXECUTE FUNCTION fault_clock('held_since');
CREATE TRIGGER fault_clock BEFORE INSERT OR UPDATE ON eventstore_checkpoint
    FOR EACH ROW EXECUTE FUNCTION fault_clock('failed_at', 'retry_at');
"""


@contextmanager
def an_hour_ahead():
    """Let the clock be an hour ahead in the block, and jump back at its end."""
    with connection.cursor() as cursor:
        cursor.execute(CLOCK)
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP FUNCTION fault_clock CASCADE")


def append(key):
    store.append([Append(key=key, events=[counted()])])


def consume(handle=effects.keep):
    partition = store.partition_of(stream().tenant_id)
    return feed.consume(consumer="tests", partition=partition, handle=handle)


def refuse(events):
    raise ValueError("not now")


def test_events_keep_their_order_and_the_lag_is_never_negative(handled):
    key = stream()
    with an_hour_ahead():
        append(key)
    assert feed.lag(consumer="tests").seconds == 0
    assert {one.seconds for one in feed.lags(consumer="tests")} == {0}
    append(key)
    earlier, later = StoredEvent.objects.order_by("version")
    assert earlier.recorded_at > later.recorded_at  # it did jump
    effects.consume_all()
    effects.assert_all_are_handled_once()


def test_a_hold_lasts_no_negative_time_and_ends_with_its_transaction(handled):
    with position_taken("a forgotten shell"):
        with an_hour_ahead():
            append(stream())
            assert consume() == 0
        append(stream())
        assert consume() == 0
        hold = feed.hold()
        assert hold
        assert hold.since == Horizon.objects.get().held_since
        assert hold.seconds == 0
    effects.consume_all()
    effects.assert_all_are_handled_once()


def test_an_event_that_failed_is_tried_again_and_not_an_hour_later(handled):
    append(stream())
    with an_hour_ahead(), pytest.raises(feed.PoisonedEvent):
        consume(refuse)
    partition = store.partition_of(stream().tenant_id)
    assert feed.partitions_behind(consumer="tests") == [partition]
    assert consume() == 1
    effects.assert_all_are_handled_once()
