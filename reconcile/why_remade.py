"""The models made again for one thing, with some of its rows otherwise: what the hub would hold then.

Temporary tables stand in for the hub's own; the queries are those that a cycle runs for touched keys.
"""

import re
from collections.abc import Mapping
from typing import Any

import duckdb

from reconcile import plan


class Remade:
    """One thing's models on temporary tables. The hub's own tables are only read.

    queries  {model: the SQL of its rows of touched keys}, as a cycle runs them
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, queries: Mapping[str, str], of: str, hub_id: str):
        self._connection, self._queries, self._of, self._hub_id = connection, queries, of, hub_id
        self._instead: dict[str, str] = {}
        self.put("work.touched", "SELECT ? AS hub_id", hub_id)
        for model in queries:
            if model.startswith("golden."):
                name = model.removeprefix("golden.")
                connection.execute(f"CREATE OR REPLACE TEMP TABLE member_{name} AS SELECT * FROM identity.{name} WHERE FALSE")
        connection.execute(f"INSERT INTO member_{of} SELECT * FROM identity.{of} WHERE hub_id = ?", [hub_id])

    def put(self, table: str, sql: str, *values: Any) -> None:
        """Let a table be the rows of a query. A table that the query itself reads is the one of before."""
        name = f"instead_{table.replace('.', '_')}"
        self._connection.execute(f"CREATE OR REPLACE TEMP TABLE fresh_rows AS {self._read(sql)}", list(values))
        self._connection.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS FROM fresh_rows")
        self._instead[table] = name

    def say(self, record_ref: str, values: Mapping[str, Any]) -> None:
        """Let a record say other values; None is nothing."""
        sets = ", ".join(f"{column} = ?" for column in values)
        self._connection.execute(f"UPDATE member_{self._of} SET {sets} WHERE record_ref = ?", [*values.values(), record_ref])

    def join(self, system: str, each: str) -> None:
        """Let an object hold the thing too: with a record that says what another one says."""
        self._connection.execute(
            f"""INSERT INTO member_{self._of}
          SELECT * REPLACE (? AS system, ? AS object, (SELECT any_value(role) FROM identity.{self._of} WHERE system = ?) AS role, 'new' AS record_ref, 'new' AS record_id)
          FROM member_{self._of} WHERE is_live ORDER BY record_ref LIMIT 1""",
            [system, each, system],
        )

    def make(self) -> None:
        """Make the golden record, what is found about it, and the corrections, in the order of a cycle."""
        for model in (
            f"golden.{self._of}",
            "discrepancy.duplicate",
            "discrepancy.value_differs",
            "discrepancy.missing_counterpart",
            "outbound.delta",
        ):
            self.put(model, self._queries[model])

    def golden(self) -> dict[str, Any]:
        """The golden record, {column: value}; empty when nothing is left of it."""
        return next(iter(self.rows(f"SELECT * FROM golden.{self._of}")), {})

    def lines(self) -> list[dict[str, Any]]:
        """The lines of the plan about the thing, as `hub plan` would have them."""
        view = plan.DUE.replace("CREATE OR REPLACE VIEW work.plan_line", "CREATE OR REPLACE TEMP VIEW remade_line")
        self._connection.execute(self._read(view))
        return self.rows("SELECT * FROM remade_line")

    def rows(self, sql: str, *values: Any) -> list[dict[str, Any]]:
        cursor = self._connection.execute(self._read(sql), list(values))
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row)) for row in cursor.fetchall()]

    def _read(self, sql: str) -> str:
        """The query, with temporary tables in place of the hub's."""
        for table, name in self._instead.items():
            schema, each = table.split(".")
            sql = re.sub(rf'(?:"hub"\.)?"{schema}"\."{each}"|\b{schema}\.{each}\b', name, sql)
        return sql
