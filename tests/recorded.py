"""What real servers answered: conversations kept in hub/systems/<name>/recorded/, and replayed where no server runs.

`CONCORD_RECORD=1 make live` keeps them anew. Sessions and passwords are left out; the people are those of tests/live/seed.py.
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import httpx

from hub import mapping, nested
from hub.mapping import Object
from hub.systems.connector import Connection, Connector, Write

RECORDING = "CONCORD_RECORD" in os.environ


@dataclass(frozen=True)
class Case:
    """What is said to a system: an object of it is read, then one of its records is updated, and one created."""

    system: str
    object: str
    update: dict[str, Any]
    create: dict[str, Any]
    secrets: dict[str, str]
    url: str = "https://server.example"
    hub_id: str = "X-000099"

    @property
    def file(self) -> Path:
        return mapping.FOLDER / self.system / "recorded" / f"{self.object}.json"


CASES = (
    Case("tryton", "party", {"phone": "+49 30 23125 199"}, {"legal_name": "Moorland Papier GmbH", "payment_terms": "net_30"}, {"user": "demo-user", "password": "demo-password"}, "https://server.example/hub/"),
    Case("redmine", "projects", {"name": "Renamed by the hub"}, {"code": "P-2099", "name": "Moorland mill"}, {"api_key": "demo-key"}),
)  # fmt: skip


def converse(each: Object, connector: Connector, case: Case) -> dict[str, Any]:
    """Read, look, update, update again on the version of before, create, find; what came of each."""
    pages = list(connector.read(each, None))
    rows = [row for page in pages for row in page.rows]
    record_id = str(rows[0][each.key])
    before = connector.look(each, [record_id])[record_id]
    write = Write("w1", "update", record_id, case.hub_id, mapping.outward(each, case.update), before.version)
    told = {"complete": pages[-1].last, "rows": rows, "updated": connector.write(each, [write])[0].state}
    told["stale"] = connector.write(each, [write])[0].state
    (created,) = connector.write(each, [Write("w2", "create", None, case.hub_id, _create(each, case), None)])
    return told | {"created": (created.state, created.record_id), "found": connector.find(each, [case.hub_id, "X-nobody"])}


@contextmanager
def connected(case: Case, url: str, secrets: dict[str, str], transport: httpx.BaseTransport) -> Iterator[tuple[Object, Connector]]:
    """The system's own connector, on another transport."""
    system = mapping.read(mapping.FOLDER / case.system / "system.yaml")
    connector = import_module(f"hub.systems.{case.system}.connector").connect(system, Connection(url, secrets))
    http = connector.http if hasattr(connector, "http") else connector.rpc.http
    http.client._transport = transport
    try:
        yield system.objects[case.object], connector
    finally:
        connector.close()


class Recorder(httpx.HTTPTransport):
    """Passes on, and keeps what was said."""

    def __init__(self):
        super().__init__()
        self.said: list[dict[str, Any]] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        response = super().handle_request(request)
        response.read()
        self.said.append(asked(request) | {"status": response.status_code, "answer": _without_session(request, _body(response))})
        return answer(response.status_code, response.content)


class Replayer(httpx.BaseTransport):
    """Answers as the server did, as long as it is asked the same in the same order."""

    def __init__(self, file: Path):
        self.said = iter(json.loads(file.read_text()))

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        expected = next(self.said, None)
        found = asked(request)
        known = expected and {name: expected[name] for name in found}
        assert found == known, f"the recorded server was asked {known}, this one {found}; record anew with CONCORD_RECORD=1 make live"
        said = expected["answer"]
        return answer(expected["status"], (said if isinstance(said, str) else json.dumps(said)).encode())


def answer(status: int, content: bytes) -> httpx.Response:
    """An answer that is read as a stream, for httpx times what it reads."""
    return httpx.Response(status, stream=httpx.ByteStream(content))


def asked(request: httpx.Request) -> dict[str, Any]:
    """A request without who asks."""
    body = json.loads(request.content) if request.content else None
    return {"method": request.method, "path": request.url.raw_path.decode(), "body": body | {"params": None} if _is_login(body) else body}


def _is_login(body: Any) -> bool:
    return isinstance(body, dict) and body.get("method") == "common.db.login"


def _without_session(request: httpx.Request, answer: Any) -> Any:
    return answer | {"result": [1, "recorded-session", None]} if _is_login(json.loads(request.content or "null")) else answer


def _body(response: httpx.Response) -> Any:
    try:
        return response.json()
    except ValueError:
        return response.text


def _create(each: Object, case: Case) -> dict[str, Any]:
    body = mapping.outward(each, case.create)
    nested.put(body, each.external_id, case.hub_id)
    return body
