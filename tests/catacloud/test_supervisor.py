"""The supervisor, with real processes and real SIGKILLs."""

import http.server
import os
import signal
import socket
import subprocess
import sys
import threading
from functools import partial
from pathlib import Path

import pytest

from catacloud.supervisor import wait_until_answers
from tests.catacloud.processes import listed, living, until

ROOT = Path(__file__).resolve().parents[2]
# Each shell has a child of its own, as gunicorn and Celery have; the path marks both.
FORKING = 'sh -c "sleep 100; : $0" "$0" & echo up $NAME; wait; : '
DEAF = 'trap "" TERM; ' + FORKING
SCRIPT = """
import sys
from pathlib import Path
from catacloud.supervisor import Process, run
marker, *scripts = sys.argv[1:]
names = ["web", "worker", "beat"]
processes = [
    Process(name, ["sh", "-c", script, marker], {"NAME": name})
    for name, script in zip(names, scripts)
]
ready = lambda: print("ready", flush=True)
sys.exit(run(processes, log_dir=Path(marker), ready=ready, stop_limit=0.5))
"""


def supervise(marker: Path, *scripts: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(marker), *scripts],
        cwd=ROOT,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def _says(log: Path, text: str) -> bool:
    return log.exists() and text in log.read_text()


def wait_until_up(marker: Path, *names: str) -> None:
    for name in names:
        log = marker / f"{name}.log"
        until(partial(_says, log, f"up {name}\n"))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_all_with_their_children(tmp_path: Path, number: signal.Signals) -> None:
    process = supervise(tmp_path, FORKING, FORKING)
    wait_until_up(tmp_path, "web", "worker")
    process.send_signal(number)
    output, errors = process.communicate(timeout=10)
    assert (process.returncode, output, errors) == (0, "ready\n", "")
    assert living(tmp_path) == []


def test_a_program_that_does_not_listen_is_killed(tmp_path: Path) -> None:
    process = supervise(tmp_path, DEAF)
    wait_until_up(tmp_path, "web")
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=10)
    assert process.returncode == 0
    assert living(tmp_path) == []


def test_the_last_is_stopped_first(tmp_path: Path) -> None:
    note = 'trap "echo $NAME >> $0/order; exit" TERM; echo up $NAME; while :; do sleep 0.02; done'
    process = supervise(tmp_path, note, note, note)
    wait_until_up(tmp_path, "web", "worker", "beat")
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=10)
    assert (tmp_path / "order").read_text().split() == ["beat", "worker", "web"]


def test_a_crash_is_reported_and_stops_all(tmp_path: Path) -> None:
    crash = 'for n in $(seq 20); do echo "line $n"; done; sleep 0.2; exit 3; : $0'
    process = supervise(tmp_path, FORKING, crash)
    errors = process.communicate(timeout=10)[1]
    assert process.returncode == 1
    assert errors.startswith("worker ended with exit code 3; ")
    assert [line.strip() for line in errors.splitlines()[1:]] == [f"line {n}" for n in range(6, 21)]
    assert living(tmp_path) == []


def test_a_killed_supervisor_leaves_no_process(tmp_path: Path) -> None:
    process = supervise(tmp_path, FORKING, DEAF)
    wait_until_up(tmp_path, "web", "worker")
    process.kill()
    process.communicate(timeout=10)
    until(lambda: not living(tmp_path))


def child_of(parent: int, word: str) -> int:
    (child,) = [f.pid for f in listed() if f.parent == parent and word in f.command]
    return child


def test_a_killed_watchdog_stops_all(tmp_path: Path) -> None:
    process = supervise(tmp_path, FORKING)
    wait_until_up(tmp_path, "web")
    os.kill(child_of(process.pid, "supervisor.py"), signal.SIGKILL)
    errors = process.communicate(timeout=10)[1]
    assert (process.returncode, errors.split(";")[0]) == (1, "watchdog ended by SIGKILL")
    assert living(tmp_path) == []


def test_waiting_ends_when_the_web_answers() -> None:
    server = http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler)
    with server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        with pytest.raises(TimeoutError):  # 501 for lack of a GET is no good answer
            wait_until_answers(f"http://127.0.0.1:{server.server_port}/", timeout=0)
        thread.join()


def test_waiting_ends_when_a_socket_accepts(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        with pytest.raises(TimeoutError):
            wait_until_answers(str(tmp_path / "s"), timeout=0.1)
        server.bind(str(tmp_path / "s"))
        server.listen()
        wait_until_answers(str(tmp_path / "s"), timeout=1)
