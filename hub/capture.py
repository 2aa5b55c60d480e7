"""Loads snapshots into the hub and finds what changed, by stored typed row hash.

`capture.<system>__<object>` holds each record as last seen. `capture.change` holds every insert, update, delete,
undelete and source merge. `capture.quarantine` holds the rows that broke their contract and wait for a replay.
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import duckdb

from hub import snapshot
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
            if made.get(f"{system.system}__{each.name}") != _shape_said(each):
                _shape(connection, table(system.system, each.name), each)


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
    _shape(connection, target, each)
    sifted = _sift(connection, target, each, folder / manifest.id)
    _find_changes(connection, target, each, folder / manifest.id, sifted)
    _drop_outdated(connection, target, each, folder / manifest.id)
    _apply(connection, target, each, folder / manifest.id, sifted)
    return _keep_evidence(connection, each, manifest, folder / manifest.id)


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
    _shape(connection, table(system.system, each.name), each)
    return counts[manifests.index(late)]


def _hash(each: Object) -> str:
    return "hash(" + ", ".join(f'"{path}"' for path in each.source_fields()) + ")"


def _columns(each: Object) -> str:
    return ", ".join(f'"{path}" {kind}' for path, kind in each.source_fields().items())


def _shape_said(each: Object) -> str:
    """The comment on an object's table. A stored hash holds for one DuckDB version and these types; when they differ, rehash."""
    return f"hash of DuckDB {duckdb.__version__} over {_columns(each)}"


def _shape(connection: duckdb.DuckDBPyConnection, target: str, each: Object) -> None:
    """Give the object's table the columns of its contract. Values of a column that is new are NULL until read."""
    promised, wanted = each.source_fields(), _shape_said(each)
    connection.execute(
        f"CREATE TABLE IF NOT EXISTS {target} (_id VARCHAR, _hash UBIGINT, _gone VARCHAR, _into VARCHAR, _snapshot VARCHAR, {_columns(each)})"
    )
    schema, name = target.replace('"', "").split(".")
    made = connection.execute("SELECT comment FROM duckdb_tables() WHERE schema_name = ? AND table_name = ?", [schema, name]).fetchone()[0]
    if made == wanted:
        return
    present = dict(
        connection.execute(
            "SELECT column_name, data_type FROM duckdb_columns() WHERE schema_name = ? AND table_name = ? AND column_name[1] <> '_'",
            [schema, name],
        ).fetchall()
    )
    for path in present.keys() - promised.keys():
        connection.execute(f'ALTER TABLE {target} DROP COLUMN "{path}"')
    for path, kind in promised.items():
        if path not in present:
            connection.execute(f'ALTER TABLE {target} ADD COLUMN "{path}" {kind}')
        elif present[path] != kind:
            connection.execute(f'ALTER TABLE {target} ALTER COLUMN "{path}" TYPE {kind} USING TRY_CAST("{path}" AS {kind})')
    connection.execute(f"UPDATE {target} SET _hash = {_hash(each)}")
    connection.execute(f"COMMENT ON TABLE {target} IS '{wanted.replace(chr(39), chr(39) * 2)}'")


def _sift(connection: duckdb.DuckDBPyConnection, target: str, each: Object, snapshot: Path) -> str:
    """The temporary table or view that holds the rows of a snapshot which may be news: `_row`, `_hash` and the promised fields.

    The hash covers the key, so a row whose hash is there is as it was. A table of hashes alone takes half the memory of one
    with keys, and the file is read once.
    """
    columns = ", ".join(f'"{path}"' for path in each.source_fields())
    connection.execute(f"""
      CREATE OR REPLACE TEMP VIEW said AS
      SELECT file_row_number AS _row, {_hash(each)} AS _hash, {columns} FROM read_parquet('{snapshot / "rows.parquet"}', file_row_number = true) WHERE _reason IS NULL""")
    if not connection.execute(f"SELECT 1 FROM {target} LIMIT 1").fetchone():
        return "said"  # all of it is news: not worth a copy
    # What is gone may be back with the hash that it had, so the gone ones don't rule a row out.
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE sifted AS SELECT s.* FROM said AS s ANTI JOIN (SELECT _hash FROM {target} WHERE _gone IS NULL) AS t ON t._hash = s._hash"
    )
    return "sifted"


