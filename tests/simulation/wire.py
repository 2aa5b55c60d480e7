"""An `httpx` transport straight into the simulators, which makes requests go wrong as a seed has it.

No socket and no server: a request is one call of the system's application in this thread. For the n-th read and the n-th write
the seed says what befalls it, and what a person does in the system just before.
"""

import asyncio
import json
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

from hub.systems import http
from tests.simulation import sent
from tests.simulation.machine import MACHINE

CLIENT = http.Client
READ_FAULTS = (
    "429",
    "503",
    "timeout before",
    "timeout after",
    "cut",
    "half an answer",
    "twice",
    "expired",
    "no permission",
    "error inside",
    "lag",
    "hidden",
    "drift",
    "spoiled",
)
WRITE_FAULTS = (
    "429",
    "500",
    "503 after",
    "refused connection",
    "timeout before",
    "timeout after",
    "cut",
    "half an answer",
    "twice",
    "late",
    "expired",
    "error inside",
    "part fails",
)


@dataclass
class Schedule:
    """What befalls requests, by the number of the read or the write. Empty: nothing does."""

    reads: dict[int, str] = field(default_factory=dict)
    writes: dict[int, str] = field(default_factory=dict)
    people: dict[int, Callable[[], None]] = field(default_factory=dict)  # just before the n-th request
    rivals: dict[int, Callable[[str, str, bytes], None]] = field(default_factory=dict)  # in the moment of the n-th write, about its record


class Wire(httpx.BaseTransport):
    """The network between the hub and the systems.

    log       (worker, system, method, path, fault, status), in order
    before    called with (system, method, path, body) when a write of records arrives there
    after     called with what `before` gave, and the answer's status and body
    """

    def __init__(self, simulators: dict[str, Any]):
        self.simulators, self.loop = simulators, asyncio.new_event_loop()
        self.before: Callable = lambda *_: None
        self.after: Callable = lambda *_: None
        self.reset(Schedule())

    def reset(self, schedule: Schedule) -> None:
        self.schedule, self.log, self.late = schedule, [], []
        self.requests = self.reads = self.writes = 0

    def calm(self) -> None:
        """Nothing goes wrong any more, and what was under way has arrived."""
        self.schedule = Schedule()
        self._deliver(all=True)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        MACHINE.point("wire")
        self._deliver()
        self.requests += 1
        if act := self.schedule.people.pop(self.requests, None):
            act()
        fault = self._fault(request)
        line = [threading.current_thread().name, request.url.host, request.method, request.url.path, fault, None]
        self.log.append(line)
        response = Exchange(self, request, fault).answer()
        line[-1] = response.status_code
        MACHINE.point("wire")
        return response

    def is_write(self, request: httpx.Request) -> bool:
        return sent.is_write(request.method, request.url.path)

    def is_write_line(self, line: Sequence) -> bool:
        return sent.is_write(line[2], line[3])

    def _fault(self, request: httpx.Request) -> str:
        if self.is_write(request):
            self.writes += 1
            if rival := self.schedule.rivals.pop(self.writes, None):
                rival(request.url.host.split(".")[0], request.url.path, request.read())
            return self.schedule.writes.pop(self.writes, "")
        self.reads += 1
        return self.schedule.reads.pop(self.reads, "")

    def _deliver(self, all: bool = False) -> None:
        """Let requests arrive that were held up: after a few others, and well within the time after which a look is believed."""
        for due, exchange in list(self.late):
            if all or self.requests >= due:
                self.late.remove((due, exchange))
                exchange.carry_out()


