"""Of those who ask a server that is away, one in a while waits for it, and the others go on."""

import pytest

from catacloud.outages import SPARED, Outage


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def outage(clock):
    return Outage(clock)


def test_nobody_is_spared_while_the_server_answers(outage):
    assert not outage.spares()
    outage.answered()
    assert not outage.spares()


def test_all_are_spared_after_a_failure(outage):
    outage.failed()
    assert outage.spares()


def test_one_tries_after_a_while_and_spares_the_others(outage, clock):
    outage.failed()
    clock.now += SPARED
    assert [outage.spares(), outage.spares()] == [False, True]


def test_nobody_is_spared_any_more_once_it_answers_again(outage, clock):
    outage.failed()
    clock.now += SPARED
    assert not outage.spares()
    outage.answered()
    assert not outage.spares()
