"""Which planned write is meant: a line of the plan, a field of a record, or the creation of one."""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from hub import entity
from hub.errors import Refused
from hub.rules import Rules
from reconcile import shown
from reconcile.meant import side

# Every line that ownership asks for, with what the plan makes of it; those that are waived or on their way are not in the plan.
LINE = """
SELECT d.*, p.status, p.hold, p.approved_by, p.policy FROM outbound.delta AS d
LEFT JOIN work.plan_line AS p ON p.line_id = d.line_id  -- absent: waived, or on its way
WHERE {which} ORDER BY d.line_id LIMIT 4"""


@dataclass(frozen=True)
class Subject:
    """What a write is about: a field of a record, or the creation of one, and the line of the plan if there is one."""

    of: str
    hub_id: str | None
    system: str
    object: str
    record_ref: str | None
    field: str
    line: dict[str, Any] | None


def find(connection: duckdb.DuckDBPyConnection, words: Sequence[str], rules: Rules) -> Subject:
    """What is meant by a line's id or the start of it, by a record and a field of it, or by a hub id and `create`.

    Raises Refused for what is unknown, with what is similar.
    """
    return _by_id(connection, words[0]) if len(words) == 1 else _by_field(connection, " ".join(words[:-1]), words[-1], rules)


def _by_id(connection: duckdb.DuckDBPyConnection, said: str) -> Subject:
    found = _lines(connection, "starts_with(d.line_id, ?)", said.lower())
    if len(found) == 1 and len(said) >= 4:
        return _of_line(found[0])
    if len(found) > 1:
        raise Refused(f"{said!r} begins several lines: {', '.join(each['line_id'][:12] for each in found)}; write more of the one you mean")
    raise Refused(
        f"no line of the plan begins with {said!r}; see `hub plan`, or name a record and a field: `hub explain write SYSTEM OBJECT ID FIELD`"
    )


def _lines(connection: duckdb.DuckDBPyConnection, which: str, *values: Any) -> list[dict[str, Any]]:
    cursor = connection.execute(LINE.format(which=which), list(values))
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row)) for row in cursor.fetchall()]


def _of_line(line: dict[str, Any]) -> Subject:
    ref = line["record_id"] and f"{line['system']}:{line['object']}:{line['record_id']}"
    return Subject(line["entity"], line["hub_id"], line["system"], line["object"], ref, line["field"] or "create", line)


def _by_field(connection: duckdb.DuckDBPyConnection, said: str, field: str, rules: Rules) -> Subject:
    if field == "create":
        return _creation(connection, said, rules)
    found = side(connection, said, rules)
    if found.hub_id == said or len(found.refs) > 1:
        raise Refused(
            f"{said} is a hub id; name the record that would be written: {', '.join(shown.record(ref) for ref in found.refs[:4])}"
        )
    known = [*entity.all_entities()[found.entity].fields, "hub_id"]
    if field not in known:
        close = difflib.get_close_matches(field, known, n=3, cutoff=0.4) or known
        raise Refused(f"{found.entity} has no field {field!r}; similar: {', '.join(close)}")
    system, name, record_id = found.refs[0].split(":", 2)
    which = "d.system = ? AND d.object = ? AND d.record_id = ? AND d.field = ?"
    line = next(iter(_lines(connection, which, system, name, record_id, field)), None)
    return Subject(found.entity, found.hub_id, system, name, found.refs[0], field, line)


def _creation(connection: duckdb.DuckDBPyConnection, said: str, rules: Rules) -> Subject:
    found = _lines(connection, "d.action = 'create' AND d.hub_id = ?", side(connection, said, rules).hub_id)
    if len(found) != 1:
        told = ", ".join(f"{each['line_id'][:8]} in {each['system']} {each['object']}" for each in found)
        raise Refused(
            f"{said}: {f'several records are to be created, {told}; name the line' if found else 'no record is to be created for it'}"
        )
    return _of_line(found[0])
