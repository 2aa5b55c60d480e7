"""Work for a person: opened when something needs one, closed when it is over. Journaled, so that age survives a rebuild."""

from dataclasses import dataclass

import duckdb

from hub import projection
from hub.journal import Event, Journal
from hub.past import HELD


@dataclass(frozen=True)
class Trouble:
    """Something that a person has to look into. `id` is stable: the same trouble tomorrow is the same exception.

    kind   contract, unreachable, quarantine, unmapped, refused, rejected, unseen, in_doubt, dead_letter, unconfirmed
    about  the record or object
    owner  who looks into it
    """

    kind: str
    about: str
    message: str
    owner: str

    @property
    def id(self) -> str:
        return f"{self.kind}:{self.about}"


def settle(
    connection: duckdb.DuckDBPyConnection, journal: Journal, scope: str, kinds: tuple[str, ...], found: list[Trouble]
) -> tuple[int, int]:
    """Open what is new, close what is over; returns how many of each.

    scope  prefix of `about` that was looked at: only its exceptions can be over
    kinds  the kinds of trouble that were looked for
    """
    projection.load(connection, journal)
    rows = connection.execute(
        "SELECT id, message FROM journal.exception WHERE starts_with(subject, ?) AND list_contains(?, kind)", [scope, list(kinds)]
    ).fetchall()
    before, now = dict(rows), {trouble.id: trouble for trouble in found}
    opened = [trouble for key, trouble in now.items() if before.get(key) != trouble.message]
    closed = sorted(before.keys() - now.keys())
    if journal.append([opening(trouble) for trouble in opened] + [Event("exception.closed", key, {}) for key in closed]):
        projection.load(connection, journal)
    return len(opened), len(closed)


# Exceptions about a line of the plan that nothing asks for any more: the two sides agree by now. A record in quarantine shows nothing.
OVER = f"""
SELECT e.id FROM journal.exception AS e
WHERE e.kind IN {HELD}
  AND e.subject NOT IN (SELECT concat_ws(' ', system, object, coalesce(record_id, hub_id), coalesce(field, 'create')) FROM outbound.delta)
  AND NOT EXISTS (SELECT 1 FROM capture.quarantine AS q WHERE starts_with(e.subject, concat_ws(' ', q.system, q.object, q.record_id) || ' '))
  AND (SELECT max(s.taken_at)::TIMESTAMPTZ FROM capture.snapshot AS s WHERE starts_with(e.subject, concat_ws(' ', s.system, s.object) || ' ')) > e.opened_at::TIMESTAMPTZ
ORDER BY e.id
"""


def close_over(connection: duckdb.DuckDBPyConnection, journal: Journal) -> int:
    """Close what a newer read shows to be settled without us; returns how many."""
    projection.load(connection, journal)
    over = [key for (key,) in connection.execute(OVER).fetchall()]
    if journal.append([Event("exception.closed", key, {"because": "nothing differs there any more"}) for key in over]):
        projection.load(connection, journal)
    return len(over)


def opening(trouble: Trouble) -> Event:
    return Event(
        "exception.opened", trouble.id, {"kind": trouble.kind, "about": trouble.about, "message": trouble.message, "owner": trouble.owner}
    )
