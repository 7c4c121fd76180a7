"""Where the servers live, and as whom they run.

PostgreSQL refuses to run as root, so root's servers run as `nobody`, and everything that they
touch must be reachable for `nobody`. An ordinary user's servers run as that user, in place.
"""

import hashlib
import os
import platform
import pwd
import re
import stat
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .errors import EmbeddedError

# `sun_path` less its final NUL; PostgreSQL's socket has the longest name of ours.
MAX_SOCKET_PATH = 103 if platform.system() == "Darwin" else 107
POSTGRES_SOCKET = ".s.PGSQL.5432"
VALKEY_SOCKET = "valkey.sock"
ELSEWHERE_NOTE = "DATA-IS-ELSEWHERE.txt"
_PLAIN_PATH = re.compile(r"[A-Za-z0-9/._-]+")  # what no URL parser on the way can misread


@dataclass(frozen=True, slots=True)
class Account:
    """The user and group that a server runs as; `borrowed` when that is not ourselves."""

    uid: int
    gid: int
    borrowed: bool

    def run(
        self, argv: Sequence[str | Path], *, stdin: str = ""
    ) -> "subprocess.CompletedProcess[str]":
        """Run a short command as this account; output is captured as text. Raises OSError."""
        user, group, groups = self.popen_arguments()
        return subprocess.run(  # noqa: S603 - arguments are ours
            argv,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            cwd="/",
            user=user,
            group=group,
            extra_groups=groups,
        )

    def popen_arguments(self) -> tuple[int | None, int | None, list[int] | None]:
        """`user`, `group` and `extra_groups` for subprocess: all None where nothing changes."""
        return (self.uid, self.gid, []) if self.borrowed else (None, None, None)


@dataclass(frozen=True, slots=True)
class Home:
    """The directories of one state: `base` holds the data and is `state` unless it had to move."""

    state: Path
    base: Path
    sockets: Path
    account: Account

    @property
    def moved(self) -> bool:
        return self.base != self.state


def server_account() -> Account:
    """Ourselves, or `nobody` for root. Raises EmbeddedError where there is no `nobody`."""
    if os.geteuid() != 0:
        return Account(uid=os.geteuid(), gid=os.getegid(), borrowed=False)
    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError as exc:
        raise EmbeddedError(
            "PostgreSQL refuses to run as root and there is no user `nobody` to run it as: "
            "use an ordinary user, or set DATABASE_URL and REDIS_URL."
        ) from exc
    return Account(uid=nobody.pw_uid, gid=nobody.pw_gid, borrowed=True)


def open_home(state: Path) -> Home:
    """Make the directories of a state, moving what `nobody` or a socket could not have there.

    Raises EmbeddedError when a directory belongs to somebody else or is a symlink.
    """
    account = server_account()
    base = state
    if account.borrowed and not _can_enter(state, account):
        base = _own_directory(Path(f"/var/tmp/catacloud-{_key(state)}"), account)  # noqa: S108
        (state / ELSEWHERE_NOTE).write_text(f"`nobody` cannot reach this directory: see {base}\n")
    sockets = base / "run"
    if not _fits_a_socket(sockets):
        sockets = _own_directory(Path(f"/tmp/cc-{_key(state)}"), account) / "s"  # noqa: S108
    return Home(state, base, private_directory(sockets, account), account)


def private_directory(path: Path, account: Account) -> Path:
    """Make `path` 0700 and owned by the account; refuse one that is somebody else's."""
    path.mkdir(mode=0o700, exist_ok=True)
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode):
        raise EmbeddedError(f"{path} is not a directory (or a symlink to one): remove it.")
    if found.st_uid == os.geteuid() and account.borrowed:
        os.chown(path, account.uid, account.gid)
    elif found.st_uid != account.uid:
        raise EmbeddedError(f"{path} belongs to uid {found.st_uid}: run as that user or remove it.")
    path.chmod(0o700)
    return path


def _own_directory(path: Path, account: Account) -> Path:
    """Make a directory of ours in a place where anybody may write; the account may pass it."""
    path.mkdir(mode=0o700, exist_ok=True)
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise EmbeddedError(f"{path} is a symlink or belongs to another user: remove it.")
    path.chmod(0o711 if account.borrowed else 0o700)
    return path


def _can_enter(directory: Path, account: Account) -> bool:
    # Asked of the system, since modes alone do not know of ACLs, mounts or security modules.
    return account.run(["/bin/sh", "-c", 'cd -- "$1"', "sh", directory]).returncode == 0


def _fits_a_socket(directory: Path) -> bool:
    path = str(directory / POSTGRES_SOCKET)
    return len(os.fsencode(path)) <= MAX_SOCKET_PATH and _PLAIN_PATH.fullmatch(path) is not None


def _key(state: Path) -> str:
    return f"{os.geteuid()}-{hashlib.sha256(os.fsencode(state)).hexdigest()[:12]}"
