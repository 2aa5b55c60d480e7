"""Pushes approved lines to one system: intent journaled, precondition checked, sent once, outcome journaled."""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from itertools import groupby
from typing import Any

import duckdb

from hub import capture, contract, mapping, projection
from hub.errors import ConfigurationWrong
from hub.journal import Event, Journal
from hub.mapping import Column, Object, System
from hub.systems.connector import Connector, Outcome, Seen, Write
from reconcile import plan
from reconcile.exceptions import Trouble, opening, settle
from reconcile.plan import Line

log = logging.getLogger(__name__)
SENT_AT_ONCE = 200  # writes between two journal entries: what a crash can leave in doubt
PATIENCE = 3  # attempts that came to nothing, before a person is asked


@dataclass(frozen=True)
class Correction:
    """All approved lines of one record: one write."""

    push_id: str
    lines: tuple[Line, ...]

    @property
    def first(self) -> Line:
        return self.lines[0]


@dataclass(frozen=True)
class Refusal:
    """A line that was not sent, because the record is no longer what the plan was made on, or can't be seen just now."""

    line: Line
    message: str
    unseen: bool = False


def push(connection: duckdb.DuckDBPyConnection, journal: Journal, system: System, connector: Connector) -> dict[str, int]:
    """Send every approved line of a system; returns how many lines came to which end.

    A line whose field moved since the snapshot is refused and becomes an exception: the person's value stays.
    """
    projection.load(connection, journal)
    connection.execute(plan.DUE)
    approved = [line for line in plan.read(connection, "approved").lines if line.system == system.system]
    counts: dict[str, int] = {}
    unseen: list[Trouble] = []
    for name, lines in groupby(approved, key=lambda line: line.object):
        for state, count in _push_object(connection, journal, system, system.objects[name], connector, list(lines), unseen).items():
            counts[state] = counts.get(state, 0) + count
    settle(connection, journal, f"{system.system} ", ("unseen",), unseen)
    return counts


def _push_object(
    connection, journal, system: System, each: Object, connector: Connector, lines: list[Line], unseen: list[Trouble]
) -> dict[str, int]:
    corrections, counts = _corrections(lines), {}
    if any(line.action == "create" for line in lines) and (newcomers := _newcomers(connection, system, each, connector)):
        # What is to be created may be among them. The next turn reads them, and knows.
        waiting = [correction for correction in corrections if correction.first.action == "create"]
        corrections = [correction for correction in corrections if correction.first.action != "create"]
        counts["waiting"] = len(waiting)
        log.info(
            "%s %s: %d creates wait for the next turn, for somebody created %d records since the last",
            system.system,
            each.name,
            len(waiting),
            len(newcomers),
        )
    for at in range(0, len(corrections), SENT_AT_ONCE):
        batch = corrections[at : at + SENT_AT_ONCE]
        seen = connector.look(each, [each_.first.record_id for each_ in batch if each_.first.record_id])
        kept, refusals = _unmoved(batch, seen, moved_fields(connection, system, each, seen), each)
        writes, unwritable = _writes(system, each, kept, seen)
        journal.append([opening(_refused(refusal)) for refusal in refusals + unwritable if not refusal.unseen])
        unseen += [_unseen(refusal) for refusal in refusals if refusal.unseen]
        outcomes = _send(connection, journal, connector, each, kept, writes)
        _count(counts, kept, outcomes, len(refusals) + len(unwritable))
    return counts


def _newcomers(connection: duckdb.DuckDBPyConnection, system: System, each: Object, connector: Connector) -> set[str]:
    """Live records that are there now, and that neither the last snapshot showed nor we created."""
    where = [system.system, each.name]
    marks = (
        "SELECT watermark FROM capture.snapshot WHERE system = ? AND object = ? AND watermark IS NOT NULL ORDER BY taken_at DESC LIMIT 1"
    )
    since = (connection.execute(marks, where).fetchone() or (None,))[0] if each.changed else None
    deleted = lambda row: each.gone.deleted and mapping.get(row, each.gone.deleted, system.nested)
    there = {mapping.get(row, each.key, system.nested) for page in connector.read(each, since) for row in page.rows if not deleted(row)}
    strangers = connection.execute(
        f"""
      SELECT t.id FROM (SELECT unnest(?::VARCHAR[]) AS id) AS t
      ANTI JOIN {capture.table(*where)} AS c ON c._id = t.id
      ANTI JOIN (SELECT record_id FROM capture.quarantine WHERE system = ? AND object = ?) AS q ON q.record_id = t.id
      ANTI JOIN (SELECT record_id FROM journal.push WHERE system = ? AND object = ?) AS p ON p.record_id = t.id""",
        [[*there], *where * 2],
    ).fetchall()
    return {record_id for (record_id,) in strangers}


