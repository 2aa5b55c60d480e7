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
# Whether anything but this worker's own pushing is in the journal since the plan was read: then a line may be due no longer.
STIRRED = """
SELECT 1 FROM journal.event WHERE seq > ?
  AND NOT (kind IN ('push.intended', 'push.outcome') OR kind IN ('push.leased', 'push.released') AND actor = ?) LIMIT 1"""
NOT_DUE = "SELECT t.line_id FROM (SELECT unnest(?) AS line_id) AS t WHERE t.line_id NOT IN (SELECT line_id FROM work.plan_line WHERE status = 'approved')"
# The lines that another worker leased after ours was over.
LOST = """
SELECT DISTINCT l.line_id FROM journal.lease AS l JOIN journal.lease AS o ON o.line_id = l.line_id AND o.seq > l.seq AND o.leased_at >= l.until
WHERE list_contains(?, l.line_id) AND l.worker = ? AND o.worker <> l.worker
  AND l.seq = (SELECT max(m.seq) FROM journal.lease AS m WHERE m.line_id = l.line_id AND m.worker = l.worker)"""


@contextmanager
def held(
    connection: duckdb.DuckDBPyConnection, journal: Journal, worker: str, batch: list[Correction], since: int
) -> Iterator[list[Correction]]:
    """Those of the corrections that this worker alone may push, while the `with` block lasts.

    since  how far the journal was known when the plan that they are of was read
    """
    lines = _lines(batch)
    if not lines:
        yield []
        return
    (leased,) = journal.append([Event("push.leased", batch[0].first.system, {"lines": lines, "until": datetime.now(UTC) + LASTS}, worker)])
    projection.load(connection, journal)
    known = {"others": others(connection, worker), "at": leased.at.replace(tzinfo=None), "mine": leased.seq, "since": since}
    rows = connection.execute(TAKEN, {"lines": lines, **known}).fetchall()
    if connection.execute(STIRRED, [since, worker]).fetchone():
        rows += connection.execute(NOT_DUE, [lines]).fetchall()
    taken = {line_id for (line_id,) in rows}
    if taken:
        log.info("%s: %d lines are being pushed by another worker, or were", batch[0].first.system, len(taken))
    try:
        yield [correction for correction in batch if not taken & {line.line_id for line in correction.lines}]
    finally:
        journal.append([Event("push.released", leased.subject, {"lines": lines}, worker)])


def lost(connection: duckdb.DuckDBPyConnection, journal: Journal, worker: str, batch: list[Correction]) -> set[str]:
    """The push ids that another worker has taken over from this one. Asked after the intent: so one of the two sees the other's."""
    projection.load(connection, journal)
    found = {line_id for (line_id,) in connection.execute(LOST, [_lines(batch), worker]).fetchall()}
    return {correction.push_id for correction in batch if found & {line.line_id for line in correction.lines}}


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
