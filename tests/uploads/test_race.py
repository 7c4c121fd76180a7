"""Parts in parallel, by real processes through a real server; and a server that is killed."""

import multiprocessing
import os
import random
import signal
import socket
import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

import pytest

from catacloud.accounts.api_keys import create_api_key
from eventstore import repository, store
from tests.factories import make_organisation
from tests.uploads.client import Client, content_of, enter_race, race
from tests.uploads.examples import NOON
from uploads.file import File

WRITERS = 8
PARTS = 200


@pytest.fixture
def organisation(transactional_db):
    return make_organisation()


@pytest.fixture
def key(organisation):
    return create_api_key(organisation=organisation, name="race", now=NOON)


@pytest.fixture
def client(gunicorn, key):
    with Client(gunicorn.port, key) as client:
        yield client


@contextmanager
def processes():
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(WRITERS)
    with ProcessPoolExecutor(WRITERS, context, enter_race, (barrier,)) as pool:
        yield pool


def versions(organisation, file_id):
    key = repository.key_of(File, tenant_id=organisation.id, stream_id=UUID(file_id))
    return [recorded.version for recorded in store.read_stream(key)]


def blobs_on_disk(blob_root: Path) -> set[str]:
    return {path.name for path in blob_root.rglob("*") if path.is_file()}


def test_8_processes_put_200_parts_of_one_file(gunicorn, organisation, key, client):
    file_id = client.start()
    numbers = list(range(1, PARTS + 1))
    random.Random(1).shuffle(numbers)
    with processes() as pool:
        shares = [numbers[writer::WRITERS] for writer in range(WRITERS)]
        racing = [pool.submit(race, gunicorn.port, key, file_id, 0, share) for share in shares]
        statuses = [status for one in racing for status in one.result()]

    assert statuses == [200] * PARTS
    status, file = client.complete(file_id)
    assert (status, file["status"]) == (200, "complete")
    assert client.download(file_id) == b"".join(content_of(n) for n in range(1, PARTS + 1))
    assert versions(organisation, file_id) == list(range(1, PARTS + 3))


def test_8_processes_put_the_same_part(gunicorn, organisation, key, client, blob_root):
    file_id, rounds = client.start(), 5
    with processes() as pool:
        racing = [
            pool.submit(race, gunicorn.port, key, file_id, writer, [1] * rounds)
            for writer in range(WRITERS)
        ]
        statuses = [status for one in racing for status in one.result()]

    assert statuses == [200] * WRITERS * rounds
    assert client.complete(file_id)[0] == 200
    assert client.download(file_id) in {content_of(1, writer) for writer in range(WRITERS)}
    seen = versions(organisation, file_id)
    assert seen == list(range(1, len(seen) + 1))
    state = repository.load(File, tenant_id=organisation.id, stream_id=UUID(file_id)).state
    assert blobs_on_disk(blob_root) == {state.parts[1].blob.hex}  # no orphan, no half of one


class TestAPutThatIsCutOff:
    def start_to_put(self, gunicorn, key, file_id, *, sent: int, announced: int) -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", gunicorn.port), timeout=20)
        connection.sendall(
            f"PUT /api/v1/files/{file_id}/parts/2 HTTP/1.1\r\nHost: localhost\r\n"
            f"Authorization: Bearer {key}\r\nContent-Length: {announced}\r\n\r\n".encode()
            + b"x" * sent
        )
        return connection

    def test_by_the_client_leaves_nothing(self, gunicorn, key, client, blob_root):
        file_id = client.start()
        with self.start_to_put(gunicorn, key, file_id, sent=1000, announced=5000) as connection:
            connection.shutdown(socket.SHUT_WR)
            answer = connection.makefile("rb").read()
        assert answer.startswith(b"HTTP/1.1 400 ")
        assert b"Only 1000 of 5000 bytes arrived." in answer
        assert blobs_on_disk(blob_root) == set()

    def test_by_a_killed_worker_can_be_put_again(self, gunicorn, key, client, blob_root):
        file_id = client.start()
        assert client.put(file_id, 1, content_of(1))[0] == 200
        sent = 3 * 2**20
        with self.start_to_put(gunicorn, key, file_id, sent=sent, announced=2 * sent):
            wait_for(lambda: any((blob_root / "incoming").iterdir()))
            for worker in gunicorn.workers_folder.iterdir():
                os.kill(int(worker.name), signal.SIGKILL)
            client.http.close()
            assert client.put(file_id, 2, content_of(2))[0] == 200  # by a worker that took over
        assert client.complete(file_id)[0] == 200
        assert client.download(file_id) == content_of(1) + content_of(2)


def wait_for(condition) -> None:
    for _ in range(400):
        if condition():
            return
        time.sleep(0.05)
    raise TimeoutError("It did not happen within 20 s.")
