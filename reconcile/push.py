"""Pushes approved lines to one system: intent journaled, precondition checked, sent once, outcome journaled."""

import logging
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import groupby

import duckdb

from hub import projection
from hub.journal import Event, Journal
from hub.mapping import Object, System
from hub.systems.connector import Connector, Outcome
from reconcile import already, behind, in_force, lease, plan, precondition
from reconcile.correction import Correction, Refusal, corrections_of, intent, writes_of
from reconcile.exceptions import Trouble, opening, settle
from reconcile.lease import Held
from reconcile.plan import Line

log = logging.getLogger(__name__)
SENT_AT_ONCE = 200  # writes between two journal entries: a crash can leave two such batches in doubt
BATCHES_AT_ONCE = 5  # or so many of the system's own batches, when they hold more
UNSEEN = "SELECT 1 FROM journal.exception WHERE kind = 'unseen' AND starts_with(subject, ?) LIMIT 1"
PATIENCE = 3  # attempts that came to nothing, before a person is asked


@dataclass(frozen=True)
class Way:
    """Where corrections go, from what, and in whose name. since: how far the journal was known when the plan was read."""

    connection: duckdb.DuckDBPyConnection
    journal: Journal
    system: System
    connector: Connector
    worker: str = lease.WORKER
    since: int = 0
    counts: Counter[str] = field(default_factory=Counter)  # lines by the end that they came to
    unseen: list[Trouble] = field(default_factory=list)


def push(
    connection: duckdb.DuckDBPyConnection, journal: Journal, system: System, connector: Connector, worker: str = lease.WORKER
) -> dict[str, int]:
    """Send every approved line of a system; returns how many lines came to which end.

    worker  who pushes: a line that another has leased is left to it

    A line whose field moved since the snapshot is refused and becomes an exception: the person's value stays.
    """
    projection.load(connection, journal)
    plan.lay(connection)
    (since,) = connection.execute("SELECT coalesce(max(seq), 0) FROM journal.event").fetchone()
    approved = plan.approved(connection, system.system)
    if approved and not in_force.is_open(journal, system.role):
        log.info("%s: %d lines wait for the hours at which it may be written to", system.system, len(approved))
        return {"waiting": len(approved)}
    way = Way(connection, journal, system, connector, worker, since)
    for name, lines in groupby(approved, key=lambda line: line.object):
        _push_object(way, system.objects[name], list(lines))
    if way.unseen or connection.execute(UNSEEN, [f"{system.system} "]).fetchone():
        settle(connection, journal, f"{system.system} ", ("unseen",), way.unseen)
    return dict(way.counts)


def _push_object(way: Way, each: Object, lines: list[Line]) -> None:
    corrections = _without_waiting(way, each, corrections_of(lines))
    size = max(SENT_AT_ONCE, BATCHES_AT_ONCE * each.write.batch)
    with ExitStack() as leases, behind.one_behind(way.system.limits.get("in_flight") == 1) as go:
        for at in range(0, len(corrections), size):
            batch = corrections[at : at + size]
            push_batch(way, each, leases.enter_context(lease.held(way.connection, way.journal, way.worker, batch, way.since)), go)


def push_batch(way: Way, each: Object, held: Held, go: behind.Go = behind.at_once) -> None:
    """Send corrections of one object that this worker alone may push; `go` sends."""
    batch = held.corrections
    fields = precondition.stood_on(each, batch)
    seen = way.connector.look(each, [correction.first.record_id for correction in batch if correction.first.record_id], fields)
    moved = precondition.moved_fields(way.connection, way.system, each, seen, fields)
    precondition.doubt_snapshot(way.connection, way.system, each, moved)
    if met := already.there(way.connection, way.system, each, batch, moved):
        way.counts["already there"] += len(met)
        batch = already.without(batch, met)
    kept, refusals = precondition.unmoved(batch, seen, moved, each)
    writes, unwritable = writes_of(way.system, each, kept, seen)
    way.journal.append([opening(_refused(refusal)) for refusal in refusals + unwritable if not refusal.unseen])
    way.unseen.extend(_unseen(refusal) for refusal in refusals if refusal.unseen)
    if refused := len(refusals) + len(unwritable):
        way.counts["refused"] += refused
    if writes:
        # The intent is on disk before anything leaves: a crash in between leaves a push in doubt, never one forgotten.
        way.journal.append([intent(correction) for correction in kept])
        lost = lease.lost(way.journal, Held(kept, held.leased))
        mine = [write for write in writes if write.key not in lost]
        go(lambda: way.connector.write(each, mine), lambda outcomes: _ended(way, kept, outcomes))


