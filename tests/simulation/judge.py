"""What must hold of a seed: judged by what the systems saw and hold, never by what the hub says of itself."""

import copy
import json
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import httpx

from hub import mapping, nested
from hub.firm import Firm
from hub.journal import Event, Journal
from hub.mapping import Object
from hub.systems.http import CORRELATION
from reconcile.correction import typed
from tests.simulation import sent
from tests.simulation.wire import Wire

POSTED = ("A", "B", "V")  # NetSuite's open, paid in full, voided
KEYS = {"Account": "Registration_Number__c", "customer": "custentity_registration_number", "Invoice__c": "Name", "invoice": "tranId"}
HOUSEKEEPING = {"SystemModstamp", "LastModifiedDate", "lastModifiedDate", "CreatedDate", "dateCreated", "createdDate"}


class Judge:
    """Stands at the systems' doors, and looks at every write that comes in.

    broken   a sentence for each promise that did not hold
    excused  what no system offers a means against, and docs/invariants.md says so
    """

    def __init__(self, firm: Firm, journal: Journal, wire: Wire, simulators: dict[str, Any]):
        self.firm, self.journal, self.wire, self.simulators = firm, journal, wire, simulators
        self.broken: list[str] = []
        self.excused: list[str] = []
        self.by_hand: dict[tuple, int] = {}  # (system, object, record id) -> after how many requests a person last touched it
        self.posted: dict[str, str] = {}  # invoice -> its bytes, once posted
        self.used: Counter = Counter()  # intents, by seq and push: each is good for one write
        self.made: Counter = Counter()  # what the hub created, by system, object and hub id
        self.ids: dict[str, str] = {}  # record -> its hub id, when the firm was opened
        self.deleted_by_hand, self.began = 0, 0  # began: how many requests there had been when the hub's present step began
        wire.before, wire.after = self.before, self.after
        self.note_posted()

    def rows(self, system: str, name: str) -> dict[str, Any]:
        return self.simulators[system].tables[name].rows

    # What people do, so that it can be told from what the hub does

    def touched(self, system: str, name: str, record_id: str) -> None:
        self.by_hand[system, name, record_id] = self.wire.requests
        self.note_posted()

    def note_posted(self) -> None:
        self.posted = {key: _bytes(row) for key, row in self.rows("netsuite", "invoice").items() if row["status"]["id"] in POSTED}

    # What the hub does

    def before(self, system: str, request: httpx.Request, body: bytes) -> tuple:
        writes = sent.of(system, request.url.path, body)
        held = {name: copy.deepcopy(self.rows(system, name)) for name in {each.object for each in writes}}
        for each in writes:
            self.broken += [f"{each.key}: {told}" for told in self._senseless(each, held[each.object])]
        return system, request, body, writes, held

    def after(self, held: tuple, status: int, answer: bytes) -> None:
        system, request, body, writes, rows = held
        intents = list(self.journal.events(kinds=("push.intended", "push.outcome", "plan.approved", "plan.withdrawn")))
        for each in writes if status != 401 else ():
            self._one(each, rows[each.object], intents)
        if (named := request.headers.get(CORRELATION)) not in {each.subject for each in intents if each.kind == "push.intended"}:
            self.broken.append(f"{system} {request.method} {request.url.path} names {named}, which is no push of the journal")
        changed = {(name, key) for name, before in rows.items() for key in before if before[key] != self.rows(system, name).get(key)}
        for name, key in sorted(changed - {(each.object, each.record_id) for each in writes}):
            if (hub_id := rows[name][key].get(sent.EXTERNAL_ID[system])) not in {each.hub_id for each in writes} or not hub_id:
                self.broken.append(f"{system} {name} {key} changed, and no write was about it")

    def _senseless(self, each: sent.Sent, rows: dict[str, Any]) -> Iterator[str]:
        """What is wrong with sending a write at all, whatever the system makes of it."""
        if (each.system, each.object) == ("netsuite", "invoice") and each.record_id in self.posted and not self._too_late(each):
            yield "a write was sent to it, and it is posted"
        if each.record_id and each.record_id not in rows and self._was_known(each.system, each.object, each.record_id):
            yield "a write was sent to it, and it is deleted"
        if each.record_id is None and not {"lag", "hidden", "late", "spoiled", "drift"} & {line[4] for line in self.wire.log}:
            number = each.body.get(KEYS[each.object])
            for key, row in rows.items():
                if row.get(sent.EXTERNAL_ID[each.system]) == each.hub_id or (
                    number and row.get(KEYS[each.object]) == number and self._was_known(each.system, each.object, key)
                ):
                    yield f"it was to be created, and is there already as {key}"

    def _was_known(self, system: str, name: str, key: str) -> bool:
        """Whether what people last did with a record was done before the hub's present step began, so that the step could know."""
        return self.by_hand.get((system, name, key), -1) <= self.began

    def _one(self, each: sent.Sent, rows: dict[str, Any], events: list[Event]) -> None:
        found = _intent(each, events)
        if found is None:
            self.broken.append(f"{each.key} was written without an intent in the journal")
            return
        self.used[found.seq, found.subject] += 1
        if self.used[found.seq, found.subject] > 1 and not any(line[4] == "late" for line in self.wire.log):
            self.broken.append(f"{each.key} was sent {self.used[found.seq, found.subject]} times on one intent")
        if _in_doubt(found, events):
            self.broken.append(f"{each.key} was written while an earlier write of it was in doubt")
        if alone := set(found.body["lines"]) - _agreed(events, found.seq):
            self.broken.append(f"{each.key} was written without consent to {sorted(alone)}")
        now, mapped = self.rows(each.system, each.object), self.firm.systems[each.system].system.objects[each.object]
        if beyond := each.body.keys() - _allowed(mapped, found):
            self.broken.append(f"{each.key}: {', '.join(sorted(beyond))} written, and no approved line says so")
        if each.record_id is None:
            self._created(each, rows, now)
        elif each.record_id in rows and each.record_id in now and rows[each.record_id] != now[each.record_id]:
            self._changed(each, mapped, found, rows[each.record_id], now[each.record_id])

    def _created(self, each: sent.Sent, before: dict[str, Any], now: dict[str, Any]) -> None:
        new = now.keys() - before.keys()
        self.made[each.system, each.object, each.hub_id] += any(now[key].get(sent.EXTERNAL_ID[each.system]) == each.hub_id for key in new)

    def _changed(self, each: sent.Sent, mapped: Object, intent: Event, before: dict[str, Any], now: dict[str, Any]) -> None:
        base = {name: value for field in intent.body["fields"].values() for name, value in json.loads(field["base"] or "{}").items()}
        columns = {name: (kind, column) for name, (kind, column) in mapped.columns().items() if name in base and column.goes_back}
        promised = mapping.outward(mapped, {name: typed(base[name], kind) for name, (kind, _) in columns.items()})
        for name, (_, column) in sorted(columns.items()):
            was, then = nested.get(before, column.source), nested.get(promised, column.source)
            if _plain(was) != _plain(then) and _plain(was) != _plain(nested.get(now, column.source)):
                told = f"{each.key} {name}: {was} was overwritten, and consent was to replace {then}"
                (self.excused if self._too_late(each) else self.broken).append(told)

    def _too_late(self, each: sent.Sent) -> bool:
        """Whether a person came between NetSuite's last look and its write, or the network held the write up: it has no means against that."""
        if each.system != "netsuite":
            return False
        # Not the request before: a token that expired is renewed between the two.
        looks = [number for number, line in enumerate(self.wire.log, 1) if line[3].endswith("/suiteql")]
        touched = self.by_hand.get((each.system, each.object, each.record_id), -1)
        return touched > max(looks, default=0) or any(line[4] == "late" for line in self.wire.log)

    # At the end

    def at_rest(self, hub: Any) -> list[str]:
        """Every promise that does not hold once the loop has come to rest. hub: runs a query."""
        ids = known_ids(self.firm, hub)
        return [*self.broken, *self._twice(), *self._posted(), *self._money(hub), *self._counts(hub), *self._ids(ids), *self._chain()]

    def _twice(self) -> Iterator[str]:
        for key, count in self.made.items():
            if count > 1 + self.deleted_by_hand:
                yield f"{key} was created {count} times"
        for system, each in self.simulators.items():
            for name in ("Account", "Invoice__c", "customer", "invoice"):
                if name in each.tables:
                    carried = Counter(row.get(sent.EXTERNAL_ID[system]) for row in each.tables[name].rows.values())
                    yield from (f"{system} {name}: {count} records carry {key}" for key, count in carried.items() if key and count > 1)

    def _posted(self) -> Iterator[str]:
        for key, said in self.posted.items():
            if key in self.rows("netsuite", "invoice") and _bytes(self.rows("netsuite", "invoice")[key]) != said:
                yield f"posted invoice {key} was {said}, and is {_bytes(self.rows('netsuite', 'invoice')[key])}"

    def _money(self, hub: Any) -> Iterator[str]:
        """Each currency's sum over the ledger's invoices is that of the golden ones, which no system but the ledger can move."""
        if "invoice" not in self.firm.systems["netsuite"].system.objects or hub("SELECT 1 FROM capture.quarantine"):
            return
        names = {"1": "USD", "2": "GBP", "4": "EUR"}
        there: dict[str, Decimal] = {}
        for row in self.rows("netsuite", "invoice").values():
            there[names[row["currency"]["id"]]] = there.get(names[row["currency"]["id"]], Decimal(0)) + Decimal(str(row["total"]))
        golden = dict(
            hub("""SELECT g.amount_currency, sum(g.amount) FROM golden.invoice AS g
              WHERE g.hub_id IN (SELECT hub_id FROM identity.invoice WHERE system = 'netsuite' AND is_live) GROUP BY ALL""")
        )
        if golden != there:
            yield f"the ledger holds {there}, and the golden invoices {golden}"

    def _counts(self, hub: Any) -> Iterator[str]:
        """What the systems hold is what the hub holds, golden or in quarantine."""
        for name, member in self.firm.systems.items():
            for each in member.system.objects.values():
                held = hub(
                    f"""SELECT count(*) FROM identity.{each.of} AS i JOIN golden.{each.of} AS g ON g.hub_id = i.hub_id
                  WHERE i.system = ? AND i.object = ? AND i.is_live""",
                    name,
                    each.name,
                )[0][0]
                kept = hub("SELECT count(*) FROM capture.quarantine WHERE system = ? AND object = ?", name, each.name)[0][0]
                known = hub(
                    f"""SELECT count(*) FROM identity.{each.of} AS i JOIN capture.quarantine AS q
                  ON q.record_id = i.record_id AND q.system = i.system AND q.object = i.object WHERE i.system = ? AND i.object = ? AND i.is_live""",
                    name,
                    each.name,
                )[0][0]
                if held + kept - known != len(self.rows(name, each.name)):
                    yield f"{name} {each.name} holds {len(self.rows(name, each.name))} records; golden {held}, in quarantine {kept}"

    def _ids(self, now: dict[str, str]) -> Iterator[str]:
        """A record that had a hub id has it still; and what a system was told to call a record is what the hub calls it.

        In these firms a hub id follows from a number that nobody changes, so none is ever redirected.
        """
        yield from (f"{ref} was {hub_id}, and is {now.get(ref)}" for ref, hub_id in sorted(self.ids.items()) if now.get(ref) != hub_id)
        for system, member in self.firm.systems.items():
            for name in member.system.objects:
                for key, row in self.rows(system, name).items():
                    said, meant = row.get(sent.EXTERNAL_ID[system]), now.get(f"{system}:{name}:{key}")
                    if said and said != meant:
                        yield f"{system} {name} {key} carries {said}, and the hub calls it {meant}"

    def _chain(self) -> Iterator[str]:
        if (broken := self.journal.verify()) is not None:
            yield f"the journal's chain breaks at event {broken}"


