"""How a Tryton model becomes a record of ours: which fields are asked for, which related records count as part of it."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from hub.systems.connector import Record
from hub.systems.tryton import typed
from hub.systems.tryton.rpc import Rpc

MARK = "concord:"  # what stands before a hub id among people's own words
EDITS = {"create_date": "create_uid", "write_date": "write_uid"}  # when, and who; Tryton keeps the last of each, for every record


@dataclass(frozen=True)
class Shape:
    """How an object is read and written.

    fields   as search_read takes them
    stamped  {path: model} of the records that make it up; a change of any of them is a change of it
    row      the record that we show
    values   (rpc, options, body, raw record or None) -> what Tryton's create or write takes
    """

    fields: list[str]
    stamped: dict[str, str]
    row: Callable[[Record], Record]
    marked: str  # the field that holds the hub id's mark
    values: Callable[[Rpc, dict, Record, Record | None], Record] | None = None
    domain: list = field(default_factory=list)

    @property
    def asked(self) -> list[str]:
        told = [*EDITS, *(f"{who}.rec_name" for who in EDITS.values()), "_timestamp"]
        return self.fields + [f"{path}.{name}" if path else name for path in self.stamped for name in told]

    def since(self, at: str) -> list:
        """The domain of what changed at or after an instant. write_date is empty until the first write."""
        paths = [f"{path}." if path else "" for path in self.stamped]
        return ["OR", *([f"{path}{stamp}", ">=", typed.moment(at)] for path in paths for stamp in EDITS)]

    def show(self, raw: Record) -> Record:
        """Our record of a raw one."""
        parts = [each for _, each in self._parts(raw)]
        changed, editor = max(
            (each[when], value(each, f"{who}.rec_name") or "") for each in parts for when, who in EDITS.items() if each[when]
        )
        return {
            "id": raw["id"],
            **self.row(raw),
            "hub_id": next(iter(self.hub_ids(raw)), None),
            "changed": changed,
            "edited_by": editor or None,
        }

    def version(self, raw: Record) -> str:
        """The _timestamp of every record that makes it up, as Tryton's context takes them."""
        return json.dumps({f"{model},{each['id']}": each["_timestamp"] for model, each in self._parts(raw)})

    def hub_ids(self, raw: Record) -> list[str]:
        path, _, name = self.marked.rpartition(".")
        return [hub_id for each in (related(raw, path) if path else [raw]) for hub_id in marks(each.get(name))]

    def _parts(self, raw: Record) -> list[tuple[str, Record]]:
        return [(model, each) for path, model in self.stamped.items() for each in (related(raw, path) if path else [raw])]


def marks(text: str | None) -> list[str]:
    """The hub ids that a text carries."""
    return re.findall(rf"{MARK}(\S+)", text or "")


def unmarked(text: str | None) -> str:
    """People's own words, without the hub ids among them."""
    return re.sub(rf"\s*{MARK}\S+", "", text or "")


def marked(text: str | None, hub_ids: list[str]) -> str:
    """People's own words, followed by these hub ids only."""
    return " ".join([unmarked(text), *(MARK + hub_id for hub_id in hub_ids)]).strip()


def related(raw: Record, path: str) -> list[Record]:
    """The related records of a raw one, by dotted path: none, one or many."""
    found = [raw]
    for step in path.split("."):
        values = [each.get(f"{step}.") or [] for each in found]
        found = [each for value in values for each in (value if isinstance(value, list) else [value])]
    return found


def value(raw: Record, path: str) -> Any:
    """A value of a related record, by dotted path; None where there is none."""
    parent, _, last = path.rpartition(".")
    return next((each[last] for each in related(raw, parent)), None)


def billing_address(raw: Record) -> Record | None:
    """The address that Tryton itself would invoice to: the first that is marked for it, else the first."""
    active = [each for each in related(raw, "addresses") if each["active"]]
    return next((each for each in active if each["invoice"]), active[0] if active else None)


def mechanism(raw: Record, kind: str) -> Record | None:
    return next((each for each in related(raw, "contact_mechanisms") if each["active"] and each["type"] == kind), None)
