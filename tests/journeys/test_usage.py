"""How people find out about an organisation's usage, in a real browser."""

from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import expect

from billing.metering.folding import saga
from billing.metering.models import Dimension, Service
from eventstore import feed
from tests.billing.metering.sending import send
from tests.factories import make_services
from tests.journeys.accessibility import assert_accessible_in_both

pytestmark = pytest.mark.django_db(transaction=True)

PAGE = "/organisations/acme/usage/"
STILL = ".chart .still"
NOW = datetime.now(UTC)
TUESDAY = NOW.date() - timedelta(days=(NOW.weekday() - 1) % 7 or 7)
BEFORE = TUESDAY - timedelta(days=7)


def measure(organisation, *events):
    """Meter execution times of events of (id, day, hour, seconds, region)."""
    sent = [
        (id, f"{day}T{hour:02}:20:00Z", {"seconds": seconds, "region": region})
        for id, day, hour, seconds, region in events
    ]
    send(organisation, *sent, kind="catacloud.execution.finished")
    for partition in feed.partitions():
        while saga.advance(partition=partition):
            pass


@pytest.fixture(autouse=True)
def _usage(acme):
    make_services()
    definition = Service.objects.get(slug="execution-time").definitions.get()
    Dimension.objects.create(definition=definition, name="region", path="region")
    days = [NOW.date() - timedelta(days=ago) for ago in range(1, 40)]
    each = [(f"job-{n}", day, 9, 3600, "eu") for n, day in enumerate(days)]
    measure(acme, *each, ("runaway", TUESDAY, 14, 90_000, "us"))


def test_an_operator_finds_why_last_tuesday_rose_and_shows_a_colleague(
    page, context, sign_in, operator, owner, complaints
):
    sign_in(operator)
    page.goto(f"{PAGE}?range=30d&metric=execution")
    page.locator("#by").click()
    page.get_by_role("link", name="By region").click()
    expect(page.get_by_role("heading", name="Execution time per day, by region")).to_be_visible()
    expect(page.locator(".legend")).to_contain_text("us")

    at = (TUESDAY - (NOW.date() - timedelta(days=29))).days
    page.locator(".chart").hover()
    bar = page.locator(".chart .trace.bars").first.locator(".point path").nth(at)
    box = bar.bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(page.get_by_role("heading", name=f"{TUESDAY:%A}")).to_be_visible()
    expect(page.get_by_text("The most from 14:00 on: 25 h 00 m.")).to_be_visible()
    page.get_by_text("The same figures as a table").click()
    page.get_by_role("link", name="Events 14:00").click()
    page.locator(".event summary").click()
    expect(page.locator(".event pre")).to_contain_text('"us"')
    expect(page.locator(".event")).to_contain_text("runaway")

    page.get_by_role("navigation", name="Breadcrumb").get_by_role("link").nth(1).click()
    expect(page.get_by_role("heading", name=f"{TUESDAY:%A}")).to_be_visible()
    there = page.url
    sign_in(owner)
    colleague = context.new_page()
    colleague.goto(there)
    expect(colleague.get_by_text("The most from 14:00 on: 25 h 00 m.")).to_be_visible()
    assert complaints == []


def test_from_a_day_of_the_platform_one_finds_whose_events_they_were_and_back(
    page, acme, sign_in, operator, complaints
):
    sign_in(operator)
    start = f"/overview/?metric=execution&from={BEFORE - timedelta(days=7)}&to={TUESDAY}"
    page.goto(start)
    page.locator(".chart").hover()
    bar = page.locator(".chart .trace.bars").first.locator(".point path").last
    bar.click(force=True)
    alone = f"Chosen days {TUESDAY.day} {TUESDAY:%b %Y}"
    expect(page.locator("#range")).to_have_text(alone)
    page.go_back()
    page.locator("#days-data summary").focus()  # and now by keyboard alone
    page.keyboard.press("Enter")
    day = page.locator("#days-data").get_by_role("link", name=f"{TUESDAY.day} {TUESDAY:%b %Y}")
    day.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#range")).to_have_text(alone)
    one_day = page.url
    expect(page.locator(".movers")).to_contain_text("+25 h 00 m")
    measure(acme, ("late", TUESDAY, 15, 3600, "eu"))
    expect(page.locator(".headlines")).to_contain_text("27 h")
    expect(page.get_by_role("heading", level=1)).to_be_focused()  # whatever came meanwhile
    page.locator(".movers a").first.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name=f"{TUESDAY:%A}")).to_be_visible()
    expect(page.locator("#metric")).to_have_text("Execution time")
    page.locator("#execution-data summary").focus()
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Events 14:00").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".event")).to_contain_text("runaway")
    page.go_back()
    expect(page.get_by_role("link", name="Events 14:00")).to_be_visible()
    page.go_back()
    page.wait_for_url(one_day)
    expect(page.locator(".movers")).to_contain_text("+25 h 00 m")
    page.go_back()
    page.wait_for_url(f"**{start}")
    assert complaints == []


