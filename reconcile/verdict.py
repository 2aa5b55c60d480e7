"""Each line of the plan in words: what moved since the hub last wrote there; and what came into the plan and left it."""

from typing import Any

import duckdb

# What the hub wrote last to the field of each line and was acknowledged, beside what is there and what is wanted.
EXPLAINED = """
WITH wrote AS (
  SELECT l.line_id, e.body -> 'fields' -> l.field ->> 'want' AS want, p.seq FROM work.plan_line AS l
  JOIN journal.push AS p ON p.system = l.system AND p.object = l.object AND p.record_id = l.record_id AND p.state IN ('acknowledged', 'confirmed')
  JOIN journal.event AS e ON e.seq = p.seq AND e.subject = p.push_id
  WHERE l.field IS NOT NULL AND (e.body -> 'fields' -> l.field) IS NOT NULL
), last AS (
  SELECT line_id, want FROM wrote QUALIFY row_number() OVER (PARTITION BY line_id ORDER BY seq DESC) = 1
)
SELECT CASE WHEN l.hold IS NOT NULL THEN 'blocked' WHEN w.want IS NULL OR w.want = l.base THEN 'push' WHEN w.want = l.want THEN 'target moved' ELSE 'conflict' END AS verdict,
  CASE WHEN l.hold IS NOT NULL THEN l.hold WHEN l.action = 'create' THEN 'it is not there yet' WHEN w.want IS NULL THEN 'the hub never wrote it'
    WHEN w.want = l.base THEN 'it is as the hub left it, and the golden value moved' WHEN w.want = l.want THEN 'somebody changed it there since the hub wrote it'
    ELSE 'somebody changed it there since the hub wrote ' || w.want || ', and the golden value moved too' END AS because,
  l.system, l.object, coalesce(l.record_id, 'new ' || l.hub_id) AS record, coalesce(l.field, l.action) AS field, w.want AS wrote, l.base AS "there", l.want AS wanted,
  l.why, l.status, l.policy, l.approved_by, l.eyes, l.authors, l.line_id AS line
FROM work.plan_line AS l
LEFT JOIN last AS w ON w.line_id = l.line_id  -- absent: never written
WHERE $1 IS NULL OR l.status = $1
ORDER BY verdict, l.system, l.object, l.field, l.record_id, l.hub_id, l.line_id
"""
# What the last seal that changed anything let in and out. A plan of many lines is sealed in several events of one hash.
DIFFERENCE = """
WITH seal AS (
  SELECT seq, subject AS plan, body FROM journal.event WHERE kind = 'plan.sealed'
), newest AS (
  SELECT seq, plan, body FROM seal WHERE seq > coalesce((SELECT max(seq) FROM seal WHERE plan <> (SELECT arg_max(plan, seq) FROM seal)), 0)
), line AS (
  SELECT seq, unnest(from_json(body -> 'lines', '["JSON"]')) AS line FROM seal
), came AS (
  SELECT n.seq, l.line FROM newest AS n JOIN line AS l ON l.seq = n.seq
), gone AS (
  SELECT unnest(from_json(body -> 'gone', '["VARCHAR"]')) AS line_id FROM newest
), told AS (
  SELECT line ->> 'line_id' AS line_id, line, seq FROM line WHERE seq < (SELECT min(seq) FROM newest)
), known AS (
  SELECT * FROM told QUALIFY row_number() OVER (PARTITION BY line_id ORDER BY seq DESC) = 1
), changed AS (
  SELECT CASE WHEN k.line_id IS NULL OR k.line_id IN (FROM gone) THEN 'came' ELSE 'is otherwise' END AS what, c.line FROM came AS c
  LEFT JOIN known AS k ON k.line_id = (c.line ->> 'line_id')  -- absent: never in a plan
  UNION ALL
  SELECT 'left', k.line FROM gone AS g JOIN known AS k ON k.line_id = g.line_id
)
SELECT what, line ->> 'system' AS system, line ->> 'object' AS object, coalesce(line ->> 'record_id', 'new ' || (line ->> 'hub_id')) AS record,
  coalesce(line ->> 'field', line ->> 'action') AS field, line ->> 'base' AS before, line ->> 'want' AS after, line ->> 'hold' AS hold, line ->> 'line_id' AS line
FROM changed ORDER BY what, system, object, field, record, line
"""


def explained(connection: duckdb.DuckDBPyConnection, status: str | None = None) -> list[dict[str, Any]]:
    """Every line of the plan, or those of one status, with its verdict and the reason for it.

    verdict  push; target moved (a person changed it there since the hub wrote it); conflict (and the golden value moved too); blocked.
             What is there already, and what a system does not own, is no line: `hub explain write` tells of it.
    """
    return _rows(connection, EXPLAINED, [status])


def difference(connection: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    """What came into the plan, left it, or is held otherwise, since the plan before it."""
    return _rows(connection, DIFFERENCE, [])


def _rows(connection: duckdb.DuckDBPyConnection, sql: str, values: list[Any]) -> list[dict[str, Any]]:
    cursor = connection.execute(sql, values)
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row)) for row in cursor.fetchall()]
