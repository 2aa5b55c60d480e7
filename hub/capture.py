"""Loads snapshots into the hub and finds what changed, by stored typed row hash.

`capture.<system>__<object>` holds each record as last seen. `capture.change` holds every insert, update, delete,
undelete and source merge. `capture.quarantine` holds the rows that broke their contract and wait for a replay.
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import duckdb

from hub import capture_table, changes, quarantine, snapshot, unnumbered
from hub.mapping import Object, System
from hub.snapshot import Manifest

log = logging.getLogger(__name__)

TABLES = """
CREATE SCHEMA IF NOT EXISTS capture;
CREATE TABLE IF NOT EXISTS capture.snapshot (
  id VARCHAR, system VARCHAR, object VARCHAR, taken_at VARCHAR, kind VARCHAR, complete BOOLEAN, watermark VARCHAR,
  row_count BIGINT, quarantined BIGINT, gone BIGINT, contract VARCHAR, hash VARCHAR);
CREATE TABLE IF NOT EXISTS capture.change (
  snapshot VARCHAR, system VARCHAR, object VARCHAR, record_id VARCHAR, kind VARCHAR, merged_into VARCHAR);
CREATE TABLE IF NOT EXISTS capture.quarantine (
  system VARCHAR, object VARCHAR, record_id VARCHAR, snapshot VARCHAR, reason VARCHAR, raw VARCHAR, quarantined_at VARCHAR);
-- records that changed and that the models have not seen yet
CREATE TABLE IF NOT EXISTS capture.pending (record_ref VARCHAR, kind VARCHAR);
-- objects of which a look showed what no incremental read will: the next read is a full one
CREATE TABLE IF NOT EXISTS capture.belied (system VARCHAR, object VARCHAR, looked_at VARCHAR);
"""


@dataclass(frozen=True)
class Loaded:
    """What a snapshot changed, counted by kind of change."""

    system: str
    object: str
    changes: dict[str, int]
    quarantined: int


def prepare(connection: duckdb.DuckDBPyConnection, systems: Iterable[System] = ()) -> None:
    """Make the tables that are not there yet: the models read every object's, also before its first snapshot."""
    connection.execute(TABLES)
    made = dict(connection.execute("SELECT table_name, comment FROM duckdb_tables() WHERE schema_name = 'capture'").fetchall())
    for system in systems:
        for each in system.objects.values():
            if made.get(f"{system.system}__{each.name}") != capture_table.shape_said(each):
                capture_table.shape(connection, table(system.system, each.name), each)


def table(system: str, each: str) -> str:
    """The quoted name of the table that holds an object's records."""
    return f'capture."{system}__{each}"'


def load(connection: duckdb.DuckDBPyConnection, system: System, each: Object, manifest: Manifest, folder: Path) -> Loaded:
    """Bring one snapshot into the hub, all or nothing.

    One that is in already changes nothing. One that was taken before the newest that is in (two processes read the object
    at once) takes its place in the order: what a system said yesterday does not overrule what it said today.
    """
    connection.execute("BEGIN")
    try:
        loaded = dict(
            connection.execute(
                "SELECT id, taken_at FROM capture.snapshot WHERE system = ? AND object = ?", [manifest.system, manifest.object]
            ).fetchall()
        )
        counts = None
        if manifest.id not in loaded and manifest.taken_at > max(loaded.values(), default=""):
            counts = _load(connection, system, each, manifest, folder)
        elif manifest.id not in loaded:
            counts = _load_anew(connection, system, each, manifest, folder, loaded.keys())
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    return Loaded(system.system, each.name, {}, 0) if counts is None else Loaded(system.system, each.name, counts, manifest.quarantined)


def load_missing(connection: duckdb.DuckDBPyConnection, system: System, manifests: Iterable[Manifest], folder: Path) -> None:
    """Bring in the snapshots that are not in yet, each by the contract that it was taken under."""
    loaded = {found for (found,) in connection.execute("SELECT id FROM capture.snapshot").fetchall()}
    for manifest in manifests:
        if manifest.id not in loaded:
            load(connection, system, snapshot.read_contract(folder / manifest.id), manifest, folder)


def _load(connection: duckdb.DuckDBPyConnection, system: System, each: Object, manifest: Manifest, folder: Path) -> dict[str, int]:
    target = table(system.system, each.name)
    capture_table.shape(connection, target, each)
    if manifest.kind == changes.BASELINE:
        changes.take_over(connection, target, each, folder / manifest.id)
        return _keep_evidence(connection, each, manifest, folder / manifest.id)
    sifted, is_news = changes.sift(connection, target, each, folder / manifest.id)
    if not (is_news or manifest.gone):
        return _keep_evidence(connection, each, manifest, folder / manifest.id, news=False)
    changes.find(connection, target, each, folder / manifest.id, sifted)
    changes.drop_outdated(connection, target, each, folder / manifest.id)
    held = unnumbered.hold(connection, target, each, manifest, sifted)
    changes.apply(connection, target, each, folder / manifest.id, sifted)
    return _keep_evidence(connection, each, manifest, folder / manifest.id, held=held)


def _load_anew(
    connection: duckdb.DuckDBPyConnection, system: System, each: Object, late: Manifest, folder: Path, loaded: Iterable[str]
) -> dict[str, int] | None:
    """The object's tables from its snapshots in the order in which they were taken, the late one among them."""
    manifests = [found for found in snapshot.all_manifests(folder / system.system / each.name) if found.id in {*loaded, late.id}]
    if len(manifests) <= len({*loaded}):
        log.warning(
            "%s %s: %s came late and is left out, for earlier snapshots are no longer there; read the object in full",
            system.system,
            each.name,
            late.id,
        )
        return None
    connection.execute(f"DELETE FROM {table(system.system, each.name)}")
    for name in ("snapshot", "change", "quarantine"):
        connection.execute(f"DELETE FROM capture.{name} WHERE system = ? AND object = ?", [system.system, each.name])
    counts = [_load(connection, system, snapshot.read_contract(folder / found.id), found, folder) for found in manifests]
    capture_table.shape(connection, table(system.system, each.name), each)
    return counts[manifests.index(late)]


def _keep_evidence(
    connection: duckdb.DuckDBPyConnection, each: Object, m: Manifest, snapshot: Path, news: bool = True, held: bool = False
) -> dict[str, int]:
    connection.execute(
        "INSERT INTO capture.snapshot VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [m.id, m.system, m.object, m.taken_at, m.kind, m.complete, m.watermark, m.rows, m.quarantined, m.gone, m.contract, m.hash],
    )
    if m.kind == "full" and m.complete:
        connection.execute("DELETE FROM capture.belied WHERE system = ? AND object = ? AND looked_at < ?", [m.system, m.object, m.taken_at])
    quarantine.keep(connection, each, m, snapshot, held)
    if not news:
        return {}
    connection.execute("INSERT INTO capture.change SELECT ?, ?, ?, _id, kind, _into FROM delta", [m.id, m.system, m.object])
    connection.execute("INSERT INTO capture.pending SELECT concat(?, ':', ?, ':', _id), kind FROM delta", [m.system, m.object])
    return dict(connection.execute("SELECT kind, count(*) FROM delta GROUP BY kind ORDER BY kind").fetchall())
