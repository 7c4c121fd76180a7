"""The command line: `exec` for people and scripts, `keep` for ourselves."""

import argparse
import ctypes
import os
import platform
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from . import EmbeddedError, environment, running
from .keeper import Order, keep

_FORWARDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_PR_SET_PDEATHSIG = 1


def main(argv: Sequence[str]) -> int:
    """Run the command line; returns the exit code."""
    options, command = _parse(argv)
    if options.action == "keep":
        return keep(
            Order(
                state=options.state,
                postgres=options.postgres,
                valkey=options.valkey,
                durable=options.durable,
                temporary=options.temporary,
            )
        )
    try:
        return _exec(options.state, command)
    except EmbeddedError as exc:
        sys.stderr.write(f"{exc}\n")
        return 1
    except FileNotFoundError:
        sys.stderr.write(f"{command[0]}: no such command.\n")
        return 127
    except KeyboardInterrupt:  # while the servers were starting
        return 130


def _parse(argv: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
    parser = argparse.ArgumentParser(prog="python -m catacloud.embedded")
    actions = parser.add_subparsers(dest="action", required=True)
    run = actions.add_parser("exec", usage="%(prog)s [--state DIR] -- COMMAND [ARGUMENT …]")
    run.add_argument("--state", type=Path, default=Path(".local"))
    keeper = actions.add_parser("keep", help="used by exec itself")
    keeper.add_argument("--state", type=Path, required=True)
    for flag in ("postgres", "valkey", "durable", "temporary"):
        keeper.add_argument(f"--{flag}", action="store_true")
    cut = argv.index("--") if "--" in argv else len(argv)
    options, command = parser.parse_args(argv[:cut]), list(argv[cut + 1 :])
    if options.action == "exec" and not command:
        run.error("say which command to run after --")
    return options, command


def _exec(state: Path, command: list[str]) -> int:
    """Run the command with the servers' URLs and return its exit code (128 + n for signal n)."""
    if os.environ.get("DATABASE_URL") and os.environ.get("REDIS_URL"):
        os.execvp(command[0], command)  # noqa: S606
    with running(state) as servers:
        code = _run(command, os.environ | environment(servers))
    return code if code >= 0 else 128 - code


def _run(command: list[str], environ: dict[str, str]) -> int:
    """Run the command so that each signal reaches it once.

    On a terminal it stays in our process group, since only the foreground group may read there,
    and so has Ctrl-C from the terminal; we pass on the rest. Elsewhere it has a group of its own,
    and we pass on everything.
    """
    on_terminal = _in_foreground()
    child: subprocess.Popen[bytes] | None = None
    early: list[int] = []

    def forward(number: int, frame: object) -> None:
        if child is None:
            early.append(number)
        elif not (on_terminal and number in (signal.SIGINT, signal.SIGHUP)):
            child.send_signal(number)

    for number in _FORWARDED:
        signal.signal(number, forward)
    child = subprocess.Popen(  # noqa: S603 - the user names the command
        command,
        env=environ,
        process_group=None if on_terminal else 0,
        preexec_fn=_end_with_parent(),
    )
    for missed in early:
        child.send_signal(missed)
    return child.wait()


def _in_foreground() -> bool:
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY)
    except OSError:  # there is no terminal
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    finally:
        os.close(terminal)


def _end_with_parent() -> Callable[[], None] | None:
    # If we are killed, the servers stop, and the command shall not go on without them (Linux only).
    if platform.system() != "Linux":
        return None
    prctl = ctypes.CDLL(None).prctl
    return lambda: prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
