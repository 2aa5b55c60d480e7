"""Leases: of two workers, whatever machines and hub files they have, never do both push a line.

A lease is an event of the journal that they share, so the journal's order says who was first. What a worker that died had
leased is free again when its time is up: that is so when a later lease bears a time after its end, and both workers read
that from the same two events, whatever their own clocks say. On its own machine a dead worker is known by its process.
"""

import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import duckdb

from hub import projection
from hub.journal import Event, Journal
from reconcile.correction import Correction

log = logging.getLogger(__name__)
WORKER = f"{socket.gethostname()}:{os.getpid()}"
LASTS = timedelta(minutes=15)  # longer than a batch takes whose every answer is slow

# The lines that another worker leased before us and still holds, or that were sent since the plan was read.
TAKEN = f"""
SELECT t.line_id FROM (SELECT unnest($lines) AS line_id) AS t
WHERE EXISTS (SELECT 1 FROM journal.push AS p WHERE p.line_id = t.line_id AND (p.seq > $since OR p.state IN {projection.UNDER_WAY}))
  OR EXISTS (SELECT 1 FROM journal.lease AS l WHERE l.line_id = t.line_id AND list_contains($others, l.worker) AND l.until > $at AND l.seq < $mine)"""
# Whether others lease lines of this journal at all.
SHARED = "SELECT 1 FROM journal.lease WHERE worker <> ? LIMIT 1"
NOT_DUE = "SELECT t.line_id FROM (SELECT unnest(?) AS line_id) AS t WHERE t.line_id NOT IN (SELECT line_id FROM work.plan_line WHERE status = 'approved')"


@dataclass(frozen=True)
class Held:
    """Corrections that one worker alone may push, and the event that says so."""

    corrections: list[Correction]
    leased: Event


@contextmanager
def held(connection: duckdb.DuckDBPyConnection, journal: Journal, worker: str, batch: list[Correction], since: int) -> Iterator[Held]:
    """Those of the corrections that this worker alone may push, while the `with` block lasts.

    since  how far the journal was known when the plan that they are of was read
    """
    lines = _lines(batch)
    (leased,) = journal.append([Event("push.leased", batch[0].first.system, {"lines": lines, "until": datetime.now(UTC) + LASTS}, worker)])
    taken = _taken(connection, journal, leased, since)
    if taken:
        log.info("%s: %d lines are being pushed by another worker, or were", batch[0].first.system, len(taken))
    try:
        yield Held([correction for correction in batch if not taken & {line.line_id for line in correction.lines}], leased)
    finally:
        journal.append([Event("push.released", leased.subject, {"lines": lines}, worker)])


def lost(journal: Journal, held: Held) -> set[str]:
    """The push ids that another worker has taken over since, as the lease was over. Asked after the intent: so one of the two sees the other's."""
    until = datetime.fromisoformat(held.leased.body["until"])
    later = (each for each in journal.events(held.leased.seq, {"push.leased"}) if each.actor != held.leased.actor and each.at >= until)
    theirs = {line_id for each in later for line_id in each.body["lines"]}
    return {correction.push_id for correction in held.corrections if theirs & {line.line_id for line in correction.lines}}


def _taken(connection: duckdb.DuckDBPyConnection, journal: Journal, leased: Event, since: int) -> set[str]:
    """The leased lines that are another worker's, or due no longer."""
    lines, worker = leased.body["lines"], leased.actor
    own = {("push.intended", "hub"), ("push.outcome", "hub"), ("push.leased", worker), ("push.released", worker)}
    # What this worker itself has pushed since the plan was read is of other lines: the hub need not know it yet. Another one leases
    # before it pushes, and may have leased before the plan was read.
    if not (journal.told(since) - own or connection.execute(SHARED, [worker]).fetchone()):
        return set()
    projection.load(connection, journal)
    known = {"others": others(connection, worker), "at": leased.at.replace(tzinfo=None), "mine": leased.seq, "since": since}
    rows = connection.execute(TAKEN, {"lines": lines, **known}).fetchall() + connection.execute(NOT_DUE, [lines]).fetchall()
    return {line_id for (line_id,) in rows}


def others(connection: duckdb.DuckDBPyConnection, worker: str) -> list[str]:
    """The other workers that hold leases, without those known to be dead."""
    rows = connection.execute("SELECT DISTINCT worker FROM journal.lease WHERE worker <> ? ORDER BY worker", [worker]).fetchall()
    return [name for (name,) in rows if not _is_dead(name)]


def _is_dead(worker: str) -> bool:
    """Whether a worker was a process of this machine that is no longer there."""
    host, _, process = worker.rpartition(":")
    if host != socket.gethostname():
        return False
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return True
    except PermissionError:  # there, and somebody else's
        return False
    return False


def _lines(batch: list[Correction]) -> list[str]:
    return [line.line_id for correction in batch for line in correction.lines]
