"""Tryton 8.2 over JSON-RPC, https://docs.tryton.org. Pages of 500 records in the order of their ids.

A write is one call of `create` or `write`, with a party's address, mechanisms and identifiers inside, so that it happens whole or
not at all. Its precondition is the _timestamp of each record it touches, which Tryton compares in the same transaction.
"""

import json
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from hub.errors import HubError
from hub.mapping import Object, System
from hub.systems.connector import Connection, Outcome, Page, Record, Seen, Write
from hub.systems.http import Http, InDoubt
from hub.systems.tryton import rpc
from hub.systems.tryton.records import SHAPES
from hub.systems.tryton.rpc import Refusal, Rpc
from hub.systems.tryton.shape import MARK, Shape

PAGE = 500
BATCH = 100  # hub ids in one search: a domain becomes an expression, whose depth databases limit
# A record bears the time at which its transaction began, and shows when it is committed: reading starts a little before.
OVERLAP = timedelta(minutes=2)


def connect(system: System, connection: Connection) -> "Tryton":
    clients: list[Http] = []
    clients.append(
        Http(
            connection.url,
            system=system.system,
            auth=rpc.session(connection, clients),
            limits=system.limits,
            budget=connection.budget,
            secrets=connection.secrets.values(),
        )
    )
    return Tryton(Rpc(clients[0]))


class Tryton:
    def __init__(self, connection: Rpc):
        self.rpc = connection

    def read(self, each: Object, since: str | None) -> Iterator[Page]:
        shape = SHAPES[each.read["model"]]
        domain = [*shape.domain, *self._not_customers(each), *([shape.since(since)] if since else [])]
        last_id, newest = 0, ""
        while raw := self.rpc.search_read(each.read["model"], [*domain, ["id", ">", last_id]], shape.asked, PAGE):
            rows = [shape.show(one) for one in raw]
            last_id, newest = raw[-1]["id"], max(newest, *(row["changed"] for row in rows))
            yield Page(rows, last=False)
        # Nothing behind the last id: Tryton's own word that this is all.
        yield Page([], last=True, watermark=_watermark(newest, since))

    def look(self, each: Object, record_ids: Sequence[str], fields: Collection[str] = ()) -> dict[str, Seen]:
        shape = SHAPES[each.read["model"]]
        try:
            raw = {str(one["id"]): one for one in self._by_id(each, record_ids)}
            return {key: self._seen(shape, raw[key]) if key in raw else self._absent(each, key) for key in record_ids}
        except HubError:
            return dict.fromkeys(record_ids, Seen("unknown"))

    def find(self, each: Object, hub_ids: Sequence[str]) -> dict[str, list[str]]:
        shape, found = SHAPES[each.read["model"]], {}
        for start in range(0, len(hub_ids), BATCH):
            some = hub_ids[start : start + BATCH]
            domain = ["OR", *([shape.marked, "like", f"%{MARK}{hub_id}%"] for hub_id in some)]
            for raw in self.rpc.search_read(each.read["model"], [*shape.domain, domain], shape.asked):
                for hub_id in set(shape.hub_ids(raw)) & set(some):
                    found.setdefault(hub_id, []).append(str(raw["id"]))
        return found

    def write(self, each: Object, writes: Sequence[Write]) -> list[Outcome]:
        return self.rpc.http.each(lambda write: self._write(each, write), writes)

    def close(self) -> None:
        self.rpc.http.close()

    def _write(self, each: Object, write: Write) -> Outcome:
        if not (each.write.create if write.action == "create" else each.write.update):
            return Outcome(write.key, "rejected", write.record_id, f"the hub does not {write.action} {each.name} in Tryton")
        try:
            return self._create(each, write) if write.action == "create" else self._update(each, write)
        except Refusal as refusal:
            return Outcome(write.key, "moved" if refusal.kind == "ConcurrencyException" else "rejected", write.record_id, str(refusal))
        except InDoubt as doubt:
            return Outcome(write.key, "in_doubt", write.record_id, str(doubt))
        except HubError as failure:
            # No connection, or a read or a sign-in before the write went wrong.
            return Outcome(write.key, "rejected", write.record_id, f"not sent: {failure}")

    def _create(self, each: Object, write: Write) -> Outcome:
        # A party's code is the one thing of it that Tryton keeps unique, so that a second create is refused.
        own = {"hub_id": write.hub_id} | ({"code": write.hub_id} if each.of == "customer" else {})
        values = SHAPES[each.read["model"]].values(self.rpc, each.read, write.body | own, None)
        created = self.rpc.send(write.key, f"{each.read['model']}.create", [values], self.rpc.context)
        return Outcome(write.key, "acknowledged", str(created[0]))

    def _update(self, each: Object, write: Write) -> Outcome:
        shape = SHAPES[each.read["model"]]
        raw = next(iter(self._by_id(each, [write.record_id])), None)
        # _timestamp guards the records that a write touches; comparing all of them also sees one that was added.
        if raw is None or (write.version and shape.version(raw) != write.version):
            return Outcome(write.key, "moved", write.record_id, "not as it was looked at")
        values = shape.values(self.rpc, each.read, write.body, raw)
        guard = {"_timestamp": json.loads(write.version or shape.version(raw))}
        self.rpc.send(write.key, f"{each.read['model']}.write", [raw["id"]], values, self.rpc.context | guard)
        return Outcome(write.key, "acknowledged", write.record_id)

    def _by_id(self, each: Object, record_ids: Sequence[str]) -> list[Record]:
        return self.rpc.search_read(each.read["model"], [["id", "in", [int(key) for key in record_ids]]], SHAPES[each.read["model"]].asked)

    def _seen(self, shape: Shape, raw: Record) -> Seen:
        row = shape.show(raw)
        if row.get("replaced_by"):
            return Seen("merged", into=str(row["replaced_by"]))
        return Seen("deleted") if row.get("inactive") else Seen("there", row, shape.version(raw))

    def _absent(self, each: Object, record_id: str) -> Seen:
        """A search leaves out what its user may not see; a read says which it is."""
        try:
            self.rpc.read(f"{each.read['model']}.read", [int(record_id)], ["id"], self.rpc.context)
        except Refusal as refusal:
            return Seen("deleted" if "don't exist" in str(refusal) else "unknown")
        return Seen("unknown")

    def _not_customers(self, each: Object) -> list[Any]:
        """Leaves our own companies and employees out of the parties: they are parties too."""
        if each.of != "customer":
            return []
        ours = [one["party"] for model in ("company.company", "company.employee") for one in self.rpc.search_read(model, [], ["party"])]
        return [["id", "not in", ours]]


def _watermark(newest: str, since: str | None) -> str | None:
    if not newest:
        return since
    start = (datetime.fromisoformat(newest) - OVERLAP).isoformat(timespec="microseconds")
    return max(start, since or "")
