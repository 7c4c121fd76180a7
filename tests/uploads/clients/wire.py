"""A proxy before the server that loses a reply, stalls or breaks a connection, as networks do."""

import socket
import threading
from contextlib import suppress

_ABORT = (1).to_bytes(4, "little") + bytes(4)  # struct linger: on, for no time; closing resets


class Wire:
    """It passes on all that it gets, but for what it was told to lose; and that only once."""

    def __init__(self, server_port: int) -> None:
        self._server = ("127.0.0.1", server_port)
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self._listener.getsockname()[1]
        self._request_to_lose: bytes | None = None
        self._bytes_left: int | None = None
        self._bytes_until_stall: int | None = None
        self._released = threading.Event()
        self._clients: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self.broken = threading.Event()  # once it lost what it was told to lose

    def lose_the_reply_to(self, request: bytes) -> None:
        """Let the server do what the next request with these bytes asks, and drop its answer."""
        self._request_to_lose = request

    def break_after(self, count: int) -> None:
        """Break the connection that carries the byte of this number towards the server."""
        self._bytes_left = count

    def stall_after(self, count: int) -> None:
        """Pass on no more than this number of bytes towards the server, until it is released."""
        self._bytes_until_stall = count
        self._released.clear()

    def release(self) -> None:
        """Pass on everything again; what was held back is lost, and its connections with it."""
        self._bytes_until_stall = None
        self._released.set()

    def __enter__(self) -> "Wire":
        self._start(self._accept)
        return self

    def __exit__(self, *error: object) -> None:
        self.release()
        for end in (self._listener, *self._clients):
            with suppress(OSError):  # of a connection that ended long ago
                end.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(timeout=10)
        self._listener.close()

    def _start(self, target, *args) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with suppress(OSError):  # of the listener that is closed
            while True:
                client, _ = self._listener.accept()
                self._clients.append(client)
                self._start(self._connect, client)

    def _connect(self, client: socket.socket) -> None:
        with client, socket.create_connection(self._server) as server:
            lost = threading.Event()
            back = threading.Thread(target=self._back, args=(server, client, lost), daemon=True)
            back.start()
            with suppress(OSError):
                self._forth(client, server, lost)
            with suppress(OSError):
                server.shutdown(socket.SHUT_RDWR)
            back.join(timeout=10)

    def _forth(self, client: socket.socket, server: socket.socket, lost: threading.Event) -> None:
        while data := client.recv(65_536):
            if self._request_to_lose and self._request_to_lose in data:
                self._request_to_lose = None
                lost.set()
            if self._bytes_left is not None:
                self._bytes_left -= len(data)
                if self._bytes_left < 0:
                    self._bytes_left = None
                    self._break(client)
                    return
            if self._bytes_until_stall is not None:
                self._bytes_until_stall -= len(data)
                if self._bytes_until_stall < 0:
                    self._released.wait()
                    return
            server.sendall(data)

    def _back(self, server: socket.socket, client: socket.socket, lost: threading.Event) -> None:
        with suppress(OSError):
            while data := server.recv(65_536):
                if lost.is_set():
                    self._break(client)
                    return
                client.sendall(data)
            client.shutdown(socket.SHUT_WR)

    def _break(self, client: socket.socket) -> None:
        self.broken.set()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ABORT)
        client.shutdown(socket.SHUT_RDWR)