class Exchange:
    """One request and its answer."""

    def __init__(self, wire: Wire, request: httpx.Request, fault: str):
        self.wire, self.request, self.fault = wire, request, fault
        self.system, self.body = request.url.host.split(".")[0], request.read()

    def answer(self) -> httpx.Response:
        if self.fault in ("429", "500", "503"):
            return self._reply(int(self.fault), b'[{"errorCode": "SERVER_UNAVAILABLE", "message": "try later"}]', {"retry-after": "0.01"})
        if self.fault == "no permission":
            return self._reply(403, b'[{"errorCode": "INSUFFICIENT_ACCESS", "message": "no access"}]')
        if self.fault == "refused connection":
            raise httpx.ConnectError("connection refused", request=self.request)
        if self.fault == "timeout before":
            raise httpx.ReadTimeout("timed out", request=self.request)
        if self.fault == "late":
            self.wire.late.append((self.wire.requests + MACHINE.draw.randrange(1, 6), self))
            raise httpx.ReadTimeout("timed out", request=self.request)
        if self.fault == "expired":
            self.wire.simulators[self.system].expire_tokens()
        if self.fault == "part fails" and self.system == "salesforce":
            return self._partly()
        return self._spoil(*self.carry_out())

    def carry_out(self) -> tuple[int, bytes, list]:
        """Let the system do it; returns its answer."""
        held = self.wire.before(self.system, self.request, self.body) if self.wire.is_write(self.request) else None
        for _ in range(2 if self.fault == "twice" else 1):
            answer = self._call()
        if self.wire.is_write(self.request):
            self.wire.after(held, *answer[:2])
        return answer

    def _spoil(self, status: int, body: bytes, headers: list) -> httpx.Response:
        if self.fault == "timeout after":
            raise httpx.ReadTimeout("timed out", request=self.request)
        if self.fault == "cut":
            raise httpx.RemoteProtocolError("peer closed connection without sending complete message body", request=self.request)
        if self.fault == "503 after":
            return self._reply(503, b"upstream did not answer")
        if self.fault == "half an answer":
            return self._reply(status, body[: len(body) // 2], headers)
        if self.fault == "error inside":
            return self._reply(200, b'{"success": false, "message": "an unexpected error occurred"}')
        if self.fault in REWRITTEN and status == 200:
            body = REWRITTEN[self.fault](self.system, body)
        return self._reply(status, body, headers)

    def _partly(self) -> httpx.Response:
        """A bulk of which the first record is refused, and the others are carried out."""
        said = json.loads(self.body)
        rows = "compositeRequest" if "compositeRequest" in said else "records"
        first, *others = said[rows]
        refusal = {"statusCode": "UNABLE_TO_LOCK_ROW", "errorCode": "UNABLE_TO_LOCK_ROW", "message": "unable to obtain exclusive access"}
        self.body = json.dumps(said | {rows: others}).encode()
        answers = json.loads(self.carry_out()[1]) if others else []
        if rows == "records":
            return self._reply(200, json.dumps([{"success": False, "errors": [refusal]}, *answers]).encode())
        failed = {"body": [refusal], "httpHeaders": {}, "httpStatusCode": 400, "referenceId": first["referenceId"]}
        return self._reply(200, json.dumps({"compositeResponse": [failed, *(answers or {}).get("compositeResponse", [])]}).encode())

    def _reply(self, status: int, body: bytes, headers: Any = None) -> httpx.Response:
        kept = [(name, value) for name, value in dict(headers or {}).items() if name not in (b"content-length", "content-length")]
        return httpx.Response(status, headers=kept, stream=httpx.ByteStream(body))

    def _call(self) -> tuple[int, bytes, list]:
        url, start, chunks = self.request.url, {}, []

        async def receive() -> dict:
            return {"type": "http.request", "body": self.body, "more_body": False}

        async def send(message: dict) -> None:
            start.update(message) if message["type"] == "http.response.start" else chunks.append(message.get("body", b""))

        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": self.request.method,
            "headers": [(name.lower(), value) for name, value in self.request.headers.raw],
            "scheme": url.scheme,
            "path": url.path,
            "raw_path": url.raw_path.split(b"?")[0],
            "query_string": url.query,
            "server": (url.host, 443),
            "client": ("127.0.0.1", 1),
            "root_path": "",
        }
        self.wire.loop.run_until_complete(self.wire.simulators[self.system].app(scope, receive, send))
        return start["status"], b"".join(chunks), start["headers"]


def _without(system: str, body: bytes, which: int) -> bytes:
    """An answer without its first record, as when a role may no longer see it, or its last, as when a list lags behind; the counts agree."""
    page = json.loads(body)
    if isinstance(page, list) and page:  # one for each id that was asked for
        page[which] = None
        return json.dumps(page).encode()
    rows = page.get("records" if system == "salesforce" else "items") if isinstance(page, dict) else None
    if not rows:
        return body
    rows.pop(which)
    counts = ("count", "totalResults") if "count" in page else ("totalSize",)
    return json.dumps(page | {name: page[name] - 1 for name in counts}).encode()


def _drifted(system: str, body: bytes) -> bytes:
    """An answer whose records lost a field, or of a description that no longer names it."""
    page = json.loads(body)
    for row in _rows(page, "records", "items", "fields")[:1]:
        row.pop(sorted(row)[-1]) if "name" not in row else page["fields"].pop()
    return json.dumps(page).encode()


def _wrong_value(system: str, body: bytes) -> bytes:
    """An answer whose first record says what breaks its contract."""
    page = json.loads(body)
    for row in _rows(page, "records", "items")[:1]:
        row |= {name: "31.31.2026" for name in ("Due_Date__c", "duedate") if name in row}
        row |= {name: "Doubloon" for name in ("Payment_Terms__c", "terms_id") if name in row}
    return json.dumps(page).encode()


def _rows(page: Any, *names: str) -> list[dict]:
    """What an answer tells of records: as a list, or under one of these names."""
    return [row for row in page if row] if isinstance(page, list) else next((page[name] for name in names if page.get(name)), [])


REWRITTEN = {
    "lag": lambda system, body: _without(system, body, -1),
    "hidden": lambda system, body: _without(system, body, 0),
    "drift": _drifted,
    "spoiled": _wrong_value,
}


def attach(wire: Wire) -> None:
    """Let every client of this process go over this wire."""
    http.Client = lambda **settings: CLIENT(**settings | {"transport": wire})
