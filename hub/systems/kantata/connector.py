"""Kantata OX API v1 (formerly Mavenlink), https://developer.kantata.com. Pages hold up to 200 records.

Pages are asked newest change first: what changes between two pages is then seen twice, or at the next read, and never
skipped. Kantata documents no idempotency key and no precondition: a create carries our external reference in the same
request and is found again by it; an update reads the record just before.
"""

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from hub import nested
from hub.errors import ContractBroken, HubError, SystemUnavailable
from hub.mapping import Object, System
from hub.systems.connector import Connection, Outcome, Page, Record, Seen, Write, refusal
from hub.systems.http import Http, InDoubt, NotSent, Token
from hub.systems.kantata import api, shape
from hub.systems.kantata.custom_fields import CustomFields

SINGULAR = {"workspaces": "workspace", "workspace_groups": "workspace_group", "users": "user", "time_entries": "time_entry"}
IDS = 100  # in one request, so that its address stays short


def connect(system: System, connection: Connection) -> "Kantata":
    # A token is not renewed by the API; when it is refused, the one in the keyring may be a newer one.
    auth = Token(lambda: connection.secrets["token"])
    return Kantata(
        Http(
            connection.url,
            system=system.system,
            auth=auth,
            limits=system.limits,
            budget=connection.budget,
            secrets=connection.secrets.values(),
        )
    )


