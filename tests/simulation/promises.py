"""What must hold after every step, whatever happened: judged by what the systems saw, never by what the hub says of itself."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime

from loop import Loop
from sent import EXTERNAL_ID, Sent, of as sent_by
from two_systems import OBJECTS

from hub import store
from hub.errors import Refused
from hub.journal import Event
from hub.mapping import Object
from reconcile import hub_ids

POSTED = ("A", "B", "V")  # NetSuite's open, paid in full, voided


def sent(loop: Loop) -> list[Sent]:
    """Every write of every record, in the order in which each system saw them."""
    return [one for name in OBJECTS for _, path, *rest in loop.recorders[name].written for one in sent_by(name, path, *rest)]


def broken(loop: Loop) -> list[str]:
    """A sentence for each promise that does not hold."""
    writes = sent(loop)
    return [*_twice(loop, writes), *_lost(loop), *_deleted(loop), *_posted(loop, writes), *_without_consent(loop, writes), *_nameless(loop)]


def unexplained(loop: Loop) -> list[str]:
    """What is left at rest and no person is told of: a line without hold or need of consent, a refusal without a next step."""
    lines = loop.hub(
        "SELECT system, object, coalesce(record_id, hub_id), coalesce(field, 'create'), status, hold FROM work.plan_line WHERE status = 'approved' OR (status = 'held' AND hold IS NULL)"
    )
    silent = [key for key, message in loop.exceptions().items() if not re.search(r"`hub |correct|see |map it|tries again", message)]
    pushes = loop.hub("""
      SELECT push_id, state FROM journal.push AS p WHERE state IN ('rejected', 'moved', 'unconfirmed')
        AND NOT EXISTS (SELECT 1 FROM journal.event AS e WHERE e.kind = 'exception.opened' AND e.seq > p.seq)""")
    return [*map(str, lines), *silent, *map(str, pushes)]


def _twice(loop: Loop, writes: list[Sent]) -> Iterator[str]:
    for system, names in OBJECTS.items():
        for name in names:
            carried = Counter(row.get(EXTERNAL_ID[system]) for row in loop.rows(system, name).values())
            yield from (f"{system} {name}: {count} records carry {hub_id}" for hub_id, count in carried.items() if hub_id and count > 1)
    made = Counter(one.key for one in writes if one.made)
    yield from (f"{key} was created {count} times" for key, count in made.items() if count > 1)


def _lost(loop: Loop) -> Iterator[str]:
    for (system, name, record_id, field), value in loop.fresh.items():
        if (now := loop.rows(system, name)[record_id][field]) != value:
            yield f"{system} {name} {record_id}: a person wrote {field} {value}, and it is {now}"


def _deleted(loop: Loop) -> Iterator[str]:
    for (system, name), before in loop.gone.items():
        if extra := loop.twin.simulators[system].tables[name].gone.keys() - before:
            yield f"{system} {name}: {', '.join(extra)} deleted by nobody"


def _posted(loop: Loop, writes: list[Sent]) -> Iterator[str]:
    for one in writes:
        if (one.system, one.object) == ("netsuite", "invoice") and loop.rows("netsuite", "invoice")[one.record_id]["status"][
            "id"
        ] in POSTED:
            yield f"invoice {one.record_id} is posted, and a write was sent to it"


def _without_consent(loop: Loop, writes: list[Sent]) -> Iterator[str]:
    events = list(loop.journal.events(after=loop.rested, kinds=("plan.approved", "plan.withdrawn", "push.intended")))
    intents: dict[tuple, list[Event]] = {}
    agreed: set[str] = set()
    for event in events:
        if event.kind == "plan.approved":
            agreed |= set(event.body["lines"])
        elif event.kind == "plan.withdrawn":
            agreed -= set(event.body["lines"])
        else:
            body = event.body
            intents.setdefault((body["system"], body["object"], body["record_id"] or body["hub_id"]), []).append(event)
            if alone := set(body["lines"]) - agreed:
                yield f"push {event.subject} was sent without consent to {alone}"
    for key, count in Counter(one.key for one in writes).items():
        if count > len(intents.get(key, ())):
            yield f"{key} was written {count} times, and {len(intents.get(key, ()))} intents are in the journal"
    for one in writes:
        allowed = set().union(
            *(_fields(loop.firm.systems[one.system].system.objects[one.object], event) for event in intents.get(one.key, ()))
        )
        if beyond := one.body.keys() - allowed:
            yield f"{one.key}: {', '.join(sorted(beyond))} written, and no approved line says so"


def _nameless(loop: Loop) -> Iterator[str]:
    """Hub ids that a system was told, and that lead to no record any more: an id that is issued is kept or redirected."""
    told = {row.get(EXTERNAL_ID[system]) for system, names in OBJECTS.items() for name in names for row in loop.rows(system, name).values()}
    held = {hub_id for (hub_id,) in loop.hub("SELECT DISTINCT hub_id FROM journal.crossref")}
    for hub_id in sorted(filter(None, told - held)):
        try:
            with store.writing(loop.firm.hub_file) as connection:
                found = hub_ids.resolve(connection, hub_id, datetime.now(UTC).replace(tzinfo=None))
        except Refused as refused:
            yield str(refused)
        else:
            if found.now not in held:
                yield f"{hub_id} leads to {found.now}, which no record has"


def _fields(each: Object, intent: Event) -> set[str]:
    """The system's fields that an intent speaks of."""
    columns, found = each.columns(), {each.external_id}
    for field in intent.body["fields"].values():
        found |= {columns[column][1].source.split("/")[0] for column in json.loads(field["want"]) if column in columns}
    if intent.body["action"] == "create":
        found |= each.read.get("create", {}).keys()
    return found | ({"addressBook"} if "billingAddress" in found else set())
