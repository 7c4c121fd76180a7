"""What is said of an event is what the saga makes of it; and where it does not count, why."""

from datetime import timedelta
from decimal import Decimal
from itertools import pairwise

import msgspec
import pytest
from django.db import connection
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.metering.inspecting import explaining, listing, reasons
from billing.metering.inspecting.listing import Wanted
from billing.metering.models import Definition
from billing.metering.usage_tables import DailyUsage
from tests.billing.metering.services.test_definitions import HOUR, NOON, TYPE, catch_up, send, void
from tests.factories import make_organisation, make_service

# JSON numbers, texts that look like numbers, and values that are neither.
DIGITS = st.text("0123456789", min_size=1, max_size=45)
FRACTIONS = st.just("") | DIGITS.map(".{}".format)
EXPONENTS = st.just("") | st.integers(-120, 120).map("e{}".format)
VALUES = (
    st.builds("{}{}{}{}".format, st.sampled_from(["", "-"]), st.integers(0), FRACTIONS, EXPONENTS)
    | st.builds(
        '"{}{}{}{}"'.format,
        st.sampled_from(["", "-", "+", " "]),
        DIGITS,
        FRACTIONS | st.just("."),
        EXPONENTS,
    )
    | st.recursive(
        st.none() | st.booleans() | st.text(st.characters(codec="utf-8", exclude_characters="\0")),
        lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.just("k"), inner),
        max_leaves=3,
    ).map(lambda value: msgspec.json.encode(value).decode())
)


@pytest.mark.django_db
@settings(max_examples=20)
@given(st.lists(VALUES, min_size=30, max_size=60), st.booleans())
def test_there_is_a_reason_exactly_where_the_saga_reads_no_quantity(values, negative):
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT billing_quantity(value::jsonb, %s), billing_value(value::jsonb) "
            "FROM unnest(%s::text[]) AS value",
            [negative, values],
        )
        read = cursor.fetchall()
    for value, (quantity, told_apart) in zip(values, read, strict=True):
        assert bool(reasons.no_value(value, path="q")) == (told_apart is None), value
        why = reasons.unread(value, path="q", may_be_negative=negative)
        assert bool(why) == (quantity is None), (value, quantity, why)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "The quantity is missing: its data have no used.bytes."),
        ("null", "The quantity is missing: used.bytes is null in its data."),
        ("true", "The quantity is not a number: used.bytes is true."),
        ('"NaN"', 'The quantity is not a number: used.bytes is "NaN".'),
        ('"Inf"', 'The quantity is not a number: used.bytes is "Inf".'),
        ("[1]", "The quantity is not a number: used.bytes is [1]."),
        (
            f'"1.{41 * "0"}"',
            f'The quantity is written too long: used.bytes is "1.{41 * "0"}". Up to 40 digits '
            "before the point, 40 after it and two of an exponent are read.",
        ),
        (
            "1e31",
            "The quantity is too large: used.bytes is 1e31, and at most 1e+30 is counted.",
        ),
        (
            '"0.0000000000001"',
            'The quantity is too fine: used.bytes is "0.0000000000001", and at most 12 decimal '
            "places are counted.",
        ),
        (
            "-1",
            "The quantity is negative: used.bytes is -1. Void or replace the wrong event instead.",
        ),
        ('"1.50"', ""),
    ],
)
def test_a_reason_says_where_and_what(value, reason):
    assert reasons.unread(value, path="used.bytes", may_be_negative=False) == reason


def test_a_reason_shows_no_more_than_the_beginning_of_a_long_value():
    why = reasons.unread(f'"{"x" * 5000}"', path="q", may_be_negative=False)
    assert len(why) < 150


