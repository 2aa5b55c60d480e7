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
        wanted, built = set(tied), None
        for turn in ("records", "with_references"):
            built = rewind.build(live, Path(folder) / turn, valid, known, wanted)
            with store.connect(built.hub_file, read_only=True) as connection:
                near = _referred_to(connection, built, entity)
                if near <= wanted:
                    break
            wanted |= near
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


def _referred_to(connection: duckdb.DuckDBPyConnection, then: Firm, entity: str) -> set[str]:
    """Documents that the records refer to: their hub ids follow from their numbers, so they have to be there."""
    the_rules = rules.of(str(then.folder.resolve()))
    fields = the_rules.entities[entity].fields.items()
    named = [f"{name}_ref" for name, field in fields if field.to in the_rules.entities and not the_rules.is_resolved(field.to)]
    if not named:
        return set()
    found = connection.execute(f"SELECT DISTINCT unnest([{', '.join(named)}]) FROM canonical.{entity}").fetchall()
    return {ref for (ref,) in found if ref}


def _answer(connection: duckdb.DuckDBPyConnection, then: Firm, hub_id: str, entity: str, now: str, tied: list[str]) -> AsOf:
    values = {field: tuple(rest) for field, *rest in connection.execute(FIELDS, [entity, now]).fetchall()}
    rows = connection.execute(f"SELECT record_ref, is_live FROM identity.{entity} WHERE hub_id = ? ORDER BY 1", [now]).fetchall()
    unseen = sorted({*tied} - {ref for ref, _ in rows})
    return AsOf(hub_id, now, entity, rules.version(str(then.folder.resolve())), values, [ref for ref, is_live in rows if is_live], unseen)
