"""gunicorn's side of the fixture: a worker says its process id, for the test that kills it."""

import os
from pathlib import Path
from typing import Any


def post_fork(server: Any, worker: Any) -> None:
    Path(os.environ["WORKERS_FOLDER"], str(worker.pid)).touch()
