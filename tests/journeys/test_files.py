"""Files come and go by the files page, in a real browser."""

import os

import pytest
from playwright.sync_api import expect

from tests.journeys.accessibility import assert_accessible_in_both
from tests.uploads.examples import add
from uploads import quota
from uploads.models import UploadedFile

pytestmark = pytest.mark.django_db(transaction=True)

PAGE = "/organisations/acme/files/"
MIB = 2**20


@pytest.fixture
def make_file(tmp_path):
    def make(name="report.pdf", size=4321):
        path = tmp_path / name
        path.write_bytes(os.urandom(size))
        return path

    return make


@pytest.fixture
def files_page(page, sign_in, member):
    sign_in(member)
    page.goto(PAGE)
    return page


def choose(page, *paths):
    page.get_by_label("Choose files").set_input_files(list(paths))


def line(page, name):
    return page.locator("#files tbody tr").filter(has_text=name)


def upload_of(page, name):
    return page.locator(".upload").filter(has_text=name)


def stored(page):
    return page.locator("#stored .figure").first


@pytest.fixture
def at_speed(page):
    """Let the browser send no faster; -1 is without a limit."""
    session = page.context.new_cdp_session(page)
    conditions = {"offline": False, "latency": 0, "downloadThroughput": -1}

    def at_speed(bytes_per_second):
        session.send(
            "Network.emulateNetworkConditions", conditions | {"uploadThroughput": bytes_per_second}
        )

    return at_speed


def wait_until_some_is_sent(page, name):
    bar = upload_of(page, name).get_by_role("progressbar")
    page.wait_for_function("bar => bar.value >= 15", arg=bar.element_handle())


def answer_dialogs(page, *answers):
    """Answer the dialogs that come, in this order; return what they say."""
    asked, left = [], list(answers)

    def answer(dialog):
        asked.append(dialog.message)
        getattr(dialog, left.pop(0))()

    page.on("dialog", answer)
    return asked


def test_a_file_is_uploaded_downloaded_and_deleted(files_page, make_file, complaints):
    page, report = files_page, make_file()
    expect(page.get_by_text("No file yet")).to_be_visible()
    expect(stored(page)).to_have_text("0 bytes")

    choose(page, report)
    expect(line(page, "report.pdf")).to_be_visible()
    expect(upload_of(page, "report.pdf")).to_contain_text("Uploaded")
    expect(stored(page)).to_have_text("4.32 kB")
    expect(page.get_by_role("status").filter(has_text="report.pdf is uploaded.")).to_have_count(1)

    with page.expect_download() as download:
        page.get_by_role("link", name="report.pdf").click()
    assert download.value.suggested_filename == "report.pdf"
    assert download.value.path().read_bytes() == report.read_bytes()

    asked = answer_dialogs(page, "dismiss", "accept")
    page.get_by_role("button", name="Delete report.pdf").click()
    page.get_by_role("button", name="Delete report.pdf").click()
    expect(page.get_by_text("No file yet")).to_be_visible()
    expect(stored(page)).to_have_text("0 bytes")
    expect(page.get_by_role("heading", name="Complete files")).to_be_focused()
    assert asked == ["Delete “report.pdf”? It cannot be brought back."] * 2
    assert complaints == []


def test_files_are_dropped_anywhere_on_the_page(files_page, complaints):
    page = files_page
    page.evaluate(
        """() => {
            const dataTransfer = new DataTransfer();
            dataTransfer.items.add(new File(["one"], "one.txt", { type: "text/plain" }));
            dataTransfer.items.add(new File([], "<b>nothing.txt"));
            const options = { dataTransfer, bubbles: true, cancelable: true };
            document.querySelector("h1").dispatchEvent(new DragEvent("dragover", options));
            window.lit = document.getElementById("drop").matches(".over");
            document.querySelector("h1").dispatchEvent(new DragEvent("drop", options));
        }"""
    )
    expect(page.locator("#files tbody tr")).to_have_count(2)
    expect(line(page, "one.txt")).to_contain_text("3 bytes")
    expect(line(page, "<b>nothing.txt")).to_contain_text("0 bytes")
    assert page.evaluate("window.lit")
    assert not page.locator("#drop.over").count()
    assert complaints == []


def test_a_large_file_is_paused_and_gone_on_with(files_page, make_file, acme, at_speed, complaints):
    page, film = files_page, make_file("film.mp4", 12 * MIB + 5)
    at_speed(4 * MIB)
    choose(page, film)
    wait_until_some_is_sent(page, "film.mp4")
    page.get_by_role("button", name="Pause film.mp4").click()
    expect(upload_of(page, "film.mp4")).to_contain_text("Paused at")
    expect(stored(page)).not_to_have_text("0 bytes")
    assert UploadedFile.objects.of(acme).count() == 0

    at_speed(-1)
    page.get_by_role("button", name="Resume film.mp4").click()
    expect(line(page, "film.mp4")).to_be_visible()
    expect(stored(page)).to_have_text("12.58 MB")
    assert quota.kept(acme) == film.stat().st_size
    assert UploadedFile.objects.filter(organisation=acme).count() == 5  # four parts, and the file
    assert downloaded(page, "film.mp4") == film.read_bytes()
    assert complaints == []


