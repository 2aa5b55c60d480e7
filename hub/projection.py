"""Brings the journal's events into the hub, as tables that models can join: schema `journal`, all of it derived.

Only new events are read. Each kind of event has one statement here that says what it changes; events that come one by one,
or all at once in a rebuild, must give equal tables (tests/test_projection.py).
"""

import duckdb

from hub import tie_numbers
from hub.journal import Journal
from hub.journal_event import UNFOLDED

UNDER_WAY = "('intended', 'in_doubt', 'acknowledged')"  # the states of a push of which it is not known yet what became of it

TABLES = """
CREATE SCHEMA IF NOT EXISTS journal;
CREATE SCHEMA IF NOT EXISTS work;
CREATE TABLE IF NOT EXISTS journal.event (seq BIGINT, happened_at TIMESTAMP, actor VARCHAR, kind VARCHAR, subject VARCHAR, body JSON, hash VARCHAR);
-- the row that ties a record to its hub id; `former` keeps every earlier tie, so that an id resolves for any date
CREATE TABLE IF NOT EXISTS journal.crossref (record_ref VARCHAR, entity VARCHAR, hub_id VARCHAR, number BIGINT, hub_number BIGINT);
CREATE TABLE IF NOT EXISTS journal.former (record_ref VARCHAR, entity VARCHAR, hub_id VARCHAR, seq BIGINT, number BIGINT, hub_number BIGINT);
-- the id that a record would hold had no steward said `same`, from an event on; NULL: the one that it bears
CREATE TABLE IF NOT EXISTS journal.own (record_ref VARCHAR, entity VARCHAR, hub_id VARCHAR, seq BIGINT);
-- the word that stands on two records: same, different, or that subject_ref is parent_of or successor_of the other;
-- what was taken back is gone from here, not from journal.event
CREATE TABLE IF NOT EXISTS journal.decision (entity VARCHAR, left_ref VARCHAR, right_ref VARCHAR, verdict VARCHAR, actor VARCHAR, seq BIGINT);
CREATE TABLE IF NOT EXISTS journal.pin (record_ref VARCHAR, column_name VARCHAR, value VARCHAR, actor VARCHAR, seq BIGINT);
CREATE TABLE IF NOT EXISTS journal.waiver (discrepancy_id VARCHAR, reason VARCHAR, actor VARCHAR, seq BIGINT);
CREATE TABLE IF NOT EXISTS journal.open_case (id VARCHAR, opened_at TIMESTAMP, seq BIGINT);
CREATE TABLE IF NOT EXISTS journal.approval (line_id VARCHAR, plan VARCHAR, actor VARCHAR, policy VARCHAR, seq BIGINT);
-- the plan as it stands sealed: each event says what came and what went
CREATE TABLE IF NOT EXISTS journal.sealed (line_id VARCHAR, why VARCHAR, hold VARCHAR, seq BIGINT);
-- when a line last left the plan: consent that is older counts no more
CREATE TABLE IF NOT EXISTS journal.left_plan (line_id VARCHAR, seq BIGINT);
CREATE TABLE IF NOT EXISTS journal.push (push_id VARCHAR, line_id VARCHAR, system VARCHAR, object VARCHAR, entity VARCHAR, hub_id VARCHAR, record_id VARCHAR,
  action VARCHAR, state VARCHAR, message VARCHAR, intended_at TIMESTAMP, seq BIGINT);
-- which worker may push a line, and until when; what it gave back is gone from here
CREATE TABLE IF NOT EXISTS journal.lease (line_id VARCHAR, worker VARCHAR, leased_at TIMESTAMP, until TIMESTAMP, seq BIGINT);
CREATE TABLE IF NOT EXISTS journal.exception (id VARCHAR, kind VARCHAR, subject VARCHAR, message VARCHAR, owner VARCHAR, opened_at TIMESTAMP, seq BIGINT);
-- when a person last closed an exception: consent that is older counts no more
CREATE TABLE IF NOT EXISTS journal.closing (kind VARCHAR, subject VARCHAR, seq BIGINT);
-- whose quarantined rows are to be validated again
CREATE TABLE IF NOT EXISTS journal.replay (subject VARCHAR, actor VARCHAR, requested_at TIMESTAMP, seq BIGINT);
-- what this cycle has to look at again, and the version of the rules that the tables were built under
CREATE TABLE IF NOT EXISTS work.touched_record (record_ref VARCHAR, kind VARCHAR);
CREATE TABLE IF NOT EXISTS work.touched (hub_id VARCHAR);
CREATE TABLE IF NOT EXISTS work.built (rules VARCHAR);
CREATE TABLE IF NOT EXISTS work.resolved (seq BIGINT);
-- pairs that a steward is asked about, and the hub ids of their records: in doubt by their evidence, or linked by it and kept apart by what
-- speaks against the whole
CREATE TABLE IF NOT EXISTS work.question (entity VARCHAR, left_ref VARCHAR, right_ref VARCHAR, left_id VARCHAR, right_id VARCHAR);
-- how far the journal was known when this cycle began
CREATE TABLE IF NOT EXISTS work.begun (seq BIGINT);
-- what decisions bind now: of the records that those they were about were merged into, and without those that wait for a contradiction to end
CREATE TABLE IF NOT EXISTS work.decided (entity VARCHAR, left_ref VARCHAR, right_ref VARCHAR, verdict VARCHAR, said_left VARCHAR, said_right VARCHAR, seq BIGINT);
-- decisions whose own evidence changed since and speaks against them now: they stand, and wait to be looked at again
CREATE TABLE IF NOT EXISTS work.reopened (entity VARCHAR, left_ref VARCHAR, right_ref VARCHAR, verdict VARCHAR, says VARCHAR, seq BIGINT);
"""
# Columns that hub files of earlier versions don't have yet, in this order.
ADDED = {
    "journal.decision": ("subject_ref", "reason", "decision", "command", "evidence", "weighed"),
    "journal.pin": ("entity", "reason", "until", "decision"),
    "journal.sealed": ("authors", "eyes"),
    "work.question": ("left_id", "right_id"),
}

