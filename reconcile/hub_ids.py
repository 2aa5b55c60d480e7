"""What a hub id stood for, and stands for: every id that was ever issued resolves, for any date."""

from dataclasses import dataclass
from datetime import UTC, datetime

import duckdb

from hub import entity
from hub.errors import Refused
from reconcile import ties

# Each record's tie as of a moment. Documents are tied by their own number, so their ties have no history and hold at any time.
TIES = """
WITH ever AS (
  SELECT f.record_ref, f.hub_id, f.seq, e.happened_at FROM journal.former AS f JOIN journal.event AS e ON e.seq = f.seq
), until AS (
  SELECT * FROM ever WHERE happened_at < $at
), stood AS (
  SELECT record_ref, hub_id FROM until QUALIFY row_number() OVER (PARTITION BY record_ref ORDER BY seq DESC) = 1
  UNION ALL SELECT record_ref, hub_id FROM journal.crossref WHERE record_ref NOT IN (SELECT record_ref FROM ever)
)
"""
HELD = TIES + "SELECT record_ref FROM stood WHERE hub_id = $id ORDER BY record_ref"
# The records that left the id last: where most of them were by then.
MOVED = (
    TIES
    + """
, left_last AS (
  SELECT record_ref FROM until WHERE hub_id = $id
)
SELECT s.hub_id FROM stood AS s SEMI JOIN left_last AS l ON l.record_ref = s.record_ref
GROUP BY s.hub_id ORDER BY count(*) DESC, s.hub_id LIMIT 1"""
)
SPAN = TIES + "SELECT min(happened_at), min(happened_at) FILTER (WHERE happened_at < $at) FROM ever WHERE hub_id = $id"


@dataclass(frozen=True)
class Resolved:
    """What an id stood for at a moment.

    hub_id     as asked
    now        the id that held its records then: itself, or the one that it was merged into
    records    record_refs of `now` then
    issued_at  when the id was first given; None for a document, whose id follows from its number
    """

    hub_id: str
    now: str
    records: list[str]
    issued_at: datetime | None


def present(connection: duckdb.DuckDBPyConnection, hub_id: str) -> str:
    """The id that holds the records of a hub id today; itself when it was never issued."""
    try:
        return resolve(connection, hub_id, datetime.now(UTC).replace(tzinfo=None)).now
    except Refused:
        return hub_id


def resolve(connection: duckdb.DuckDBPyConnection, hub_id: str, at: datetime) -> Resolved:
    """What a hub id stood for at a moment (UTC). Raises Refused for an id that was never issued, or not yet."""
    values = {"id": hub_id, "at": at}
    issued, by_then = connection.execute(SPAN, values).fetchone()
    records = [ref for (ref,) in connection.execute(HELD, values).fetchall()]
    if records:
        return Resolved(hub_id, hub_id, records, issued)
    if issued is None and (now := _instead(connection, hub_id)):
        return Resolved(hub_id, now, [ref for (ref,) in connection.execute(HELD, values | {"id": now}).fetchall()], None)
    if issued is None:
        raise Refused(f"{hub_id} was never issued; see `hub status` for the kinds of ids there are")
    if by_then is None:
        raise Refused(f"{hub_id} was issued on {issued:%Y-%m-%d %H:%M} UTC, after the moment asked for; ask for a later one")
    (now,) = connection.execute(MOVED, values).fetchone()
    return Resolved(hub_id, now, [ref for (ref,) in connection.execute(HELD, values | {"id": now}).fetchall()], issued)


def _instead(connection: duckdb.DuckDBPyConnection, hub_id: str) -> str | None:
    """The id that documents bear whose number gives this one: a steward said that they are one with others."""
    prefix = hub_id.rpartition("-")[0]
    held = {
        name
        for (name,) in connection.execute("SELECT table_name FROM information_schema.tables WHERE table_schema = 'canonical'").fetchall()
    }
    for name, known in entity.all_entities().items():
        if name in held and prefix == (known.prefix or name):
            row = connection.execute(
                f"SELECT x.hub_id FROM canonical.{name} AS c JOIN journal.crossref AS x ON x.record_ref = c.record_ref WHERE {ties.derived_id(known)} = ? LIMIT 1",
                [hub_id],
            ).fetchone()
            return row and row[0]
    return None