class Kantata:
    def __init__(self, http: Http):
        self.http = http
        self.custom_fields = CustomFields(http)

    def read(self, each: Object, since: str | None) -> Iterator[Page]:
        self.custom_fields.check(each)
        order = {"order": "updated_at:desc"} if each.changed else {}
        seen: dict[str, str | None] = {}  # id -> change stamp
        newest, most = since, 0
        for answer in api.pages(self.http, each.name, self._ask(each) | order | _changed(since)):
            first, rows = not seen, self._unseen(each, answer, seen)
            # The first page has the latest change; what comes later is read again.
            newest = _newest(each, answer, since) if first else newest
            most = max(most, answer["meta"]["count"])  # a count that falls is a deletion, which pulled a record up unseen
            yield Page(rows, last=False)
        rows = [row for answer in self._late(each, since, newest, seen) for row in self._unseen(each, answer, seen)]
        yield Page(rows, last=len(seen) >= most, watermark=newest)

    def look(self, each: Object, record_ids: Sequence[str], fields: Collection[str] = ()) -> dict[str, Seen]:
        try:
            there = {row["id"]: row for answer in self._by_id(each, record_ids) for row in self._rows(each, answer)}
            gone = self._deleted(each) if len(there) < len(set(record_ids)) else set()
        except (SystemUnavailable, ContractBroken):
            return dict.fromkeys(record_ids, Seen("unknown"))
        # A record that is only out of sight looks just like a deleted one (404, left out of `only`): the events tell.
        absent = {key: Seen("deleted" if key in gone else "unknown") for key in record_ids if key not in there}
        return absent | {key: Seen("there", row, version=_version(each, row)) for key, row in there.items()}

    def find(self, each: Object, hub_ids: Sequence[str]) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for some in _batches(hub_ids):
            ask = {"external_reference_service_name": shape.SERVICE, "external_reference_service_model_refs": ",".join(some)}
            for answer in api.pages(self.http, each.name, self._ask(each) | ask):
                for record in api.records(each.name, answer):
                    for hub_id in {one["service_model_ref"] for one in shape.references(each, record, answer)} & set(some):
                        found.setdefault(hub_id, []).append(record["id"])
        return found

    def write(self, each: Object, writes: Sequence[Write]) -> list[Outcome]:
        # As many are looked at together as are then sent at once, so that each look is as fresh as one request is long.
        size = self.http.at_once
        return [outcome for start in range(0, len(writes), size) for outcome in self._look_and_write(each, writes[start : start + size])]

    def close(self) -> None:
        self.http.close()

    def _look_and_write(self, each: Object, writes: Sequence[Write]) -> list[Outcome]:
        seen = self.look(each, [write.record_id for write in writes if write.version])
        return self.http.each(lambda write: self._write(each, write, seen), writes)

    def _write(self, each: Object, write: Write, seen: Mapping[str, Seen]) -> Outcome:
        if write.version and (moved := refusal(write, seen[write.record_id], "if the token may see it")):
            return moved
        try:
            outcome = self._send(each, write)
        except NotSent as failure:
            return Outcome(write.key, "rejected", message=f"not sent: {failure}")
        except InDoubt as doubt:
            return Outcome(write.key, "in_doubt", write.record_id, str(doubt))
        values = write.body.get("custom_fields", {})
        return self._with_custom_fields(each, outcome, values) if outcome.state == "acknowledged" and values else outcome

    def _send(self, each: Object, write: Write) -> Outcome:
        creating = write.action == "create"
        body = {SINGULAR[each.name]: shape.body(each, write.body, write.hub_id, creating)}
        response = self.http.send("POST" if creating else "PUT", api.path(each.name, write.record_id), write.key, json=body)
        if response.status_code == 408:
            return Outcome(write.key, "in_doubt", write.record_id, "answered 408")
        if response.status_code >= 300:
            return Outcome(write.key, "rejected", write.record_id, f"{response.status_code} {api.errors(self.http, response)}")
        record_id = write.record_id or api.record_id(response)
        return Outcome(write.key, "acknowledged" if record_id else "in_doubt", record_id, "" if record_id else "the answer names no record")

    def _with_custom_fields(self, each: Object, done: Outcome, values: Record) -> Outcome:
        """Set custom fields, a request each. The record itself is written by then, so whatever goes wrong leaves a doubt."""
        try:
            (answer,) = self._by_id(each, [done.record_id])
            self.custom_fields.write(each, done, values, answer)
        except (HubError, KeyError) as failure:
            return Outcome(done.key, "in_doubt", done.record_id, f"written, but not all custom fields: {failure}")
        return done

    def _ask(self, each: Object) -> dict[str, Any]:
        include = "external_references,custom_field_values" if shape.promised_custom_fields(each) else "external_references"
        return each.read.get("ask", {}) | {"include": include}

    def _rows(self, each: Object, answer: Record) -> list[Record]:
        only, records = each.read.get("only", {}), api.records(each.name, answer)
        rows = [shape.row(each, record, answer) for record in records if only.items() <= record.items()]
        # A field that the token may not see is left out without a word, the budget for one.
        tops = {path.split("/")[0] for path in each.source_fields()}
        if missing := sorted({top for row in rows for top in tops if top not in row}):
            raise ContractBroken(
                f"{self.http.system} {each.name} no longer sends {', '.join(missing)}; let the token see it, or correct system.yaml"
            )
        return rows

    def _unseen(self, each: Object, answer: Record, seen: dict[str, str | None]) -> list[Record]:
        """The rows of an answer that were not yet seen as they are now; notes that they are seen."""
        rows = [row for row in self._rows(each, answer) if seen.get(row["id"], "") != row.get(each.changed)]
        seen.update({record["id"]: record.get(each.changed) for record in api.records(each.name, answer)})
        return rows

    def _late(self, each: Object, since: str | None, newest: str | None, seen: dict[str, str | None]) -> Iterator[Record]:
        """Answers with what the pages could not show: records that changed meanwhile, and those of which a custom field changed."""
        if newest:
            yield from api.pages(self.http, each.name, self._ask(each) | _changed(newest))
        # A custom field has a change stamp of its own; whether it moves its record's is not documented.
        if since and shape.promised_custom_fields(each):
            yield from self._by_id(each, sorted(self.custom_fields.touched(each, _changed(since)) - seen.keys()))

    def _by_id(self, each: Object, record_ids: Sequence[str]) -> Iterator[Record]:
        return (
            answer
            for some in _batches(record_ids)
            for answer in api.pages(self.http, each.name, self._ask(each) | {"only": ",".join(some)})
        )

    def _deleted(self, each: Object) -> set[str]:
        """Ids of records that Kantata says were deleted, in the nine days that it remembers."""
        answers = api.pages(self.http, "subscribed_events", {"event_types": f"{SINGULAR[each.name]}:deleted"})
        return {str(event["subject_id"]) for answer in answers for event in api.records("subscribed_events", answer)}


def _version(each: Object, row: Record) -> str:
    """A digest of what the mapping reads: change stamps have whole seconds, and users have none."""
    promised = [nested.get(row, path) for path in sorted(each.source_fields())]
    return hashlib.sha256(json.dumps(promised).encode()).hexdigest()[:16]


def _newest(each: Object, answer: Record, since: str | None) -> str | None:
    """The latest change stamp, in UTC: Kantata stamps in the account's time zone, so texts do not sort."""
    if not each.changed:
        return None
    stamps = [record[each.changed] for record in api.records(each.name, answer)] + ([since] if since else [])
    return max((datetime.fromisoformat(stamp).astimezone(UTC).isoformat() for stamp in stamps), default=None)


def _changed(since: str | None) -> dict[str, str]:
    """A filter on records changed at this instant or later. Whether Kantata includes the instant is not documented."""
    return {"updated_after": (datetime.fromisoformat(since) - timedelta(seconds=1)).isoformat()} if since else {}


def _batches(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    return (ids[start : start + IDS] for start in range(0, len(ids), IDS))