def _find_changes(connection: duckdb.DuckDBPyConnection, target: str, each: Object, snapshot: Path, sifted: str) -> None:
    """Fill the temporary table `delta`: the records of this snapshot that are not as they were."""
    deleted = f's."{each.gone.deleted}"' if each.gone.deleted else "false"
    into = f"nullif(s.\"{each.gone.merged_into}\", '')" if each.gone.merged_into else "NULL"
    connection.execute(f"""
      CREATE OR REPLACE TEMP TABLE delta AS
      WITH fresh AS (
        SELECT s."{each.key}" AS _id, s._hash, s._row, {into} AS _into, CASE WHEN {into} IS NOT NULL THEN 'merged' WHEN {deleted} THEN 'deleted' END AS _gone,
          t._id IS NULL AS is_new, t._gone AS was_gone
        FROM {sifted} AS s
        LEFT JOIN {target} AS t ON t._id = s."{each.key}"  -- absent: a new record
        WHERE t._id IS NULL OR t._hash <> s._hash OR t._gone IS DISTINCT FROM CASE WHEN {into} IS NOT NULL THEN 'merged' WHEN {deleted} THEN 'deleted' END
        QUALIFY row_number() OVER (PARTITION BY s."{each.key}" ORDER BY {_latest(each)}) = 1
      ), absent AS (
        SELECT g._id, t._hash, NULL AS _row, g._gone, g._into
        FROM read_parquet('{snapshot / "gone.parquet"}') AS g
        JOIN {target} AS t ON t._id = g._id
        WHERE t._gone IS DISTINCT FROM g._gone AND g._gone <> 'unknown'  -- unknown is no evidence
      )
      SELECT _id, _hash, _row, _gone, _into,
        CASE WHEN _gone = 'merged' THEN 'merge' WHEN _gone IS NOT NULL THEN 'delete' WHEN is_new THEN 'insert'
             WHEN was_gone IS NOT NULL THEN 'undelete' ELSE 'update' END AS kind
      FROM fresh WHERE NOT (is_new AND _gone IS NOT NULL)  -- deleted before we ever saw it
      UNION ALL
      SELECT _id, _hash, NULL, _gone, _into, CASE _gone WHEN 'merged' THEN 'merge' WHEN 'deleted' THEN 'delete' ELSE _gone END FROM absent""")


def _latest(each: Object) -> str:
    """The order of the rows of one record in one read: the newest first, by its own word, else as they came."""
    return (f's."{each.changed}" DESC NULLS LAST, ' if each.changed else "") + "s._row DESC"


def _drop_outdated(connection: duckdb.DuckDBPyConnection, target: str, each: Object, snapshot: Path) -> None:
    """A read holds a record twice that moved between pages. When the newer row is what the hub knows, the older one is no news."""
    connection.execute(f"""
      CREATE OR REPLACE TEMP TABLE repeated AS
      SELECT "{each.key}" AS _id FROM read_parquet('{snapshot / "rows.parquet"}')
      WHERE _reason IS NULL AND "{each.key}" IN (SELECT _id FROM delta WHERE kind <> 'insert' AND _row IS NOT NULL) GROUP BY ALL HAVING count(*) > 1""")
    if connection.execute("SELECT 1 FROM repeated LIMIT 1").fetchone():
        connection.execute(f"""
          DELETE FROM delta WHERE _id IN (
            SELECT _id FROM (
              SELECT s."{each.key}" AS _id, s._hash FROM said AS s
              WHERE s."{each.key}" IN (SELECT _id FROM repeated)
              QUALIFY row_number() OVER (PARTITION BY s."{each.key}" ORDER BY {_latest(each)}) = 1) AS n
            WHERE EXISTS (SELECT 1 FROM {target} AS t WHERE t._id = n._id AND t._hash = n._hash AND t._gone IS NULL))""")


