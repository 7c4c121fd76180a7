"""What members and operators do with events, in a real browser."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from playwright.sync_api import expect

from billing.metering.ingesting import ingestion
from catacloud.accounts.models import ApiKey
from tests.billing.metering.services.test_definitions import catch_up
from tests.factories import make_organisation, make_services
from tests.journeys.accessibility import assert_accessible_in_both

pytestmark = pytest.mark.django_db(transaction=True)

PAGE = "/organisations/acme/events/"
NOW = datetime.now(UTC)


def send(organisation, *events):
    batch = [
        {
            "specversion": "1.0",
            "id": id,
            "source": "scheduler",
            "type": kind,
            "time": NOW - timedelta(minutes=minutes),
            "data": data,
        }
        for id, kind, minutes, data in events
    ]
    ingestion.accept(
        ingestion.parse(msgspec.json.encode(batch)),
        key=ApiKey(organisation=organisation, prefix="tests"),
        now=NOW,
    )


@pytest.fixture
def jobs():
    """How many events there are of the usual kind: few, for axe looks at every word of each."""
    return 11


@pytest.fixture(autouse=True)
def _events(acme, jobs):
    make_services()
    execution = "catacloud.execution.finished"
    correction = {"source": "scheduler", "reason": "The job was restarted, and told twice."}
    usage = {"type": execution, "data": {"seconds": "59.5"}}
    send(
        acme,
        *((f"job-{n:03}", execution, n, {"seconds": n, "class": "large"}) for n in range(jobs)),
        ("job-many", execution, 80, {"seconds": "many"}),
        ("tokens-1", "ai.tokens.used", 90, {"tokens": 12, "model": "small"}),
        ("no-1", "catacloud.usage.voided", 5, {**correction, "id": "job-003"}),
        ("job-004b", "catacloud.usage.replaced", 4, {**correction, "id": "job-004", **usage}),
    )


@pytest.mark.parametrize("jobs", [70])
def test_a_member_finds_out_why_an_event_does_not_count(page, sign_in, owner, complaints):
    sign_in(owner)
    page.goto("/")
    page.get_by_role("link", name="Events").click()
    page.evaluate("window.survives = true")
    rows = page.locator(".event")
    expect(rows).to_have_count(50)
    page.get_by_role("link", name="Older").click()
    expect(rows).to_have_count(24)
    expect(page.locator("#events")).to_be_focused()
    expect(page.locator("#announced")).to_have_text("24 events on this page")
    page.get_by_role("link", name="Newest").click()
    expect(rows).to_have_count(50)

    page.get_by_label("State").select_option("Not counted")
    expect(rows).to_have_count(2)
    assert page.url.endswith("/events/?state=not-counted")
    expect(rows.last).to_contain_text("No service counts events of the type ai.tokens.used.")
    rows.first.locator("summary").focus()
    page.keyboard.press("Enter")
    expect(rows.first.locator("pre")).to_contain_text('"seconds": "many"')
    assert page.evaluate("window.survives")
    page.go_back()
    expect(rows).to_have_count(50)
    assert complaints == []


def test_an_owner_voids_an_event_and_says_why(page, sign_in, owner, complaints):
    sign_in(owner)
    page.goto(f"{PAGE}?id=job-010")
    page.locator(".event summary").click()
    page.get_by_label("Why it should not count").fill("It never ran.")
    page.get_by_role("button", name="Void this event").click()
    expect(page.locator(".notice:not([hidden])")).to_contain_text("is voided")
    expect(page.locator(".event .state")).to_have_text("Voided")
    assert complaints == []


def test_new_events_come_by_themselves_and_leave_what_is_read_where_it_is(
    page, sign_in, owner, acme, complaints
):
    page.set_viewport_size({"width": 1280, "height": 500})
    sign_in(owner)
    page.goto(PAGE)
    row = page.locator(".event", has_text="tokens.used")
    row.locator("summary").click()
    row.locator("summary").focus()
    seen = row.bounding_box()
    execution = "catacloud.execution.finished"
    send(acme, *((f"new-{n}", execution, 0, {"seconds": n}) for n in range(3)))
    expect(page.locator(".event")).to_have_count(18)
    assert row.bounding_box()["y"] == pytest.approx(seen["y"], abs=2)
    expect(row.locator("pre")).to_be_visible()
    expect(row.locator("summary")).to_be_focused()

    reason = row.get_by_label("Why it should not count")
    reason.fill("Nobody ever")
    row.locator("summary").focus()
    send(acme, ("newest", execution, 0, {"seconds": 9}))
    page.wait_for_timeout(2500)  # in which it would have come
    expect(reason).to_have_value("Nobody ever")
    reason.fill("")
    row.locator("summary").focus()
    expect(page.locator(".event")).to_have_count(19)
    assert complaints == []


def test_how_many_do_not_count_follows_and_stays_open_under_who_reads_it(
    page, sign_in, owner, acme, complaints
):
    catch_up()
    sign_in(owner)
    page.goto(PAGE)
    page.get_by_text("that do not count, by day").click()
    table = page.locator("#uncounted table")
    why = table.get_by_role("row", name="No service counts their type").get_by_role("link")
    expect(why).to_have_text("1")  # the void is none of them
    why.focus()
    send(acme, ("tokens-2", "ai.tokens.used", 90, {"tokens": 3}))  # of the day of the first
    catch_up()
    expect(why).to_have_text("2")
    expect(why).to_be_focused()
    assert complaints == []


@pytest.mark.parametrize("jobs", [5])  # so that those of every kind are among the eight
def test_the_page_is_accessible_to_everybody(page, sign_in, operator, acme, complaints):
    make_organisation("Empty")
    sign_in(operator)
    for path in (PAGE, "/events/", "/organisations/empty/events/", f"{PAGE}?id=none"):
        page.set_viewport_size({"width": 1280, "height": 900})
        page.goto(path)
        for event in page.locator(".event").all()[:8]:
            event.locator("summary").click()
        assert_accessible_in_both(page)
        page.set_viewport_size({"width": 390, "height": 844})
        assert_accessible_in_both(page)
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= 390, f"{path} is {wide} px wide on a phone"
    assert complaints == []