@pytest.mark.django_db
class TestExplain:
    @pytest.fixture
    def acme(self):
        return make_organisation("Acme")

    @pytest.fixture
    def tokens(self):
        return make_service(slug="tokens")

    def explained(self, acme):
        wanted = Wanted(organisations=[acme.pk])
        found = explaining.explain(listing.read(wanted, limit=100))
        return {one.stored.event.id: one for one in found}

    def test_says_how_much_each_service_counts(self, acme, tokens):
        other = make_service(slug="other")
        Definition.objects.create(
            service=other, starts_at=NOON, event_types=[TYPE], quantity_path="more.deep"
        )
        send(acme, ("1", NOON, {"quantity": 1, "more": {"deep": "2.50"}}))
        one = self.explained(acme)["1"]
        assert (one.state, one.reasons) == ("counted", [])
        found = [(finding.service, finding.quantity) for finding in one.findings]
        assert found == [("other", Decimal("2.5")), ("tokens", 1)]

    def test_says_that_one_of_several_services_cannot_read_it(self, acme, tokens):
        other = make_service(slug="other")
        Definition.objects.create(
            service=other, starts_at=NOON, event_types=[TYPE], quantity_path="deep"
        )
        send(acme, ("1", NOON, {"quantity": 1}))
        one = self.explained(acme)["1"]
        assert one.state == "not-counted"
        assert one.reasons == ["other: The quantity is missing: its data have no deep."]

    def test_says_which_value_a_unique_count_cannot_tell_apart(self, acme):
        users = make_service(slug="users")
        users.aggregation = "unique_count"
        users.save()
        values = ["anna", 12, None, "", ["a"]]
        send(
            acme,
            *((str(n), NOON, {"quantity": value}) for n, value in enumerate(values)),
            kind="test.users",
        )
        found = self.explained(acme)
        assert [found[str(n)].reasons for n in range(5)] == [
            [],
            [],
            ["users: The value is missing: quantity is null in its data."],
            ['users: The value is missing: quantity is "" in its data.'],
            ['users: The value is no text and no number: quantity is ["a"].'],
        ]

    def test_says_that_no_service_knows_the_type(self, acme):
        send(acme, ("1", NOON, {"quantity": 1}), kind="unheard.of")
        one = self.explained(acme)["1"]
        assert one.state == "not-counted"
        assert one.reasons == ["No service counts events of the type unheard.of."]

    def test_says_that_the_definition_of_its_time_does_not_count_it(self, acme, tokens):
        Definition.objects.create(
            service=tokens, starts_at=NOON, event_types=["new"], quantity_path="quantity"
        )
        send(acme, ("1", NOON - HOUR, {"quantity": 1}), kind="new")
        [reason] = self.explained(acme)["1"].reasons
        assert reason == (
            "tokens: Its definition of the event's time does not count this type; one that does "
            "starts at 2026-11-01 12:00 UTC."
        )

    def test_says_that_the_definition_of_its_time_names_another_path(self, acme, tokens):
        Definition.objects.create(
            service=tokens, starts_at=NOON, event_types=[TYPE], quantity_path="new"
        )
        send(acme, ("1", NOON - HOUR, {"new": 1}), ("2", NOON, {"new": 1}))
        found = self.explained(acme)
        assert found["2"].state == "counted"
        [reason] = found["1"].reasons
        assert reason == (
            "tokens: The quantity is missing: its data have no quantity. The definition that "
            "starts at 2026-11-01 12:00 UTC reads new, but that of the event's time reads quantity."
        )

    def test_says_that_it_came_before_the_service_was_defined(self, acme, tokens):
        send(acme, ("1", NOON, {"quantity": 1}))
        catch_up()
        late = make_service(slug="late")
        Definition.objects.create(
            service=late, starts_at=NOON - HOUR, event_types=[TYPE], quantity_path="quantity"
        )
        told = self.explained(acme)["1"]
        assert (told.state, told.counts_somewhere) == ("not-counted", True)
        assert told.reasons == [
            "late: It came before the service was defined, and counts once usage is rebuilt."
        ]

    def test_says_that_it_was_voided_and_why(self, acme, tokens):
        send(acme, ("1", NOON, {"quantity": 1}))
        void(acme, "1")
        catch_up()
        one = self.explained(acme)["1"]
        assert one.state == "voided"
        assert one.voided.reason == "sent by mistake"

    def test_agrees_with_what_the_saga_adds_up(self, acme, tokens):
        values = [1, "2.5", -3, None, True, "x", 10**31, "0.0000000000001", 4]
        other = make_service(slug="other", level=True)
        Definition.objects.create(
            service=other, starts_at=NOON, event_types=[TYPE], quantity_path="quantity"
        )
        moments = [NOON - HOUR, NOON, NOON + HOUR]
        send(
            acme,
            *(
                (f"{n} {at}", at, {"quantity": value})
                for n, value in enumerate(values)
                for at in moments
            ),
        )
        void(acme, f"0 {NOON}")
        catch_up()
        told = {"tokens": Decimal(0), "other": Decimal(0)}
        for one in self.explained(acme).values():
            for finding in one.findings:
                if one.state != "voided" and finding.quantity is not None:
                    told[finding.service] += finding.quantity
        metered = DailyUsage.objects.values_list("service__slug", "quantity")
        assert told == dict(metered)
        assert told == {"tokens": Decimal("21.5"), "other": Decimal("8")}


@pytest.mark.django_db
def test_pages_follow_each_other_without_a_gap(acme):
    make_service(slug="tokens")
    instants = [NOON, NOON, NOON, NOON + HOUR, NOON + HOUR, NOON - timedelta(days=1)]
    send(acme, *((str(n), at, {"quantity": 1}) for n, at in enumerate(instants)))
    wanted, seen, before = Wanted(organisations=[acme.pk]), [], None
    while page := listing.read(wanted, limit=2, before=before):
        seen += page
        before = page[-1].place
    assert sorted(one.event.id for one in seen) == [str(n) for n in range(6)]
    assert all(one.place > two.place for one, two in pairwise(seen))