def test_back_leads_through_five_filters(page, sign_in, owner, complaints):
    sign_in(owner)
    page.goto(PAGE)
    page.evaluate("window.survives = true")
    steps = [
        ("#range", "#range-30d", "range=30d"),
        ("#metric", "#metric-execution", "metric=execution"),
        ("#by", "#by-region", "by=region"),
        (None, "#compare", "compare=off"),
    ]
    addresses = [page.url]
    for menu, link, said in steps:
        if menu:
            page.locator(menu).click()
        page.locator(link).click()
        page.wait_for_url(f"**{said}**")
        addresses.append(page.url)
    page.get_by_text("The same figures as a table").click()
    page.locator("#execution-sort-used").click()
    page.wait_for_url("**sort=-used**")
    first = page.locator("#execution-data tbody th").first
    expect(first).to_have_text(f"{TUESDAY:%a} {TUESDAY.day} {TUESDAY:%b %Y}")
    assert page.evaluate("window.survives")
    for address in reversed(addresses):
        page.go_back()
        page.wait_for_url(address)
    expect(page.locator("#metric")).to_have_text("All services")
    page.go_forward()
    expect(page.locator("#range")).to_contain_text("Last 30 days")
    expect(page.locator(STILL).first).to_be_visible()
    assert complaints == []


def test_figures_follow_events_while_the_page_is_seen_and_ask_nothing_while_it_is_not(
    page, acme, sign_in, owner, operator, complaints
):
    sign_in(owner)
    page.goto(f"{PAGE}?metric=execution&range=90d")
    expect(page.locator(STILL)).to_be_visible()
    page.get_by_text("The same figures as a table").click()
    expect(page.locator("#execution-data")).not_to_contain_text("100 h")
    link = page.locator("#execution-data tbody a").first
    link.focus()
    measure(acme, ("late", BEFORE, 8, 100 * 3600, "eu"))
    expect(page.locator("#execution-data")).to_contain_text("101 h 00 m")
    expect(page.locator("#execution-data")).to_have_attribute("open", "")
    expect(link).to_be_focused()

    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.evaluate(
        "Object.defineProperty(document, 'hidden', {value: true, configurable: true});"
        "document.dispatchEvent(new Event('visibilitychange'))"
    )
    page.wait_for_timeout(400)  # what was under way
    asked.clear()
    page.wait_for_timeout(2500)
    assert asked == []
    page.evaluate("delete document.hidden; document.dispatchEvent(new Event('visibilitychange'))")
    with page.expect_response(lambda response: response.status == 304):
        pass

    sign_in(operator)
    page.goto("/overview/?metric=execution&range=90d")
    # What something else styles, such as a tool that takes pictures, htmx is not to copy.
    page.locator("#q").evaluate("input => { input.style.caretColor = 'transparent'; }")
    with page.expect_response(lambda response: response.status == 304):
        pass
    page.get_by_text("The same figures as a table").click()
    expect(page.locator("#days-data")).not_to_contain_text("201 h 00 m")
    measure(acme, ("later", BEFORE, 9, 100 * 3600, "eu"))
    expect(page.locator("#days-data")).to_contain_text("201 h 00 m")
    assert complaints == []