# The words on pairs of records, of those in `{said}` (seq, actor, body), that were not taken back; and the newest on each pair.
# An undo that names no decision takes back all that was said of the pair before.
SPOKEN = """
WITH word AS MATERIALIZED (
  SELECT body ->> 'entity' AS entity, body ->> 'left_ref' AS left_ref, body ->> 'right_ref' AS right_ref, body ->> 'verdict' AS verdict, actor, seq,
    body ->> 'subject_ref' AS subject_ref, body ->> 'reason' AS reason, coalesce(body ->> 'decision', 'D-' || seq) AS decision,
    coalesce(body ->> 'command', body ->> 'verdict') AS command, nullif(body ->> 'evidence', '(erased)') AS evidence, body ->> 'weighed' AS weighed, body ->> 'takes_back' AS takes_back
  FROM {said}
)
SELECT w.* EXCLUDE (takes_back) FROM word AS w
WHERE w.verdict <> 'undone' AND NOT EXISTS (
  SELECT 1 FROM word AS u WHERE u.verdict = 'undone' AND u.left_ref = w.left_ref AND u.right_ref = w.right_ref AND u.seq > w.seq
    AND (u.takes_back IS NULL OR u.takes_back = w.decision))"""
STANDING = SPOKEN + " QUALIFY row_number() OVER (PARTITION BY w.left_ref, w.right_ref ORDER BY w.seq DESC) = 1"
# The pins of values, likewise, and the newest on each column of a record.
PINNED = """
WITH word AS MATERIALIZED (
  SELECT body ->> 'entity' AS entity, body ->> 'record_ref' AS record_ref, body ->> 'column' AS column_name, body ->> 'value' AS value, actor, seq,
    body ->> 'reason' AS reason, body ->> 'until' AS until, coalesce(body ->> 'decision', 'D-' || seq) AS decision, body ->> 'takes_back' AS takes_back,
    -- also a pin that says that there is nothing, and none whose value was erased
    coalesce(body ->> 'value' <> '(erased)', body ->> 'cleared' = 'true', false) AS is_pin
  FROM {said}
)
SELECT w.* EXCLUDE (takes_back, is_pin) FROM word AS w
WHERE w.is_pin AND NOT EXISTS (
  SELECT 1 FROM word AS u WHERE NOT u.is_pin AND u.record_ref = w.record_ref AND u.column_name = w.column_name AND u.seq > w.seq
    AND (u.takes_back IS NULL OR u.takes_back = w.decision))"""
