"""Uploads by tuspy, the Python client of the makers of tus."""

from collections.abc import Iterator
from typing import BinaryIO

import pytest
from tusclient.client import TusClient
from tusclient.storage.filestorage import FileStorage

from tests.uploads.clients.conftest import MIB


@pytest.fixture
def client(account) -> TusClient:
    return TusClient(account.endpoint, headers=account.headers)


@pytest.fixture
def film_stream(film) -> Iterator[BinaryIO]:
    """The film, opened: what tuspy opens by itself, it leaves open."""
    with film.open("rb") as stream:
        yield stream


@pytest.fixture
def urls(tmp_path) -> Iterator[FileStorage]:
    storage = FileStorage(str(tmp_path / "urls.json"))
    yield storage
    storage.close()


def test_uploads_a_file_in_one_piece(client, film, film_stream, is_kept_once):
    uploader = client.uploader(file_stream=film_stream, metadata={"filename": film.name})
    uploader.upload()
    is_kept_once(uploader.url, film)


def test_uploads_a_file_without_metadata(client, film, film_stream, is_kept_once):
    uploader = client.uploader(file_stream=film_stream)
    assert uploader.get_url_creation_headers()["upload-metadata"] == ""
    uploader.upload()
    is_kept_once(uploader.url, film)


def test_uploads_an_empty_file(client, tmp_path, is_kept_once):
    empty = tmp_path / "empty.txt"
    empty.touch()
    with empty.open("rb") as stream:
        uploader = client.uploader(file_stream=stream, metadata={"filename": empty.name})
        uploader.upload()
    is_kept_once(uploader.url, empty)


def test_uploads_a_file_in_pieces_with_checksums(client, film, film_stream, is_kept_once):
    uploader = client.uploader(file_stream=film_stream, chunk_size=3 * MIB, upload_checksum=True)
    uploader.upload()
    is_kept_once(uploader.url, film)


@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")  # it has to have a path
def test_resumes_by_the_stored_url_what_was_stopped_between_pieces(
    client, film, urls, is_kept_once
):
    asked = {"chunk_size": MIB, "store_url": True, "url_storage": urls}
    stopped = client.uploader(str(film), **asked)
    stopped.upload(stop_at=3 * MIB)

    resumed = client.uploader(str(film), **asked)
    assert (resumed.url, resumed.offset) == (stopped.url, 3 * MIB)
    resumed.upload()
    is_kept_once(resumed.url, film)


def test_goes_on_by_itself_after_the_connection_broke_inside_a_piece(
    account, wire, film, film_stream, is_kept_once
):
    client = TusClient(account.endpoint_at(wire.port), headers=account.headers)
    wire.break_after(5 * MIB)
    uploader = client.uploader(
        file_stream=film_stream, chunk_size=4 * MIB, retries=3, retry_delay=0
    )
    uploader.upload()
    assert wire.broken.is_set()
    is_kept_once(uploader.url, film)
