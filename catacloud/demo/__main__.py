"""The whole platform as one command: servers, made-up usage, web server, worker, beat and traffic.

It listens on the loopback address alone. Run again, it keeps its data.
"""

import argparse
import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

import psycopg
from psycopg.sql import SQL, Identifier

from catacloud.embedded import EmbeddedError, Servers, environment, running
from catacloud.supervisor import Process, run, wait_until_answers

ROOT = Path(__file__).resolve().parents[2]
LOGINS = "demo.json"  # written last: without it, the demo's data are not whole
PORTS = range(8000, 8010)


class DemoError(Exception):
    """The demo cannot run. The message says why, and what to do."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="./dev demo", description=__doc__)
    parser.add_argument("--reset", action="store_true", help="start over, with new data")
    parser.add_argument("--state", type=Path, default=ROOT / ".local", help="where all of it is")
    options = parser.parse_args()
    own_database, state = not os.environ.get("DATABASE_URL"), options.state.resolve()
    os.environ.setdefault("STATIC_ROOT", str(state / "static"))
    os.environ.setdefault("BLOB_ROOT", str(state / "blobs"))
    try:
        if options.reset and not own_database:
            raise DemoError("DATABASE_URL is set: empty that database yourself, then start again.")
        with running(state) as servers:
            os.environ.update(environment(servers))
            if own_database and (options.reset or not (state / LOGINS).exists()):
                _empty(servers, state)
            _manage("prepare_demo", str(state), str(state / LOGINS))
            return _serve(state)
    except (DemoError, EmbeddedError, TimeoutError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except KeyboardInterrupt:  # before the supervisor took over
        return 130


def _empty(servers: Servers, state: Path) -> None:
    """Make the demo's own database anew. Raises DemoError while somebody uses it."""
    server, _, name = servers.database_url.rpartition("/")
    try:
        with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
            for sql in ("DROP DATABASE IF EXISTS {}", "CREATE DATABASE {}"):
                connection.execute(SQL(sql).format(Identifier(name)))
    except psycopg.errors.ObjectInUse as error:
        raise DemoError("Another command uses the demo's database: stop it first.") from error
    (state / LOGINS).unlink(missing_ok=True)
    shutil.rmtree(os.environ["BLOB_ROOT"], ignore_errors=True)


def _serve(state: Path) -> int:
    """Run everything until Ctrl-C, or until one part ends by itself; return the exit code."""
    logins, port = json.loads((state / LOGINS).read_text()), _free_port()
    address = f"http://127.0.0.1:{port}"
    return run(
        list(_processes(state, port, logins["platform_key"])),
        log_dir=state / "log",
        ready=partial(_greet, address, logins, state / "log"),
    )


def _processes(state: Path, port: int, key: str) -> Iterator[Process]:
    python, celery = sys.executable, [sys.executable, "-m", "celery", "-A", "catacloud.celery"]
    web = ["catacloud.wsgi", "--config", "python:catacloud.gunicorn"]
    place = ["--bind", f"127.0.0.1:{port}", "--no-control-socket"]
    yield Process("web", [python, "-m", "gunicorn", *web, *place])
    yield Process("worker", [*celery, "worker", "--loglevel", "INFO"])
    schedule = str(state / "celerybeat-schedule")
    yield Process("beat", [*celery, "beat", "--schedule", schedule, "--pidfile="])
    traffic = [python, "-m", "catacloud.demo.traffic", f"http://127.0.0.1:{port}"]
    yield Process("traffic", traffic, {"CATACLOUD_KEY": key})


def _greet(address: str, logins: Mapping[str, Mapping[str, str]], logs: Path) -> None:
    wait_until_answers(f"{address}/login/", timeout=60)
    operator, customer = logins["operator"], logins["customer"]
    _say(f"""
  Catacloud runs at {address}

  operator   {operator["email"]:<32} {operator["password"]}
  customer   {customer["email"]:<32} {customer["password"]}

  New usage arrives all the time. Logs are in {logs}; Ctrl-C stops everything.
""")


def _free_port() -> int:
    for port in PORTS:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise DemoError(f"The ports {PORTS[0]} to {PORTS[-1]} are all taken: free one of them.")


def _manage(*arguments: str) -> None:
    done = subprocess.run([sys.executable, "manage.py", *arguments], cwd=ROOT, check=False)  # noqa: S603
    if done.returncode:
        raise DemoError(f"manage.py {arguments[0]} failed: see above.")


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
