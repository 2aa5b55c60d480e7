"""What became of pushes: confirmed by a later snapshot, settled by looking, or work for a person. Never sent again blindly."""

from datetime import UTC, datetime, timedelta

import duckdb

from hub import projection
from hub.journal import Event, Journal
from hub.mapping import System
from hub.systems.connector import Connector
from reconcile import lease
from reconcile.exceptions import Trouble, opening

# Pushes on their way, and whether their record was read after their last news: a read that began before the answer came may
# have passed it by, and a row in quarantine shows nothing. A create is due for as long as the record is missing, whatever values it would be given by now.
OPEN = f"""
WITH latest AS (
  SELECT p.push_id, any_value(p.system) AS system, any_value(p.object) AS object, any_value(p.hub_id) AS hub_id, any_value(p.record_id) AS record_id,
    any_value(p.action) AS action, any_value(p.state) AS state, max(p.intended_at) AS intended_at, bool_or(d.line_id IS NOT NULL OR c.hub_id IS NOT NULL) AS still_due
  FROM journal.push AS p
  LEFT JOIN outbound.delta AS d ON d.line_id = p.line_id
  LEFT JOIN outbound.delta AS c ON p.action = 'create' AND c.action = 'create' AND c.system = p.system AND c.object = p.object AND c.hub_id = p.hub_id
  WHERE p.state IN {projection.UNDER_WAY}
  GROUP BY p.push_id
), news AS (
  SELECT subject AS push_id, max(happened_at) AS at FROM journal.event WHERE kind = 'push.outcome' AND subject IN (SELECT push_id FROM latest) GROUP BY subject
)
SELECT l.*, (SELECT max(s.taken_at)::TIMESTAMPTZ FROM capture.snapshot AS s WHERE s.system = l.system AND s.object = l.object)
  > greatest(l.intended_at, coalesce(n.at, l.intended_at))::TIMESTAMPTZ
  AND NOT EXISTS (SELECT 1 FROM capture.quarantine AS q WHERE q.system = l.system AND q.object = l.object AND q.record_id = l.record_id) AS seen_since
FROM latest AS l
LEFT JOIN news AS n ON n.push_id = l.push_id  -- absent: no answer was journaled
ORDER BY l.push_id
"""


def confirm(connection: duckdb.DuckDBPyConnection, journal: Journal) -> dict[str, int]:
    """Finish the pushes that a later snapshot shows, whatever answer they had; returns how many lines are confirmed or not.

    An acknowledged push that a later snapshot does not show becomes an exception: the system said yes and did otherwise.
    """
    projection.load(connection, journal)
    if not _under_way(connection):
        return {}
    found = connection.execute(f"SELECT * FROM ({OPEN}) WHERE seen_since").fetchall()
    shown = [row for row in found if not row[8]]
    denied = [row for row in found if row[8] and row[6] == "acknowledged"]
    events = [Event("push.outcome", row[0], {"state": "confirmed"}) for row in shown]
    events += [Event("push.outcome", row[0], {"state": "unconfirmed"}) for row in denied]
    lines = _still_said(connection, [row[0] for row in denied])
    events += [opening(_unconfirmed(*line)) for line in lines]
    journal.append(events)
    confirmed = connection.execute(
        "SELECT count(*) FROM journal.push WHERE list_contains(?, push_id)", [[row[0] for row in shown]]
    ).fetchone()[0]
    projection.load(connection, journal)
    return {name: count for name, count in (("confirmed", confirmed), ("unconfirmed", len(lines))) if count}


def settle(
    connection: duckdb.DuckDBPyConnection, journal: Journal, system: System, connector: Connector, worker: str = lease.WORKER
) -> dict[str, int]:
    """Look for the creates in doubt of one system: adopt what is there, free what is not; returns how many of each.

    An update in doubt needs no look of its own: the next snapshot shows whether it arrived, and its precondition guards the rest.
    What another worker has leased is under way, and nobody else's to settle.
    """
    projection.load(connection, journal)
    if not _under_way(connection):
        return {}
    rows = connection.execute(
        f"""
      SELECT * FROM ({OPEN}) WHERE system = ? AND state IN ('intended', 'in_doubt') AND still_due AND push_id NOT IN (
        SELECT p.push_id FROM journal.push AS p JOIN journal.lease AS l ON l.line_id = p.line_id WHERE list_contains(?, l.worker) AND l.until > ?)""",
        [system.system, lease.others(connection, worker), datetime.now(UTC).replace(tzinfo=None)],
    ).fetchall()
    counts: dict[str, int] = {}
    for push_id, _, name, hub_id, _, action, _, intended_at, _, seen_since in rows:
        each = system.objects[name]
        if action == "update":
            state, record_id = ("not_sent", None) if seen_since else (None, None)
        elif datetime.now(UTC).replace(tzinfo=None) < intended_at + timedelta(seconds=each.write.settles_in_seconds):
            state, record_id = None, None
        else:
            ids = connector.find(each, [hub_id]).get(hub_id, [])
            state, record_id = {0: "not_sent", 1: "acknowledged"}.get(len(ids), "ambiguous"), ids[0] if len(ids) == 1 else None
            if len(ids) > 1:
                about = f"{system.system} {name} {hub_id} create"
                journal.append(
                    [
                        opening(
                            Trouble(
                                "ambiguous",
                                about,
                                f"{about}: {len(ids)} records carry {hub_id}: {', '.join(ids)}; merge them there, then `hub replay`",
                                system.system,
                            )
                        )
                    ]
                )
        if state:
            journal.append([Event("push.outcome", push_id, {"state": state, "record_id": record_id, "message": "settled by looking"})])
            counts[state] = counts.get(state, 0) + 1
    projection.load(connection, journal)
    return counts


def _under_way(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether anything is: mostly nothing, and `OPEN` reads much to find that out."""
    under_way = f"SELECT 1 FROM journal.push WHERE state IN {projection.UNDER_WAY} LIMIT 1"
    return connection.execute(under_way).fetchone() is not None


def _still_said(connection: duckdb.DuckDBPyConnection, push_ids: list[str]) -> list[tuple]:
    """The lines of these pushes: system, object, record, field, and what the system still says."""
    return connection.execute(
        """
      SELECT DISTINCT p.system, p.object, coalesce(d.record_id, p.hub_id), coalesce(d.field, 'create'), d.base
      FROM journal.push AS p
      LEFT JOIN outbound.delta AS d ON d.line_id = p.line_id  -- absent: a create whose values are others by now
      WHERE list_contains(?, p.push_id)""",
        [push_ids],
    ).fetchall()


def _unconfirmed(system: str, name: str, record: str, field: str, base: str | None) -> Trouble:
    about = f"{system} {name} {record} {field}"
    return Trouble(
        "unconfirmed",
        about,
        f"{about}: the system acknowledged the write, and still says {base}; see what changes it there, then `hub replay`",
        system,
    )
