"""The newest cut with what was decided since: temporary views that lay the journal's later events over the cut's tables.

decision   as journal.decision: the word that stands on two records
waiver     discrepancy_id, reason, actor, seq
consent    line_id, actor, policy, is_given, seq, people: given or taken back since the cut, and by how many
exception  id, kind, subject, message, owner, opened_at, seq, replayed_by: who asked for a replay since it was opened
line       work.plan_line with `state`: needs_consent, approved, held, sent, waived, or released: up for consent in the next plan
"""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Lock

import duckdb
import polars as pl

from hub import projection, store
from hub.firm import Firm
from hub.journal import Journal

KINDS = (
    "match.decided",
    "discrepancy.waived",
    "plan.approved",
    "plan.withdrawn",
    "push.intended",
    "exception.opened",
    "exception.closed",
    "replay.requested",
    "replay.withdrawn",
)
SCHEMA = {"seq": pl.Int64, "happened_at": pl.Datetime("us"), "actor": pl.String, "kind": pl.String, "subject": pl.String, "body": pl.String}

VIEWS = (
    """
CREATE TEMP TABLE since AS SELECT seq, happened_at, actor, kind, subject, body::JSON AS body FROM arrived;

CREATE TEMP TABLE decision AS
SELECT * FROM ("""
    + projection.STANDING.format(
        said="""(
  SELECT seq, actor, body FROM journal.event WHERE kind = 'match.decided' UNION ALL SELECT seq, actor, body FROM since WHERE kind = 'match.decided')"""
    )
    + f""");

CREATE TEMP TABLE waiver AS
WITH said AS (
  SELECT discrepancy_id, reason, actor, seq FROM journal.waiver
  UNION ALL
  SELECT subject, body ->> 'reason', actor, seq FROM since WHERE kind = 'discrepancy.waived'
), last AS (
  SELECT * FROM said QUALIFY row_number() OVER (PARTITION BY discrepancy_id ORDER BY seq DESC) = 1
)
SELECT * FROM last WHERE reason IS NOT NULL;

CREATE TEMP TABLE consent AS
SELECT * FROM (
  SELECT *, count(DISTINCT actor) FILTER (is_given) OVER (PARTITION BY line_id) AS people FROM (
    SELECT unnest(from_json(body -> 'lines', '["VARCHAR"]')) AS line_id, actor, body ->> 'policy' AS policy, kind = 'plan.approved' AS is_given, seq
    FROM since WHERE kind IN ('plan.approved', 'plan.withdrawn'))
)
QUALIFY row_number() OVER (PARTITION BY line_id ORDER BY seq DESC) = 1;

CREATE TEMP TABLE exception AS
WITH said AS (
  SELECT id, kind, subject, message, owner, opened_at, seq FROM journal.exception
  UNION ALL
  SELECT subject, body ->> 'kind', body ->> 'about', body ->> 'message', body ->> 'owner', happened_at, seq FROM since WHERE kind = 'exception.opened'
), known AS (
  SELECT * FROM said QUALIFY row_number() OVER (PARTITION BY id ORDER BY seq DESC) = 1
), closed AS (
  SELECT subject AS id, max(seq) AS seq FROM since WHERE kind = 'exception.closed' GROUP BY subject
), asked AS (
  SELECT subject, actor, kind, seq FROM journal.event UNION ALL SELECT subject, actor, kind, seq FROM since
), replay AS (
  SELECT subject, arg_max(actor, seq) AS actor, arg_max(kind, seq) AS kind, max(seq) AS seq
  FROM asked WHERE kind IN ('replay.requested', 'replay.withdrawn') GROUP BY subject
)
SELECT k.*, CASE WHEN r.seq > k.seq AND r.kind = 'replay.requested' THEN r.actor END AS replayed_by
FROM known AS k
LEFT JOIN closed AS c ON c.id = k.id
LEFT JOIN replay AS r ON r.subject = k.subject
WHERE c.seq IS NULL OR c.seq < k.seq;

CREATE TEMP VIEW line AS
SELECT l.* EXCLUDE (approved_by, policy, barred, hold, status), CASE WHEN n.line_id IS NULL THEN l.approved_by ELSE n.actor END AS approved_by,
  CASE WHEN n.line_id IS NULL THEN l.policy ELSE n.policy END AS policy, COALESCE(l.barred, e.message) AS hold,
  CASE WHEN w.discrepancy_id IS NOT NULL THEN 'waived' WHEN s.line_id IS NOT NULL THEN 'sent' WHEN COALESCE(l.barred, e.message) IS NOT NULL THEN 'held'
    WHEN l.status = 'held' THEN 'released' WHEN l.eyes = 1 AND n.is_given OR coalesce(json_array_length(l.consents), 0) + n.people >= l.eyes AND n.is_given
      OR n.line_id IS NULL AND l.status = 'approved' THEN 'approved' ELSE 'needs_consent' END AS state
FROM work.plan_line AS l
LEFT JOIN consent AS n ON n.line_id = l.line_id
LEFT JOIN waiver AS w ON w.discrepancy_id = l.discrepancy_id
LEFT JOIN (
  SELECT unnest(from_json(body -> 'lines', '["VARCHAR"]')) AS line_id FROM since WHERE kind = 'push.intended'
  UNION SELECT line_id FROM journal.push WHERE state IN {projection.UNDER_WAY}
) AS s ON s.line_id = l.line_id
LEFT JOIN (
  SELECT subject, any_value(message ORDER BY seq) AS message
  FROM exception WHERE kind IN ('refused', 'rejected', 'unconfirmed', 'dead_letter', 'ambiguous') GROUP BY subject
) AS e ON e.subject = concat_ws(' ', l.system, l.object, coalesce(l.record_id, l.hub_id), coalesce(l.field, 'create'))
"""
)


class Newest:
    """Keeps the newest cut open between requests: opening its file takes longer than answering from it."""

    def __init__(self, cuts: Path):
        self._cuts, self._lock, self._name, self._open = cuts, Lock(), "", ExitStack()

    @property
    def name(self) -> str:
        """The name of the newest cut; empty when there is none yet."""
        pointer = self._cuts / "current"
        return pointer.resolve().name if pointer.exists() else ""

    def keep(self) -> None:
        """Open the newest cut if it is not open yet, and let go of the one before."""
        with self._lock:
            if (name := self.name) != self._name:
                before, self._open, self._name = self._open, ExitStack(), name
                self._open.enter_context(store.reading(self._cuts))
                before.close()

    def close(self) -> None:
        self._open.close()


@contextmanager
def reading(newest: Newest, firm: Firm, journal: Journal) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection to the newest cut with the views above. Raises HubError when there is no cut yet."""
    newest.keep()
    with store.reading(firm.cuts) as connection:
        after = connection.execute("SELECT coalesce(max(seq), 0) FROM journal.event").fetchone()[0]
        events = [
            (each.seq, each.at.replace(tzinfo=None), each.actor, each.kind, each.subject, json.dumps(each.body))
            for each in journal.events(after, KINDS)
        ]
        connection.register("arrived", pl.DataFrame(events, SCHEMA, orient="row"))
        connection.execute(VIEWS)
        yield connection
