"""What became of pushes: confirmed by a later snapshot, settled by looking, or work for a person. Never sent again blindly."""

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby

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
LOOKED = "settled by looking"


@dataclass(frozen=True)
class Doubt:
    """A write whose fate is unknown. seen_since: its object was read after the last news of it, this record too."""

    system: str
    push_id: str
    object: str
    hub_id: str
    action: str
    intended_at: datetime
    seen_since: bool


def confirm(connection: duckdb.DuckDBPyConnection, journal: Journal) -> dict[str, int]:
    """Finish the pushes that a later snapshot shows, whatever answer they had; returns how many lines are confirmed or not.

    An acknowledged push that a later snapshot does not show becomes an exception: the system said yes and did otherwise.
    """
    projection.load(connection, journal)
    if not _under_way(connection):
        return {}
    rows = connection.execute(f"SELECT push_id, state, still_due FROM ({OPEN}) WHERE seen_since").fetchall()
    shown = [push_id for push_id, _, still_due in rows if not still_due]
    denied = [push_id for push_id, state, still_due in rows if still_due and state == "acknowledged"]
    ends = dict.fromkeys(shown, "confirmed") | dict.fromkeys(denied, "unconfirmed")
    lines = _still_said(connection, denied)
    journal.append(
        [Event("push.outcome", push_id, {"state": state}) for push_id, state in ends.items()]
        + [opening(_unconfirmed(*line)) for line in lines]
    )
    (confirmed,) = connection.execute("SELECT count(*) FROM journal.push WHERE list_contains(?, push_id)", [shown]).fetchone()
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
    doubts = _in_doubt(connection, system, worker)
    ends = {each: [] for each in doubts if each.action == "update" and each.seen_since} | _found(system, connector, doubts)
    states = {each: _end(ids) for each, ids in ends.items()}
    several = [opening(_ambiguous(each, ends[each])) for each, (state, _) in states.items() if state == "ambiguous"]
    journal.append(
        [Event("push.outcome", each.push_id, {"state": state, "record_id": of, "message": LOOKED}) for each, (state, of) in states.items()]
        + several
    )
    projection.load(connection, journal)
    return dict(Counter(state for state, _ in states.values()))


def _in_doubt(connection: duckdb.DuckDBPyConnection, system: System, worker: str) -> list[Doubt]:
    """Writes of which no answer tells what became of them, and that would still be due."""
    rows = connection.execute(
        f"""
      SELECT push_id, object, hub_id, action, intended_at, seen_since FROM ({OPEN})
      WHERE system = ? AND state IN ('intended', 'in_doubt') AND still_due AND push_id NOT IN (
        SELECT p.push_id FROM journal.push AS p JOIN journal.lease AS l ON l.line_id = p.line_id WHERE list_contains(?, l.worker) AND l.until > ?)""",
        [system.system, lease.others(connection, worker), _now()],
    ).fetchall()
    return [Doubt(system.system, *row) for row in rows]


def _found(system: System, connector: Connector, doubts: list[Doubt]) -> dict[Doubt, list[str]]:
    """The records that are there of each create, once its system has had the time to find it."""
    found: dict[Doubt, list[str]] = {}
    creates = sorted((each for each in doubts if each.action == "create"), key=lambda each: each.object)
    for name, group in groupby(creates, lambda each: each.object):
        settles = timedelta(seconds=system.objects[name].write.settles_in_seconds)
        if due := [each for each in group if _now() >= each.intended_at + settles]:
            there = connector.find(system.objects[name], [each.hub_id for each in due])
            found |= {each: there.get(each.hub_id, []) for each in due}
    return found


def _end(record_ids: list[str]) -> tuple[str, str | None]:
    """What became of a write of which so many records are there, and the one that it made."""
    if not record_ids:
        return "not_sent", None
    return ("acknowledged", record_ids[0]) if len(record_ids) == 1 else ("ambiguous", None)


def _ambiguous(doubt: Doubt, record_ids: list[str]) -> Trouble:
    about = f"{doubt.system} {doubt.object} {doubt.hub_id} create"
    says = f"{about}: {len(record_ids)} records carry {doubt.hub_id}: {', '.join(record_ids)}; merge them there, then `hub replay`"
    return Trouble("ambiguous", about, says, doubt.system)


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)


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
