"""The table that holds an object's records as last seen: a column for each source field that its contract promises."""

import duckdb

from hub.mapping import Object

# When a record first was as it is known, when it last changed, and when each field changed that changed in between.
STAMPS = {"_first_at": "TIMESTAMP", "_changed_at": "TIMESTAMP", "_field_changed_at": "MAP(VARCHAR, TIMESTAMP)"}


def shape_said(each: Object) -> str:
    """The comment on an object's table. A stored hash holds for one DuckDB version and these types; when they differ, rehash."""
    return f"hash of DuckDB {duckdb.__version__} over {_columns(each)}; {', '.join(STAMPS)}"


def shape(connection: duckdb.DuckDBPyConnection, target: str, each: Object) -> None:
    """Give the object's table the columns of its contract. Values of a column that is new are NULL until read."""
    promised, wanted = each.source_fields(), shape_said(each)
    stamps = ", ".join(f"{name} {kind}" for name, kind in STAMPS.items())
    connection.execute(
        f"CREATE TABLE IF NOT EXISTS {target} (_id VARCHAR, _hash UBIGINT, _gone VARCHAR, _into VARCHAR, _snapshot VARCHAR, {stamps}, {_columns(each)})"
    )
    schema, name = target.replace('"', "").split(".")
    made = connection.execute("SELECT comment FROM duckdb_tables() WHERE schema_name = ? AND table_name = ?", [schema, name]).fetchone()[0]
    if made == wanted:
        return
    _alter(connection, target, schema, name, promised)
    connection.execute(f"UPDATE {target} SET _hash = {row_hash(each)}")
    connection.execute(f"COMMENT ON TABLE {target} IS '{wanted.replace(chr(39), chr(39) * 2)}'")


def _alter(connection: duckdb.DuckDBPyConnection, target: str, schema: str, name: str, promised: dict[str, str]) -> None:
    present = dict(
        connection.execute(
            "SELECT column_name, data_type FROM duckdb_columns() WHERE schema_name = ? AND table_name = ? AND column_name[1] <> '_'",
            [schema, name],
        ).fetchall()
    )
    for column, kind in STAMPS.items():
        connection.execute(f"ALTER TABLE {target} ADD COLUMN IF NOT EXISTS {column} {kind}")
    for path in present.keys() - promised.keys():
        connection.execute(f'ALTER TABLE {target} DROP COLUMN "{path}"')
    for path, kind in promised.items():
        if path not in present:
            connection.execute(f'ALTER TABLE {target} ADD COLUMN "{path}" {kind}')
        elif present[path] != kind:
            connection.execute(f'ALTER TABLE {target} ALTER COLUMN "{path}" TYPE {kind} USING TRY_CAST("{path}" AS {kind})')


def row_hash(each: Object) -> str:
    """SQL for the hash of a row: over every source field that the object promises."""
    return "hash(" + ", ".join(f'"{path}"' for path in each.source_fields()) + ")"


def _columns(each: Object) -> str:
    return ", ".join(f'"{path}" {kind}' for path, kind in each.source_fields().items())