@pytest.mark.parametrize("size", [12 * MIB, 7 * MIB])
def test_it_goes_on_after_a_reload(files_page, make_file, acme, at_speed, size):
    page, film = files_page, make_file("film.mp4", size)
    at_speed(2 * MIB)
    choose(page, film)
    wait_until_some_is_sent(page, "film.mp4")
    page.reload()
    expect(page.get_by_text("Not finished: film.mp4.")).to_be_visible()
    begun = UploadedFile.objects.filter(organisation=acme).count()

    at_speed(-1)
    choose(page, film)
    expect(line(page, "film.mp4")).to_be_visible()
    expect(page.get_by_text("Not finished")).to_be_hidden()
    expect(stored(page)).to_have_text(f"{size / 10**6:.2f} MB")
    assert UploadedFile.objects.filter(organisation=acme).count() == begun + (begun > 1)
    assert downloaded(page, "film.mp4") == film.read_bytes()


def is_final(request):
    return request.headers.get("upload-concat", "").startswith("final")


@pytest.mark.parametrize(
    "is_lost", [lambda request: request.method == "PATCH", is_final], ids=["part", "final"]
)
def test_a_lost_request_is_sent_again(files_page, context, make_file, acme, is_lost):
    page, film, lost = files_page, make_file("film.mp4", 9 * MIB), []

    def lose_the_first(route):
        if is_lost(route.request) and not lost:
            lost.append(route.request)
            return route.abort()
        return route.fallback()

    context.route("**/files/acme/**", lose_the_first)
    choose(page, film)
    expect(line(page, "film.mp4")).to_be_visible()
    assert len(lost) == 1
    assert quota.kept(acme) == film.stat().st_size
    assert downloaded(page, "film.mp4") == film.read_bytes()


def test_a_cancelled_upload_leaves_nothing(files_page, make_file, acme, at_speed, complaints):
    page = files_page
    at_speed(4 * MIB)
    choose(page, make_file("film.mp4", 12 * MIB))
    wait_until_some_is_sent(page, "film.mp4")
    page.get_by_role("button", name="Pause film.mp4").click()
    expect(stored(page)).not_to_have_text("0 bytes")
    page.get_by_role("button", name="Cancel film.mp4").click()
    expect(upload_of(page, "film.mp4")).to_have_count(0)
    expect(stored(page)).to_have_text("0 bytes")
    assert quota.kept(acme) == 0
    assert page.evaluate("localStorage.length") == 0
    assert complaints == []


def test_what_is_refused_is_said_in_words(files_page, make_file, acme):
    page = files_page
    acme.storage_quota = 0
    acme.save()
    choose(page, make_file("small.txt", 9), make_file("large.bin", 9 * MIB))
    for name in ["small.txt", "large.bin"]:
        expect(upload_of(page, name)).to_contain_text("delete files, or ask for a larger quota")

    acme.storage_quota = None
    acme.save()
    page.get_by_role("button", name="Resume small.txt").click()
    expect(line(page, "small.txt")).to_be_visible()


def test_an_upload_goes_on_once_its_user_has_signed_in_again(
    files_page, make_file, member, sign_in, context
):
    page = files_page
    context.clear_cookies()
    with page.expect_response("**/login/**"):  # its list of files comes no more
        choose(page, make_file("report.pdf"))
    expect(upload_of(page, "report.pdf")).to_contain_text("You are signed out.")

    sign_in(member)
    page.get_by_role("button", name="Resume report.pdf").click()
    expect(line(page, "report.pdf")).to_be_visible()


def test_the_page_is_accessible_and_fits_a_phone(files_page, make_file, acme):
    page = files_page
    assert_good(page)
    add(acme, b"x" * 10**6, name="a-very-long-name-without-a-space-" * 6 + ".txt")
    acme.storage_quota = 2 * 10**6
    acme.save()
    page.reload()
    choose(page, make_file(), make_file("much-too-large-" * 8 + ".bin", 3 * 10**6))
    expect(page.locator(".upload.done")).to_have_count(1)
    expect(page.locator(".upload.failed")).to_have_count(1)
    expect(page.locator("#files tbody tr")).to_have_count(2)
    assert_good(page)


def downloaded(page, name):
    with page.expect_download() as download:
        page.get_by_role("link", name=name).click()
    return download.value.path().read_bytes()


def assert_good(page):
    for width in [1280, 390]:
        page.set_viewport_size({"width": width, "height": 844})
        assert_accessible_in_both(page)
        assert page.evaluate("document.documentElement.scrollWidth") == width
        if folder := os.environ.get("PICTURES"):
            name = f"{page.locator('#files tbody tr').count()}-{width}"
            page.screenshot(path=f"{folder}/{name}.png", full_page=True)
