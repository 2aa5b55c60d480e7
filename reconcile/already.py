"""What became of a line while it waited: somebody may have written there just what it wants."""

import json
from collections.abc import Mapping
from typing import Any

import duckdb

from hub import contract, nested
from hub.errors import ConfigurationWrong
from hub.mapping import Object, System
from reconcile.correction import Correction, body_of
from reconcile.plan import Line

Changes = Mapping[str, tuple[Any, Any]]  # {source field: (then, now)}


def there(
    connection: duckdb.DuckDBPyConnection, system: System, each: Object, batch: list[Correction], moved: Mapping[str, Changes]
) -> set[str]:
    """The ids of lines whose target holds what they want since the snapshot, each field of them; compared as the contract types values."""
    asked = {
        line.line_id: (line, body)
        for correction in batch
        for line in correction.lines
        if moved.get(line.record_id) and (body := _body(system, each, correction, line))
    }
    if not asked:
        return set()
    rows = []
    for line_id, (_, body) in asked.items():
        nested.put(body, each.key, line_id, system.nested)
        rows.append(body)
    found = connection.execute(f"SELECT * FROM {contract.typed_rows(connection, each, rows, system.nested)}")
    names = [name for name, *_ in found.description]
    wanted = {row[0]: dict(zip(names, row)) for row in found.fetchall()}
    return {line_id for line_id, (line, _) in asked.items() if _is_there(each, line, wanted[line_id], moved[line.record_id])}


def without(batch: list[Correction], line_ids: set[str]) -> list[Correction]:
    """The corrections without these lines, and without those that lose all."""
    left = [each._replace(lines=tuple(line for line in each.lines if line.line_id not in line_ids)) for each in batch]
    return [each for each in left if each.lines]


def _body(system: System, each: Object, correction: Correction, line: Line) -> dict[str, Any] | None:
    """What one line alone would send; None for a create, a hub id and what has no way back: these are judged as they always are."""
    if line.action == "create" or line.field == "hub_id":
        return None
    try:
        return body_of(system, each, correction._replace(lines=(line,)))
    except ConfigurationWrong:
        return None


def _is_there(each: Object, line: Line, wanted: Mapping[str, Any], changes: Changes) -> bool:
    columns, want, base = each.columns(), json.loads(line.want), json.loads(line.base or "{}")
    paths = {columns[column][1].source: want[column] == base.get(column) for column in want}
    settled = lambda path, same: changes[path][1] == wanted[path] if path in changes else same
    return bool(paths.keys() & changes.keys()) and all(settled(path, same) for path, same in paths.items())
