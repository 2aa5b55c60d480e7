"""Keeps the rows that broke their contract, until they come again."""

from pathlib import Path

import duckdb

from hub import unnumbered
from hub.changes import BASELINE
from hub.mapping import Object
from hub.snapshot import Manifest


def keep(connection: duckdb.DuckDBPyConnection, each: Object, m: Manifest, snapshot: Path, held: bool = False) -> None:
    """Let go of the rows that this snapshot says again, and keep those of its own that broke their contract.

    held  whether there are others of its rows that are not believed yet
    """
    waiting = "SELECT 1 FROM capture.quarantine WHERE system = ? AND object = ? LIMIT 1"
    if not m.quarantined and not held and not connection.execute(waiting, [m.system, m.object]).fetchone():
        return  # mostly
    rows = f"read_parquet('{snapshot / 'rows.parquet'}')"
    # A full read, a replay and a baseline say all again; otherwise a row leaves quarantine when it comes again, good or bad.
    again = (
        "true"
        if (m.kind == "full" and m.complete) or m.kind in ("replay", BASELINE)
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
    since = "b._waits_since" if m.kind == BASELINE else "NULL"
    connection.execute(
        f"""
      INSERT INTO capture.quarantine
      SELECT ?, ?, b."{each.key}", ?, b._reason, b._raw, coalesce(w.quarantined_at, {since}, ?) FROM {rows} AS b
      LEFT JOIN waited AS w ON w.key = coalesce(nullif(b."{each.key}", ''), b._raw::VARCHAR)  -- absent: broken for the first time
      WHERE b._reason IS NOT NULL""",
        [m.system, m.object, m.id, m.taken_at],
    )
    if held:
        unnumbered.keep(connection, m)
    _touch_again(connection, m)


def _touch_again(connection: duckdb.DuckDBPyConnection, m: Manifest) -> None:
    # Whoever refers to a record has to be looked at again when it comes into quarantine or leaves it.
    connection.execute(
        """
      INSERT INTO capture.pending
      SELECT concat(?, ':', ?, ':', record_id), 'quarantine' FROM (
        SELECT record_id FROM waited UNION ALL SELECT DISTINCT record_id FROM capture.quarantine WHERE snapshot = ?)
      WHERE record_id <> '' GROUP BY record_id HAVING count(*) = 1""",
        [m.system, m.object, m.id],
    )
