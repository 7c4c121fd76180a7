"""The events page: what came, what became of it, and taking an event back."""

import re
from datetime import date, timedelta
from html import unescape
from urllib.parse import urlencode

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.budgets.models import BudgetAlert
from billing.dashboards.events import query as events_query
from billing.dashboards.events.query import BadQuery, read_place
from billing.metering.events import VOIDED
from billing.metering.ingesting import ingestion
from billing.metering.inspecting.listing import Place
from catacloud.accounts.models import ApiKey, Membership, Organisation
from eventstore.models import StoredEvent
from tests.billing.dashboards.conftest import NOW
from tests.billing.metering.services.test_definitions import catch_up
from tests.factories import make_organisation, make_user

pytestmark = pytest.mark.django_db

PAGE = "/organisations/acme/events/"
LIVE = {"HX-Request": "true", "HX-Target": "events"}
EXECUTION = "catacloud.execution.finished"
TRANSFER = "catacloud.transfer.finished"


@pytest.fixture
def client(as_user, owner):
    return as_user(owner)


def send(organisation, id, *, kind=EXECUTION, data=None, hours_ago=0, source="s"):
    event = {
        "specversion": "1.0",
        "id": id,
        "source": source,
        "type": kind,
        "time": NOW - timedelta(hours=hours_ago),
        "data": {"seconds": 90} if data is None else data,
    }
    ingestion.accept(
        ingestion.parse(msgspec.json.encode(event)),
        key=ApiKey(organisation=organisation, prefix="tests"),
        now=NOW,
    )


def show(client, page=PAGE, **query):
    response = client.get(page, query)
    assert response.status_code == 200
    return response


def ids(response):
    return [one.stored.event.id for one, _ in response.context["rows"]]


def text(response):
    plain = re.sub(r"<[^>]+>", " ", response.content.decode())
    return re.sub(r"\s+", " ", plain).replace("\u00a0", " ")


class TestAnEvent:
    def test_is_shown_with_what_became_of_it_and_its_data(self, acme, client):
        send(acme, "good")
        send(acme, "bad", data={"seconds": "many"}, hours_ago=1)
        send(acme, "odd", kind="unheard.of", hours_ago=2)
        response = show(client)
        assert ids(response) == ["good", "bad", "odd"]
        page = text(response)
        assert "Counted Execution time 0.025 h" in page
        assert "Not counted Execution time: The quantity is not a number: seconds is" in page
        assert "Not counted No service counts events of the type unheard.of." in page
        assert "{ &quot;seconds&quot;: 90 }" in page

    def test_cannot_bring_markup(self, acme, client):
        send(acme, "<b>id</b>", kind="<i>", data={"seconds": "<script>alert(1)</script>"})
        page = show(client).content.decode()
        assert "<script>alert" not in page
        assert "<b>id" not in page


