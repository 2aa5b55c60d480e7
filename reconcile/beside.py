"""Views that the plan's view rests on: the controls in force, whose change a line is, how sensitive a field is, what stops by itself."""

import duckdb

from hub import entity
from reconcile import guards

# What is in force, one row; none before anything was set.
CONTROL = """
CREATE OR REPLACE VIEW work.control AS
SELECT (c ->> '$.four_eyes.amount')::DECIMAL(18,2) AS eyes_amount, from_json(c -> '$.four_eyes.classes', '["VARCHAR"]') AS eyes_classes,
  (c ->> '$.valid_days')::INTEGER AS valid_days, (c ->> '$.breaker.share')::DOUBLE AS most_share, (c ->> '$.breaker.at_least')::BIGINT AS at_least
FROM (SELECT body -> 'controls' AS c FROM journal.event WHERE kind = 'controls.set' ORDER BY seq DESC LIMIT 1)
"""
# One row a decision of a person on a thing: a pin of a column, or a word on one of its records (column_name is NULL).
AUTHOR = """
CREATE OR REPLACE VIEW work.author AS
WITH said AS (
  SELECT record_ref, column_name, actor FROM journal.pin WHERE actor <> 'hub'
  UNION ALL
  SELECT unnest([left_ref, right_ref]), NULL, actor FROM journal.decision WHERE actor <> 'hub'
)
SELECT DISTINCT m.entity, m.hub_id, s.column_name, s.actor FROM said AS s JOIN journal.crossref AS m ON m.record_ref = s.record_ref
"""
# Objects of which a plan wants to change more than the breaker lets pass, and nobody released it today. Hub ids do not count:
# only the hub reads them, and a new system gets one in each record.
TRIPPED = """
CREATE OR REPLACE VIEW work.tripped AS
WITH wanted AS (
  SELECT entity, system, object, count(DISTINCT coalesce(record_id, hub_id)) AS records FROM outbound.delta
  WHERE field IS DISTINCT FROM 'hub_id' AND held IS NULL GROUP BY ALL
), released AS (
  SELECT body ->> 'system' AS system, body ->> 'object' AS object, (body ->> 'records')::BIGINT AS records FROM journal.event
  WHERE kind = 'breaker.released' AND happened_at > {now} - INTERVAL 1 DAY
  QUALIFY row_number() OVER (PARTITION BY system, object ORDER BY seq DESC) = 1
)
SELECT w.system, w.object, w.records, t.records AS there,
  'breaker: too much of ' || w.system || ' ' || w.object || ' would change at once; read the plan, then `hub release ' || w.system || ' ' || w.object || '`' AS says
FROM wanted AS w
CROSS JOIN work.control AS c
LEFT JOIN ({there}) AS t ON t.system = w.system AND t.object = w.object  -- absent: it holds nothing yet
LEFT JOIN released AS r ON r.system = w.system AND r.object = w.object
WHERE w.records >= c.at_least AND w.records > c.most_share * coalesce(t.records, 0) AND w.records > coalesce(r.records, 0)
"""
NOTHING_THERE = "SELECT NULL AS system, NULL AS object, 0 AS records WHERE FALSE"
NOW = "make_timestamp(epoch_us(now()))"


def lay(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the views anew: they follow from the journal and the models, and are never behind them."""
    connection.execute(CONTROL)
    connection.execute(AUTHOR)
    told = guards.told(connection)
    there = " UNION ALL ".join(map(_there, sorted(told)))
    connection.execute(TRIPPED.format(now=NOW, there=there or NOTHING_THERE))
    connection.execute(f"CREATE OR REPLACE VIEW work.sensitivity AS SELECT * FROM (VALUES {_classes()}) AS c (entity, field, class)")
    guards.lay(connection, told)


def _there(name: str) -> str:
    return f"SELECT system, object, count(*) AS records FROM canonical.{name} WHERE is_live GROUP BY system, object"


def _classes() -> str:
    return ", ".join(
        f"('{name}', '{field}', '{each.sensitivity}')"
        for name, known in entity.all_entities().items()
        for field, each in known.fields.items()
    )