def known_ids(firm: Firm, hub: Any) -> dict[str, str]:
    """{record_ref: hub id} of all records that the hub knows."""
    entities = {each.of for member in firm.systems.values() for each in member.system.objects.values()}
    return {ref: hub_id for of in sorted(entities) for ref, hub_id in hub(f"SELECT record_ref, hub_id FROM identity.{of}")}


def _intent(each: sent.Sent, events: list[Event]) -> Event | None:
    """The newest intent to write this record."""
    wanted = (each.system, each.object, each.record_id or each.hub_id)
    mine = [event for event in events if event.kind == "push.intended" and _about(event) == wanted]
    return mine[-1] if mine else None


def _in_doubt(intent: Event, events: list[Event]) -> bool:
    """Whether the attempt before this one, at the same lines or to create the same thing, had come to no end."""
    earlier = [
        event
        for event in events
        if event.kind == "push.intended"
        and event.seq < intent.seq
        and _about(event) == _about(intent)
        and (intent.body["action"] == "create" or set(event.body["lines"]) & set(intent.body["lines"]))
    ]
    if not earlier:
        return False
    ends = [event.body["state"] for event in events if event.subject == earlier[-1].subject and earlier[-1].seq < event.seq < intent.seq]
    return ends[-1:] in ([], ["in_doubt"])


def _about(event: Event) -> tuple:
    return event.body["system"], event.body["object"], event.body["record_id"] or event.body["hub_id"]


def _agreed(events: list[Event], before: int) -> set[str]:
    """The lines that had consent when an event was journaled."""
    agreed: set[str] = set()
    for event in events:
        if event.seq < before and event.kind == "plan.approved":
            agreed |= set(event.body["lines"])
        elif event.seq < before and event.kind == "plan.withdrawn":
            agreed -= set(event.body["lines"])
    return agreed


def _allowed(each: Object, intent: Event) -> set[str]:
    """The system's fields that an intent speaks of."""
    columns, found = each.columns(), {each.external_id}
    for field in intent.body["fields"].values():
        found |= {columns[column][1].source.split("/")[0] for column in json.loads(field["want"]) if column in columns}
    return found | (each.read.get("create", {}).keys() if intent.body["action"] == "create" else set())


def _bytes(row: dict[str, Any]) -> str:
    return json.dumps({name: value for name, value in row.items() if name not in HOUSEKEEPING}, sort_keys=True)


def _plain(value: Any) -> Any:
    return float(value) if isinstance(value, int | float | Decimal) and not isinstance(value, bool) else value or None
