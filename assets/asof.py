"""What a hub id stood for on a day, as it was known at a moment: whose values, from which records, under which rules."""

import tempfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb

from assets import rewind
from hub import capture, journal, projection, rules, store
from hub.errors import Refused
from hub.firm import Firm
from reconcile import hub_ids

FIELDS = "SELECT field, value, record_ref, reason FROM golden.cell WHERE entity = ? AND hub_id = ? AND is_winner ORDER BY field"


@dataclass(frozen=True)
class AsOf:
    """What a hub id stood for on a day, as known at a moment.

    now      the id that held its records then: itself, or the one that it was merged into
    values   {field: (value, the record that gave it, why)}
    records  those that the hub had a version of for that day
    unseen   those of the same hub id that had none: what they were on that day, the hub can't tell
    """

    hub_id: str
    now: str
    entity: str
    rules: str
    values: dict[str, tuple[str | None, str, str]]
    records: list[str]
    unseen: list[str]


def ask(live: Firm, hub_id: str, valid: datetime, known: datetime) -> AsOf:
    """What a hub id stood for. Raises Refused for one that was not issued by then.

    Only the records behind it are read again, and those that they refer to; so the answer takes seconds in a large hub too.
    """
    with tempfile.TemporaryDirectory(dir=live.state, prefix=".asof-") as folder:
        entity, now, tied = _tied(live, hub_id, known)
        wanted, near, built = set(), set(tied), None
        while built is None or not near <= wanted:
            wanted |= near
            built = rewind.build(live, Path(folder) / str(len(wanted)), valid, known, wanted)
            with store.connect(built.hub_file, read_only=True) as connection:
                near = _needed(connection, built, entity)
        with store.connect(built.hub_file, read_only=True) as connection:
            return _answer(connection, built, hub_id, entity, now, tied)


def _tied(live: Firm, hub_id: str, known: datetime) -> tuple[str, str, list[str]]:
    """(entity, the id that held its records then, these records), by the journal; a document's tie follows from its number, so by the newest cut."""
    with tempfile.TemporaryDirectory(dir=live.state, prefix=".asof-") as folder, store.connect() as connection:
        with journal.open(live.journal) as entries, journal.open(Path(folder) / "journal.sqlite") as copied:
            journal.copy(entries, copied, entries.last(known))
            capture.prepare(connection)
            projection.prepare(connection)
            projection.load(connection, copied)
        if not connection.execute("SELECT 1 FROM journal.former WHERE hub_id = ?", [hub_id]).fetchone():
            return _numbered(live, hub_id, known)
        found = hub_ids.resolve(connection, hub_id, datetime.max)
        (entity,) = connection.execute("SELECT entity FROM journal.former WHERE hub_id = ?", [hub_id]).fetchone()
        return entity, found.now, found.records


def _numbered(live: Firm, hub_id: str, known: datetime) -> tuple[str, str, list[str]]:
    with store.reading(live.cuts) as connection:
        rows = connection.execute("SELECT entity, record_ref FROM journal.crossref WHERE hub_id = ? ORDER BY 2", [hub_id]).fetchall()
        later = connection.execute("SELECT 1 FROM journal.former WHERE hub_id = ?", [hub_id]).fetchone()
    if later or not rows:
        told = f"was not issued by {known:%Y-%m-%d %H:%M} UTC; ask for a later moment" if later else "was never issued; see `hub status`"
        raise Refused(f"{hub_id} {told}")
    return rows[0][0], hub_id, [ref for _, ref in rows]


def _needed(connection: duckdb.DuckDBPyConnection, then: Firm, entity: str) -> set[str]:
    """Documents that the records refer to, and what stewards said to be one with a document: their hub ids follow from their numbers."""
    the_rules = rules.of(str(then.folder.resolve()))
    numbered = [name for name in the_rules.entities if not the_rules.is_resolved(name)]
    named = [f"{name}_ref" for name, field in the_rules.entities[entity].fields.items() if field.to in numbered]
    referred = f"SELECT unnest([{', '.join(named)}]) AS ref FROM canonical.{entity}" if named else "SELECT NULL AS ref WHERE FALSE"
    loaded = " UNION ALL ".join(f"SELECT record_ref FROM canonical.{name}" for name in numbered)
    said = f"""
      SELECT unnest([left_ref, right_ref]) AS ref FROM journal.decision
      WHERE verdict = 'same' AND list_has_any([left_ref, right_ref], (SELECT coalesce(list(record_ref), []) FROM ({loaded})))"""
    found = connection.execute(
        f"SELECT DISTINCT ref FROM ({referred} UNION ALL {said if loaded else referred}) WHERE ref IS NOT NULL"
    ).fetchall()
    return {ref for (ref,) in found}


def _answer(connection: duckdb.DuckDBPyConnection, then: Firm, hub_id: str, entity: str, now: str, tied: list[str]) -> AsOf:
    values = {field: tuple(rest) for field, *rest in connection.execute(FIELDS, [entity, now]).fetchall()}
    live = connection.execute(f"SELECT record_ref FROM identity.{entity} WHERE hub_id = ? AND is_live ORDER BY 1", [now]).fetchall()
    seen = {ref for (ref,) in connection.execute(f"SELECT record_ref FROM canonical.{entity}").fetchall()}
    version = rules.version(str(then.folder.resolve()))
    return AsOf(hub_id, now, entity, version, values, [ref for (ref,) in live], [ref for ref in tied if ref not in seen])
