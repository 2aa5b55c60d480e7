"""Ironclad CLM Public API v1, https://developer.ironcladapp.com. Pages hold up to 100 records.

Pages are asked newest change first and end at the watermark; what changes between two pages is asked for once more.
Ironclad documents no idempotency key and no precondition: a create carries our id in a property and is found again by
it; an update reads the record just before.
"""

import hashlib
import json
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime

from hub import nested
from hub.errors import ContractBroken, SystemUnavailable
from hub.mapping import Object, System
from hub.systems.connector import Connection, Outcome, Page, Record, Seen, Write, refusal
from hub.systems.http import Http, InDoubt, NotSent, Token
from hub.systems.ironclad import api, shape

NEWEST_FIRST = {"sortField": "lastUpdated", "sortDirection": "DESC", "addressAsObject": "true"}
IDS = 20  # in one formula, so that its address stays short


def connect(system: System, connection: Connection) -> "Ironclad":
    secrets = connection.secrets
    auth = Token(lambda: api.fetch_token(connection.url, secrets))
    return Ironclad(
        Http(
            connection.url,
            system=system.system,
            auth=auth,
            headers={"x-as-user-email": secrets["as_user_email"]},
            limits=system.limits,
            budget=connection.budget,
            secrets=secrets.values(),
        )
    )


class Ironclad:
    def __init__(self, http: Http):
        self.http = http
        self.types: dict[str, str] | None = None  # of record properties

    def read(self, each: Object, since: str | None) -> Iterator[Page]:
        self._check_properties(each)
        seen: dict[str, str] = {}  # id -> change stamp
        newest, counts = since, [0]
        for answer in self._newest_first(each, since):
            # The first page has the latest change; what comes later is read again.
            newest = newest if seen else _newest(each, answer, since)
            counts.append(answer["count"])
            yield Page(self._unseen(each, answer, since, seen), last=False)
        late = self._newest_first(each, newest) if newest else ()
        rows = [row for answer in late for row in self._unseen(each, answer, since, seen)]
        deleted = counts != sorted(counts)  # which pulled a record up to a page that was read already
        yield Page(rows, last=not deleted and (since is not None or len(seen) >= counts[-1]), watermark=newest)

    def look(self, each: Object, record_ids: Sequence[str], fields: Collection[str] = ()) -> dict[str, Seen]:
        return dict(zip(record_ids, self.http.each(lambda key: self._look(each, key), record_ids)))

    def find(self, each: Object, hub_ids: Sequence[str]) -> dict[str, list[str]]:
        asked, found = set(hub_ids), {}
        for start in range(0, len(hub_ids), IDS):
            for answer in api.pages(self.http, each.name, {"filter": _formula(each, hub_ids[start : start + IDS])}):
                for record in answer["list"]:
                    if (hub_id := nested.get(record, each.external_id)) in asked:
                        found.setdefault(hub_id, []).append(record["id"])
        return found

    def write(self, each: Object, writes: Sequence[Write]) -> list[Outcome]:
        return self.http.each(lambda write: self._write(each, write), writes)

    def close(self) -> None:
        self.http.close()

    def _newest_first(self, each: Object, since: str | None) -> Iterator[Record]:
        """Answers down to the first record that is older than the watermark."""
        for answer in api.pages(self.http, each.name, NEWEST_FIRST):
            stamps = [datetime.fromisoformat(record[each.changed]) for record in answer["list"]]
            if stamps != sorted(stamps, reverse=True):
                raise ContractBroken(f"{self.http.system} {each.name}: not sorted by {each.changed} as asked; see if the API changed")
            yield answer
            if since and stamps and stamps[-1] < datetime.fromisoformat(since):
                return

    def _unseen(self, each: Object, answer: Record, since: str | None, seen: dict[str, str]) -> list[Record]:
        """The rows of an answer from the watermark on that were not yet seen as they are now; notes that they are seen."""
        fresh = [record for record in answer["list"] if seen.get(record["id"]) != record[each.changed]]
        seen.update({record["id"]: record[each.changed] for record in answer["list"]})
        start = datetime.fromisoformat(since) if since else None
        return [shape.row(record) for record in fresh if not start or datetime.fromisoformat(record[each.changed]) >= start]

    def _look(self, each: Object, key: str) -> Seen:
        try:
            response = self.http.read("GET", api.path(each.name, key), params={"addressAsObject": "true"})
        except SystemUnavailable:
            return Seen("unknown")
        answer = api.body(response) or {}
        if response.status_code == 404 and answer.get("code") == "NOT_FOUND":  # what the user may not see answers 403
            return Seen("deleted")
        if response.status_code != 200 or answer.get("id") != key:
            return Seen("unknown")
        row = shape.row(answer)
        return Seen("there", row, version=_version(each, row))

    def _write(self, each: Object, write: Write) -> Outcome:
        try:
            if write.version and (moved := refusal(write, self._look(each, write.record_id), "if the user may see it")):
                return moved
            return self._send(each, write)
        except (NotSent, SystemUnavailable, ContractBroken) as failure:  # no token, no types: both are asked for before
            return Outcome(write.key, "rejected", write.record_id, f"not sent: {failure}")
        except InDoubt as doubt:
            return Outcome(write.key, "in_doubt", write.record_id, str(doubt))

    def _send(self, each: Object, write: Write) -> Outcome:
        types = self._types(each)
        if write.action == "create":
            method, path, body = "POST", api.path(each.name), shape.creation(each, write.body, write.hub_id, types)
        else:
            method, path, body = "PATCH", api.path(each.name, write.record_id), shape.change(each, write.body, write.hub_id, types)
        response = self.http.send(method, path, write.key, json=body)
        if response.status_code == 408:
            return Outcome(write.key, "in_doubt", write.record_id, "answered 408")
        if response.status_code >= 300:
            return Outcome(write.key, "rejected", write.record_id, f"{response.status_code} {api.reason(self.http, response)}")
        record_id = write.record_id or (api.body(response) or {}).get("id")
        return Outcome(write.key, "acknowledged" if record_id else "in_doubt", record_id, "" if record_id else "the answer names no record")

    def _types(self, each: Object) -> dict[str, str]:
        """The type of each property. Ironclad tells those of records; those of entities stand in system.yaml."""
        if each.name != "records":
            return each.read.get("types", {})
        if self.types is None:
            told = api.parsed(self.http, self.http.read("GET", api.path("records", "metadata")))
            self.types = {name: one.get("type", "string") for name, one in told["properties"].items()}
        return self.types

    def _check_properties(self, each: Object) -> None:
        missing = sorted(shape.promised_properties(each) - self._types(each).keys()) if each.name == "records" else []
        if missing:
            raise ContractBroken(
                f"{self.http.system} {each.name} has no property {', '.join(missing)}; add it there or correct system.yaml"
            )


def _version(each: Object, row: Record) -> str:
    """A digest of what the mapping reads, the change stamp among it."""
    promised = [nested.get(row, path) for path in sorted(each.source_fields())]
    return hashlib.sha256(json.dumps(promised).encode()).hexdigest()[:16]


def _newest(each: Object, answer: Record, since: str | None) -> str | None:
    stamps = [record[each.changed] for record in answer["list"][:1]] + ([since] if since else [])
    return max(stamps, key=datetime.fromisoformat, default=None)


def _formula(each: Object, hub_ids: Sequence[str]) -> str:
    equal = [f"Equals([{shape.external_property(each)}], '{hub_id}')" for hub_id in hub_ids]
    return equal[0] if len(equal) == 1 else f"Or({', '.join(equal)})"
