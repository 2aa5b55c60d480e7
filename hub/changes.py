"""Finds what a snapshot changed, by stored typed row hash, and brings it into the object's table."""

from pathlib import Path

import duckdb

from hub.capture_table import STAMPS, row_hash
from hub.mapping import Object

BASELINE = "baseline"  # a snapshot that stands for all before it, and holds the columns of the table itself


def sift(connection: duckdb.DuckDBPyConnection, target: str, each: Object, snapshot: Path) -> tuple[str, bool]:
    """The temporary table or view that holds the rows of a snapshot which may be news: `_row`, `_hash` and the promised fields; and
    whether there are any.

    The hash covers the key, so a row whose hash is there is as it was. A table of hashes alone takes half the memory of one
    with keys, and the file is read once.
    """
    columns = ", ".join(f'"{path}"' for path in each.source_fields())
    connection.execute(f"""
      CREATE OR REPLACE TEMP VIEW said AS
      SELECT file_row_number AS _row, {row_hash(each)} AS _hash, {columns} FROM read_parquet('{snapshot / "rows.parquet"}', file_row_number = true) WHERE _reason IS NULL""")
    if not connection.execute(f"SELECT 1 FROM {target} LIMIT 1").fetchone():
        return "said", True  # all of it is news: not worth a copy
    # What is gone may be back with the hash that it had, so the gone ones don't rule a row out.
    (count,) = connection.execute(
        f"CREATE OR REPLACE TEMP TABLE sifted AS SELECT s.* FROM said AS s ANTI JOIN (SELECT _hash FROM {target} WHERE _gone IS NULL) AS t ON t._hash = s._hash"
    ).fetchone()
    return "sifted", count > 0


def find(connection: duckdb.DuckDBPyConnection, target: str, each: Object, snapshot: Path, sifted: str) -> None:
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


def drop_outdated(connection: duckdb.DuckDBPyConnection, target: str, each: Object, snapshot: Path) -> None:
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


def _latest(each: Object) -> str:
    """The order of the rows of one record in one read: the newest first, by its own word, else as they came."""
    return (f's."{each.changed}" DESC NULLS LAST, ' if each.changed else "") + "s._row DESC"


def apply(connection: duckdb.DuckDBPyConnection, target: str, each: Object, snapshot: Path, sifted: str) -> None:
    """Bring the records of `delta` into the object's table, and note when each of their fields changed.

    A record that is gone stays as it was last seen: what some systems send of it has a key and no more, and its number is what it is known by.
    """
    columns = ", ".join(f's."{path}"' for path in each.source_fields())
    name = f"{snapshot.parent.parent.name}/{snapshot.parent.name}/{snapshot.name}"
    connection.execute(
        f"UPDATE {target} AS t SET _hash = d._hash, _gone = d._gone, _into = d._into, _snapshot = '{name}' FROM delta AS d WHERE d._id = t._id AND d._gone IS NOT NULL"
    )
    first, moved, join = _moved(connection, target, each)
    connection.execute(f"DELETE FROM {target} WHERE _id IN (SELECT _id FROM delta WHERE _gone IS NULL)")
    connection.execute(f"""
      INSERT INTO {target} BY NAME
      SELECT d._id, d._hash, d._gone, d._into, '{name}' AS _snapshot, {first} AS _first_at, _stamp AS _changed_at, {moved} AS _field_changed_at, {columns}
      FROM (SELECT *, {stamp(each, read_at(f"'{snapshot.name}'"))} AS _stamp FROM {sifted}) AS s
      JOIN delta AS d ON d._row = s._row AND d._gone IS NULL {join}""")


def take_over(connection: duckdb.DuckDBPyConnection, target: str, each: Object, snapshot: Path) -> None:
    """Let a baseline take the place of all that the table holds; fills `delta` as `find` does."""
    columns = ", ".join(f'"{path}"' for path in each.source_fields())
    name = f"{snapshot.parent.parent.name}/{snapshot.parent.name}/{snapshot.name}"
    connection.execute(f"DELETE FROM {target}")
    connection.execute(f"""
      INSERT INTO {target} BY NAME
      SELECT "{each.key}" AS _id, {row_hash(each)} AS _hash, _gone, _into, '{name}' AS _snapshot, {", ".join(STAMPS)}, {columns}
      FROM read_parquet('{snapshot / "rows.parquet"}') WHERE _reason IS NULL""")
    connection.execute(f"""
      CREATE OR REPLACE TEMP TABLE delta AS
      SELECT _id, _hash, NULL AS _row, _gone, _into, CASE WHEN _gone = 'merged' THEN 'merge' WHEN _gone IS NULL THEN 'insert' ELSE 'delete' END AS kind
      FROM {target}""")


def read_at(name: str) -> str:
    """SQL for when a snapshot was taken, of the SQL of its folder's name."""
    return f"strptime({name}, '%Y%m%dT%H%M%S%f')"


def stamp(each: Object, read: str) -> str:
    """SQL for when a row became what it is: by its own word, else when it was read."""
    # A plain cast drops the offset; with no icu extension, one by way of TIMESTAMPTZ takes a text without an offset as UTC.
    return f'COALESCE(make_timestamp(epoch_us(TRY_CAST("{each.changed}" AS TIMESTAMPTZ))), {read})' if each.changed else read


def _moved(connection: duckdb.DuckDBPyConnection, target: str, each: Object) -> tuple[str, str, str]:
    """(SQL of when a record was first seen, SQL of when each field changed that has since, the join that they need).

    What the rows said before is looked up only where some were there before: most snapshots of a new object have none.
    """
    kinds = {column.source: each.source_fields()[column.source] for _, column in each.columns().values() if column.source}
    if not kinds or not connection.execute("SELECT 1 FROM delta WHERE _row IS NOT NULL AND kind <> 'insert' LIMIT 1").fetchone():
        return "_stamp", "NULL", ""
    columns = ", ".join(f'"{path}"' for path in kinds)
    connection.execute(f"""
      CREATE OR REPLACE TEMP TABLE said_before AS
      SELECT _id, _first_at, _field_changed_at, {columns} FROM {target} WHERE _id IN (SELECT _id FROM delta WHERE _row IS NOT NULL AND kind <> 'insert')""")
    fields = ", ".join(f"{{'k': {_text(path)}, 'v': {_field_stamp(path, kind)}}}" for path, kind in kinds.items())
    moved = f"CASE WHEN b._id IS NOT NULL THEN map_from_entries(list_filter([{fields}], lambda e: e.v IS NOT NULL)) END"
    return "COALESCE(b._first_at, _stamp)", moved, "LEFT JOIN said_before AS b ON b._id = d._id"


def _field_stamp(path: str, kind: str) -> str:
    """SQL for when a field changed last; NULL when it never did. An empty text says nothing, as NULL does."""
    now, before = (f"nullif(trim({side}), '')" if kind == "VARCHAR" else side for side in (f's."{path}"', f'b."{path}"'))
    return f"CASE WHEN {now} IS DISTINCT FROM {before} THEN _stamp ELSE b._field_changed_at[{_text(path)}] END"


def _text(path: str) -> str:
    return "'" + path.replace("'", "''") + "'"