def test_the_keyboard_alone_leads_to_an_event_on_a_phone(page, sign_in, owner, complaints):
    page.set_viewport_size({"width": 360, "height": 740})
    sign_in(owner)
    page.goto(f"{PAGE}?metric=execution&range=30d")
    expect(page.locator(STILL)).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360

    def press(locator):
        locator.focus()
        page.keyboard.press("Enter")

    press(page.locator("#by"))
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#by")).to_be_focused()
    press(page.locator("#execution-data summary"))
    press(page.get_by_role("link", name=f"{TUESDAY:%a} {TUESDAY.day} {TUESDAY:%b %Y}"))
    expect(page.get_by_role("heading", name=f"{TUESDAY:%A}")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert page.title().startswith(f"{TUESDAY.day} {TUESDAY:%b %Y}")
    press(page.get_by_role("link", name="Events 14:00"))  # for tables stay open
    expect(page.locator(".event")).to_have_count(1)
    assert complaints == []


def test_who_touches_a_bar_may_read_its_figures_and_go_on_by_touching_it_again(
    browser, live_server, context, sign_in, owner
):
    sign_in(owner)
    phone = browser.new_context(
        base_url=live_server.url,
        viewport={"width": 360, "height": 740},
        has_touch=True,
        storage_state=context.storage_state(),
    )
    page = phone.new_page()
    page.goto(f"{PAGE}?metric=execution&range=30d")
    chart = page.locator(".chart")
    chart.tap()
    expect(page.locator(".hoverlayer .legend")).to_be_visible()
    page.wait_for_timeout(400)  # what was under way
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.wait_for_timeout(2500)
    assert asked == []  # for what is swapped takes the figures away
    chart.tap()
    page.wait_for_url("**/usage/days/**")
    phone.close()


def test_without_javascript_figures_are_tables_and_forms_work(
    browser, live_server, context, sign_in, owner
):
    sign_in(owner)
    plain = browser.new_context(
        base_url=live_server.url, java_script_enabled=False, storage_state=context.storage_state()
    )
    page = plain.new_page()
    page.goto(f"{PAGE}?metric=execution")
    page.locator("#range").click()
    page.get_by_label("From").fill(f"{TUESDAY}")
    page.get_by_label("To", exact=True).fill(f"{TUESDAY}")
    page.get_by_role("button", name="Show these days").click()
    expect(page.locator("#execution-data td").first).to_have_text("26 h 00 m")
    expect(page.locator(STILL)).to_be_visible()
    page.locator("#execution-data tbody a").first.click()
    expect(page.get_by_role("cell", name="25 h 00 m")).to_be_visible()
    plain.close()


def test_charts_beside_each_other_begin_at_one_height_whatever_their_legends_take(
    page, acme, sign_in, owner
):
    yesterday = NOW.date() - timedelta(days=1)
    names = [f"a region with quite a long name, number {n}" for n in range(5)]
    measure(acme, *[(f"far-{n}", yesterday, 9, 3600, name) for n, name in enumerate(names)])
    sign_in(owner)
    page.goto(f"{PAGE}?by=region&range=30d")
    expect(page.locator(".panels .still")).to_have_count(3)

    def beside(selector):
        boxes = [one.bounding_box() for one in page.locator(f".panels {selector}").all()]
        return boxes[1:]  # the first is as wide as the page

    left, right = beside(".legend li:last-child")
    assert left["x"] < right["x"]
    assert left["y"] < right["y"]  # for the one legend takes more lines than the other
    for selector in ("figcaption", ".legend", ".chart", "details.data"):
        left, right = beside(selector)
        assert left["y"] == right["y"], selector


def test_usage_pages_are_accessible_to_everybody(page, sign_in, operator, complaints):
    sign_in(operator)
    hour = f"/organisations/acme/events/?hour={TUESDAY}T14:00Z"
    for path in (f"{PAGE}?by=region&range=7d", f"{PAGE}days/{TUESDAY}/", hour):
        page.set_viewport_size({"width": 1280, "height": 900})
        page.goto(path)
        page.evaluate("document.querySelectorAll('details.data').forEach(one => one.open = true)")
        assert_accessible_in_both(page)
        page.set_viewport_size({"width": 360, "height": 740})
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= 360, f"{path} is {wide} px wide on a phone"
    assert complaints == []
