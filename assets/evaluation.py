"""Evaluates compiled models: each all or nothing, and audits what was touched."""

from dataclasses import dataclass

import duckdb

from assets.sqlmesh_models import ROWS, Compiled
from hub.errors import HubError


class AuditFailed(HubError):
    """A model's rows break an audit; what was built from them is not to be trusted."""


@dataclass(frozen=True)
class Evaluated:
    """One model after its evaluation: its rows, and how many of those looked at break each audit."""

    name: str
    rows: int
    audits: dict[str, int]


def evaluate(connection: duckdb.DuckDBPyConnection, models: list[Compiled], *schemas: str, anew: bool) -> list[Evaluated]:
    """Bring the models of these schemas up to date, each all or nothing, and audit what was touched. Raises AuditFailed.

    anew  not all of them were built under these rules yet: those that are empty are built whole
    """
    return [_evaluate(connection, model, anew) for model in models if model.schema in schemas]


def _evaluate(connection: duckdb.DuckDBPyConnection, model: Compiled, anew: bool) -> Evaluated:
    connection.execute("BEGIN")
    try:
        rows = _build(connection, model, anew)
        audits = _audited(model, connection, rows) if rows else dict.fromkeys(model.audits, 0)
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    return Evaluated(model.name, connection.execute(f"SELECT count(*) FROM {model.table}").fetchone()[0], audits)


def _build(connection: duckdb.DuckDBPyConnection, model: Compiled, anew: bool) -> str | None:
    """Write what is new into the model's table; returns where these rows are to be seen, if there are any.

    Of a model that `keeps` columns, the rows that went stay in old_<view>; of one that `stays`, those that came in new_<view>.
    """
    into = f"INSERT INTO {model.table} ({', '.join(model.columns)})"
    if anew and not connection.execute(f"SELECT 1 FROM {model.table} LIMIT 1").fetchone():
        connection.execute(f"{into} {model.whole}")
        return model.table
    _make_room(connection, model)
    # Kept apart for the audits: each would look for these few rows among all.
    new = f"new_{model.view}" if model.stays else "fresh"
    (count,) = connection.execute(f"CREATE OR REPLACE TEMP TABLE {new} AS {model.touched}").fetchone()
    if not count:
        return None
    connection.execute(f"{into} SELECT * FROM {new}")
    return new


def _make_room(connection: duckdb.DuckDBPyConnection, model: Compiled) -> None:
    stale = model.stale
    if model.keeps:
        connection.execute(
            f"CREATE OR REPLACE TEMP TABLE old_{model.view} AS SELECT rowid AS row, {model.keeps} FROM {model.table} WHERE {stale}"
        )
        stale = f"rowid IN (SELECT row FROM old_{model.view})"
    connection.execute(f"DELETE FROM {model.table} WHERE {stale}")


def _audited(model: Compiled, connection: duckdb.DuckDBPyConnection, rows: str) -> dict[str, int]:
    audits = {name: connection.execute(sql.replace(ROWS, rows)).fetchone()[0] for name, sql in model.audits.items()}
    if broken := {name: count for name, count in audits.items() if count}:
        told = ", ".join(f"{count} rows break {name}" for name, count in broken.items())
        raise AuditFailed(f"{model.name}: {told}; see the model's query and the last snapshots")
    return audits
