"""What a decision about two records rested on: a digest of what they said then, and what the evidence made of it.

The digest is over the canonical columns that identify the entity, as each record says them: not over keys, blocks or weights, so
that a change of the rules is no change of evidence.
"""

import duckdb
import polars as pl

from hub.entity import Entity
from hub.rules import Rules

PAIRS = {"left_ref": pl.String, "right_ref": pl.String}

# The decisions that stand, whose evidence is another than it was and speaks against them now.
REOPENED = """
INSERT INTO work.reopened
SELECT d.entity, d.left_ref, d.right_ref, d.verdict, coalesce(p.verdict, 'none') AS says, d.seq
FROM journal.decision AS d
JOIN {now} AS n ON n.left_ref = d.left_ref AND n.right_ref = d.right_ref
LEFT JOIN identity.{entity}_pair AS p ON p.left_ref = d.left_ref AND p.right_ref = d.right_ref
WHERE d.entity = '{entity}' AND d.evidence IS NOT NULL AND n.evidence <> d.evidence
  AND CASE WHEN d.verdict = 'same'
    -- a pair that nothing spoke for when it was decided is no news while nothing speaks for it
    THEN p.verdict = 'forbid' OR coalesce(p.verdict, 'none') IN ('apart', 'none') AND coalesce(d.weighed, 'link') IN ('link', 'review')
    ELSE p.verdict = 'link' END"""


def of_pairs(connection: duckdb.DuckDBPyConnection, entity: Entity, pairs: list[tuple[str, str]]) -> dict[tuple[str, str], dict[str, str]]:
    """{pair: {evidence: digest, weighed: what the evidence says of it, `none` when it says nothing}} of pairs of records."""
    connection.register("asked", pl.DataFrame(pairs, PAIRS, orient="row"))
    found = connection.execute(f"""
      SELECT n.left_ref, n.right_ref, n.evidence, coalesce(p.verdict, 'none') FROM ({_digests(entity, "asked")}) AS n
      LEFT JOIN identity.{entity.entity}_pair AS p ON p.left_ref = n.left_ref AND p.right_ref = n.right_ref""").fetchall()
    connection.unregister("asked")
    return {(left, right): {"evidence": digest, "weighed": weighed} for left, right, digest, weighed in found}


def reopen(connection: duckdb.DuckDBPyConnection, rules: Rules) -> None:
    """Fill work.reopened: what a steward is to look at again, while it still stands."""
    connection.execute("DELETE FROM work.reopened")
    for name, entity in rules.entities.items():
        if rules.is_matched(name):
            pairs = f"(SELECT left_ref, right_ref FROM journal.decision WHERE entity = '{name}' AND evidence IS NOT NULL)"
            connection.execute(REOPENED.format(entity=name, now=f"({_digests(entity, pairs)})"))


def _digests(entity: Entity, pairs: str) -> str:
    """SQL: left_ref, right_ref, evidence of the pairs of records that are there."""
    return f"""
      WITH pair AS (SELECT DISTINCT left_ref, right_ref FROM {pairs}),
      said AS MATERIALIZED (
        SELECT c.record_ref, {_said(entity)} AS said FROM canonical.{entity.entity} AS c
        WHERE c.record_ref IN (SELECT left_ref FROM pair UNION ALL SELECT right_ref FROM pair)
      )
      SELECT p.left_ref, p.right_ref, left(sha256(l.said || chr(10) || r.said), 32) AS evidence
      FROM pair AS p JOIN said AS l ON l.record_ref = p.left_ref JOIN said AS r ON r.record_ref = p.right_ref"""


def _said(entity: Entity) -> str:
    """SQL: what a record says of itself, one line a column that says anything: a column that is new and empty changes nothing."""
    names = sorted({*entity.identity.strong, *entity.identity.evidence, *entity.identity.fallback})
    columns = [column for name in names for column in entity.fields[name].columns(name)]
    return "concat('', " + ", ".join(f"'{column}=' || c.{column}::TEXT || chr(10)" for column in columns) + ")"
