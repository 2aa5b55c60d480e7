"""BambooHR API v1, https://documentation.bamboohr.com/reference. One report holds all employees; there are no pages.

The report is deprecated in favour of datasets, but these name fields differently in each account, and no end is announced.
"""

import json
import logging
import re
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import httpx

from hub.errors import ContractBroken, SystemUnavailable
from hub.mapping import Object, System
from hub.systems.connector import Connection, Outcome, Page, Record, Seen, Write
from hub.systems.http import Http, InDoubt, NotSent

log = logging.getLogger(__name__)
EMPLOYEES = "/api/v1/employees"
BEGINNING = "1970-01-01T00:00:00+00:00"
# The report says "" where the employee says null, and a date that was never set is a row of zeros.
EMPTY = ("", "0000-00-00")


def connect(system: System, connection: Connection) -> "BambooHR":
    key = connection.secrets["api_key"]
    http = Http(
        connection.url,
        system=system.system,
        auth=httpx.BasicAuth(key, "x"),
        headers={"Accept": "application/json"},
        limits=system.limits,
        budget=connection.budget,
        secrets=[key],
    )
    return BambooHR(system.system, http)


class BambooHR:
    def __init__(self, name: str, http: Http):
        self.name, self.http = name, http

    def read(self, each: Object, since: str | None) -> Iterator[Page]:
        # Both filters are asked from a second earlier: whether they include their own second is not documented for the feed.
        start = (datetime.fromisoformat(since) - timedelta(seconds=1)).isoformat() if since else BEGINNING
        latest, actions = self._changes(start)  # before the report, so that its newest stamp is no later than what the report knows
        wanted = _wanted(each)
        rows = [_row(each, employee) for employee in self._report(wanted, start if since else None)]
        gone = [
            dict.fromkeys(wanted) | {each.key: key, each.changed: change["lastChanged"], each.gone.deleted: True}
            for key, change in actions.items()
            if change["action"] == "Deleted"
        ]
        unseen = {key for key, change in actions.items() if change["action"] != "Deleted"} - {row[each.key] for row in rows}
        if unseen:
            log.warning(
                "%s %s: the report leaves out %d employees that changed; let the key's owner see all", self.name, each.name, len(unseen)
            )
        yield Page(rows + gone, last=not unseen, watermark=latest or since)

    def look(self, each: Object, record_ids: Sequence[str], fields: Collection[str] = ()) -> dict[str, Seen]:
        return dict(zip(record_ids, self.http.each(lambda key: self._look(each, key), record_ids)))

    def find(self, each: Object, hub_ids: Sequence[str]) -> dict[str, list[str]]:
        asked, found = set(hub_ids), {}
        for employee in self._report([each.external_id], None):  # no request searches by a custom field
            if employee[each.external_id] in asked:
                found.setdefault(employee[each.external_id], []).append(employee["id"])
        return found

    def write(self, each: Object, writes: Sequence[Write]) -> list[Outcome]:
        return self.http.each(lambda write: self._write(each, write), writes)

    def close(self) -> None:
        self.http.close()

    def _changes(self, since: str) -> tuple[str, dict[str, dict[str, str]]]:
        answer = self._parsed(self.http.read("GET", f"{EMPLOYEES}/changed", params={"since": since}), "employees")
        # A server that writes maps from lists shows an empty one as [].
        return answer.get("latest") or "", dict(answer["employees"] or {})

    def _report(self, wanted: list[str], since: str | None) -> list[Record]:
        filters = {"filters": {"lastChanged": {"value": since, "includeNull": "no"}}} if since else {}
        response = self.http.read("POST", "/api/v1/reports/custom", params={"format": "json"}, json={"fields": wanted, **filters})
        employees = self._parsed(response, "employees")["employees"]
        # A field that is unknown or that the key may not see is left out without a word.
        if missing := sorted({field for row in employees for field in ["id", *wanted] if field not in row}):
            raise ContractBroken(
                f"{self.name} employees no longer has {', '.join(missing)}; let the key's owner see it, or correct system.yaml"
            )
        if not employees and not since:
            raise ContractBroken(f"{self.name} employees: the report is empty; let the key's owner see the employees")
        return employees

    def _look(self, each: Object, key: str) -> Seen:
        wanted = _wanted(each)
        try:
            response = self.http.read("GET", f"{EMPLOYEES}/{key}", params={"fields": ",".join(wanted)})
        except SystemUnavailable:
            return Seen("unknown")
        if response.status_code == 404:  # "The employee does not exist." One that the key may not see answers 403.
            return Seen("deleted")
        found = _json(response) if response.status_code == 200 else None
        if not isinstance(found, dict) or any(field not in found for field in wanted):
            return Seen("unknown")
        return Seen("there", _row(each, found), version=found[each.changed])

    def _write(self, each: Object, write: Write) -> Outcome:
        # BambooHR clears a field by an empty string.
        body = {name: "" if value is None else value for name, value in write.body.items()} | {each.external_id: write.hub_id}
        try:
            if write.action == "create":
                return _created(write, self.http.send("POST", EMPLOYEES, write.key, json=body))
            if write.version and (refusal := self._moved(each, write)):
                return refusal
            return _updated(write, self.http.send("POST", f"{EMPLOYEES}/{write.record_id}", write.key, json=body))
        except NotSent as failure:
            return Outcome(write.key, "rejected", message=f"not sent: {failure}")
        except InDoubt as doubt:
            return Outcome(write.key, "in_doubt", write.record_id, str(doubt))

    def _moved(self, each: Object, write: Write) -> Outcome | None:
        """The refusal of an update whose record is not as it was. No precondition is documented, so it is read just before."""
        seen = self._look(each, write.record_id)
        if seen.state == "unknown":
            return Outcome(write.key, "rejected", message="not sent: the employee could not be read just before; see if the system is up")
        if seen.version != write.version:
            return Outcome(write.key, "moved", write.record_id, f"{seen.state}, changed {seen.version}, expected {write.version}")
        return None

    def _parsed(self, response: httpx.Response, part: str) -> dict[str, Any]:
        path = response.request.url.path
        if response.status_code in (401, 403):
            raise SystemUnavailable(f"{self.name} {path}: {_refusal(response)}; see if the API key is valid and its owner has access")
        answer = _json(response) if response.status_code == 200 else None
        if not isinstance(answer, dict) or part not in answer:
            raise ContractBroken(f"{self.name} {path}: answered {response.status_code} without {part}; see if the API has changed")
        return answer


