"""Pushes approved lines to one system: intent journaled, precondition checked, sent once, outcome journaled."""

import logging
from itertools import groupby

import duckdb

from hub import projection
from hub.journal import Event, Journal
from hub.mapping import Object, System
from hub.systems.connector import Connector, Outcome, Write
from reconcile import in_force, lease, plan, precondition
from reconcile.correction import Correction, Refusal, corrections_of, intent, writes_of
from reconcile.exceptions import Trouble, opening, settle
from reconcile.plan import Line

log = logging.getLogger(__name__)
SENT_AT_ONCE = 200  # writes between two journal entries: what a crash can leave in doubt
BATCHES_AT_ONCE = 5  # or so many of the system's own batches, when they hold more
PATIENCE = 3  # attempts that came to nothing, before a person is asked


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
    counts: dict[str, int] = {}
    unseen: list[Trouble] = []
    for name, lines in groupby(approved, key=lambda line: line.object):
        for state, count in _push_object(
            connection, journal, system, system.objects[name], connector, list(lines), unseen, worker, since
        ).items():
            counts[state] = counts.get(state, 0) + count
    settle(connection, journal, f"{system.system} ", ("unseen",), unseen)
    return counts


def _push_object(
    connection,
    journal,
    system: System,
    each: Object,
    connector: Connector,
    lines: list[Line],
    unseen: list[Trouble],
    worker: str,
    since: int,
) -> dict[str, int]:
    corrections, counts = _without_waiting(connection, system, each, connector, corrections_of(lines))
    size = max(SENT_AT_ONCE, BATCHES_AT_ONCE * each.write.batch)
    for at in range(0, len(corrections), size):
        with lease.held(connection, journal, worker, corrections[at : at + size], since) as batch:
            _push_batch(connection, journal, system, each, connector, batch, unseen, counts, worker)
    return counts


def _push_batch(
    connection,
    journal,
    system: System,
    each: Object,
    connector: Connector,
    batch: list[Correction],
    unseen: list[Trouble],
    counts: dict[str, int],
    worker: str,
) -> None:
    seen = connector.look(each, [each_.first.record_id for each_ in batch if each_.first.record_id])
    moved = precondition.moved_fields(connection, system, each, seen)
    kept, refusals = precondition.unmoved(batch, seen, moved, each)
    writes, unwritable = writes_of(system, each, kept, seen)
    journal.append([opening(_refused(refusal)) for refusal in refusals + unwritable if not refusal.unseen])
    unseen += [_unseen(refusal) for refusal in refusals if refusal.unseen]
    outcomes = _send(connection, journal, connector, each, kept, writes, worker)
    _count(counts, kept, outcomes, len(refusals) + len(unwritable))


def _without_waiting(
    connection, system: System, each: Object, connector: Connector, corrections: list[Correction]
) -> tuple[list[Correction], dict[str, int]]:
    """Without what has to wait for the next plan, which knows more: records that were read since this one, and the creates, while records
    are there that nobody looked at: what is to be created may be among them.
    """
    unread = precondition.unread(connection, system, each)
    kept = [correction for correction in corrections if correction.first.record_id not in unread]
    if any(correction.first.action == "create" for correction in kept) and precondition.newcomers(connection, system, each, connector):
        kept = [correction for correction in kept if correction.first.action != "create"]
    waiting = len(corrections) - len(kept)
    if waiting:
        log.info("%s %s: %d records wait for the next plan, for somebody was there since this one", system.system, each.name, waiting)
    return kept, {"waiting": waiting} if waiting else {}


def _send(
    connection: duckdb.DuckDBPyConnection,
    journal: Journal,
    connector: Connector,
    each: Object,
    corrections: list[Correction],
    writes: list[Write],
    worker: str,
) -> list[Outcome]:
    if not writes:
        return []
    # The intent is on disk before anything leaves: a crash in between leaves a push in doubt, never one forgotten.
    journal.append([intent(correction) for correction in corrections])
    lost = lease.lost(connection, journal, worker, corrections)
    outcomes = connector.write(each, [write for write in writes if write.key not in lost])
    by_push = {correction.push_id: correction for correction in corrections}
    events = [
        Event("push.outcome", outcome.key, {"state": state_of(outcome), "record_id": outcome.record_id, "message": outcome.message})
        for outcome in outcomes
    ]
    tired = _tired(connection, [outcome.key for outcome in outcomes if state_of(outcome) == "not_sent"])
    troubles = [opening(trouble) for outcome in outcomes for trouble in _troubles(by_push[outcome.key], outcome, tired)]
    journal.append(events + troubles)
    return outcomes


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


def _troubles(correction: Correction, outcome: Outcome, tired: set[str]) -> list[Trouble]:
    if outcome.key in tired:
        says = f"{outcome.message}, {PATIENCE} times; mend the way there, then `hub replay`"
        return [_trouble("dead_letter", line, says) for line in correction.lines]
    if outcome.state == "moved":
        return [_refused(Refusal(line, f"target moved: {outcome.message or 'somebody else was there first'}")) for line in correction.lines]
    if state_of(outcome) == "rejected":
        return [_trouble("rejected", line, f"{outcome.message}; correct what it names, then `hub replay`") for line in correction.lines]
    return []


def _refused(refusal: Refusal) -> Trouble:
    return _trouble("refused", refusal.line, f"{refusal.message}; the value there stays until somebody decides, then `hub replay`")


def _unseen(refusal: Refusal) -> Trouble:
    says = f"{refusal.message}, so nothing was written; the next turn tries again, see permissions if it stays"
    return _trouble("unseen", refusal.line, says)


def _trouble(kind: str, line: Line, says: str) -> Trouble:
    return Trouble(kind, line.about, f"{line.about}: {says}", line.system)


def _count(counts: dict[str, int], sent: list[Correction], outcomes: list[Outcome], refused: int) -> None:
    lines = {correction.push_id: len(correction.lines) for correction in sent}
    for outcome in outcomes:
        counts[state_of(outcome)] = counts.get(state_of(outcome), 0) + lines[outcome.key]
    if refused:
        counts["refused"] = counts.get("refused", 0) + refused