class TestFilters:
    @pytest.fixture(autouse=True)
    def events(self, acme):
        send(acme, "good")
        send(acme, "bad", data={"seconds": "many"}, hours_ago=1)
        send(acme, "odd", kind="unheard.of", hours_ago=30)
        send(acme, "moved", kind=TRANSFER, data={"bytes": 1}, hours_ago=2, source="other")
        send(acme, "v", kind=VOIDED, data={"source": "s", "id": "gone", "reason": "x"})
        send(acme, "gone", hours_ago=3)

    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ({"state": "counted"}, ["good", "moved"]),
            ({"state": "not-counted"}, ["bad", "odd"]),
            ({"state": "voided"}, ["gone"]),
            ({"state": "correction"}, ["v"]),
            ({"service": "transfer"}, ["moved"]),
            ({"service": "execution-time"}, ["good", "bad", "gone"]),
            ({"service": "execution-time", "state": "not-counted"}, ["bad"]),
            ({"service": "nothing"}, []),
            ({"type": "unheard.of"}, ["odd"]),
            ({"source": "other"}, ["moved"]),
            ({"id": "bad"}, ["bad"]),
            ({"id": "bad", "source": "other"}, []),
            ({"to": "2026-11-22"}, ["odd"]),
            ({"from": "2026-11-23", "state": "not-counted"}, ["bad"]),
            ({"state": "nonsense", "id": "good"}, ["good"]),
        ],
    )
    def test_stand_in_the_address(self, client, query, found):
        assert ids(show(client, **query)) == found

    @pytest.mark.parametrize(
        "query",
        [
            {"from": "yesterday"},
            {"from": "0001-01-01"},
            {"to": "9999-12-31"},
            {"from": "2026-11-02", "to": "2026-11-01"},
            {"before": "nonsense"},
            {"before": "99999999999999999999999999_1"},
            {"before": "1_99999999999999999999999999"},
            {"source": "\0x"},
            {"id": "x" * 9000},
        ],
    )
    def test_say_so_where_they_make_no_sense(self, client, query):
        response = client.get(PAGE, query, follow=True)
        assert ids(response) == [] or "All days are shown instead." in text(response)

    @pytest.mark.parametrize(
        ("query", "said"),
        [
            ({"service": "none"}, "There is no service called “none”."),
            ({"state": "none"}, "There is no state called “none”."),
        ],
    )
    def test_say_what_there_is_not(self, client, query, said):
        assert said in text(show(client, **query))

    def test_show_an_empty_list_with_the_way_back(self, client):
        assert "No such event. Show all events" in text(show(client, id="none"))


