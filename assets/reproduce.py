"""Computes again what was sent: from the snapshots and the journal as they were when the plan was sealed, byte for byte."""

import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path

import duckdb

from assets import rewind
from hub import journal_values, store
from hub.errors import ConfigurationWrong, Refused
from hub.firm import Firm
from hub.journal import Journal
from hub.journal_event import UNFOLDED
from reconcile.correction import Correction, body_of, payload_of
from reconcile.plan import Line

ALWAYS = datetime(9999, 12, 31, tzinfo=UTC)  # a row counts however far ahead its system's clock is: it was read

# Pushes, and when the newest of their lines was sealed before them: the hub was then as it was when they were planned.
PUSHES = f"""
WITH sealed AS (
  SELECT seq, "at", subject AS plan, line ->> 'line_id' AS line_id
  FROM (SELECT seq, "at", subject, unnest(from_json(body::JSON -> 'lines', '["JSON"]')) AS line FROM events WHERE kind = 'plan.sealed')
), push AS (
  SELECT seq, subject AS push_id, body ->> 'system' AS system, body ->> 'object' AS object, body ->> 'payload' AS payload,
    from_json(body::JSON -> 'lines', '["VARCHAR"]') AS lines
  FROM ({UNFOLDED.format(said="events", more=", seq, kind")}) WHERE kind = 'push.intended'
), about AS (
  SELECT p.seq, p.push_id, max(s."at") AS sealed_at, arg_max(s.plan, s.seq) AS plan
  FROM (SELECT seq, push_id, unnest(lines) AS line_id FROM push) AS p JOIN sealed AS s ON s.line_id = p.line_id AND s.seq < p.seq GROUP BY p.seq, p.push_id
)
SELECT p.push_id, a.plan, p.system, p.object, p.payload, p.lines, a.sealed_at FROM push AS p
LEFT JOIN about AS a ON a.seq = p.seq AND a.push_id = p.push_id  -- absent: its plan was not sealed
WHERE $about = '' OR p.push_id = $about OR a.plan = $about
ORDER BY a.sealed_at, p.seq, p.push_id"""
NEEDED = ", ".join(name for name in Line._fields if name not in Line._field_defaults)  # what else a line has is the plan's word on it
LINES = f"SELECT {NEEDED} FROM outbound.delta WHERE list_contains(?, line_id)"


@dataclass(frozen=True)
class Reproduced:
    """A push, and whether its payload comes out again: equal, differs, erased, or not known, with the reason."""

    push_id: str
    plan: str | None
    system: str
    object: str
    state: str
    says: str = ""


def verify(firm: Firm, journal: Journal, about: str = "") -> list[Reproduced]:
    """What becomes of each payload that was sent, in the order in which the plans were sealed.

    about  a push, or the hash of a plan; all by default

    Raises Refused when nothing was pushed of it.
    """
    pushes = _pushes(journal, about)
    if not pushes:
        raise Refused(f"nothing was pushed{f' of {about}' if about else ' yet'}; see `hub trace` for the pushes of a record")
    return [each for at, group in groupby(pushes, key=lambda push: push[-1]) for each in _of_moment(firm, at, list(group))]


def _pushes(journal: Journal, about: str) -> list[tuple]:
    events = journal.table()  # noqa: F841, DuckDB reads it by its name
    with store.connect() as connection:
        return connection.execute(PUSHES, {"about": about}).fetchall()


def _of_moment(firm: Firm, at: datetime | None, pushes: list[tuple]) -> Iterator[Reproduced]:
    """The pushes whose lines were sealed at a moment, against the hub of that moment."""
    if at is None:
        yield from (Reproduced(*push[:4], "not known", "its plan was not sealed in the journal") for push in pushes)
        return
    with tempfile.TemporaryDirectory(dir=firm.state, prefix=".replay-") as folder:
        then = rewind.build(firm, Path(folder) / "then", ALWAYS, at.replace(tzinfo=UTC))
        with store.connect(then.hub_file, read_only=True) as connection:
            lines = _lines(connection, [line for push in pushes for line in push[5]])
        for push in pushes:
            yield Reproduced(*push[:4], *_compared(then, push, lines))


def _lines(connection: duckdb.DuckDBPyConnection, line_ids: list[str]) -> dict[str, Line]:
    return {row[0]: Line(*row) for row in connection.execute(LINES, [line_ids]).fetchall()}


def _compared(then: Firm, push: tuple, lines: dict[str, Line]) -> tuple[str, str]:
    """(state, reason) of one push."""
    push_id, _, system, name, sent, line_ids, _ = push
    if sent is None:
        return "not known", "it was journaled without its payload, by an earlier version"
    if sent == journal_values.ERASED:
        return "erased", "its values were erased"
    if missing := [line_id for line_id in line_ids if line_id not in lines]:
        return "differs", f"from the snapshots that there are, line {missing[0]} does not come out"
    member = then.systems.get(system)
    if not member or name not in member.system.objects:
        return "differs", f"under the rules of then, {system} has no {name}"
    correction = Correction(push_id, tuple(lines[line_id] for line_id in line_ids))
    try:
        again = payload_of(body_of(member.system, member.system.objects[name], correction))
    except ConfigurationWrong as wrong:
        return "differs", str(wrong)
    return (
        ("equal", "")
        if again == sent
        else ("differs", f"{len(sent)} bytes were sent, and {len(again)} other ones come out: {_first(sent, again)}")
    )


def _first(sent: str, again: str) -> str:
    """The names of the fields that differ; not their values."""
    one, other = json.loads(sent), json.loads(again)
    return (
        ", ".join(sorted(name for name in {*one, *other} if name not in one or name not in other or one[name] != other[name]))
        or "their order"
    )