HOLDING = PINNED + " QUALIFY row_number() OVER (PARTITION BY w.record_ref, w.column_name ORDER BY w.seq DESC) = 1"

FRESH_EVENTS = f"""
CREATE OR REPLACE TEMP TABLE fresh AS SELECT seq, "at" AS happened_at, actor, kind, subject, body::JSON AS body, hash
FROM ({UNFOLDED.format(said="arrived", more=', seq, "at", actor, kind, hash')}) ORDER BY seq"""
FRESH = "(SELECT * FROM fresh WHERE kind = '{}')"

# Statements by kind of event, applied in this order to the events that are new.
# A body is read before it is unnested: DuckDB would carry it along to every row, and 30,000 hub ids took 13 GB.
STATEMENTS = {
    "plan.sealed": """
      CREATE OR REPLACE TEMP TABLE resealed AS
      SELECT line.line_id, line.why, line.hold, seq, line.authors, line.eyes, true AS stands
      FROM (SELECT seq, unnest(lines) AS line FROM (SELECT seq, from_json(body -> 'lines', '[{"line_id": "VARCHAR", "why": "VARCHAR", "hold": "VARCHAR", "authors": "VARCHAR", "eyes": "VARCHAR"}]') AS lines FROM {fresh}))
      UNION ALL
      SELECT line_id, NULL, NULL, seq, NULL, NULL, false FROM (SELECT seq, unnest(gone) AS line_id FROM (SELECT seq, from_json(body -> 'gone', '["VARCHAR"]') AS gone FROM {fresh}));
      DELETE FROM journal.sealed WHERE line_id IN (SELECT line_id FROM resealed);
      INSERT INTO journal.sealed SELECT * EXCLUDE (stands) FROM (SELECT * FROM resealed QUALIFY row_number() OVER (PARTITION BY line_id ORDER BY seq DESC) = 1) WHERE stands;
      DELETE FROM journal.left_plan WHERE line_id IN (SELECT line_id FROM resealed WHERE NOT stands);
      INSERT INTO journal.left_plan SELECT line_id, max(seq) FROM resealed WHERE NOT stands GROUP BY line_id""",
    "hub_ids.assigned": """
      CREATE OR REPLACE TEMP TABLE assigned AS
      SELECT pair[1] AS record_ref, entity, pair[2] AS hub_id, seq, """
    + tie_numbers.OF.format(record_ref="pair[1]", hub_id="pair[2]")
    + """
      FROM (SELECT seq, entity, unnest(pairs) AS pair
        FROM (SELECT seq, body ->> 'entity' AS entity, from_json(body -> 'assigned', '[["VARCHAR"]]') AS pairs FROM {fresh}));
      INSERT INTO journal.former BY NAME FROM assigned;
      DELETE FROM journal.crossref WHERE number IN (SELECT number FROM assigned);
      INSERT INTO journal.crossref BY NAME SELECT * EXCLUDE (seq) FROM assigned QUALIFY row_number() OVER (PARTITION BY number ORDER BY seq DESC) = 1;
      """
    + tie_numbers.ISSUED.format(said="assigned"),
    "hub_ids.lent": """
      CREATE OR REPLACE TEMP TABLE lent AS
      SELECT pair[1] AS record_ref, entity, pair[2] AS hub_id, seq
      FROM (SELECT seq, entity, unnest(pairs) AS pair
        FROM (SELECT seq, body ->> 'entity' AS entity, from_json(body -> 'own', '[["VARCHAR"]]') AS pairs FROM {fresh}));
      INSERT INTO journal.own FROM lent;
      """
    + tie_numbers.ISSUED.format(said="lent"),
    "match.decided": """
      CREATE OR REPLACE TEMP TABLE decided AS SELECT DISTINCT body ->> 'left_ref' AS left_ref, body ->> 'right_ref' AS right_ref FROM {fresh};
      CREATE OR REPLACE TEMP TABLE earlier AS
      SELECT seq, actor, body FROM (SELECT seq, actor, kind, body FROM journal.event UNION ALL SELECT seq, actor, kind, body FROM {fresh}) AS e
      SEMI JOIN decided AS d ON d.left_ref = (e.body ->> 'left_ref') AND d.right_ref = (e.body ->> 'right_ref') WHERE kind = 'match.decided';
      DELETE FROM journal.decision AS d USING decided AS n WHERE d.left_ref = n.left_ref AND d.right_ref = n.right_ref;
      INSERT INTO journal.decision BY NAME """
    + STANDING.format(said="earlier")
    + """;
      INSERT INTO capture.pending SELECT unnest([left_ref, right_ref]), 'decision' FROM decided""",
    "value.pinned": """
      CREATE OR REPLACE TEMP TABLE pinned AS SELECT DISTINCT body ->> 'record_ref' AS record_ref, body ->> 'column' AS column_name FROM {fresh};
      CREATE OR REPLACE TEMP TABLE earlier AS
      SELECT seq, actor, body FROM (SELECT seq, actor, kind, body FROM journal.event UNION ALL SELECT seq, actor, kind, body FROM {fresh}) AS e
      SEMI JOIN pinned AS p ON p.record_ref = (e.body ->> 'record_ref') AND p.column_name = (e.body ->> 'column') WHERE kind = 'value.pinned';
      DELETE FROM journal.pin AS p USING pinned AS n WHERE p.record_ref = n.record_ref AND p.column_name = n.column_name;
      INSERT INTO journal.pin BY NAME """
    + HOLDING.format(said="earlier")
    + """;
      INSERT INTO capture.pending SELECT record_ref, 'pin' FROM pinned""",
    "discrepancy.waived": """
      DELETE FROM journal.waiver WHERE discrepancy_id IN (SELECT subject FROM {fresh});
      INSERT INTO journal.waiver SELECT * FROM (
        SELECT subject, body ->> 'reason' AS reason, actor, seq FROM {fresh} QUALIFY row_number() OVER (PARTITION BY subject ORDER BY seq DESC) = 1)
      WHERE reason IS NOT NULL""",
    "cases.opened": """
      INSERT INTO journal.open_case SELECT unnest(from_json(body -> 'ids', '["VARCHAR"]')), happened_at, seq FROM {fresh}""",
    "cases.closed": """
      DELETE FROM journal.open_case AS c USING (SELECT seq, unnest(from_json(body -> 'ids', '["VARCHAR"]')) AS id FROM {fresh}) AS n WHERE c.id = n.id AND c.seq < n.seq""",
    "plan.approved": """
      INSERT INTO journal.approval SELECT unnest(lines), subject, actor, policy, seq
      FROM (SELECT from_json(body -> 'lines', '["VARCHAR"]') AS lines, subject, actor, body ->> 'policy' AS policy, seq FROM {fresh})""",
    "plan.withdrawn": """
      DELETE FROM journal.approval AS a USING (SELECT seq, unnest(from_json(body -> 'lines', '["VARCHAR"]')) AS id FROM {fresh}) AS n WHERE a.line_id = n.id AND a.seq < n.seq""",
    "push.leased": """
      INSERT INTO journal.lease SELECT unnest(lines), actor, happened_at, until, seq
      FROM (SELECT from_json(body -> 'lines', '["VARCHAR"]') AS lines, actor, happened_at, (body ->> 'until')::TIMESTAMP AS until, seq FROM {fresh})""",
    "push.released": """
      DELETE FROM journal.lease AS l USING (SELECT actor, seq, unnest(from_json(body -> 'lines', '["VARCHAR"]')) AS id FROM {fresh}) AS n
      WHERE l.line_id = n.id AND l.worker = n.actor AND l.seq < n.seq""",
    "push.intended": """
      INSERT INTO journal.push SELECT body ->> 'push_id', unnest(from_json(body -> 'lines', '["VARCHAR"]')), body ->> 'system', body ->> 'object', body ->> 'entity',
        body ->> 'hub_id', body ->> 'record_id', body ->> 'action', 'intended', NULL, happened_at, seq FROM {fresh}""",
    "push.outcome": """
      UPDATE journal.push AS p SET state = n.state, record_id = COALESCE(n.record_id, p.record_id), message = n.message FROM (
        -- the outcomes after each attempt: one that failed before says nothing of the one that is on its way
        SELECT a.push_id, a.seq, last(o.body ->> 'state' ORDER BY o.seq) AS state, last(o.body ->> 'message' ORDER BY o.seq) AS message,
          arg_max(o.body ->> 'record_id', o.seq) AS record_id
        FROM (SELECT DISTINCT push_id, seq FROM journal.push) AS a JOIN {fresh} AS o ON o.subject = a.push_id AND o.seq > a.seq
        GROUP BY a.push_id, a.seq) AS n WHERE p.push_id = n.push_id AND p.seq = n.seq""",
    "exception.opened": """
      DELETE FROM journal.exception WHERE id IN (SELECT subject FROM {fresh});
      INSERT INTO journal.exception SELECT subject, body ->> 'kind', body ->> 'about', body ->> 'message', body ->> 'owner', happened_at, seq FROM {fresh}
      QUALIFY row_number() OVER (PARTITION BY subject ORDER BY seq DESC) = 1""",
    "exception.closed": """
      DELETE FROM journal.exception AS e USING {fresh} AS n WHERE e.id = n.subject AND e.seq < n.seq;
      CREATE OR REPLACE TEMP TABLE closed AS
      SELECT split_part(subject, ':', 1) AS kind, substr(subject, strpos(subject, ':') + 1) AS about, max(seq) AS seq FROM {fresh} GROUP BY subject;
      DELETE FROM journal.closing AS c USING closed AS n WHERE c.kind = n.kind AND c.subject = n.about;
      INSERT INTO journal.closing SELECT * FROM closed""",
    "replay.requested": """
      DELETE FROM journal.replay WHERE subject IN (SELECT subject FROM {fresh});
      INSERT INTO journal.replay SELECT subject, actor, happened_at, seq FROM {fresh} QUALIFY row_number() OVER (PARTITION BY subject ORDER BY seq DESC) = 1""",
    "replay.withdrawn": """
      DELETE FROM journal.replay AS r USING {fresh} AS n WHERE r.subject = n.subject AND r.seq < n.seq""",
}


def prepare(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute(TABLES)
    for table, columns in ADDED.items():
        for column in columns:
            connection.execute(f"ALTER TABLE {table} ADD COLUMN IF NOT EXISTS {column} VARCHAR")
    tie_numbers.prepare(connection)


def load(connection: duckdb.DuckDBPyConnection, journal: Journal) -> int:
    """Bring in the events that are new, all or none; returns how many."""
    after = connection.execute("SELECT coalesce(max(seq), 0) FROM journal.event").fetchone()[0]
    arrived = journal.table(after)
    if not arrived.num_rows:
        return 0
    connection.execute("BEGIN")
    try:
        connection.register("arrived", arrived)
        connection.execute(FRESH_EVENTS)
        kinds = set(arrived.column("kind").unique().to_pylist())
        for kind, statements in STATEMENTS.items():
            if kind in kinds:
                for statement in statements.replace("{fresh}", FRESH.format(kind)).split(";"):
                    connection.execute(statement)
        connection.execute("INSERT INTO journal.event SELECT * FROM fresh")
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    finally:
        connection.unregister("arrived")
    return arrived.num_rows
