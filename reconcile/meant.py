"""What people mean who name a record, by record_ref or `system object id`, or a hub id."""

import difflib
from dataclasses import dataclass

import duckdb

from hub.errors import NotThere
from hub.rules import Rules
from reconcile import hub_ids, shown


@dataclass(frozen=True)
class Side:
    """What one word of a question stands for: an entity, and one record of it or all records of a hub id."""

    entity: str
    refs: tuple[str, ...]
    hub_id: str | None


def side(connection: duckdb.DuckDBPyConnection, said: str, rules: Rules) -> Side:
    """The record or the hub id that is meant. Raises NotThere for one that the cut does not know, with what is similar."""
    found = _record(connection, said, rules) or _hub_id(connection, said)
    if not found:
        raise NotThere(
            f"no record or hub id {said!r} in the newest cut; {_similar(connection, said, rules)}. Write SYSTEM:OBJECT:ID, or a hub id"
        )
    return found


def record(connection: duckdb.DuckDBPyConnection, said: str, rules: Rules) -> Side:
    """The record that is meant. Raises NotThere for one that the cut does not know, with what is similar."""
    if not (found := _record(connection, said, rules)):
        raise NotThere(f"{said} is no record of the newest cut; {_similar(connection, said, rules)}. Write SYSTEM:OBJECT:ID")
    return found


def _record(connection: duckdb.DuckDBPyConnection, said: str, rules: Rules) -> Side | None:
    system_said, object_said, record_id = [*said.split(":" if said.count(":") > 1 else None, 2), "", ""][:3]
    for system in rules.systems:
        for each in system.objects.values():
            if system_said == system.system and object_said.lower() in (each.name.lower(), each.of):
                ref = f"{system.system}:{each.name}:{record_id}"
                if connection.execute(f"SELECT 1 FROM canonical.{each.of} WHERE record_ref = ?", [ref]).fetchone():
                    return Side(each.of, (ref,), tied(connection, ref))
    return None


def tied(connection: duckdb.DuckDBPyConnection, ref: str) -> str | None:
    """The hub id of a record."""
    row = connection.execute("SELECT hub_id FROM journal.crossref WHERE record_ref = ?", [ref]).fetchone()
    return row and row[0]


def _hub_id(connection: duckdb.DuckDBPyConnection, said: str) -> Side | None:
    hub_id = hub_ids.present(connection, said)
    rows = connection.execute("SELECT entity, record_ref FROM journal.crossref WHERE hub_id = ? ORDER BY record_ref", [hub_id]).fetchall()
    return Side(rows[0][0], tuple(ref for _, ref in rows), hub_id) if rows else None


def _similar(connection: duckdb.DuckDBPyConnection, said: str, rules: Rules) -> str:
    known = [ref for (ref,) in connection.execute(CLOSE, [said.replace(" ", ":")] * 2).fetchall()]
    close = [name for name in known if difflib.SequenceMatcher(None, said.replace(" ", ":"), name).ratio() >= 0.5][:3]
    if close:
        return f"similar: {', '.join(shown.record(ref) for ref in close)}"
    return f"the systems are {', '.join(sorted(each.system for each in rules.systems))}"


CLOSE = """
SELECT name FROM (SELECT record_ref AS name FROM journal.crossref UNION SELECT hub_id FROM journal.crossref)
ORDER BY least(levenshtein(name, ?), levenshtein(split_part(name, ':', 3), ?)), name LIMIT 50"""
