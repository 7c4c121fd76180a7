"""gunicorn's side of the fixture: a worker says its process id, for the test that kills it."""

import os
from pathlib import Path
from typing import Any

from catacloud import gunicorn
from catacloud.gunicorn import (
    limit_request_field_size,
    limit_request_line,
    preload_app,
    secure_scheme_headers,
    worker_class,
)

__all__ = [
    "limit_request_field_size",
    "limit_request_line",
    "post_fork",
    "preload_app",
    "secure_scheme_headers",
    "worker_class",
]


def post_fork(server: Any, worker: Any) -> None:
    gunicorn.post_fork(server, worker)
    Path(os.environ["WORKERS_FOLDER"], str(worker.pid)).touch()
