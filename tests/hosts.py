"""Hosts with a network of their own, as far as one machine can have them: Linux's namespaces."""

import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field

import pytest

PIECE = 2**16


@dataclass(frozen=True)
class Host:
    """Where processes run. ``prefix`` runs a command there; ``address`` is ours, as it sees us."""

    prefix: list[str]
    address: str
    doors: list["Door"] = field(default_factory=list)

    def door(self, path: str) -> str:
        """Let it reach a unix socket of ours by TCP: return host and port."""
        door = Door(self.address, path)
        self.doors.append(door)
        return f"{self.address}:{door.port}"


@contextmanager
def hosts(count: int) -> Iterator[list[Host]]:
    """Make hosts that know nobody but us; skip, loudly, where that is not allowed."""
    if shutil.which("ip") is None or os.geteuid() != 0:
        pytest.skip("NOT TESTED on hosts of their own: it needs root, and `ip` of iproute2.")
    with ExitStack() as stack:
        yield [stack.enter_context(_host(number)) for number in range(count)]


@contextmanager
def _host(number: int) -> Iterator[Host]:
    name, ours = f"cc{os.getpid()}-{number}", f"cc{os.getpid() % 10**6}n{number}"
    network = f"10.{200 + number}.{os.getpid() % 250}"
    try:
        _ip("netns", "add", name)
    except subprocess.CalledProcessError as error:
        pytest.skip(f"NOT TESTED on hosts of their own: {error.stderr.decode().strip()}")
    host = Host(["ip", "netns", "exec", name], f"{network}.1")
    try:
        _ip("link", "add", ours, "type", "veth", "peer", "name", "eth0", "netns", name)
        _ip("address", "add", f"{network}.1/30", "dev", ours)
        _ip("link", "set", ours, "up")
        for command in (
            ["address", "add", f"{network}.2/30", "dev", "eth0"],
            ["link", "set", "eth0", "up"],
            ["link", "set", "lo", "up"],
        ):
            _ip("-n", name, *command)
        yield host
    finally:
        for door in host.doors:
            door.close()
        _ip("link", "delete", ours)
        _ip("netns", "delete", name)


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


class Door:
    """Passes every connection to a TCP port on to a unix socket."""

    def __init__(self, address: str, path: str) -> None:
        self.path = path
        self._listener = socket.create_server((address, 0))
        self.port: int = self._listener.getsockname()[1]
        self._lines: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Cut all lines: of a host that is gone nobody else would notice the end of one."""
        for line in (self._listener, *self._lines):
            with suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)  # wakes who waits for it
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.socket(socket.AF_UNIX)
                server.connect(self.path)
                self._lines += (client, server)
                for source, target in ((client, server), (server, client)):
                    threading.Thread(target=_pass_on, args=(source, target), daemon=True).start()


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with source, suppress(OSError):
        while data := source.recv(PIECE):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
