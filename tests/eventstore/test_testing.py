"""The kit of the tests has to fail where it should."""

import pytest

from eventstore.testing import given
from tests.eventstore.examples import Counted, Counter, counted


def count(by):
    return lambda counter: counter.count(by)


class TestAnAggregate:
    def test_decides_and_its_state_follows(self):
        given(Counter, Counted(by=2)).when(count(3)).then(Counted(by=3)).then_state(total=5)

    def test_has_the_state_that_its_history_makes(self):
        given(Counter, Counted(by=2), Counted(by=3)).then_state(total=5)
        with pytest.raises(AssertionError, match="'total': 5"):
            given(Counter, Counted(by=5)).then_state(total=4)

    def test_may_refuse(self):
        given(Counter).when(count(-1)).then_raises(ValueError, match="Count up")

    @pytest.mark.parametrize("expected", [[], [Counted(by=4)], [Counted(by=3)] * 2])
    def test_that_decides_otherwise_fails(self, expected):
        with pytest.raises(AssertionError, match="Other events"):
            given(Counter).when(count(3)).then(*expected)

    def test_that_ends_in_another_state_fails(self):
        with pytest.raises(AssertionError, match="another"):
            given(Counter).when(count(3)).then_state(total=4)

    def test_that_does_not_refuse_fails(self):
        with pytest.raises(AssertionError, match="not refused"):
            given(Counter).when(count(3)).then_raises(ValueError)

    def test_that_refuses_for_another_reason_fails(self):
        with pytest.raises(AssertionError, match="something else"):
            given(Counter).when(count(-1)).then_raises(ValueError, match="Count down")
        with pytest.raises(ValueError, match="Count up"):  # an error that is none of these
            given(Counter).when(count(-1)).then_raises(KeyError)

    def test_that_changes_its_state_while_it_decides_fails(self):
        def decide(counter):
            counter.total += 1
            return [counted(1)]

        with pytest.raises(AssertionError, match="only apply may"):
            given(Counter).when(decide).then(Counted(by=1))


class TestAHandler:
    def test_that_keeps_what_it_saw_may_see_it_twice(self):
        seen = {}

        def handle(events):
            seen.update({recorded.position: recorded.event.by for recorded in events})

        handled = given([Counted(by=2), Counted(by=3)]).handled_by(handle)
        handled.then(lambda: sum(seen.values()), 5).twice(lambda: seen)

    def test_that_adds_up_fails(self):
        seen = []
        handled = given([Counted(by=2)]).handled_by(seen.extend)
        with pytest.raises(AssertionError, match="count twice"):
            handled.twice(lambda: seen)

    def test_that_makes_something_else_fails(self):
        with pytest.raises(AssertionError, match="something else"):
            given([]).handled_by(list).then(lambda: 1, 2)
