"""Every event that can be in the log is put into words, and so is who caused it."""

from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID, uuid4

import pytest
from django.utils import translation

from billing.accounts.events import AccountClosed, CreditAdded, PlanChanged
from billing.metering.events import UsageVoided
from catacloud.org_settings import events
from catacloud.org_settings.account_words import WORDS
from catacloud.org_settings.telling import FILES, SENTENCES, Names, what, who
from eventstore.events import Event, Metadata, RecordedEvent, event_type
from uploads.events import FileDeleted

FILE = UUID(int=7)
NAMES = Names(
    people={1: "a@x.org"},
    keys={"12ab": "Farm"},
    files={FILE: "a.txt"},
    plans={3: "Scale, version 2"},
)
DAY = date(2026, 11, 1)


@event_type("test.something_else")
class SomethingElse(Event, frozen=True):
    pass


def recorded(event: Event) -> RecordedEvent:
    now = datetime(2026, 11, 28, tzinfo=UTC)
    return RecordedEvent(
        tenant_id=uuid4(),
        stream_id=FILE,
        version=1,
        position=1,
        event_id=uuid4(),
        occurred_at=now,
        recorded_at=now,
        metadata=Metadata(),
        event=event,
    )


@pytest.mark.parametrize(
    ("actor", "name"),
    [
        ("user:1", "a@x.org"),
        ("user:2", "Somebody who is gone"),
        ("user:b@x.org", "b@x.org"),
        ("api-key:12ab", "Key Farm (cck_12ab…)"),
        ("key 12ab", "Key Farm (cck_12ab…)"),
        ("key 99", "The platform"),
        (None, "Catacloud"),
        ("import", "import"),
    ],
)
def test_who_caused_it_has_a_name(actor, name):
    assert who(actor, NAMES) == name


ERASED = events.MemberAdded(email=None, role="member", invited=True)
CHANGED = PlanChanged(plan_version=3, starts_on=DAY, is_prorated=True, reason="secret")
CREDIT = CreditAdded(
    credit=FILE, kind="granted", amount=Decimal(5), currency="EUR", reason="secret"
)


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (events.MemberAdded(email="n@x.org", role="member"), "Added n@x.org as member"),
        (ERASED, "an address that was erased joined as member"),
        (events.MemberRemoved(email="n@x.org", left=True), "n@x.org left"),
        (
            events.BillingDetailsChanged(fields=["city", "vat_id"]),
            "Changed the billing details: City, VAT id",
        ),
        (FileDeleted(size=1), "Deleted a.txt"),
        (UsageVoided(source="s", id="1", reason="Test."), "Voided the event 1 of s: Test."),
        (CHANGED, "Price plan Scale, version 2 from 1 Nov 2026 on"),
        (CREDIT, "Credit of 5 EUR, granted"),
        (AccountClosed(closes_on=DAY, reason=""), "Closed from 1 Nov 2026 on"),
        (SomethingElse(), "Test: something else"),
    ],
)
def test_what_happened_is_a_sentence(event, words):
    assert what(recorded(event), NAMES) == words


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (ERASED, "eine gelöschte Adresse ist beigetreten (Rolle: Mitglied)"),
        (events.BillingDetailsChanged(fields=["city"]), "Rechnungsangaben geändert: Ort"),
        (FileDeleted(size=1), "a.txt gelöscht"),
        (CHANGED, "Tarif Scale, version 2 ab 1. Nov 2026"),
        (CREDIT, "Guthaben von 5 EUR, gewährt"),
    ],
)
def test_what_happened_is_a_sentence_in_german_too(event, words):
    with translation.override("de"):
        assert what(recorded(event), NAMES) == words
        assert who("user:2", NAMES) == "Jemand, den es nicht mehr gibt"


def test_no_event_of_people_is_without_words():
    def kinds(cls: type[Event]) -> set[type[Event]]:
        return {cls, *(one for below in cls.__subclasses__() for one in kinds(below))}

    ours = {one for one in kinds(Event) if one.__module__ == events.__name__}
    assert ours - {events.AboutPerson} <= SENTENCES.keys()
    metered = {"UsageMetered"}
    accounts = {one for one in kinds(Event) if one.__module__ == "billing.accounts.events"}
    assert {one.__name__ for one in accounts - WORDS.keys()} == metered
    assert {one.__name__ for one in FILES} == {"FileCompleted", "FileDeleted", "FileExpired"}