def _corrections(lines: list[Line]) -> list[Correction]:
    key = lambda line: (line.action, line.record_id or "", line.hub_id)
    grouped = [tuple(group) for _, group in groupby(sorted(lines, key=key), key=key)]
    return [Correction("P-" + plan.Plan(group).hash, group) for group in grouped]


def moved_fields(
    connection: duckdb.DuckDBPyConnection, system: System, each: Object, seen: Mapping[str, Seen]
) -> dict[str, dict[str, tuple[Any, Any]]]:
    """What changed in the records since the last snapshot: {record_id: {source field: (then, now)}}.

    Compared as typed values of the contract, so that a system may spell a number in two ways.
    """
    rows = [found.row for found in seen.values() if found.row]
    if not rows:
        return {}
    promised = list(each.source_fields())
    found = contract.typed_rows(connection, each, rows, system.nested)
    columns = ", ".join(f't."{path}", n."{path}"' for path in promised)
    joined = connection.execute(
        f"SELECT n._id, {columns} FROM {found} AS n LEFT JOIN {capture.table(system.system, each.name)} AS t ON t._id = n._id"
    ).fetchall()
    return {
        key: {path: (then, now) for path, then, now in zip(promised, values[::2], values[1::2]) if then != now} for key, *values in joined
    }


def _unmoved(
    batch: list[Correction], seen: Mapping[str, Seen], moved: Mapping[str, Mapping], each: Object
) -> tuple[list[Correction], list[Refusal]]:
    """Split into what may be sent and what may not: the record is gone or not to be seen, or a field of the line moved."""
    kept, refusals = [], []
    for correction in batch:
        if correction.first.action == "create":
            kept.append(correction)
            continue
        found = seen.get(correction.first.record_id, Seen("unknown"))
        if found.state != "there":
            refusals += [
                Refusal(line, f"the record is {found.state} in {line.system}", found.state == "unknown") for line in correction.lines
            ]
            continue
        changes = moved.get(correction.first.record_id, {})
        hit = {line: {path: changes[path] for path in _sources(each, line) if path in changes} for line in correction.lines}
        refusals += [
            Refusal(line, "target moved: " + ", ".join(f"{path} {then} -> {now}" for path, (then, now) in fields.items()))
            for line, fields in hit.items()
            if fields
        ]
        if still := tuple(line for line, fields in hit.items() if not fields):
            kept.append(replace(correction, lines=still))
    return kept, refusals


def _sources(each: Object, line: Line) -> list[str]:
    """The source fields that a line stands on: what it writes, and the status, for what is posted meanwhile is not to be touched."""
    columns = each.columns()
    standing = [columns["status"][1].source] if "status" in columns else []
    if line.field == "hub_id":
        return [each.external_id, *standing]
    return [columns[column][1].source for column in json.loads(line.want) if column in columns] + standing


def _writes(system: System, each: Object, corrections: list[Correction], seen: Mapping[str, Seen]) -> tuple[list[Write], list[Refusal]]:
    writes, unwritable = [], []
    for correction in list(corrections):
        first = correction.first
        try:
            body = _body(system, each, correction)
        except ConfigurationWrong as wrong:
            corrections.remove(correction)
            unwritable += [Refusal(line, str(wrong)) for line in correction.lines]
        else:
            version = seen[first.record_id].version if first.record_id else None
            writes.append(Write(correction.push_id, first.action, first.record_id, first.hub_id, body, version))
    return writes, unwritable


def _body(system: System, each: Object, correction: Correction) -> dict[str, Any]:
    """The system's own fields of one write. A create leaves out what is not known; an update says it, to clear it."""
    columns, values = each.columns(), {}
    for line in correction.lines:
        if line.field != "hub_id":
            values |= _writable(line, columns)
    if correction.first.action == "create":
        values = {column: value for column, value in values.items() if value is not None}
    body = mapping.outward(each, {column: typed(value, columns[column][0]) for column, value in values.items()}, system.nested)
    if any(line.field == "hub_id" for line in correction.lines):
        mapping.put(body, each.external_id, correction.first.hub_id, system.nested)
    return body


