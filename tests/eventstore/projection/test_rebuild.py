"""A version is built beside the live one, and goes on where it was killed."""

from dataclasses import replace
from functools import partial

import pytest

from eventstore import feed
from eventstore.projection import advance, rebuild, switch
from tests.eventstore.projection.tallies import append, mailed, run, shown, stored, tally
from tests.eventstore.servers import elsewhere, until
from tests.forked import Forked

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_first_version_is_built_without_side_effects_for_what_was_before():
    append(5)
    one = tally(1)
    rebuild(one)
    switch(one)
    append()
    rebuild(one)
    assert shown(1) == stored()
    assert mailed(1) == stored()[-1:]


@pytest.mark.scenario(48)
def test_a_killed_rebuild_goes_on_from_its_checkpoints():
    append(40)
    script = (
        "import django; django.setup()\n"
        "from eventstore import projection as p\n"
        "from tests.eventstore.projection.tallies import *\n"
        "two = tally(2); seen = []\n"
        "def handle(events):\n"
        "    two.handle(events); seen.extend(events)\n"
        "    if len(seen) > 20: print('half', flush=True); input()\n"
        "p.rebuild(p.Projection('tally', 2, handle, two.truncate), limit=1)"
    )
    with Forked("-c", script, environment=elsewhere(), pipes=True) as worker:
        assert worker.stdout
        assert worker.stdout.readline() == "half\n"
        worker.kill()
    assert len(shown(2)) == 20
    two = tally(2)
    until(lambda: rebuild(two) or len(shown(2)) == 40)
    assert shown(2) == stored()  # twice would break the primary key


def test_a_rebuild_does_not_empty_the_tables_of_a_version_that_has_begun():
    append(20)
    two = tally(2)
    for partition in feed.partitions()[:3]:
        until(partial(advance, two, partition=partition))
    assert shown(2)
    rebuild(tally(2))
    assert shown(2) == stored()


def test_a_rebuild_that_cannot_empty_the_tables_has_not_begun():
    def fail():
        raise RuntimeError("not now")

    append(5)
    run("INSERT INTO tally_2 VALUES (-1)")  # of an earlier try
    with pytest.raises(RuntimeError, match="not now"):
        rebuild(replace(tally(2), truncate=fail))
    rebuild(tally(2))
    assert shown(2) == stored()