def _wanted(each: Object) -> list[str]:
    return [field for field in each.source_fields() if field not in (each.key, each.gone.deleted)]


def _row(each: Object, employee: Record) -> Record:
    return {field: None if value in EMPTY else value for field, value in employee.items()} | {each.gone.deleted: False}


def _created(write: Write, response: httpx.Response) -> Outcome:
    if response.status_code != 201:
        return _rejected(write, response)
    # The address of the new employee ends in the id, as a path or as ?id=.
    numbers = re.findall(r"\d+", response.headers.get("location", ""))
    return (
        Outcome(write.key, "acknowledged", numbers[-1])
        if numbers
        else Outcome(write.key, "in_doubt", message="created, but no id in the answer")
    )


def _updated(write: Write, response: httpx.Response) -> Outcome:
    return Outcome(write.key, "acknowledged", write.record_id) if response.status_code == 200 else _rejected(write, response)


def _rejected(write: Write, response: httpx.Response) -> Outcome:
    return Outcome(write.key, "rejected", message=_refusal(response))


def _refusal(response: httpx.Response) -> str:
    return f"{response.status_code} {response.headers.get('X-BambooHR-Error-Message', '')}".strip()


def _json(response: httpx.Response) -> Any:
    try:
        return response.json()
    except json.JSONDecodeError:
        return None
