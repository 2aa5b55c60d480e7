"""Doing it again safely: quarantined rows under the contract of today, refused lines up for a new consent.

`request` and `undo` write the journal only. The next observation of the system validates the rows, the next plan has
the lines; nothing is sent that was not approved after the request.
"""

from datetime import UTC, datetime

import duckdb

from hub import contract
from hub.errors import Refused
from hub.journal import Event, Journal
from hub.mapping import Object
from hub.past import HELD


def request(journal: Journal, about: str, actor: str) -> list[Event]:
    """Record that what an exception is about is to be done again; returns the events as recorded.

    about  as `hub exceptions` names it: "netsuite customer 1187 payment_terms" puts its line up for a new consent,
           "files customers 4711" or "files customers" has all quarantined rows of the object validated again

    Raises Refused when no exception is open about it, or when what is open needs nobody to ask.
    """
    found = [event for event in _open(journal).values() if event.body["about"] == about or event.body["about"].startswith(f"{about} ")]
    if not found:
        raise Refused(f"{about}: no exception is open about it; see `hub exceptions` for those that are")
    events = [
        Event("exception.closed", event.subject, {"about": about}, actor)
        for event in found
        if event.body["kind"] in HELD and event.body["about"] == about
    ]
    if any(event.body["kind"] == "quarantine" for event in found):
        events.append(Event("replay.requested", about, {"about": about}, actor))
    if not events:
        raise Refused(f"{about}: {found[0].body['message']}. The next run tries again by itself")
    return journal.append(events)


def undo(journal: Journal, about: str, actor: str) -> list[Event]:
    """Take a request back: rows are left alone, and lines are held again. Raises Refused once it was carried out, or was never made."""
    mine = [
        event
        for event in journal.events(kinds=("replay.requested", "replay.withdrawn", "exception.opened", "exception.closed", "push.intended"))
        if about in (event.subject, event.body.get("about")) or about in _pushed(event)
    ]
    last = {event.subject: event for event in mine if event.kind != "push.intended"}
    opened = {event.subject: event.body for event in mine if event.kind == "exception.opened"}
    pushed = max((event.seq for event in mine if event.kind == "push.intended"), default=0)
    events = [Event("replay.withdrawn", about, {"about": about}, actor) for event in last.values() if event.kind == "replay.requested"]
    for key, event in last.items():
        if event.kind == "exception.closed" and key.split(":")[0] in HELD and event.seq < pushed:
            raise Refused(f"{about}: its line was pushed since; see `hub trace` for what came of it")
        if event.kind == "exception.closed" and key.split(":")[0] in HELD:
            events.append(Event("exception.opened", key, opened[key], actor))
    if not events:
        raise Refused(f"{about}: nothing was asked for that could be taken back; see `hub exceptions`")
    return journal.append(events)


def due(connection: duckdb.DuckDBPyConnection, system: str, each: Object) -> list[str]:
    """The text of an object's quarantined rows, when they are to be validated again; else nothing.

    That is when somebody asked since the last time, and when the contract is another than they broke.
    """
    rows = connection.execute(
        """
      SELECT q.raw, s.contract FROM capture.quarantine AS q
      JOIN capture.snapshot AS s ON s.id = q.snapshot
      WHERE q.system = ? AND q.object = ? AND q.raw IS NOT NULL ORDER BY q.record_id, q.raw""",
        [system, each.name],
    ).fetchall()
    if rows and (_is_asked_for(connection, system, each.name) or any(version != contract.version(each) for _, version in rows)):
        return [raw for raw, _ in rows]
    return []


def _is_asked_for(connection: duckdb.DuckDBPyConnection, system: str, name: str) -> bool:
    asked = connection.execute(
        "SELECT max(requested_at) FROM journal.replay WHERE subject = $1 OR starts_with(subject, $1 || ' ')", [f"{system} {name}"]
    ).fetchone()[0]
    again = connection.execute(
        "SELECT max(taken_at) FROM capture.snapshot WHERE system = ? AND object = ? AND (kind = 'replay' OR kind = 'full' AND complete)",
        [system, name],
    ).fetchone()[0]
    return asked is not None and (again is None or datetime.fromisoformat(again) < asked.replace(tzinfo=UTC))


def _open(journal: Journal) -> dict[str, Event]:
    """The exceptions that are open, by id."""
    found: dict[str, Event] = {}
    for event in journal.events(kinds=("exception.opened", "exception.closed")):
        found.pop(event.subject, None)
        if event.kind == "exception.opened":
            found[event.subject] = event
    return found


def _pushed(event: Event) -> list[str]:
    """What the lines of a push are called by exceptions."""
    body = event.body
    return (
        [f"{body['system']} {body['object']} {body['record_id'] or body['hub_id']} {field}" for field in body.get("fields", ())]
        if event.kind == "push.intended"
        else []
    )