class TestPages:
    @pytest.fixture(autouse=True)
    def small(self, monkeypatch):
        monkeypatch.setattr(events_query, "PER_PAGE", 2)
        monkeypatch.setattr(events_query, "CHUNK", 3)

    def walk(self, client, **query):
        pages, before = [], None
        while before is not None or not pages:
            response = show(client, **query, **({"before": before} if before else {}))
            pages.append(ids(response))
            before = response.context["older"]
        return pages

    def test_follow_each_other_by_a_cursor(self, acme, client):
        for n in range(5):
            send(acme, str(n), hours_ago=n // 2)
        assert self.walk(client) == [["1", "0"], ["3", "2"], ["4"]]

    def test_of_a_filter_follow_each_other_too(self, acme, client):
        for n in range(9):
            send(acme, str(n), data={"seconds": "x" if n % 2 else 1}, hours_ago=n)
        assert self.walk(client, state="not-counted") == [["1", "3"], ["5", "7"]]

    def test_stop_looking_at_some_point_and_say_so(self, acme, client, monkeypatch):
        monkeypatch.setattr(events_query, "MOST_LOOKED_AT", 6)
        for n in range(8):
            send(acme, str(n), data={"seconds": "x" if n == 7 else 1}, hours_ago=n)
        assert self.walk(client, state="not-counted") == [[], ["7"]]
        assert "Looked back to 23 Nov 2026, 07:00 Look further back" in text(
            show(client, state="not-counted")
        )

    def test_of_older_events_hear_of_one_that_came_late(self, acme, client):
        for n in range(3):
            send(acme, str(n), hours_ago=n)
        before = show(client).context["older"]
        older = client.get(PAGE, {"before": before})
        [tag] = re.findall(r'data-live="&quot;(\w+)&quot;"', older.content.decode())
        headers = {"HX-Request": "true", "HX-Target": "events", "If-None-Match": f'"{tag}"'}
        assert client.get(PAGE, {"before": before}, headers=headers).status_code == 304
        send(acme, "late", hours_ago=9)
        assert ids(client.get(PAGE, {"before": before}, headers=headers)) == ["2", "late"]

    def test_come_alone_for_htmx(self, acme, client):
        send(acme, "1")
        fragment = {"HX-Request": "true", "HX-Target": "events"}
        response = client.get(PAGE, headers=fragment)
        assert response.content.decode().strip().startswith('<section id="events"')
        whole = client.get(PAGE, headers={**fragment, "HX-History-Restore-Request": "true"})
        assert "<html" in whole.content.decode()


class TestHowManyDoNotCount:
    @pytest.fixture(autouse=True)
    def events(self, acme):
        send(acme, "good")
        send(acme, "bad", data={"seconds": "many"})
        send(acme, "odd", kind="unheard.of")
        send(make_organisation("Initech"), "odd", kind="unheard.of")
        catch_up()

    def test_is_told_of_an_organisation(self, client):
        page = text(client.get("/organisations/acme/usage/"))
        assert "2 events of the last 30 days do not count. See which, and why" in page

    def test_is_told_of_all_to_operators(self, as_user, operator):
        page = text(as_user(operator).get("/overview/"))
        assert "3 events of the last 30 days do not count. See which, and why" in page

    def test_is_listed_by_day_and_reason_on_the_page_of_events(self, client, as_user, operator):
        page = text(client.get(PAGE))
        assert f"{NOW:%-d %b %Y} Execution time cannot read them 1" in page
        assert f"{NOW:%-d %b %Y} No service counts their type 1" in page
        all_events = text(as_user(operator).get("/events/"))
        assert f"{NOW:%-d %b %Y} No service counts their type 2" in all_events
        assert "by day" not in text(client.get(PAGE, {"id": "good"}))

    def test_leads_to_those_that_a_service_cannot_read(self, client):
        page = client.get(PAGE).content.decode()
        [query] = re.findall(r'href="[^"?]*(\?state=not-counted&amp;service=[^"]+)"', page)
        assert ids(show(client, PAGE + query.replace("&amp;", "&"))) == ["bad"]

    def test_comes_with_what_an_open_page_asks_for_once_it_is_known(self, acme, client):
        headers = {"HX-Request": "true", "HX-Target": "events"}
        [tag] = re.findall(r'data-live="([^"]+)"', client.get(PAGE).content.decode())
        send(acme, "odder", kind="unheard.of")
        catch_up()
        known = {**headers, "If-None-Match": tag.replace("&quot;", '"')}
        assert "No service counts their type 2" in text(client.get(PAGE, headers=known))
        assert "their type" not in text(client.get(PAGE, {"id": "good"}, headers=headers))

    def test_is_no_line_where_all_do(self, as_user, stranger):
        assert "not count" not in text(as_user(stranger).get("/organisations/globex/usage/"))


class TestWhoSeesThem:
    @pytest.fixture(autouse=True)
    def events(self, acme):
        send(acme, "acme's")
        send(make_organisation("Initech"), "initech's", hours_ago=1)

    @pytest.mark.parametrize("persona", ["owner", "member", "operator"])
    def test_members_and_operators_see_an_organisations(self, as_user, persona, request):
        assert ids(show(as_user(request.getfixturevalue(persona)))) == ["acme's"]

    def test_for_a_stranger_they_do_not_exist(self, as_user, stranger):
        assert as_user(stranger).get(PAGE).status_code == 404

    def test_operators_see_all_organisations(self, as_user, operator):
        response = show(as_user(operator), "/events/")
        assert ids(response) == ["acme's", "initech's"]
        assert "/organisations/initech/events/" in response.content.decode()

    def test_and_nobody_else_does(self, client):
        assert client.get("/events/").status_code == 404


class TestVoiding:
    @pytest.fixture(autouse=True)
    def event(self, acme):
        send(acme, "1")

    def void(self, client, **changes):
        form = {"source": "s", "id": "1", "reason": "sent twice", **changes}
        return client.post(f"{PAGE}void/", form, follow=True)

    @pytest.mark.parametrize("persona", ["owner", "operator", "biller"])
    def test_is_for_owners_billers_and_operators(self, acme, as_user, persona, request):
        if persona == "biller":
            user = make_user("b@x.org", organisation=acme, role=Membership.Role.BILLING)
        else:
            user = request.getfixturevalue(persona)
        client = as_user(user)
        assert "Void this event" in text(show(client))
        response = self.void(client)
        assert response.redirect_chain == [(f"{PAGE}?{urlencode({'source': 's', 'id': '1'})}", 302)]
        page = text(response)
        assert "The event 1 is voided: figures follow in seconds." in page
        assert "sent twice" in page
        assert f"by {user.email}" in page
        assert "Void this event" not in page

    @pytest.mark.parametrize("persona", ["member", "stranger"])
    def test_is_for_nobody_else(self, as_user, persona, request):
        client = as_user(request.getfixturevalue(persona))
        assert self.void(client).status_code == 404
        assert not StoredEvent.objects.filter(type="usage.voided").exists()

    def test_members_see_no_form_for_it(self, as_user, member):
        assert "Void this event" not in text(show(as_user(member)))

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"reason": " "}, "Say why it is voided."),
            ({"id": "2"}, "There is no such event."),
            ({"id": "\0"}, "There is no such event."),
            ({"reason": "a\0b"}, "The event 1 is voided"),
        ],
    )
    def test_says_what_is_wrong(self, client, changes, message):
        assert message in text(self.void(client, **changes))

    def test_of_an_event_that_was_corrected_before_says_so(self, client):
        self.void(client)
        assert "was voided before" in text(self.void(client, reason="another"))


