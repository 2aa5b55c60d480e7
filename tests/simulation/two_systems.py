"""Two systems of the twin with two objects each: small enough that a turn of the loop takes a second, real in all that matters."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hub import mapping, ownership
from hub.twin.twin import Twin
from tests.simulation import sent

OBJECTS = {"salesforce": ("Account", "Invoice__c"), "netsuite": ("customer", "invoice")}
DUE_ON = "due_on: {owner: erp, else: [crm], mirror: [crm]}"
SALES_SAY = "due_on: {owner: crm, else: [erp], mirror: [erp]}"


def write_project(folder: Path, twin: Twin) -> None:
    """The twin's project folder, with each system cut down to OBJECTS; references to other objects are left alone."""
    twin.write_project(folder)
    settings = yaml.safe_load((folder / "concord.yaml").read_text())
    for name, kept in OBJECTS.items():
        said = yaml.safe_load((mapping.FOLDER / name / "system.yaml").read_text())
        objects = {each: _without_strangers(said["objects"][each], kept) for each in kept}
        (folder / name).mkdir(exist_ok=True)
        (folder / name / "system.yaml").write_text(yaml.safe_dump(said | {"connector": name, "objects": objects}, sort_keys=False))
        settings["systems"][name]["kind"] = f"./{name}"
    # Sales say in this firm when an invoice is due: so there is something to write to an invoice in the ledger.
    (folder / "ownership.yaml").write_text(ownership.FILE.read_text().replace(DUE_ON, SALES_SAY))
    (folder / "concord.yaml").write_text(yaml.safe_dump(settings | {"ownership": "ownership.yaml"}, sort_keys=False))


def _without_strangers(spec: dict[str, Any], kept: tuple[str, ...]) -> dict[str, Any]:
    strangers = {
        name: field for name, field in spec["fields"].items() if isinstance(field, dict) and field.get("object", kept[0]) not in kept
    }
    fields = {name: field for name, field in spec["fields"].items() if name not in strangers}
    return spec | {"fields": fields, "ignore": [*spec.get("ignore", ()), *(field["from"].split("/")[0] for field in strangers.values())]}


class Recorder:
    """ASGI middleware that keeps every request that could change a record, with its answer, and lets something happen just before one.

    written  (method, path, body, status of the answer, body of the answer), in order
    before   (part of the path, what to do), used once
    """

    def __init__(self, app: ASGIApp):
        self.app, self.written = app, []
        self.before: list[tuple[str, Callable[[], None]]] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not sent.is_write(scope["method"], scope["path"]):
            return await self.app(scope, receive, send)
        said, status, answered = await _body(receive), [], []
        for waiting in [each for each in self.before if each[0] in scope["path"]]:
            self.before.remove(waiting)
            waiting[1]()

        async def noted(message: Message) -> None:
            (status if message["type"] == "http.response.start" else answered).append(message.get("status", message.get("body")))
            await send(message)

        await self.app(scope, _again(said), noted)
        self.written.append((scope["method"], scope["path"], said, status[0], b"".join(answered)))


async def _body(receive: Receive) -> bytes:
    found, more = b"", True
    while more:
        message = await receive()
        found, more = found + message.get("body", b""), message.get("more_body", False)
    return found


def _again(body: bytes) -> Receive:
    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive
