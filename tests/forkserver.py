"""Has the packages of others loaded, and forks a process for each program that a test starts.

To load them is more than half of what a start of the site costs. What is the project's own, its
settings first, each program loads itself, from an environment of its own.
"""

import gc
import json
import os
import runpy
import signal
import socket
import struct
import sys
import threading
from collections.abc import Callable, Sequence
from importlib import import_module
from types import ModuleType

PACKAGES = (  # those that load many others, and ask for no settings
    "babel.dates",
    "babel.numbers",
    "celery.apps.worker",
    "celery.beat",
    "celery.bin.celery",
    "celery.concurrency.prefork",
    "celery.fixups.django",
    "celery.worker.consumer",
    "cryptography.fernet",
    "django.contrib.admin.options",
    "django.core.handlers.wsgi",
    "django.core.management.commands.migrate",
    "django.db.backends.postgresql.base",
    "django.forms",
    "django.test.client",
    "django.views.generic",
    "environs",
    "gunicorn.app.wsgiapp",
    "gunicorn.workers.gthread",
    "kombu.transport.redis",
    "msgspec",
    "prometheus_client",
    "psycopg_pool",
    "pydantic.json_schema",
    "pydantic.main",
    "redis.asyncio",
    "whitenoise.middleware",
)
MOST_FILES = 16
NUMBER = struct.Struct("i")  # of a process, and then how it ended
Program = Callable[[], object]


def main() -> None:
    """Serve who has the other end of the socket whose number is given, until it is closed."""
    for name in PACKAGES:
        import_module(name)
    if threading.active_count() > 1:
        raise RuntimeError("A package has started a thread, which no forked process would have.")
    gc.collect()
    gc.freeze()
    program = _serve(socket.socket(fileno=int(sys.argv[1])))
    if program:
        program()


def _serve(control: socket.socket) -> Program | None:
    """Return, in each process that was asked for, what it runs; and at the end nothing."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody asks how those ended that wait
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the programs
    while True:
        asked, files, _, _ = socket.recv_fds(control, 1, MOST_FILES)
        if not asked:
            return None
        if os.fork() == 0:
            control.close()
            return _wait_for_one(socket.socket(fileno=files[0]), files[1:])
        for file in files:
            os.close(file)


def _wait_for_one(line: socket.socket, files: Sequence[int]) -> Program:
    """Start a process, say its number and how it ends. Return in that process alone."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    order = json.loads(line.makefile().readline())
    if (pid := os.fork()) == 0:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        line.close()
        return _become(files, **order)
    for file in files:
        os.close(file)
    line.sendall(NUMBER.pack(pid))
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    line.sendall(NUMBER.pack(code))
    os._exit(0)


def _become(
    files: Sequence[int],
    *,
    numbers: Sequence[int],
    environment: dict[str, str],
    session: bool,
    argv: Sequence[str],
) -> Program:
    """Give the process its files by their numbers, its environment and its arguments."""
    if session:
        os.setsid()
    free = max(*files, *numbers) + 1
    aside = [os.dup2(file, free + n) for n, file in enumerate(files)]
    for file in files:
        os.close(file)
    for file, number in zip(aside, numbers, strict=True):
        os.dup2(file, number)
        os.close(file)
    os.environ.clear()
    os.environ.update(environment)
    return _program(argv)


def _program(argv: Sequence[str]) -> Program:
    """Return what Python does when it is given these arguments."""
    first, *rest = argv
    if first == "-c":
        code, *arguments = rest
        sys.argv = ["-c", *arguments]
        main = sys.modules["__main__"] = ModuleType("__main__")
        return lambda: exec(compile(code, "<string>", "exec"), vars(main))
    if first == "-m":
        sys.argv = rest
        return lambda: runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
    sys.argv = [first, *rest]
    return lambda: runpy.run_path(first, run_name="__main__")


if __name__ == "__main__":
    main()
