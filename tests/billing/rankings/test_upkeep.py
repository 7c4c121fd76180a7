"""When rankings are made, made again and renewed, and who rings for that."""

from datetime import UTC, datetime, timedelta

import pytest
from django.core.cache import cache
from django.utils import timezone

from billing.dashboards.ranges import read_range
from billing.metering.tasks import folded
from billing.rankings import asking, making, upkeep
from billing.rankings.models import Ranking
from billing.rankings.spans import Span
from billing.rankings.tasks import rank, rank_usual, renew
from catacloud.outages import Outage
from tests.factories import make_organisation

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
SPAN = Span.of(read_range({}, today=NOW.date()))


@pytest.fixture(autouse=True)
def _nobody_rang():
    cache.clear()


@pytest.fixture
def rung(monkeypatch):
    """Rings for a worker, by the name of the task."""
    rings = []
    for task in (rank, renew):
        name = task.name.rpartition(".")[2]
        monkeypatch.setattr(task, "apply_async", lambda name=name, **_: rings.append(name))
    return rings


def test_makes_it_seldomer_the_longer_it_takes():
    ranking = Ranking(end=SPAN.end, made_at=NOW, took=timedelta(seconds=30))
    assert not upkeep.is_due(ranking, now=NOW + timedelta(seconds=299))
    assert upkeep.is_due(ranking, now=NOW + timedelta(seconds=300))


def test_makes_it_seldom_of_days_that_are_over():
    ranking = Ranking(end=NOW.date(), made_at=NOW, took=timedelta())
    assert not upkeep.is_due(ranking, now=NOW + timedelta(seconds=299))
    assert upkeep.is_due(ranking, now=NOW + timedelta(seconds=300))


def test_makes_what_is_due_once():
    for _ in range(2):
        upkeep.keep(SPAN, now=NOW)
    assert Ranking.objects.count() == 1


def test_leaves_a_large_platform_to_a_worker(monkeypatch, rung):
    monkeypatch.setattr(asking, "AT_ONCE", 0)
    make_organisation()
    assert asking.ask(SPAN, None, now=NOW) == asking.Answer(None, is_coming=True)
    assert rung == ["rank"]


def test_renews_it_soon_where_figures_are_new(rung):
    ranking = Ranking(end=SPAN.end, as_of=NOW, made_at=NOW, took=timedelta())
    coming = []
    for seconds, stamp in [(0, "a"), (2, "b"), (3, "b"), (4, "c")]:
        now = NOW + timedelta(seconds=seconds)
        coming.append(asking.ask(SPAN, ranking, now=now, stamp=stamp).is_coming)
        cache.delete(upkeep.bell_of(SPAN, "renew"))
    assert rung == ["renew", "renew"]
    assert coming == [False, True, False, True]


def test_says_that_it_is_coming_while_it_rings_for_earlier_news(rung):
    ranking = Ranking(end=SPAN.end, as_of=NOW, made_at=NOW, took=timedelta())
    now = NOW + timedelta(seconds=2)
    for stamp in ("a", "b"):
        assert asking.ask(SPAN, ranking, now=now, stamp=stamp).is_coming
    assert rung == ["renew"]
    cache.delete(upkeep.bell_of(SPAN, "renew"))
    assert asking.ask(SPAN, ranking, now=now, stamp="b").is_coming
    assert rung == ["renew", "renew"]


def test_renews_it_seldomer_the_longer_that_takes():
    ranking = Ranking(as_of=NOW, renewal=timedelta(seconds=2))
    assert not upkeep.may_be_renewed(ranking, now=NOW + timedelta(seconds=5))
    assert upkeep.may_be_renewed(ranking, now=NOW + timedelta(seconds=6))


@pytest.mark.parametrize(("seconds_ago", "expected"), [(1, ["renew"]), (4, [])])
def test_renews_what_somebody_looks_at_as_soon_as_events_are_folded(rung, seconds_ago, expected):
    now = timezone.now()
    ranking = making.make(SPAN, now=now)
    asking.ask(SPAN, ranking, now=now - timedelta(seconds=seconds_ago))
    Ranking.objects.update(as_of=now - timedelta(minutes=1))
    folded.send(sender=None)
    folded.send(sender=None)  # the bell rings already
    assert rung == expected


def test_renews_it_seldom_however_often_events_are_folded(rung):
    now = timezone.now()
    ranking = making.make(SPAN, now=now)
    asking.ask(SPAN, ranking, now=now)
    Ranking.objects.update(as_of=now, renewal=timedelta(minutes=1))
    folded.send(sender=None)
    assert rung == []


def test_goes_on_without_valkey(rung, settings):
    now = timezone.now()
    ranking = making.make(SPAN, now=now)
    settings.REDIS_URL = "redis://localhost:1"
    try:
        assert asking.ask(SPAN, ranking, now=now).ranking == ranking
        folded.send(sender=None)
    finally:
        asking.broker.answered()
    assert rung == []


def test_asks_valkey_again_once_it_is_back(rung, settings, monkeypatch):
    seconds = iter([0, 6])  # when it fails, and when somebody asks again
    monkeypatch.setattr(asking, "broker", Outage(clock=lambda: next(seconds)))
    now, url = timezone.now(), settings.REDIS_URL
    ranking = making.make(SPAN, now=now)
    Ranking.objects.update(as_of=now - timedelta(minutes=1))
    settings.REDIS_URL = "redis://localhost:1"
    asking.ask(SPAN, ranking, now=now)
    settings.REDIS_URL = url
    asking.ask(SPAN, ranking, now=now)
    folded.send(sender=None)
    assert rung == ["renew"]


def test_is_renewed_while_another_is_made(rung):
    ranking = making.make(SPAN, now=NOW - timedelta(minutes=10))
    asking.ask(SPAN, ranking, now=NOW, stamp="a")
    asking.ask(SPAN, ranking, now=NOW, stamp="b")
    assert rung == ["rank", "renew"]


def test_can_be_rung_for_again_as_soon_as_it_is_made(rung):
    for hours_later in (0, 1):
        now = NOW + timedelta(hours=hours_later)
        made = making.make(SPAN, now=now - timedelta(minutes=50))
        for ranking in (made, upkeep.newest(SPAN)):
            asking.ask(SPAN, ranking, now=now, stamp=f"{hours_later}")
        upkeep.keep(SPAN, now=now)
        upkeep.renew(SPAN, now=now + timedelta(minutes=1))
    assert rung == ["rank", "renew"] * 2


def test_does_what_the_tasks_say(monkeypatch):
    sent = []
    monkeypatch.setattr(rank, "apply_async", lambda kwargs: sent.append(kwargs))
    rank_usual()
    assert len(sent) == 2
    rank(**sent[0])
    made = Ranking.objects.get()
    Ranking.objects.update(as_of=NOW, seen={"0": -1})
    renew(**sent[0])
    assert Ranking.objects.get().as_of >= made.as_of
