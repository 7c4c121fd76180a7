"""Advisory locks on files: the kernel drops them when the last holder is gone, however it died."""

import fcntl
import os
from pathlib import Path

from .errors import EmbeddedError


def open_lock(path: Path) -> int:
    """Open (and create) a lock file; returns a descriptor that children do not inherit."""
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    except PermissionError as exc:
        raise EmbeddedError(
            f"{path} belongs to another user: run as that user or remove {path.parent}."
        ) from exc


def lock(descriptor: int, *, shared: bool = False) -> None:
    """Wait for the lock. A lock that is held already is converted."""
    fcntl.flock(descriptor, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)


def try_lock(descriptor: int, *, shared: bool = False) -> bool:
    """Take the lock if that is possible at once."""
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def unlock(descriptor: int) -> None:
    fcntl.flock(descriptor, fcntl.LOCK_UN)
