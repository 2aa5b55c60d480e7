"""What all simulators share: tables with change stamps, a clock that ticks with every change, and faults on demand.

A simulator holds records as the vendor's API shows them and answers as the vendor's API does; the judge of that
is the vendor's own client library, unchanged (tests/systems/).
"""

import asyncio
import itertools
import threading
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

Record = dict[str, Any]


class Clock:
    """The firm's time. Every change of a record moves it on by a second, so that equal runs give equal stamps."""

    def __init__(self, start: datetime = datetime(2026, 11, 2, 8, tzinfo=UTC)):
        self.at = start

    def tick(self) -> datetime:
        self.at += timedelta(seconds=1)
        return self.at


class Table:
    """The records of one object, by id.

    stamp   sets the vendor's own change fields on a record: stamp(record, at, created)
    prefix  turns 17 into the vendor's form of an id
    """

    def __init__(
        self,
        clock: Clock,
        stamp: Callable[[Record, datetime, bool], None] = lambda record, at, created: None,
        prefix: Callable[[int], str] = str,
    ):
        self.clock, self.stamp, self.prefix = clock, stamp, prefix
        self.rows: dict[str, Record] = {}
        self.gone: dict[str, tuple[datetime, str | None]] = {}  # id -> (when, merged into)
        self.changed: dict[str, datetime] = {}
        self.touched: list[str] = []  # ids in the order in which something befell their records
        self.numbers = itertools.count(1001)

    def create(self, values: Record, record_id: str | None = None) -> str:
        record_id = record_id or self.prefix(next(self.numbers))
        self.rows[record_id] = dict(values)
        self._touch(record_id, created=True)
        return record_id

    def update(self, record_id: str, values: Record) -> None:
        """Set fields; a nested dict is merged into the one that is there."""
        _merge(self.rows[record_id], values)
        self._touch(record_id, created=False)

    def delete(self, record_id: str, into: str | None = None) -> Record:
        record = self.rows.pop(record_id)
        self.gone[record_id] = (self.clock.tick(), into)
        self.touched.append(record_id)
        return record

    def since(self, at: datetime | None) -> list[tuple[str, Record]]:
        return [(key, row) for key, row in self.rows.items() if at is None or self.changed[key] >= at]

    def _touch(self, record_id: str, created: bool) -> None:
        at = self.clock.tick()
        self.changed[record_id] = at
        self.touched.append(record_id)
        self.stamp(self.rows[record_id], at, created)


@dataclass
class Faults:
    """What goes wrong next, by request. Each entry: (matches(scope), kind, argument); used once, in order.

    kinds   status     answer this status instead of asking the application
            cut_after  let the application do it, then cut the connection before the answer arrives
            cut_before cut the connection before the application sees it
    """

    pending: list[tuple[Callable[[Scope], bool], str, Any]] = field(default_factory=list)

    def add(self, kind: str, argument: Any = None, *, method: str = "", path: str = "", times: int = 1) -> None:
        """Make the next `times` requests with this method and a path containing `path` go wrong."""
        matches = lambda scope: (not method or scope["method"] == method) and path in scope["path"]
        self.pending += [(matches, kind, argument)] * times

    def take(self, scope: Scope) -> tuple[str, Any] | None:
        for number, (matches, kind, argument) in enumerate(self.pending):
            if matches(scope):
                del self.pending[number]
                return kind, argument
        return None


class Faulty:
    """ASGI middleware that makes requests go wrong as `Faults` says, and counts them."""

    def __init__(self, app: ASGIApp, faults: Faults):
        self.app, self.faults, self.requests = app, faults, 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        self.requests += 1
        kind, argument = self.faults.take(scope) or ("", None)
        if kind == "status":
            headers = [(b"content-type", b"application/json"), (b"retry-after", b"0.05")]
            await send({"type": "http.response.start", "status": argument, "headers": headers})
            await send({"type": "http.response.body", "body": b"{}"})
        elif kind:
            if kind == "cut_after":
                await self.app(scope, receive, _swallow)
            # An answer that promises more than it sends: the server closes the connection, the client sees it break.
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"1000000")]})
            await send({"type": "http.response.body", "body": b"", "more_body": True})
            raise ConnectionAbortedError("cut on purpose")
        else:
            await self.app(scope, receive, send)


async def _swallow(message: Any) -> None:
    """Where an answer goes whose connection is cut."""


def _merge(into: Record, values: Record) -> None:
    for name, value in values.items():
        if isinstance(value, dict) and isinstance(into.get(name), dict):
            _merge(into[name], value)
        else:
            into[name] = value


class Server:
    """Serves applications on loopback, each on a free port, in one thread. `urls` has the address of each by name."""

    def __init__(self, apps: dict[str, ASGIApp], ports: dict[str, int] | None = None):
        self.servers = {
            name: uvicorn.Server(
                uvicorn.Config(
                    app, host="127.0.0.1", port=(ports or {}).get(name, 0), log_level="critical", lifespan="off", access_log=False
                )
            )
            for name, app in apps.items()
        }
        self.urls: dict[str, str] = {}
        self.thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True, name="simulators")

    def start(self) -> "Server":
        self.thread.start()
        while not all(server.started for server in self.servers.values()):
            if not self.thread.is_alive():
                raise RuntimeError("the simulators did not start; is one of the ports taken?")
            threading.Event().wait(0.01)
        self.urls = {name: f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}" for name, server in self.servers.items()}
        return self

    def stop(self) -> None:
        for server in self.servers.values():
            server.should_exit = True
        self.thread.join(timeout=10)

    async def _serve(self) -> None:
        # serve() would install signal handlers, which only the main thread may have.
        await asyncio.gather(*(server._serve() for server in self.servers.values()))


@contextmanager
def serving(apps: dict[str, ASGIApp]):
    """Serve for the length of a `with` block; gives {name: url}."""
    server = Server(apps).start()
    try:
        yield server.urls
    finally:
        server.stop()
