"""An object storage on this machine: moto's server, in a process of its own, one for all tests."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import boto3
import pytest

from catacloud.object_storage import storage

KEYS = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_EC2_METADATA_DISABLED": "true",  # nobody is asked for other keys
}
SERVER = """
import sys
from moto.moto_server.threaded_moto_server import ThreadedMotoServer
server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
sys.stdin.read()  # ends with whoever started it
"""


@dataclass(frozen=True)
class Bucket:
    url: str  # for BLOB_STORE
    name: str
    client: Any

    @property
    def keys(self) -> list[str]:
        listed = self.client.list_objects_v2(Bucket=self.name)
        return [item["Key"] for item in listed.get("Contents", ())]

    @property
    def half_sent(self) -> list[str]:
        listed = self.client.list_multipart_uploads(Bucket=self.name)
        return [item["Key"] for item in listed.get("Uploads", ())]


@pytest.fixture(scope="session")
def object_storage() -> Iterator[str]:
    """Return the address of a server that speaks S3."""
    command, pipe = [sys.executable, "-c", SERVER], subprocess.PIPE
    with subprocess.Popen(
        command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout
        port = process.stdout.readline().strip()
        assert port, "moto's server does not start."
        yield f"http://127.0.0.1:{port}"
        process.communicate()


@pytest.fixture
def bucket(object_storage: str, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    """A bucket of the test's own, in which the blobs are."""
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    name = f"blobs-{uuid4()}"
    client = boto3.client("s3", endpoint_url=object_storage, region_name="us-east-1")
    client.create_bucket(Bucket=name)
    url = f"s3://{name}/some/where?endpoint={object_storage}&region=us-east-1"
    settings.BLOB_STORE = url
    settings.STORAGES = {**settings.STORAGES, "blobs": storage(url, setting="BLOB_STORE")}
    return Bucket(url, name, client)
