"""What the journal says of plan lines: how they stand sealed, who consented, and what became of them. Read from its newest event back."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
import sqlalchemy as sa

from hub import journal_event, journal_values
from hub.journal_event import Event
from hub.journal_tables import event, kept

UNDER_WAY = ("intended", "in_doubt", "acknowledged")
HELD = ("refused", "rejected", "unconfirmed", "dead_letter", "ambiguous")  # exceptions that hold a line of the plan
TELLING = ("push.intended", "push.outcome", "exception.opened")  # kinds of events that say what became of lines
PAGE = 16  # events of up to a thousand lines
REMEMBERED = 64
Line = dict[str, Any]


@dataclass(frozen=True)
class Approval:
    """Consent to a line: a person's, or that of a policy with its version."""

    seq: int
    at_us: int
    actor: str
    policy: str | None


@dataclass(frozen=True)
class Named:
    """The lines that an event names, {id: as it was sealed}; those that left the plan with it; the policy that consented."""

    lines: dict[str, Line]
    gone: frozenset[str]
    policy: str | None


def last(connection: sa.Connection, kind: str) -> dict[str, Any] | None:
    """The body of the newest event of a kind."""
    body = connection.execute(sa.select(event.c.body).where(event.c.kind == kind).order_by(event.c.seq.desc()).limit(1)).scalar()
    return None if body is None else orjson.loads(body)


class Past:
    """What was sealed and consented to. Events that were read once are remembered: a push asks for them with each of its batches."""

    def __init__(self):
        self._read: dict[str, Named] = {}

    def sealed(self, connection: sa.Connection, line_ids: Collection[str]) -> dict[str, Line]:
        """Those of these lines that stand in the plan, as they were sealed last."""
        found, waiting = {}, set(line_ids)
        for row in _back(connection, ("plan.sealed",)):
            named = self._named(connection, row)
            found |= {line_id: named.lines[line_id] for line_id in waiting & named.lines.keys()}
            if not (waiting := waiting - named.lines.keys() - named.gone):
                break
        return found

    def approvals(self, connection: sa.Connection, lines: Mapping[str, Line]) -> dict[str, list[Approval]]:
        """Consent to sealed lines, newest first: what was given since it was taken back, and since the line last left a plan.

        No more of it than a line needs: so many persons' as it has `eyes`.
        """
        found: dict[str, list[Approval]] = {line_id: [] for line_id in lines}
        waiting = set(lines)
        for row in _back(connection, ("plan.approved", "plan.withdrawn", "plan.sealed")):
            named = self._named(connection, row)
            if row.kind == "plan.approved":
                given, consented = Approval(row.seq, row.at_us, row.actor, named.policy), waiting & named.lines.keys()
                for line_id in consented:
                    found[line_id].append(given)
                over = {each for each in consented if len(found[each]) >= lines[each].get("eyes", 1)}
            else:
                over = named.gone if row.kind == "plan.sealed" else named.lines.keys()
            if not (waiting := waiting - over):
                break
        return found

    def _named(self, connection: sa.Connection, row: sa.Row) -> "Named":
        if row.hash not in self._read:
            if len(self._read) >= REMEMBERED:
                self._read.pop(next(iter(self._read)))
            self._read[row.hash] = _named(_body(connection, row.seq))
        return self._read[row.hash]


class Sent:
    """What became of lines, followed from an event on: each event is read once.

    way      {line id: its push}, of pushes that have no end yet
    done     {line id: seq of the confirmation of its push}
    stopped  {what exceptions call a line: seq of the last one}
    """

    def __init__(self):
        self._from, self._to = 0, 0
        self._clear()

    def _clear(self) -> None:
        self.way: dict[str, str] = {}
        self.done: dict[str, int] = {}
        self.stopped: dict[str, int] = {}
        self._lines: dict[str, list[str]] = {}

    def follow(self, connection: sa.Connection, after: int, head: int) -> None:
        """Be up to date with all events behind `after`, at least; `head` is the last there is."""
        if not self._from or after < self._from:
            self._clear()
            self._from = self._to = after
        if self._to < head:
            query = sa.select(event.c.seq, event.c.kind, event.c.subject, event.c.body)
            for row in connection.execute(query.where(event.c.kind.in_(TELLING), event.c.seq > self._to).order_by(event.c.seq)):
                for subject, body in journal_event.unfolded(row.subject, orjson.loads(row.body)):
                    self._take(row.seq, row.kind, subject, body)
            self._to = head

    def note(self, recorded: Sequence[Event]) -> None:
        """Take events that were just recorded, when they follow what is known."""
        if self._from and recorded and recorded[0].seq == self._to + 1:
            for each in recorded:
                if each.kind in TELLING:
                    self._take(each.seq, each.kind, each.subject, each.body)
            self._to = recorded[-1].seq

    def _take(self, seq: int, kind: str, subject: str, body: dict[str, Any]) -> None:
        if kind == "push.intended":
            self._lines[subject] = body["lines"]
            self.way |= dict.fromkeys(body["lines"], subject)
        elif kind == "exception.opened":
            self.stopped |= {body["about"]: seq} if body["kind"] in HELD else {}
        elif body["state"] not in UNDER_WAY:
            for line_id in self._lines.get(subject, ()):
                self.way.pop(line_id, None)
                self.done |= {line_id: seq} if body["state"] == "confirmed" else {}


def _back(connection: sa.Connection, kinds: Collection[str]) -> Iterator[sa.Row]:
    query = sa.select(event.c.seq, event.c.kind, event.c.at_us, event.c.actor, event.c.hash).where(event.c.kind.in_(kinds))
    before = None
    while page := connection.execute(
        query.where(event.c.seq < before if before else sa.true()).order_by(event.c.seq.desc()).limit(PAGE)
    ).all():
        yield from page
        before = page[-1].seq


def _body(connection: sa.Connection, seq: int) -> str:
    text = connection.execute(sa.select(event.c.body).where(event.c.seq == seq)).scalar()
    found = connection.execute(sa.select(kept.c.digest, kept.c.salt, kept.c.said).where(kept.c.seq == seq))
    return journal_values.put_back(text, {digest: (salt, said) for digest, salt, said in found})


def _named(text: str) -> "Named":
    body = orjson.loads(text)
    lines = (
        {each["line_id"]: each for each in body["lines"]}
        if body["lines"] and isinstance(body["lines"][0], dict)
        else dict.fromkeys(body["lines"], {})
    )
    return Named(lines, frozenset(body.get("gone", ())), body.get("policy"))
