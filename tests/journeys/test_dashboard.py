"""What operators and customers do every morning, in a real browser."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.core.cache import cache
from django.db.models import F
from playwright.sync_api import expect

from billing.invoicing.models import Invoice
from billing.invoicing.settling.crediting import credit
from billing.metering.usage_tables import DailyUsage, PlatformUsage
from billing.periods import month_before, month_of
from billing.rankings.tasks import rank, renew
from catacloud.accounts.models import Role
from catacloud.org_settings.invitations import invite
from tests.factories import PASSWORD, make_daily_usage, make_invoice, make_organisation
from tests.journeys.accessibility import assert_accessible_in_both

pytestmark = pytest.mark.django_db(transaction=True)

STILL, DRAWN = ".chart .still", ".chart[data-drawn]"


@pytest.fixture
def globex():
    return make_organisation("Globex")


@pytest.fixture(autouse=True)
def _usage(acme, globex):
    today = datetime.now(UTC).date()
    days = [today - timedelta(days=days_ago) for days_ago in range(70)]
    for n, organisation in enumerate([acme, globex], 1):
        make_daily_usage(organisation, *days, stored_gb=n * 100, hours=n)
    make_invoice(acme, month_before(month_of(today)))


def bars(page):
    """Count the bars of the first chart, which somebody points at."""
    page.locator("#content .chart").first.hover()
    expect(page.locator(DRAWN).first).to_be_visible()
    return page.locator("#content .chart").first.evaluate("chart => chart.data[0].x.length")


def test_an_operator_signs_in_and_changes_the_days_without_a_page_load(page, operator, complaints):
    page.goto("/login/")
    page.get_by_label("E-mail address").fill(operator.email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator(STILL)).to_be_visible()
    page.evaluate("window.survives = true")

    page.locator("#range").click()
    page.get_by_role("link", name="Last 30 days").click()
    expect(page.locator("#range")).to_contain_text("Last 30 days")
    assert page.url.endswith("?range=30d")
    assert bars(page) == 30
    expect(page.locator(".hoverlayer .legend, .hoverlayer .hovertext").first).to_be_visible()
    expect(page.locator("#range")).to_be_focused()

    page.get_by_role("link", name="Execution time", exact=True).click()
    expect(page.get_by_role("heading", name="Execution time per day")).to_be_visible()
    page.get_by_label("Filter by name").press_sequentially("glob")
    expect(page.locator(".row-link")).to_have_text(["Globex"])
    expect(page.get_by_label("Filter by name")).to_be_focused()
    expect(page.locator("#announced")).to_have_text("1 organisation")
    assert "q=glob" in page.locator("#metric-stored").get_attribute("href")
    assert page.evaluate("window.survives")

    page.go_back()
    expect(page.get_by_role("heading", name="GB-hours per day")).to_be_visible()
    page.go_back()
    expect(page.locator("#range")).to_contain_text("This month")
    expect(page.locator(STILL)).to_be_visible()
    assert complaints == []


def test_chosen_days_and_bad_days_are_answered_in_place(page, sign_in, operator, complaints):
    sign_in(operator)
    page.goto("/")
    page.locator("#range").click()
    page.get_by_label("From").fill("2026-02-01")
    page.get_by_label("To", exact=True).fill("2026-02-28")
    page.get_by_role("button", name="Show these days").click()
    expect(page.locator("#range")).to_contain_text("1–28 Feb 2026")
    page.goto("/overview/?range=nonsense")
    expect(page.get_by_role("alert")).to_contain_text("no range called “nonsense”")
    assert complaints == []


def test_the_table_of_organisations_follows_events(
    page, sign_in, operator, acme, monkeypatch, complaints
):
    cache.clear()
    monkeypatch.setattr(rank, "apply_async", lambda **_: None)
    monkeypatch.setattr(renew, "apply_async", lambda kwargs, **_: renew(**kwargs))
    sign_in(operator)
    page.goto("/overview/?metric=execution&q=acme")
    row = page.locator("#organisations tbody tr").first
    expect(row).to_contain_text("Acme")
    expect(row).not_to_contain_text(re.compile(r"5,?0\d\d\sh"))
    with page.expect_response(lambda answer: "ask-again-after" in answer.headers):
        for usage in (DailyUsage.objects.filter(organisation=acme), PlatformUsage.objects):
            today = usage.filter(service__slug="execution-time", day=datetime.now(UTC).date())
            today.update(quantity=F("quantity") + 5000 * 3600)
    expect(row).to_contain_text(re.compile(r"5,?0\d\d\sh"))
    assert complaints == []


def test_a_failed_swap_says_so_and_keeps_the_page(page, context, sign_in, operator):
    sign_in(operator)
    page.goto("/")
    context.route("**/overview/?*", lambda route: route.abort())
    page.get_by_role("link", name="Stored", exact=True).first.click()
    expect(page.locator("#swap-error")).to_be_visible()
    expect(page.get_by_role("heading", name="GB-hours per day")).to_be_visible()


def test_a_customer_sees_their_own_usage_and_invoices(page, sign_in, owner, globex, complaints):
    sign_in(owner)
    page.goto("/")
    expect(page.get_by_role("heading", name="Acme", level=1)).to_be_visible()
    expect(page.locator(STILL)).to_have_count(3)
    page.get_by_role("link", name="Invoices").first.click()
    page.get_by_role("link", name="2026-0001").click()
    expect(page.get_by_role("heading", name="Invoice 2026-0001")).to_be_visible()
    expect(page.get_by_role("cell", name="€70.00").first).to_be_visible()
    page.get_by_role("link", name="Why this amount?").click()
    expect(page.get_by_role("heading", name="Why this amount?")).to_be_visible()
    assert complaints == []

    answer = page.goto(f"/organisations/{globex.slug}/usage/")
    assert answer.status == 404
    expect(page.get_by_role("heading", name="This page does not exist")).to_be_visible()


def test_a_customer_chooses_german_and_reads_usage_and_an_invoice_in_it(page, owner, complaints):
    page.goto("/login/")
    page.get_by_role("button", name="Deutsch").click()
    page.get_by_label("E-Mail-Adresse").fill(owner.email)
    page.get_by_label("Passwort").fill(PASSWORD)
    page.get_by_role("button", name="Anmelden").click()
    expect(page.get_by_role("heading", name="Rechenzeit je Tag")).to_be_visible()
    bars(page)
    separators = "document.querySelector('.chart[data-drawn]')._fullLayout.separators"
    assert page.evaluate(separators) == ",."
    page.get_by_text("Dieselben Zahlen als Tabelle").first.click()
    expect(page.get_by_role("cell", name="2,40 k GB·h").first).to_be_visible()

    page.get_by_role("link", name="Woche", exact=True).click()
    expect(page.get_by_role("heading", name="Rechenzeit je Woche")).to_be_visible()
    page.get_by_role("link", name="Rechnungen").first.click()
    page.get_by_role("link", name="2026-0001").click()
    expect(page.get_by_role("heading", name="Rechnung 2026-0001")).to_be_visible()
    expect(page.get_by_role("definition").filter(has_text="70,00 €").first).to_be_visible()
    page.get_by_role("link", name="Warum dieser Betrag?").click()
    expect(page.get_by_role("heading", name="Warum dieser Betrag?")).to_be_visible()
    expect(page.locator("html")).to_have_attribute("lang", "de")
    assert complaints == []


def test_a_session_that_ended_leads_to_the_sign_in(page, context, sign_in, operator):
    sign_in(operator)
    page.goto("/")
    context.clear_cookies()
    page.get_by_role("link", name="Execution time", exact=True).click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_colours_follow_the_system_until_they_are_chosen(page, sign_in, operator):
    sign_in(operator)
    page.goto("/")
    assert bars(page)
    before = page.locator(".chart .point path").first.evaluate("bar => bar.style.fill")
    page.get_by_text(operator.email).click()
    page.get_by_role("button", name="Dark").click()
    expect(page.locator(".chart .point path").first).not_to_have_css("fill", before)
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")


def test_an_organisation_is_found_from_any_page_by_keyboard_alone(
    page, sign_in, operator, globex, complaints
):
    sign_in(operator)
    page.set_viewport_size({"width": 360, "height": 780})
    page.goto("/overview/")
    page.get_by_role("link", name="Execution time", exact=True).first.click()
    expect(page.get_by_role("heading", name="Execution time per day")).to_be_visible()
    page.go_back()  # which replaces the field that there was
    expect(page.get_by_role("heading", name="GB-hours per day")).to_be_visible()
    field = page.get_by_role("combobox", name="Find an organisation")
    options = page.get_by_role("listbox").get_by_role("option")
    page.locator("body").press("/")
    expect(field).to_be_focused()
    field.press_sequentially("o")
    expect(field).to_have_attribute("aria-expanded", "false")
    page.keyboard.press("Backspace")
    field.press_sequentially("glo")
    expect(options).to_have_text(["Globex globex"])
    expect(page.locator("#announced")).to_contain_text("1 organisation")
    page.keyboard.press("Escape")
    expect(options).to_have_count(0)  # that can be seen
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(options).to_have_attribute("aria-selected", "true")
    expect(field).to_have_attribute("aria-activedescendant", "found-1")
    assert_accessible_in_both(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    complaints.clear()  # axe tries styles of its own, which the page's policy refuses
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Globex", level=1)).to_be_visible()
    assert complaints == []


@pytest.mark.parametrize("width", [1440, 700])
def test_menus_open_inside_of_the_window(page, sign_in, operator, width):
    sign_in(operator)
    page.set_viewport_size({"width": width, "height": 900})
    for path in ("/overview/", "/organisations/acme/usage/", "/organisations/acme/costs/"):
        page.goto(path)
        for menu in page.locator("#main details.menu").all():
            menu.locator("summary").click()
            expect(menu.locator(".sheet")).to_be_in_viewport(ratio=1)


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("width", [360, 641, 820, 1089])
def test_the_main_places_fit_into_the_window(page, sign_in, operator, width, language):
    operator.language = language
    operator.save()
    sign_in(operator)
    page.set_viewport_size({"width": width, "height": 900})
    page.goto("/organisations/")
    assert page.evaluate("document.documentElement.scrollWidth") == width


NOBODY = 200 * "z"  # the longest that is repeated, and it has no space
PAGES = {
    "nobody": ["/", "/login/", "/invitations/{token}/"],
    "operator": [
        "/overview/?range=7d",
        f"/overview/?q={NOBODY}",
        "/organisations/",
        f"/organisations/?q={NOBODY}",
        "/organisations/acme/usage/?range=7d",
    ],
    "owner": [
        "/organisations/acme/invoices/",
        "/organisations/acme/invoices/2026-0001/",
        "/organisations/acme/credit-notes/{note}/",
        "/x/",
    ],
}


@pytest.fixture
def note(acme):
    invoice = Invoice.objects.get(organisation=acme)
    return credit(invoice, {1: Decimal(7)}, reason="A favour.", now=datetime.now(UTC)).number


@pytest.fixture
def token(acme, owner):
    email = "somebody.with.quite.a.long.name.and.a.longer.one.yet@example.org"
    now = datetime.now(UTC)
    return invite(organisation=acme, email=email, role=Role.MEMBER, by=owner, now=now)


@pytest.mark.parametrize("persona", list(PAGES))
def test_pages_are_accessible_and_fit_a_phone(page, sign_in, persona, note, token, request):
    if persona != "nobody":
        sign_in(request.getfixturevalue(persona))
    for path in PAGES[persona]:
        page.set_viewport_size({"width": 1280, "height": 900})
        assert page.goto(path.format(note=note, token=token)).status == (
            404 if path == "/x/" else 200
        )
        page.wait_for_load_state("load")
        assert_accessible_in_both(page)
        page.set_viewport_size({"width": 360, "height": 780})
        assert_accessible_in_both(page)
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= 360, f"{path} is {wide} px wide on a phone"
