"""Uploads by aiotus, which names the parts of a file by relative addresses."""

import asyncio
import io
from concurrent.futures import ThreadPoolExecutor

import aiotus
import pytest

from tests.uploads.clients.conftest import MIB

# aiotus hands its chunks of 4 MiB to aiohttp as they are, which warns of that.
pytestmark = pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")
SOON = aiotus.RetryConfiguration(retry_attempts=3, max_retry_period_seconds=0.1)


def run(coroutine):
    """Run it in a thread of its own: this one may have the loop of a browser."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, coroutine).result()


def test_uploads_a_file_and_reads_its_metadata_back(account, film, is_kept_once):
    metadata = {"filename": "Grüße, ihr.mp4".encode(), "draft": None}
    with film.open("rb") as file:
        url = run(aiotus.upload(account.endpoint, file, metadata, None, SOON, account.headers))
    is_kept_once(str(url), film)
    assert run(aiotus.metadata(url, None, SOON, account.headers)) == metadata


def test_uploads_parts_that_become_one_file(account, film, is_kept_once):
    content = film.read_bytes()
    parts = [io.BytesIO(content[at : at + 2 * MIB]) for at in range(0, len(content), 2 * MIB)]
    url = run(
        aiotus.upload_multiple(
            account.endpoint, parts, {"filename": b"film.mp4"}, None, SOON, account.headers
        )
    )
    is_kept_once(str(url), film)
