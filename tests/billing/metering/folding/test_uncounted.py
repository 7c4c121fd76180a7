"""Events that no service counts, or none can read: each is in the summary of its day, once."""

from datetime import date, timedelta

import pytest

from billing.metering.events import VOIDED
from billing.metering.folding import uncounted
from billing.metering.folding.uncounted import Reason, UncountedDay
from billing.metering.models import Definition
from billing.metering.recounting import rebuilding
from billing.metering.recounting.checking import Slice, findings
from tests.billing.metering.services.test_definitions import HOUR, NOON, TYPE, catch_up, send, void
from tests.factories import make_organisation, make_service

pytestmark = pytest.mark.django_db

TODAY = date(2026, 11, 1)


@pytest.fixture
def acme():
    return make_organisation("Acme")


@pytest.fixture
def tokens():
    return make_service(slug="tokens")


@pytest.fixture
def most():
    """A service whose figures are no sums, of a type of its own."""
    service = make_service(slug="most", aggregation="max")
    Definition.objects.create(
        service=service, starts_at=NOON, event_types=["test.most"], quantity_path="n"
    )
    return service


def told(organisation=None):
    found = uncounted.by_day(organisation and organisation.pk, today=TODAY)
    return [(one.day, one.service, one.count) for one in found]


def mixed(acme):
    """Send of each day what counts and what does not."""
    send(acme, ("1", NOON, {"quantity": 1}), ("2", NOON, {"quantity": "x"}), ("3", NOON, None))
    send(acme, ("4", NOON, {"n": 1}), ("5", NOON, {"n": "x"}), kind="test.most")
    send(acme, ("6", NOON, {}), ("7", NOON - 24 * HOUR, {}), kind="unheard.of")


MIXED = [
    (TODAY, "tokens", 2),
    (TODAY, "", 1),
    (TODAY, "most", 1),
    (TODAY - timedelta(days=1), "", 1),
]


@pytest.mark.parametrize("limit", [1, 3, 100])
def test_each_is_told_by_its_day_and_reason_however_batches_fall(acme, tokens, most, limit):
    mixed(acme)
    catch_up(limit)
    assert told(acme) == MIXED
    assert uncounted.recent(acme.pk, today=TODAY) == 5


def test_names_the_service_that_cannot_read_them(acme, tokens):
    send(acme, ("1", NOON, {"quantity": "x"}))
    catch_up()
    assert uncounted.by_day(acme.pk, today=TODAY) == [Reason(TODAY, "tokens", tokens.name, 1)]


def test_what_one_of_two_services_reads_is_told_of_the_other(acme, tokens):
    other = make_service(slug="other", aggregation="max")
    Definition.objects.create(
        service=other, starts_at=NOON, event_types=[TYPE], quantity_path="more"
    )
    send(acme, ("1", NOON, {"quantity": 1}), ("2", NOON - HOUR, {"quantity": 1}))
    catch_up()
    assert told(acme) == [(TODAY, "other", 1)]


@pytest.mark.parametrize("limit", [1, 100])
def test_what_is_taken_back_is_told_no_more(acme, tokens, most, limit):
    mixed(acme)
    catch_up(limit)
    for id in "2567":
        void(acme, id)
    void(acme, "late")
    catch_up(limit)
    send(acme, ("late", NOON, {"quantity": "x"}))
    catch_up(limit)
    assert told(acme) == [(TODAY, "tokens", 1)]


@pytest.mark.django_db(transaction=True)
def test_what_takes_back_is_none_of_them(acme, tokens, most):
    send(acme, ("1", NOON, {"quantity": 1}), ("2", NOON, {"quantity": "x"}))
    send(acme, ("v", NOON, {"source": "s", "id": "1", "reason": "sent twice"}), kind=VOIDED)
    void(acme, "1")
    catch_up()
    assert told(acme) == [(TODAY, "tokens", 1)]
    assert list(findings()) == []


@pytest.mark.django_db(transaction=True)
def test_a_check_counts_them_too_and_names_each_day_that_is_wrong(acme, tokens, most):
    mixed(acme)
    void(acme, "6")
    catch_up()
    assert list(findings()) == []
    UncountedDay.objects.filter(service_id=tokens.pk).update(event_count=5)
    UncountedDay.objects.filter(service_id=uncounted.NOBODY).delete()
    says = [
        "uncounted: acme, no service, 2026-10-31: 0 events is held, but the events make 1 event.",
        "uncounted: acme, tokens, 2026-11-01: 5 events is held, but the events make 2 events.",
    ]
    assert list(findings()) == says
    assert list(findings(Slice(service_id=tokens.pk))) == says[1:]
    assert list(findings(Slice(end=TODAY))) == says[:1]


def test_what_was_never_told_is_not_taken_away(acme, tokens, most):
    mixed(acme)
    catch_up()
    UncountedDay.objects.filter(service_id=tokens.pk).delete()  # as if it had come before
    void(acme, "2")
    void(acme, "6")
    catch_up()
    assert told(acme) == [MIXED[2], MIXED[3]]


def test_operators_see_those_of_all(acme, tokens):
    for organisation in (acme, make_organisation("Globex")):
        send(organisation, ("1", NOON, {"quantity": "x"}))
    catch_up()
    assert told() == [(TODAY, "tokens", 2)]


@pytest.mark.django_db(transaction=True)
def test_a_rebuild_finds_them_right_and_makes_them_so(acme, tokens, most):
    mixed(acme)
    catch_up()
    assert rebuilding.rebuild(None, now=NOON).rows == 0
    UncountedDay.objects.all().delete()
    assert rebuilding.rebuild(None, now=NOON).rows == len(MIXED)
    assert told(acme) == MIXED