def _without_waiting(way: Way, each: Object, corrections: list[Correction]) -> list[Correction]:
    """Without what has to wait for the next plan, which knows more: records that were read since this one, and the creates, while records
    are there that nobody looked at, or that this plan knows nothing of yet: what is to be created may be among them.
    """
    unread = precondition.unread(way.connection, way.system, each)
    kept = [correction for correction in corrections if correction.first.record_id not in unread]
    creates = any(correction.first.action == "create" for correction in kept)
    if creates and (unread or precondition.newcomers(way.connection, way.system, each, way.connector)):
        kept = [correction for correction in kept if correction.first.action != "create"]
    if waiting := len(corrections) - len(kept):
        log.info("%s %s: %d records wait for the next plan, for somebody was there since this one", way.system.system, each.name, waiting)
        way.counts["waiting"] += waiting
    return kept


def _ended(way: Way, sent: list[Correction], outcomes: list[Outcome]) -> None:
    """Journal what came of writes, and what of it is work for a person."""
    by_push = {correction.push_id: correction for correction in sent}
    ended = [(outcome, state_of(outcome)) for outcome in outcomes]
    events = [
        Event("push.outcome", outcome.key, {"state": state, "record_id": outcome.record_id, "message": outcome.message or None})
        for outcome, state in ended
    ]
    unsent = [outcome.key for outcome, state in ended if state == "not_sent"]
    tired = _tired(way.connection, unsent) if unsent else set()
    bad = [(outcome, state) for outcome, state in ended if state != "acknowledged"]
    way.journal.append(
        events + [opening(trouble) for outcome, state in bad for trouble in _troubles(by_push[outcome.key], outcome, state, tired)]
    )
    for outcome, state in ended:
        way.counts[state] += len(by_push[outcome.key].lines)


def state_of(outcome: Outcome) -> str:
    """The state of a push after an outcome. A write that never left is simply due again."""
    return "not_sent" if outcome.state == "rejected" and outcome.message.startswith("not sent") else outcome.state


def _tired(connection: duckdb.DuckDBPyConnection, push_ids: list[str]) -> set[str]:
    """Those of these pushes that came to nothing once too often, this time included."""
    rows = connection.execute(
        """
      SELECT subject FROM journal.event WHERE kind = 'push.outcome' AND list_contains(?, subject) AND (body ->> 'state') = 'not_sent'
      GROUP BY subject HAVING count(*) + 1 >= ?""",
        [push_ids, PATIENCE],
    ).fetchall()
    return {push_id for (push_id,) in rows}


def _troubles(correction: Correction, outcome: Outcome, state: str, tired: set[str]) -> list[Trouble]:
    if outcome.key in tired:
        says = f"{outcome.message}, {PATIENCE} times; mend the way there, then `hub replay`"
        return [_trouble("dead_letter", line, says) for line in correction.lines]
    if outcome.state == "moved":
        return [_refused(Refusal(line, f"target moved: {outcome.message or 'somebody else was there first'}")) for line in correction.lines]
    if state == "rejected":
        return [_trouble("rejected", line, f"{outcome.message}; correct what it names, then `hub replay`") for line in correction.lines]
    return []


def _refused(refusal: Refusal) -> Trouble:
    return _trouble("refused", refusal.line, f"{refusal.message}; the value there stays until somebody decides, then `hub replay`")


def _unseen(refusal: Refusal) -> Trouble:
    says = f"{refusal.message}, so nothing was written; the next turn tries again, see permissions if it stays"
    return _trouble("unseen", refusal.line, says)


def _trouble(kind: str, line: Line, says: str) -> Trouble:
    return Trouble(kind, line.about, f"{line.about}: {says}", line.system)
