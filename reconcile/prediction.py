"""Tells two hubs apart that were built from the same snapshots and journal, one under today's rules and one under others."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from hub import store

# What counts of a hub, row for row. `word`: what stewards said of two records, beside what the rules alone make of them.
RELATIONS = {
    "tie": "SELECT record_ref, entity, hub_id FROM journal.crossref",
    "cell": "SELECT entity, hub_id, field, value FROM golden.cell WHERE is_winner",
    "line": """SELECT line_id, action, entity, hub_id, system, object, record_id, field, base, want, why, hold, status, money, currency
      FROM work.plan_line""",
    "word": """SELECT d.entity, d.left_ref, d.right_ref, d.verdict, coalesce(p.verdict, 'none') AS says FROM journal.decision AS d
      LEFT JOIN ({pairs}) AS p ON p.left_ref = d.left_ref AND p.right_ref = d.right_ref WHERE d.verdict IN ('same', 'different')""",
}
NO_PAIRS = "SELECT NULL AS left_ref, NULL AS right_ref, NULL AS verdict WHERE FALSE"
AGAINST = "CASE {word}.verdict WHEN 'same' THEN {word}.says IN ('forbid', 'apart', 'none') ELSE {word}.says = 'link' END"

DIFFERENCES = {
    "merges": """
      SELECT a.entity, a.hub_id, list(DISTINCT b.hub_id ORDER BY b.hub_id) AS were FROM after.tie AS a JOIN before.tie AS b USING (record_ref)
      GROUP BY a.entity, a.hub_id HAVING count(DISTINCT b.hub_id) > 1 ORDER BY ALL""",
    "splits": """
      SELECT b.entity, b.hub_id, list(DISTINCT a.hub_id ORDER BY a.hub_id) AS become FROM after.tie AS a JOIN before.tie AS b USING (record_ref)
      GROUP BY b.entity, b.hub_id HAVING count(DISTINCT a.hub_id) > 1 ORDER BY ALL""",
    "cells": """
      SELECT entity, hub_id, field, b.value AS before, a.value AS after FROM after.cell AS a FULL JOIN before.cell AS b USING (entity, hub_id, field)
      WHERE a.value IS DISTINCT FROM b.value ORDER BY ALL""",
    "lines": """
      SELECT * FROM (
        SELECT if(b.line_id IS NULL, 'comes', 'is otherwise') AS what, a.*, b.status AS was FROM after.line AS a LEFT JOIN before.line AS b USING (line_id)
        WHERE b.line_id IS NULL OR (a.hold, a.status) IS DISTINCT FROM (b.hold, b.status)
        UNION ALL
        SELECT 'leaves', b.*, b.status FROM before.line AS b ANTI JOIN after.line USING (line_id)
      ) ORDER BY what, line_id""",
    "writes": """
      SELECT system, object, action, count(*) FILTER (of = 'before') AS today, count(*) FILTER (of = 'after') AS then
      FROM (SELECT 'before' AS of, * FROM before.line UNION ALL SELECT 'after', * FROM after.line) WHERE status <> 'held'
      GROUP BY system, object, action ORDER BY ALL""",
    "money": """
      SELECT currency, sum(money) FILTER (of = 'before') AS today, sum(money) FILTER (of = 'after') AS then
      FROM (SELECT 'before' AS of, * FROM before.line UNION ALL SELECT 'after', * FROM after.line) WHERE money IS NOT NULL
      GROUP BY currency ORDER BY ALL""",
    "contradicted": f"""
      SELECT a.entity, a.left_ref, a.right_ref, a.verdict, b.says AS said, a.says FROM after.word AS a
      LEFT JOIN before.word AS b USING (entity, left_ref, right_ref)
      WHERE {AGAINST.format(word="a")} AND NOT coalesce({AGAINST.format(word="b")}, FALSE) ORDER BY ALL""",
}


@dataclass(frozen=True)
class Prediction:
    """What other rules would change, as rows by name of column.

    merges        hub ids that several become          splits    hub ids of which several are made
    cells         golden values that are others        lines     what comes into the plan, leaves it, or is held or approved otherwise
    writes        lines that are due, by system        money     at stake in the plan, by currency
    contradicted  stewards' words that the rules alone would gainsay, and do not today; they stand all the same
    """

    merges: list[dict[str, Any]]
    splits: list[dict[str, Any]]
    cells: list[dict[str, Any]]
    lines: list[dict[str, Any]]
    writes: list[dict[str, Any]]
    money: list[dict[str, Any]]
    contradicted: list[dict[str, Any]]

    @property
    def is_empty(self) -> bool:
        return not (self.merges or self.splits or self.cells or self.lines or self.contradicted)


def rows(hub_file: Path, matched: Iterable[str], into: Path) -> None:
    """Write what counts of a hub as Parquet files. `matched`: the entities whose records are compared."""
    pairs = " UNION ALL ".join(f"SELECT left_ref, right_ref, verdict FROM identity.{name}_pair" for name in matched)
    into.mkdir(parents=True)
    with store.connect(hub_file, read_only=True) as connection:
        for name, query in RELATIONS.items():
            connection.execute(f"COPY ({query.format(pairs=pairs or NO_PAIRS)}) TO '{into / name}.parquet' (FORMAT parquet)")


def compare(before: Path, after: Path) -> Prediction:
    """What is different between two folders that `rows` wrote."""
    with store.connect() as connection:
        for side, folder in (("before", before), ("after", after)):
            connection.execute(f"CREATE SCHEMA {side}")
            for name in RELATIONS:
                connection.execute(f"CREATE VIEW {side}.{name} AS FROM read_parquet('{folder / name}.parquet')")
        return Prediction(**{name: _dicts(connection, query) for name, query in DIFFERENCES.items()})


def _dicts(connection: duckdb.DuckDBPyConnection, query: str) -> list[dict[str, Any]]:
    return connection.execute(query).pl().to_dicts()
