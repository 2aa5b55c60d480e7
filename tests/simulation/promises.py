"""What must hold after every step, whatever happened: judged by what the systems saw, never by what the hub says of itself."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from loop import Loop
from two_systems import OBJECTS

from hub.journal import Event
from hub.mapping import Object
from hub.systems.connector import Record

SALESFORCE_ROW = re.compile(r"/sobjects/(\w+)/(\w+)$")
EXTERNAL_ID = {"salesforce": "Concord_Id__c", "netsuite": "externalId"}
POSTED = ("A", "B", "V")  # NetSuite's open, paid in full, voided


@dataclass(frozen=True)
class Sent:
    """One write of one record as its system saw it. `made` is the id of the record that came of it, where one was new."""

    system: str
    object: str
    record_id: str | None
    hub_id: str | None
    body: Record
    made: str | None = None

    @property
    def key(self) -> tuple:
        return self.system, self.object, self.record_id or self.hub_id


def sent(loop: Loop) -> list[Sent]:
    """Every write of every record, in the order in which each system saw them."""
    return [
        *(one for each in loop.recorders["salesforce"].written for one in _salesforce(*each)),
        *(one for each in loop.recorders["netsuite"].written for one in _netsuite(*each)),
    ]


def _salesforce(method: str, path: str, body: bytes, status: int, answer: bytes) -> Iterator[Sent]:
    said, answered = json.loads(body), json.loads(answer or b"null")
    for one in said.get("compositeRequest", ()):
        name, record_id = SALESFORCE_ROW.search(one["url"]).groups()
        yield Sent("salesforce", name, record_id, None, one["body"])
    for number, one in enumerate(said.get("records", ())):
        values = {name: value for name, value in one.items() if name not in ("attributes", "id")}
        made = answered[number] if status == 200 else {}
        hub_id = None if "id" in one else values[EXTERNAL_ID["salesforce"]]
        yield Sent("salesforce", one["attributes"]["type"], one.get("id"), hub_id, values, made["id"] if made.get("created") else None)


def _netsuite(method: str, path: str, body: bytes, status: int, answer: bytes) -> Iterator[Sent]:
    name, _, record_id = path.partition("/record/v1/")[2].partition("/")
    values = json.loads(body)
    yield Sent(
        "netsuite",
        name,
        record_id or None,
        None if record_id else values["externalId"],
        values,
        values["externalId"] if not record_id and status == 204 else None,
    )


def broken(loop: Loop) -> list[str]:
    """A sentence for each promise that does not hold."""
    writes = sent(loop)
    return [*_twice(loop, writes), *_lost(loop), *_deleted(loop), *_posted(loop, writes), *_without_consent(loop, writes)]


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


def _fields(each: Object, intent: Event) -> set[str]:
    """The system's fields that an intent speaks of."""
    columns, found = each.columns(), {each.external_id}
    for field in intent.body["fields"].values():
        found |= {columns[column][1].source.split("/")[0] for column in json.loads(field["want"]) if column in columns}
    if intent.body["action"] == "create":
        found |= each.read.get("create", {}).keys()
    return found | ({"addressBook"} if "billingAddress" in found else set())
