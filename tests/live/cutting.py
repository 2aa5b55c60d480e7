"""A TCP proxy on loopback that lets the server do its work and then loses the answer, or lets a person be quicker."""

import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit


class Cutting:
    """Forwards to a server. `url` is the server's, at our address. Each arming counts for one request."""

    def __init__(self, upstream: str):
        parts = urlsplit(upstream)
        self.upstream = (parts.hostname, parts.port)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = upstream.replace(parts.netloc, f"127.0.0.1:{self.listener.getsockname()[1]}")
        self.cut: bytes | None = None
        self.before: tuple[bytes, Callable[[], None]] | None = None
        self.said: list[bytearray] = []  # what each connection asked, since `forget`

    def heard(self, pattern: bytes) -> list[bytes]:
        """What matches a pattern in all that was asked, in order of connections."""
        return [found for said in self.said for found in re.findall(pattern, bytes(said))]

    def forget(self) -> None:
        self.said = []

    def lose_answer(self, request: bytes) -> None:
        """Drop the connection when the answer to the next request with these bytes arrives: by then, the server has committed."""
        self.cut = request

    def meanwhile(self, request: bytes, action: Callable[[], None]) -> None:
        """Do something just before the next request with these bytes reaches the server."""
        self.before = (request, action)

    def serve(self) -> None:
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:  # closed: the test is over
                return
            server = socket.create_connection(self.upstream)
            doomed = threading.Event()
            threading.Thread(target=self._requests, args=(client, server, doomed), daemon=True).start()
            threading.Thread(target=self._answers, args=(client, server, doomed), daemon=True).start()

    def _requests(self, client: socket.socket, server: socket.socket, doomed: threading.Event) -> None:
        seen = bytearray()
        self.said.append(seen)
        for chunk in _chunks(client):
            seen += chunk
            if self.before and self.before[0] in seen:
                (_, action), self.before = self.before, None
                action()
            if self.cut and self.cut in seen:
                self.cut = None
                doomed.set()
            server.sendall(chunk)
        _hang_up(server)

    def _answers(self, client: socket.socket, server: socket.socket, doomed: threading.Event) -> None:
        for chunk in _chunks(server):
            if doomed.is_set():
                break
            client.sendall(chunk)
        _hang_up(client)


@contextmanager
def cutting(upstream: str) -> Iterator[Cutting]:
    """A proxy in front of a server, while the `with` block lasts."""
    proxy = Cutting(upstream)
    threading.Thread(target=proxy.serve, daemon=True).start()
    try:
        yield proxy
    finally:
        _hang_up(proxy.listener)
        proxy.listener.close()


def _chunks(one: socket.socket) -> Iterator[bytes]:
    try:
        while chunk := one.recv(65536):
            yield chunk
    except OSError:  # the other side hung up
        return


def _hang_up(one: socket.socket) -> None:
    try:
        one.shutdown(socket.SHUT_RDWR)
    except OSError:  # it already has
        return
