"""What is sent to a system: the approved lines of a record as one write, in the system's own fields."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from itertools import groupby
from typing import Any, NamedTuple

from pydantic_core import to_json

from hub import mapping, nested
from hub.column import Column
from hub.errors import ConfigurationWrong
from hub.journal import Event
from hub.mapping import Object, System
from hub.systems.connector import Seen, Write
from reconcile import plan
from reconcile.plan import Line

READERS = {"DATE": date.fromisoformat, "TIMESTAMP": datetime.fromisoformat, "DECIMAL": Decimal}
EXACT = json.JSONDecoder(parse_float=Decimal)


class Correction(NamedTuple):
    """All approved lines of one record: one write. `payload`: what is sent, as JSON, once it is made."""

    push_id: str
    lines: tuple[Line, ...]
    payload: str | None = None

    @property
    def first(self) -> Line:
        return self.lines[0]


@dataclass(frozen=True)
class Refusal:
    """A line that was not sent, because the record is no longer what the plan was made on, or can't be seen just now."""

    line: Line
    message: str
    unseen: bool = False


def corrections_of(lines: list[Line]) -> list[Correction]:
    """The lines by record, each record with an id of its own making: the same lines make the same push."""
    key = lambda line: (line.action, line.record_id or "", line.hub_id)
    grouped = [tuple(group) for _, group in groupby(sorted(lines, key=key), key=key)]
    return [Correction("P-" + plan.hash_of(group), group) for group in grouped]


def intent(correction: Correction) -> Event:
    """What the journal holds before anything leaves."""
    first = correction.first
    return Event(
        "push.intended",
        correction.push_id,
        {
            "push_id": correction.push_id,
            "lines": [line.line_id for line in correction.lines],
            "system": first.system,
            "object": first.object,
            "entity": first.entity,
            "hub_id": first.hub_id,
            "record_id": first.record_id,
            "action": first.action,
            "fields": {line.field or "create": {"base": line.base, "want": line.want, "why": line.why} for line in correction.lines},
            "payload": correction.payload,
        },
    )


def writes_of(system: System, each: Object, corrections: list[Correction], seen: Mapping[str, Seen]) -> tuple[list[Write], list[Refusal]]:
    """The corrections as writes that bear the version they were planned on; in the list they get their payload, and those without a way back leave it."""
    writes, unwritable, made = [], [], []
    for correction in corrections:
        first = correction.first
        try:
            body = body_of(system, each, correction)
        except ConfigurationWrong as wrong:
            unwritable += [Refusal(line, str(wrong)) for line in correction.lines]
        else:
            version = seen[first.record_id].version if first.record_id else None
            writes.append(Write(correction.push_id, first.action, first.record_id, first.hub_id, body, version))
            made.append(Correction(correction.push_id, correction.lines, payload_of(body)))
    corrections[:] = made
    return writes, unwritable


def payload_of(body: Mapping[str, Any]) -> str:
    """What is sent, as the one JSON text of it that the journal keeps and a replay compares."""
    return to_json(body).decode()


def body_of(system: System, each: Object, correction: Correction) -> dict[str, Any]:
    """The system's own fields of one write. A create leaves out what is not known; an update says it, to clear it."""
    columns, values = each.columns(), {}
    for line in correction.lines:
        if line.field != "hub_id":
            values |= _writable(line, columns)
    if correction.first.action == "create":
        values = {column: value for column, value in values.items() if value is not None}
    body = mapping.outward(each, {column: typed(value, columns[column][0]) for column, value in values.items()}, system.nested)
    if any(line.field == "hub_id" for line in correction.lines):
        nested.put(body, each.external_id, correction.first.hub_id, system.nested)
    return body


def _writable(line: Line, columns: Mapping[str, tuple[str, Column]]) -> dict[str, Any]:
    """What the line wants of columns that have a way back. The others must be as wanted already: a rate can be written, its currency not."""
    want = EXACT.decode(line.want)
    if fixed := {column: columns[column][1].const for column in want if not columns[column][1].goes_back}:
        base = EXACT.decode(line.base or "{}")
        for column, const in fixed.items():
            if want[column] not in (const, base.get(column)):
                raise ConfigurationWrong(
                    f"{line.about}: {column} can't be written there, and is {const or base.get(column)} instead of {want[column]}; correct it by hand, or waive it"
                )
    return {column: value for column, value in want.items() if column not in fixed}


def typed(value: Any, kind: str) -> Any:
    """A value of JSON as its canonical type."""
    if value is None or not isinstance(value, str):
        return value
    return READERS.get(kind.partition("(")[0], str)(value)
