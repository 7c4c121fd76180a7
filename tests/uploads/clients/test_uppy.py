"""Uploads by Uppy in a real browser, from a page of another origin."""

import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Request

from tests.uploads.clients.conftest import MIB, Account

UPPY_HTML = Path(__file__).with_name("uppy.html")
SLOWLY = 4 * MIB  # bytes a second, so that a pause comes before the end


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def origin(packages: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A site that has nothing but a page with Uppy."""
    site = tmp_path_factory.mktemp("site")
    for file in (UPPY_HTML, packages / "uppy" / "dist" / "uppy.min.mjs"):
        (site / file.name).symlink_to(file)
    handler = partial(QuietHandler, directory=str(site))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="module")
def gunicorn_environ(origin: str) -> dict[str, str]:
    return {"CORS_ALLOWED_ORIGINS": f"https://example.org,{origin}"}


@pytest.fixture
def page(browser: Browser, origin: str) -> Iterator[Page]:
    context = browser.new_context()
    context.set_default_timeout(15_000)
    page = context.new_page()
    page.goto(f"{origin}/{UPPY_HTML.name}")
    yield page
    context.close()


@pytest.fixture
def requests(page: Page) -> list[Request]:
    """What the page asked of the server, in order."""
    asked: list[Request] = []
    page.on("request", lambda request: asked.append(request) if "/files/" in request.url else None)
    return asked


@pytest.fixture
def upload(page: Page, account: Account) -> Callable[..., None]:
    """Return what chooses files and starts to upload them."""

    def start(*paths: Path, parallel: int = 1, pause_at: int | None = None) -> None:
        page.wait_for_function("window.ready")
        page.get_by_label("Files").set_input_files(list(paths))
        options = {
            "endpoint": account.endpoint,
            "headers": account.headers,
            "parallelUploads": parallel,
        }
        page.evaluate("asked => { upload(...asked) }", [options, pause_at])

    return start


@pytest.fixture
def result(page: Page) -> Callable[[], list[str]]:
    """Return what waits for the end, and has the addresses of the files."""

    def wait() -> list[str]:
        result = page.wait_for_function("window.result").json_value()
        assert result["errors"] == []
        urls: list[str] = result["urls"]
        return urls

    return wait


def at_speed(page: Page, bytes_per_second: int) -> None:
    """Let the browser send no faster; -1 is without a limit."""
    page.context.new_cdp_session(page).send(
        "Network.emulateNetworkConditions",
        {
            "offline": False,
            "latency": 0,
            "downloadThroughput": -1,
            "uploadThroughput": bytes_per_second,
        },
    )


@pytest.mark.parametrize("parallel", [1, 4])
def test_uploads_a_file(upload, result, film, is_kept_once, parallel):
    upload(film, parallel=parallel)
    (url,) = result()
    is_kept_once(url, film)


def test_uploads_several_files_with_their_names(upload, result, account, make_file):
    films = [make_file(f"Ä film, {number}.mp4", mib=number) for number in range(1, 4)]
    upload(*films, parallel=2)
    for url, film in zip(result(), films, strict=True):
        assert account.has(url, film)
    assert account.names_listed() == [film.name for film in films]


@pytest.mark.parametrize("parallel", [1, 4])
def test_resumes_after_a_pause(
    page, upload, requests, result, account, film, is_kept_once, parallel
):
    at_speed(page, SLOWLY)
    upload(film, parallel=parallel, pause_at=3 * MIB)
    page.wait_for_function("window.paused")
    assert account.sizes_listed() == []

    del requests[:]
    at_speed(page, -1)
    page.evaluate("resume()")
    (url,) = result()
    assert [request.method for request in requests[:parallel]] == ["HEAD"] * parallel
    is_kept_once(url, film)


def test_resumes_after_the_page_was_loaded_anew(
    page, upload, requests, result, account, film, is_kept_once
):
    at_speed(page, SLOWLY)
    upload(film, parallel=4, pause_at=3 * MIB)
    page.wait_for_function("window.paused")
    page.reload()

    del requests[:]
    at_speed(page, -1)
    upload(film, parallel=4)
    (url,) = result()
    assert [request.method for request in requests].count("POST") == 1  # the final
    is_kept_once(url, film)