def _writable(line: Line, columns: Mapping[str, tuple[str, Column]]) -> dict[str, Any]:
    """What the line wants of columns that have a way back. The others must be as wanted already: a rate can be written, its currency not."""
    want, base = (json.loads(text or "{}", parse_float=Decimal) for text in (line.want, line.base))
    for column, value in want.items():
        _, mapped = columns[column]
        if not mapped.goes_back and value not in (mapped.const, base.get(column)):
            raise ConfigurationWrong(
                f"{line.about}: {column} can't be written there, and is {mapped.const or base.get(column)} instead of {value}; correct it by hand, or waive it"
            )
    return {column: value for column, value in want.items() if columns[column][1].goes_back}


def typed(value: Any, kind: str) -> Any:
    """A value of JSON as its canonical type."""
    if value is None or not isinstance(value, str):
        return value
    return (
        date.fromisoformat(value)
        if kind == "DATE"
        else datetime.fromisoformat(value)
        if kind == "TIMESTAMP"
        else Decimal(value)
        if kind.startswith("DECIMAL")
        else value
    )


def _send(
    connection: duckdb.DuckDBPyConnection,
    journal: Journal,
    connector: Connector,
    each: Object,
    corrections: list[Correction],
    writes: list[Write],
) -> list[Outcome]:
    if not writes:
        return []
    # The intent is on disk before anything leaves: a crash in between leaves a push in doubt, never one forgotten.
    journal.append([_intent(correction) for correction in corrections])
    outcomes = connector.write(each, writes)
    by_push = {correction.push_id: correction for correction in corrections}
    events = [
        Event("push.outcome", outcome.key, {"state": state_of(outcome), "record_id": outcome.record_id, "message": outcome.message})
        for outcome in outcomes
    ]
    tired = _tired(connection, [outcome.key for outcome in outcomes if state_of(outcome) == "not_sent"])
    troubles = [opening(trouble) for outcome in outcomes for trouble in _troubles(by_push[outcome.key], outcome, tired)]
    journal.append(events + troubles)
    return outcomes


def _intent(correction: Correction) -> Event:
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
        },
    )


def state_of(outcome: Outcome) -> str:
    """The state of a push after an outcome. A write that never left is simply due again."""
    return "not_sent" if outcome.state == "rejected" and outcome.message.startswith("not sent") else outcome.state


def _tired(connection: duckdb.DuckDBPyConnection, push_ids: list[str]) -> set[str]:
    """Those of these pushes that came to nothing once too often, this time included."""
    rows = connection.execute(
        """
      SELECT subject FROM journal.event WHERE kind = 'push.outcome' AND list_contains(?, subject) AND (body ->> 'state') = 'not_sent'
      GROUP BY subject HAVING count(*) + 1 >= ?""",
        [push_ids, PATIENCE],
    ).fetchall()
    return {push_id for (push_id,) in rows}


def _troubles(correction: Correction, outcome: Outcome, tired: set[str]) -> list[Trouble]:
    if outcome.key in tired:
        return [
            Trouble(
                "dead_letter",
                line.about,
                f"{line.about}: {outcome.message}, {PATIENCE} times; mend the way there, then `hub replay`",
                line.system,
            )
            for line in correction.lines
        ]
    if outcome.state == "moved":
        return [_refused(Refusal(line, f"target moved: {outcome.message or 'somebody else was there first'}")) for line in correction.lines]
    if state_of(outcome) == "rejected":
        return [
            Trouble("rejected", line.about, f"{line.about}: {outcome.message}; correct what it names, then `hub replay`", line.system)
            for line in correction.lines
        ]
    return []


def _refused(refusal: Refusal) -> Trouble:
    return Trouble(
        "refused",
        refusal.line.about,
        f"{refusal.line.about}: {refusal.message}; the value there stays until somebody decides, then `hub replay`",
        refusal.line.system,
    )


def _unseen(refusal: Refusal) -> Trouble:
    return Trouble(
        "unseen",
        refusal.line.about,
        f"{refusal.line.about}: {refusal.message}, so nothing was written; the next turn tries again, see permissions if it stays",
        refusal.line.system,
    )


def _count(counts: dict[str, int], sent: list[Correction], outcomes: list[Outcome], refused: int) -> None:
    lines = {correction.push_id: len(correction.lines) for correction in sent}
    for outcome in outcomes:
        counts[state_of(outcome)] = counts.get(state_of(outcome), 0) + lines[outcome.key]
    if refused:
        counts["refused"] = counts.get("refused", 0) + refused
