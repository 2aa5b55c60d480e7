"""Redmine 5.0 over REST, https://www.redmine.org/projects/redmine/wiki/Rest_api. Pages hold up to 100 records.

Projects, users and time entries can be neither filtered nor sorted by updated_on (only issues can), and closing a project does not
move it: so every read is a full one. Only issues have a lock_version: an update reads its record again just before.
"""

from collections.abc import Collection, Iterator, Sequence
from functools import partial
from typing import Any

from hub.errors import HubError, SystemUnavailable
from hub.mapping import Object, System
from hub.systems.connector import Connection, Outcome, Page, Seen, Write, refusal
from hub.systems.http import Http, InDoubt
from hub.systems.redmine import records, rest

SINGULAR = {"projects": "project", "users": "user", "time_entries": "time_entry"}
# What lists are asked for to show all: without it, closed projects and locked users stay out. Users don't tell their status.
PARTS = {"projects": [{"status": "1|5"}], "users": [{"status": 1}, {"status": 2}, {"status": 3}], "time_entries": [{}]}
BATCH = 50


def connect(system: System, connection: Connection) -> "Redmine":
    key = connection.secrets["api_key"]
    return Redmine(
        Http(
            connection.url,
            system=system.system,
            headers={"X-Redmine-API-Key": key},
            limits=system.limits,
            budget=connection.budget,
            secrets=[key],
        )
    )


class Redmine:
    def __init__(self, http: Http):
        self.http = http
        self._fields: dict[str, int] = {}

    def read(self, each: Object, since: str | None) -> Iterator[Page]:
        rest.require_administrator(self.http)
        parts = PARTS[each.name]
        for number, part in enumerate(parts, 1):
            complete = False
            for found, complete in rest.pages(self.http, each.name, **part):
                yield Page([records.row(each, record, part) for record in found], last=complete and number == len(parts))
            if not complete:
                return

    def look(self, each: Object, record_ids: Sequence[str], fields: Collection[str] = ()) -> dict[str, Seen]:
        try:
            rest.require_administrator(self.http)
        except HubError:
            return dict.fromkeys(record_ids, Seen("unknown"))
        return dict(zip(record_ids, self.http.each(lambda key: self._look(each, key), record_ids)))

    def find(self, each: Object, hub_ids: Sequence[str]) -> dict[str, list[str]]:
        rest.require_administrator(self.http)
        name, found = each.external_id.split("/")[-1], {}
        for start in range(0, len(hub_ids), BATCH):
            some = hub_ids[start : start + BATCH]
            wanted = {f"cf_{self._field(each, name)}": "|".join(some)}
            for listed, _ in rest.pages(self.http, each.name, **PARTS[each.name][0], **wanted):
                for row in (records.row(each, record, {}) for record in listed):
                    found.setdefault(row["custom_fields"].get(name), []).append(str(row["id"]))
        return {hub_id: ids for hub_id, ids in found.items() if hub_id in set(hub_ids)}

    def write(self, each: Object, writes: Sequence[Write]) -> list[Outcome]:
        return self.http.each(lambda write: self._write(each, write), writes)

    def close(self) -> None:
        self.http.close()

    def _look(self, each: Object, record_id: str) -> Seen:
        try:
            response = self.http.read("GET", f"{each.name}/{record_id}.json")
            if response.status_code == 404:
                return Seen("deleted")
            if response.status_code != 200:  # 403: archived, or out of our sight
                return Seen("unknown")
            record = rest.body(each.name, response)[SINGULAR[each.name]]
        except (HubError, KeyError):
            return Seen("unknown")
        return Seen("there", records.row(each, record, {}), records.version(record))

    def _write(self, each: Object, write: Write) -> Outcome:
        method, path = ("POST", each.name) if write.action == "create" else ("PUT", f"{each.name}/{write.record_id}")
        try:
            if refused := self._refused(each, write):
                return refused
            body = {SINGULAR[each.name]: records.body(each, write, partial(self._field, each))}
            return self._outcome(write, self.http.send(method, f"{path}.json", write.key, json=body), SINGULAR[each.name])
        except InDoubt as doubt:
            return Outcome(write.key, "in_doubt", write.record_id, str(doubt))
        except HubError as failure:
            # No connection, or the read before the write went wrong.
            return Outcome(write.key, "rejected", write.record_id, f"not sent: {failure}")

    def _refused(self, each: Object, write: Write) -> Outcome | None:
        """Why a write may not be sent: the hub does not write such records, or this one is no longer as it was looked at."""
        if not (each.write.create if write.action == "create" else each.write.update):
            return Outcome(write.key, "rejected", write.record_id, f"the hub does not {write.action} {each.name} in Redmine")
        if write.action == "create" or not write.version:
            return None
        return refusal(write, self._look(each, write.record_id), "if it is archived")

    def _outcome(self, write: Write, response: Any, name: str) -> Outcome:
        if response.status_code in (404, 409):
            return Outcome(write.key, "moved", write.record_id, f"answered {response.status_code}")
        if response.status_code >= 300:
            return Outcome(write.key, "rejected", write.record_id, f"{response.status_code} {_errors(response)}".strip())
        if write.record_id:
            return Outcome(write.key, "acknowledged", write.record_id)
        try:
            return Outcome(write.key, "acknowledged", str(response.json()[name]["id"]))
        except (ValueError, KeyError, TypeError):
            return Outcome(write.key, "in_doubt", message="the answer names no record")

    def _field(self, each: Object, name: str) -> int:
        """The id of a custom field. Raises SystemUnavailable when Redmine has none of that name."""
        if not self._fields:
            fields = rest.answer(self.http, "custom_fields").get("custom_fields", [])
            self._fields = {f"{one['customized_type']} {one['name']}": one["id"] for one in fields}
        try:
            return self._fields[f"{SINGULAR[each.name]} {name}"]
        except KeyError:
            raise SystemUnavailable(
                f"redmine has no custom field {name!r} for a {SINGULAR[each.name]}; add it in its administration"
            ) from None


def _errors(response: Any) -> str:
    try:
        return "; ".join(response.json()["errors"])
    except (ValueError, KeyError, TypeError):
        return ""
