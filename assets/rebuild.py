"""Builds the hub again from snapshots and journal, and compares the two table by table.

Nothing in the live firm changes by it: the journal is copied and never appended to, hub ids are those that it knows,
and what is compared is a copy of the hub file.
"""

import shutil
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb

from assets.understand import understand
from hub import capture, journal, projection, snapshot, store
from hub.errors import HubError, Refused
from hub.firm import Firm
from hub.mapping import System
from hub.snapshot import Manifest

SCHEMAS = ("capture", "journal", "canonical", "identity", "golden", "discrepancy", "outbound", "mart")
BESIDE = ("work.plan_line",)
NO_FACT = ("capture.belied",)  # what is to be read in full next time


@dataclass(frozen=True)
class TableHash:
    """A table's content in the live hub and in the rebuilt one: rows, and a hash of them. None where there is no such table."""

    table: str
    rows: int | None
    hash: str | None
    rebuilt_rows: int | None
    rebuilt_hash: str | None

    @property
    def equal(self) -> bool:
        return (self.rows, self.hash) == (self.rebuilt_rows, self.rebuilt_hash)


def rebuild(firm: Firm, into: Path, snapshots: Iterable[str] | None = None, last_event: int | None = None) -> Firm:
    """The firm with its hub built again in an empty folder, from its snapshots and a copy of its journal.

    snapshots   the ids of those to build from; all by default
    last_event  seq of the last event to build from; all by default

    Raises Refused when the folder holds something, HubError when a snapshot is damaged or events would have to be added.
    """
    if into.exists() and any(into.iterdir()):
        raise Refused(f"{into} is not empty; name a new folder")
    into.mkdir(parents=True, exist_ok=True)
    built = replace(firm, state=into.resolve(), journal_said="")
    fill(firm, built, snapshots, last_event)
    return built


def fill(firm: Firm, built: Firm, snapshots: Iterable[str] | None = None, last_event: int | None = None) -> None:
    """Fill the state folder of a firm that has read nothing, as `rebuild` does."""
    with journal.open(firm.journal) as live, journal.open(built.journal) as copied:
        head = journal.copy(live, copied, last_event)
        with store.writing(built.hub_file) as connection:
            _load(connection, firm, snapshots)
        understand(built, copied, remembered=True)
        if copied.head() != head:
            raise HubError(
                f"{built.state}: the rebuild added events to its copy of the journal; the journal does not hold all that was decided"
            )


def verify(firm: Firm) -> list[TableHash]:
    """Each table's content in the live hub and in one built again from what that hub has read, in a temporary folder.

    Raises Refused when the models have not seen all that the hub has read: then the two can't be equal.
    """
    with tempfile.TemporaryDirectory(dir=firm.state, prefix=".verify-") as folder:
        live = _copied(firm, Path(folder) / "live")
        with store.connect(live, read_only=True) as connection:
            waiting = connection.execute("SELECT count(*) FROM capture.pending").fetchone()[0]
            if waiting:
                raise Refused(f"the hub has read {waiting} changes that its models have not seen; `hub run` first")
            last_event = connection.execute("SELECT coalesce(max(seq), 0) FROM journal.event").fetchone()[0]
            snapshots = {found for (found,) in connection.execute("SELECT id FROM capture.snapshot").fetchall()}
            said = hashes(connection)
        built = rebuild(firm, Path(folder) / "built", snapshots, last_event)
        with store.connect(built.hub_file, read_only=True) as connection:
            again = hashes(connection)
    nothing = (None, None)
    return [TableHash(table, *said.get(table, nothing), *again.get(table, nothing)) for table in sorted(said.keys() | again.keys())]


def hashes(connection: duckdb.DuckDBPyConnection) -> dict[str, tuple[int, str]]:
    """Rows and content hash of every table that follows from snapshots, journal and rules.

    The hash is the sum of DuckDB's 64-bit hash of each row over its columns by name: it needs no sorting, so that a large
    table costs one scan; it does not depend on the order of rows; and unlike XOR it tells one row from three equal ones. It
    finds what differs by accident, and is no proof against forgery, which the journal's own chain is for.
    """
    wanted = connection.execute(
        """
      SELECT table_schema || '.' || table_name, list(column_name ORDER BY column_name) FROM information_schema.columns
      WHERE (list_contains(?, table_schema) OR list_contains(?, table_schema || '.' || table_name))
        AND NOT list_contains(?, table_schema || '.' || table_name) GROUP BY 1 ORDER BY 1""",
        [SCHEMAS, BESIDE, NO_FACT],
    ).fetchall()
    return {table: _hash(connection, table, columns) for table, columns in wanted}


def _hash(connection: duckdb.DuckDBPyConnection, table: str, columns: list[str]) -> tuple[int, str]:
    schema, name = table.split(".", 1)
    listed = ", ".join(f'"{column}"' for column in columns)
    rows, total = connection.execute(f'SELECT count(*), coalesce(sum(hash({listed})::HUGEINT), 0) FROM {schema}."{name}"').fetchone()
    return rows, f"{int(total) % 2**64:016x}"


def differing(live: Path, built: Path, table: str, most: int = 3) -> dict[str, list[tuple]]:
    """Some rows that only one of two hub files has in a table: {"live": rows, "rebuilt": rows}."""
    schema, name = table.split(".", 1)
    rows = []
    for file in (live, built):
        with store.connect(file, read_only=True) as connection:
            rows.append({repr(row): row for row in connection.execute(f'SELECT * FROM {schema}."{name}"').fetchall()})
    said, again = rows
    return {
        "live": [said[key] for key in sorted(said.keys() - again.keys())[:most]],
        "rebuilt": [again[key] for key in sorted(again.keys() - said.keys())[:most]],
    }


def _load(connection: duckdb.DuckDBPyConnection, firm: Firm, wanted: Iterable[str] | None) -> None:
    """Every snapshot in the order in which it was taken, each by the contract of its time."""
    systems = {name: member.system for name, member in firm.systems.items()}
    capture.prepare(connection)
    projection.prepare(connection)
    chosen = None if wanted is None else set(wanted)
    for manifest in snapshot.all_manifests(firm.snapshots):
        if chosen is None or manifest.id in chosen:
            _check(firm, manifest)
            # A system that has left the firm has left its snapshots: they are part of what was seen.
            system = systems.get(manifest.system) or System(system=manifest.system, role="", objects={})
            capture.load_missing(connection, system, [manifest], firm.snapshots)


def _check(firm: Firm, manifest: Manifest) -> None:
    if not snapshot.is_whole(firm.snapshots / manifest.id):
        raise HubError(f"{manifest.id}: rows.parquet is not what was sealed; restore the snapshot from a backup")


def _copied(firm: Firm, folder: Path) -> Path:
    """A copy of the live hub file, made under its lock; its name stays, since the views in it carry it."""
    folder.mkdir()
    with store.locked(firm.hub_file):
        with store.connect(firm.hub_file) as connection:
            connection.execute("CHECKPOINT")
        return Path(shutil.copyfile(firm.hub_file, folder / firm.hub_file.name))
