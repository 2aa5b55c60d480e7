"""What things and records are called, for people."""

import duckdb

from hub import entity
from reconcile import shown

NAMES = ("legal_name", "full_name", "name", "title", "code", "number")


def title(connection: duckdb.DuckDBPyConnection, of: str, hub_id: str) -> str:
    """A thing with its hub id and its name."""
    column = _name_column(of)
    row = connection.execute(f"SELECT {column or 'NULL'} FROM golden.{of} WHERE hub_id = ?", [hub_id]).fetchone()
    name = shown.value_of(of, column, row[0]) if row and row[0] else None
    return f'{of} {hub_id} "{name}"' if name else f"{of} {hub_id}" + ("" if row else ", no live record")


def called(connection: duckdb.DuckDBPyConnection, of: str, ref: str) -> str | None:
    """What a record calls itself, if it has a name."""
    column = _name_column(of)
    row = connection.execute(f"SELECT {column or 'NULL'} FROM canonical.{of} WHERE record_ref = ?", [ref]).fetchone()
    return shown.value_of(of, column, row[0]) if row and column else None


def _name_column(of: str) -> str | None:
    fields = entity.all_entities()[of].fields
    return next((each for each in (*NAMES, *(f"{of}_number", "invoice_number", "entry_number")) if each in fields), None)
