"""The demo as a stranger starts it: one command, and Ctrl-C."""

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

SERVERS = ("DATABASE_URL", "REDIS_URL")


@pytest.fixture
def state():
    with tempfile.TemporaryDirectory(prefix="catacloud-demo-") as folder:
        Path(folder).chmod(0o711)  # nobody, as whom root's servers run, may pass
        yield Path(folder)


@contextmanager
def demo(state, *arguments):
    """Start the demo with servers of its own, and yield it with the address that it prints."""
    environment = {name: value for name, value in os.environ.items() if name not in SERVERS}
    process = subprocess.Popen(
        [sys.executable, "-m", "catacloud.demo", "--state", str(state), *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    said = []
    try:
        for line in process.stdout or ():
            said.append(line)
            if found := re.search(r"runs at (http://\S+)", line):
                break
        else:
            pytest.fail("The demo did not start:\n" + "".join(said))
        yield process, found[1]
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=40)


def processes():
    """Return (pid, parent's pid, command line) of everything that runs."""
    columns = ["ps", "-ww", "-eo", "pid=,ppid=,args="]
    listing = subprocess.run(columns, capture_output=True, text=True, check=True).stdout
    fields = [line.split(None, 2) for line in listing.splitlines()]
    return [(int(pid), int(parent), *command) for pid, parent, *command in fields]


def left_of(state):
    return [command for _, _, command in processes() if str(state) in command]


def get(address, key=None):
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    with urllib.request.urlopen(urllib.request.Request(address, headers=headers)) as answer:
        return answer.read().decode()


def test_it_starts_answers_and_leaves_nothing_behind(state):
    with demo(state) as (process, address):
        logins = json.loads((state / "demo.json").read_text())
        assert (state / "demo.json").stat().st_mode & 0o077 == 0
        assert "Sign in" in get(f"{address}/login/")
        files = f"{address}/api/v1/files?organisation=tern-co"
        assert len(json.loads(get(files, logins["platform_key"]))["items"]) == 2
        with pytest.raises(urllib.error.HTTPError):
            get(files)
        today = datetime.now(UTC).date()
        days = f"from={today - timedelta(days=120)}&to={today}"
        costs = f"{address}/api/v1/costs/focus?organisation=tern-co&{days}"
        assert "Catacloud GmbH" in get(costs, logins["platform_key"])  # who is registered for VAT
    assert process.returncode == 0
    assert left_of(state) == []

    def is_worker(parent, command):
        return parent == process.pid and "celery" in command and " worker " in command

    with demo(state) as (process, address):  # it keeps its data
        assert json.loads((state / "demo.json").read_text()) == logins
        [worker] = [pid for pid, parent, command in processes() if is_worker(parent, command)]
        os.kill(worker, signal.SIGKILL)
        output, _ = process.communicate(timeout=40)
    assert process.returncode == 1
    assert "worker" in output
    assert left_of(state) == []
