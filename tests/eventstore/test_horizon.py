"""The horizon's step, without a database."""

import pytest

from eventstore.horizon import WINDOW, Fence, Look, State, step


def test_it_moves_over_positions_without_a_gap():
    assert step(State(5), Look(contiguous=9, highest=9, xmin=100, xid=None)) == State(9)


def test_it_holds_before_a_gap_and_sets_a_fence():
    seen = Look(contiguous=6, highest=9, xmin=100, xid=105)
    assert step(State(5), seen) == State(6, Fence(position=9, xid=105))


def test_it_holds_while_a_transaction_before_the_fence_is_open():
    held = State(6, Fence(position=9, xid=105))
    assert step(held, Look(contiguous=6, highest=12, xmin=104, xid=120)) == held


@pytest.mark.scenario(32)
def test_it_passes_the_gap_once_those_transactions_are_over():
    held = State(6, Fence(position=9, xid=105))
    seen = Look(contiguous=6, highest=12, xmin=105, xid=120)
    assert step(held, seen) == State(9)


def test_it_goes_further_when_the_gap_was_filled_meanwhile():
    held = State(6, Fence(position=9, xid=105))
    seen = Look(contiguous=12, highest=12, xmin=104, xid=None)
    assert step(held, seen) == State(12)


def test_a_gap_beyond_the_fence_gets_a_fence_of_its_own():
    held = State(6, Fence(position=9, xid=105))
    seen = Look(contiguous=10, highest=14, xmin=104, xid=120)
    assert step(held, seen) == State(10, Fence(position=14, xid=120))


def test_a_fence_from_another_cluster_is_taken_anew():
    restored = State(6, Fence(position=9, xid=90_000))
    seen = Look(contiguous=6, highest=9, xmin=700, xid=701)
    assert step(restored, seen) == State(6, Fence(position=9, xid=701))


def test_far_behind_it_goes_to_the_fence_in_one_step():
    far = Look(contiguous=WINDOW + 5, highest=900_000, xmin=100, xid=105)
    state = step(State(5), far)
    assert state == State(WINDOW + 5, Fence(position=900_000, xid=105))
    later = Look(contiguous=2 * WINDOW, highest=900_100, xmin=106, xid=107)
    assert step(state, later) == State(900_000)


def test_another_look_is_needed_before_the_end():
    assert Look(contiguous=9, highest=9, xmin=100, xid=None).is_to_the_end
    assert not Look(contiguous=6, highest=9, xmin=100, xid=105).is_to_the_end
