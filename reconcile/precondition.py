"""Looks before it writes: what was created, and what moved, since the snapshot that the plan was made on."""

import json
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any

import duckdb

from hub import capture, contract, nested
from hub.mapping import Object, System
from hub.systems.connector import Connector, Seen
from reconcile import guards
from reconcile.correction import Correction, Refusal
from reconcile.plan import Line

UNKNOWN = Seen("unknown")


def newcomers(connection: duckdb.DuckDBPyConnection, system: System, each: Object, connector: Connector) -> set[str]:
    """Live records that are there now, and that neither the last snapshot showed nor we created."""
    where = [system.system, each.name]
    marks = (
        "SELECT watermark FROM capture.snapshot WHERE system = ? AND object = ? AND watermark IS NOT NULL ORDER BY taken_at DESC LIMIT 1"
    )
    since = (connection.execute(marks, where).fetchone() or (None,))[0] if each.changed else None
    deleted = lambda row: each.gone.deleted and nested.get(row, each.gone.deleted, system.nested)
    there = {nested.get(row, each.key, system.nested) for page in connector.read(each, since) for row in page.rows if not deleted(row)}
    strangers = connection.execute(
        f"""
      SELECT t.id FROM (SELECT unnest(?::VARCHAR[]) AS id) AS t
      ANTI JOIN {capture.table(*where)} AS c ON c._id = t.id
      ANTI JOIN (SELECT record_id FROM capture.quarantine WHERE system = ? AND object = ?) AS q ON q.record_id = t.id
      ANTI JOIN (SELECT record_id FROM journal.push WHERE system = ? AND object = ?) AS p ON p.record_id = t.id""",
        [[*there], *where * 2],
    ).fetchall()
    return {record_id for (record_id,) in strangers}


def unread(connection: duckdb.DuckDBPyConnection, system: System, each: Object) -> set[str]:
    """Records that were captured anew and that the plan knows nothing of yet: they can't be compared with what it was made on."""
    prefix = f"{system.system}:{each.name}:"
    rows = connection.execute(
        "SELECT DISTINCT substr(record_ref, length($1) + 1) FROM capture.pending WHERE starts_with(record_ref, $1)", [prefix]
    ).fetchall()
    return {record_id for (record_id,) in rows}


def stood_on(each: Object, batch: list[Correction]) -> set[str]:
    """The source fields that these corrections write or stand on, with the key and the stamp of a record: what has to be looked at."""
    written = {line.field for correction in batch for line in correction.lines}
    parts = [column for name in written for column in each.fields.get(name, {}).values()]
    found = {each.key, each.changed, *(column.source for column in parts), *_standing(each)}
    return found - {None} | ({each.external_id} if "hub_id" in written else set())


def moved_fields(
    connection: duckdb.DuckDBPyConnection, system: System, each: Object, seen: Mapping[str, Seen], fields: Collection[str]
) -> dict[str, dict[str, tuple[Any, Any]]]:
    """What changed in these fields of the records since the last snapshot: {record_id: {source field: (then, now)}}.

    Compared as typed values of the contract, so that a system may spell a number in two ways.
    """
    rows = [found.row for found in seen.values() if found.row]
    if not rows:
        return {}
    promised = sorted(fields)
    found = contract.typed_rows(connection, each, rows, system.nested, fields)
    columns = ", ".join(f't."{path}", n."{path}"' for path in promised)
    differs = " OR ".join(f't."{path}" IS DISTINCT FROM n."{path}"' for path in promised)
    joined = connection.execute(
        f"SELECT n._id, {columns} FROM {found} AS n LEFT JOIN {capture.table(system.system, each.name)} AS t ON t._id = n._id WHERE {differs}"
    ).fetchall()
    return {
        key: {path: (then, now) for path, then, now in zip(promised, values[::2], values[1::2]) if then != now} for key, *values in joined
    }


def doubt_snapshot(
    connection: duckdb.DuckDBPyConnection, system: System, each: Object, moved: Mapping[str, Mapping[str, tuple[Any, Any]]]
) -> None:
    """Have the object read in full next time, when a record is another than in the snapshot and bears the same stamp.

    No incremental read would show it: an answer left a field out once, or the system changes fields without stamping the record.
    """
    if each.changed and any(changes and each.changed not in changes for changes in moved.values()):
        looked_at = datetime.now(UTC).isoformat()
        connection.execute("INSERT INTO capture.belied VALUES (?, ?, ?)", [system.system, each.name, looked_at])


def unmoved(
    batch: list[Correction], seen: Mapping[str, Seen], moved: Mapping[str, Mapping], each: Object
) -> tuple[list[Correction], list[Refusal]]:
    """Split into what may be sent and what may not: the record is gone or not to be seen, or a field of the line moved."""
    kept, refusals = [], []
    for correction in batch:
        first = correction.first
        if first.action == "create":
            kept.append(correction)
            continue
        found = seen.get(first.record_id, UNKNOWN)
        if found.state != "there":
            refusals += [
                Refusal(line, f"the record is {found.state} in {line.system}", found.state == "unknown") for line in correction.lines
            ]
            continue
        if not (changes := moved.get(first.record_id)):
            kept.append(correction)
            continue
        hit = {line: {path: changes[path] for path in _sources(each, line) if path in changes} for line in correction.lines}
        refusals += [
            Refusal(line, "target moved: " + ", ".join(f"{path} {then} -> {now}" for path, (then, now) in fields.items()))
            for line, fields in hit.items()
            if fields
        ]
        if still := tuple(line for line, fields in hit.items() if not fields):
            kept.append(correction._replace(lines=still))
    return kept, refusals


def _sources(each: Object, line: Line) -> list[str]:
    """The source fields that a line stands on: what it writes, the status, and what finance's guards read of the record.

    For what is posted or forbidden meanwhile is not to be touched.
    """
    columns = each.columns()
    if line.field == "hub_id":
        return [each.external_id, *_standing(each)]
    return [columns[column][1].source for column in json.loads(line.want) if column in columns] + _standing(each)


def _standing(each: Object) -> list[str]:
    columns = each.columns()
    return [columns[name][1].source for name in sorted({"status", *guards.columns(each.of)} & columns.keys())]
