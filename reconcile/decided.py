"""What stewards' words bind now: of the records that are there today, and without those that contradict older ones."""

import duckdb
import polars as pl

from hub.entity import Entity
from hub.matching import numbered
from hub.rules import Rules
from reconcile import contradiction
from reconcile.exceptions import Trouble

LONGEST = 100  # merges in a row: two records that are said to be merged into each other end here
WORDS = dict.fromkeys(("entity", "left_ref", "right_ref", "verdict", "actor", "decision", "subject_ref"), pl.String) | {
    "seq": pl.Int64,
    "at": pl.Datetime("us"),
}


def survivors(connection: duckdb.DuckDBPyConnection, entities: list[str]) -> None:
    """Make the temporary table survivor (record_ref, survivor_ref, entity): the record of the same system that each merged one became part of, by way of others too."""
    connection.execute("CREATE OR REPLACE TEMP TABLE survivor (record_ref VARCHAR, survivor_ref VARCHAR, entity VARCHAR)")
    for name in entities:
        gone = f"SELECT record_ref, merged_ref FROM canonical.{name} WHERE NOT is_live AND merged_ref IS NOT NULL"
        if not connection.execute(f"{gone} LIMIT 1").fetchone():
            continue  # mostly: and DuckDB would read all records to follow none
        connection.execute(f"""
          INSERT INTO survivor
          WITH RECURSIVE gone AS ({gone}), chain AS (
            SELECT record_ref, merged_ref AS survivor_ref, 1 AS steps FROM gone
            UNION ALL
            SELECT c.record_ref, g.merged_ref, c.steps + 1 FROM chain AS c JOIN gone AS g ON g.record_ref = c.survivor_ref WHERE c.steps < {LONGEST}
          )
          SELECT c.record_ref, c.survivor_ref, '{name}' FROM chain AS c JOIN canonical.{name} AS s ON s.record_ref = c.survivor_ref AND s.is_live
          WHERE c.steps < {LONGEST}""")


def today(connection: duckdb.DuckDBPyConnection, said: pl.DataFrame) -> pl.DataFrame:
    """Words as they hold for the records of today: with said_left and said_right as they were, and none on a pair that is one record by now."""
    merged = connection.execute("SELECT record_ref, survivor_ref FROM survivor").pl()
    named = said.rename({"left_ref": "said_left", "right_ref": "said_right"})
    for side in ("left", "right"):
        into = merged.rename({"record_ref": f"said_{side}", "survivor_ref": f"{side}_now"})
        named = named.join(into, on=f"said_{side}", how="left").with_columns(
            pl.coalesce(f"{side}_now", f"said_{side}").alias(f"{side}_now")
        )
    return (
        named.filter(pl.col("left_now") != pl.col("right_now"))
        .with_columns(
            pl.min_horizontal("left_now", "right_now").alias("left_ref"), pl.max_horizontal("left_now", "right_now").alias("right_ref")
        )
        .drop("left_now", "right_now")
    )


def bind(connection: duckdb.DuckDBPyConnection, rules: Rules) -> list[Trouble]:
    """Bring work.decided up to date, and touch the records of what binds now and did not, or no longer; returns the contradictions."""
    resolved = [name for name in rules.entities if rules.is_matched(name)]
    survivors(connection, resolved)
    said = connection.execute("""
      SELECT d.entity, d.left_ref, d.right_ref, d.verdict, d.actor, d.decision, d.subject_ref, d.seq, e.happened_at AS at
      FROM journal.decision AS d JOIN journal.event AS e ON e.seq = d.seq ORDER BY d.seq""").pl()
    binding, waiting = contradiction.sift(today(connection, said.cast(WORDS)))
    connection.register("binding", binding)
    connection.execute("CREATE OR REPLACE TEMP TABLE bound AS SELECT * FROM work.decided")
    connection.execute("DELETE FROM work.decided")
    connection.execute(
        "INSERT INTO work.decided BY NAME SELECT entity, left_ref, right_ref, verdict, said_left, said_right, seq FROM binding"
    )
    connection.unregister("binding")
    _touch(connection)
    return [_trouble(decision, conflict) for decision, conflict in waiting.items()]


def _touch(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute("""
      INSERT INTO work.touched_record
      WITH changed AS (
        (FROM bound EXCEPT FROM work.decided) UNION ALL (FROM work.decided EXCEPT FROM bound)
      ), ref AS (
        SELECT unnest([left_ref, right_ref, said_left, said_right]) AS record_ref, 'decision' AS kind FROM changed
        UNION ALL SELECT s.survivor_ref, 'merge' FROM survivor AS s SEMI JOIN work.touched_record AS t ON t.record_ref = s.record_ref
      )
      SELECT record_ref, any_value(kind ORDER BY kind) FROM ref
      WHERE record_ref NOT IN (SELECT record_ref FROM work.touched_record) GROUP BY record_ref""")


def _trouble(decision: str, conflict: list[contradiction.Word]) -> Trouble:
    told = "; ".join(word.told() for word in conflict)
    return Trouble(
        "contradiction", decision, f"{decision} waits, for these can't all hold: {told}; {contradiction.advice(conflict)}", "steward"
    )


def follow(connection: duckdb.DuckDBPyConnection, entity: Entity) -> None:
    """Add to `affected` the records that were merged into affected ones in their system: they go where these go."""
    connection.execute(
        f"INSERT INTO affected BY NAME SELECT s.record_ref, {numbered('s.record_ref')} AS number FROM survivor AS s SEMI JOIN affected AS a ON a.record_ref = s.survivor_ref WHERE s.entity = ?",
        [entity.entity],
    )