@given(st.datetimes(timezones=st.just(NOW.tzinfo)), st.integers(0, 2**63 - 1))
def test_a_cursor_outlives_a_round_trip(at, position):
    place = Place(at, position)
    assert read_place(str(place)) == place


@given(st.text())
def test_a_cursor_is_read_or_refused(written):
    try:
        place = read_place(written)
    except BadQuery:  # anything else that is raised fails
        return
    assert read_place(str(place)) == place if written else place is None


class TestAnOpenPage:
    def again(self, client, response, page=PAGE):
        [tag] = re.findall(r'data-live="([^"]+)"', response.content.decode())
        return client.get(page, headers={**LIVE, "If-None-Match": unescape(tag)})

    @pytest.mark.parametrize("page", [PAGE, "/events/"])
    def test_hears_of_new_events_and_else_that_there_are_none(
        self, as_user, operator, acme, page, django_assert_max_num_queries
    ):
        client = as_user(operator)
        send(acme, "one")
        shown = show(client, page)
        with django_assert_max_num_queries(4):
            assert self.again(client, shown, page).status_code == 304
        send(acme, "two")
        answer = self.again(client, shown, page)
        assert set(ids(answer)) == {"one", "two"}
        assert "<html" not in text(answer)

    def test_hears_nothing_of_what_others_send(self, client, acme):
        send(acme, "one")
        shown = show(client)
        send(make_organisation("Globex"), "theirs")
        assert self.again(client, shown).status_code == 304

    def test_hears_that_an_event_is_voided(self, client, acme):
        send(acme, "one")
        shown = show(client)
        send(acme, "v", kind=VOIDED, data={"source": "s", "id": "one", "reason": "It never ran."})
        assert "Voided" in text(self.again(client, shown))

    def test_of_older_ones_stays_as_it_is(self, client, acme):
        send(acme, "one")
        assert "data-live" not in text(show(client, before=f"{Place(NOW, 1)}"))

    def test_comes_with_the_banner_of_a_budget(self, client, acme):
        send(acme, "one")
        shown = show(client)
        assert '<div id="budget-banner" role="status"></div>' in shown.content.decode()
        BudgetAlert.objects.create(
            organisation=acme,
            starts_on=date(2026, 11, 1),
            threshold="50",
            amount=100,
            currency="EUR",
            total=60,
            reached_at=NOW,
        )
        until = NOW + timedelta(days=7)
        Organisation.objects.filter(pk=acme.pk).update(warned_at=NOW, warned_until=until)
        answer = self.again(client, shown)
        assert '<div hx-swap-oob="innerHTML:#budget-banner">' in answer.content.decode()
        assert "has reached 50 % of the budget of €100.00." in text(answer)