def _apply(connection: duckdb.DuckDBPyConnection, target: str, each: Object, snapshot: Path, sifted: str) -> None:
    columns = ", ".join(f'"{path}"' for path in each.source_fields())
    name = f"{snapshot.parent.parent.name}/{snapshot.parent.name}/{snapshot.name}"
    connection.execute(
        f"UPDATE {target} AS t SET _gone = d._gone, _into = d._into, _snapshot = '{name}' FROM delta AS d WHERE d._id = t._id AND d._row IS NULL"
    )
    connection.execute(f"DELETE FROM {target} WHERE _id IN (SELECT _id FROM delta WHERE _row IS NOT NULL)")
    connection.execute(f"""
      INSERT INTO {target} BY NAME
      SELECT d._id, d._hash, d._gone, d._into, '{name}' AS _snapshot, {columns}
      FROM {sifted} AS s
      JOIN delta AS d ON d._row = s._row""")


def _keep_evidence(connection: duckdb.DuckDBPyConnection, each: Object, manifest: Manifest, snapshot: Path) -> dict[str, int]:
    m = manifest
    connection.execute("INSERT INTO capture.change SELECT ?, ?, ?, _id, kind, _into FROM delta", [m.id, m.system, m.object])
    connection.execute("INSERT INTO capture.pending SELECT concat(?, ':', ?, ':', _id), kind FROM delta", [m.system, m.object])
    connection.execute(
        "INSERT INTO capture.snapshot VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [m.id, m.system, m.object, m.taken_at, m.kind, m.complete, m.watermark, m.rows, m.quarantined, m.gone, m.contract, m.hash],
    )
    rows = f"read_parquet('{snapshot / 'rows.parquet'}')"
    # A full read and a replay say all again; otherwise a row leaves quarantine when it comes again, good or bad.
    again = (
        "true"
        if (m.kind == "full" and m.complete) or m.kind == "replay"
        else f"""coalesce(nullif(record_id, ''), raw) IN (SELECT coalesce(nullif("{each.key}", ''), _raw::VARCHAR) FROM {rows})"""
    )
    connection.execute(
        f"""
      CREATE OR REPLACE TEMP TABLE waited AS
      SELECT coalesce(nullif(record_id, ''), raw) AS key, min(record_id) AS record_id, min(quarantined_at) AS quarantined_at
      FROM capture.quarantine WHERE system = ? AND object = ? AND {again} GROUP BY key""",
        [m.system, m.object],
    )
    connection.execute(f"DELETE FROM capture.quarantine WHERE system = ? AND object = ? AND {again}", [m.system, m.object])
    connection.execute(
        f"""
      INSERT INTO capture.quarantine
      SELECT ?, ?, b."{each.key}", ?, b._reason, b._raw, coalesce(w.quarantined_at, ?) FROM {rows} AS b
      LEFT JOIN waited AS w ON w.key = coalesce(nullif(b."{each.key}", ''), b._raw::VARCHAR)  -- absent: broken for the first time
      WHERE b._reason IS NOT NULL""",
        [m.system, m.object, m.id, m.taken_at],
    )
    # Whoever refers to a record has to be looked at again when it comes into quarantine or leaves it.
    connection.execute(
        """
      INSERT INTO capture.pending
      SELECT concat(?, ':', ?, ':', record_id), 'quarantine' FROM (
        SELECT record_id FROM waited UNION ALL SELECT DISTINCT record_id FROM capture.quarantine WHERE snapshot = ?)
      WHERE record_id <> '' GROUP BY record_id HAVING count(*) = 1""",
        [m.system, m.object, m.id],
    )
    return dict(connection.execute("SELECT kind, count(*) FROM delta GROUP BY kind ORDER BY kind").fetchall())
