"""A BambooHR account: employees as the API shows them, custom fields included. Judged by the vendor's OpenAPI contract.

What the contract leaves open rests on the pages "Technical Overview" (X-BambooHR-Error-Message), "Field Names" (which
fields are read only) and "Get Changed Employee IDs"; zeros for a date that was never set, on what published clients handle.
"""

import base64
import json
import re
from datetime import datetime
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from hub.systems.simulator import Clock, Record, Table

DATES = {"hireDate", "terminationDate"}
READ_ONLY = {"id", "lastChanged", "fullName1"}
FIELDS = {
    "firstName",
    "lastName",
    "fullName1",
    "employeeNumber",
    "workEmail",
    "employmentHistoryStatus",
    "status",
    "jobTitle",
    "department",
    "division",
    "location",
    "hireDate",
    "terminationDate",
    "lastChanged",
    "standardHoursPerWeek",
    "customConcordId",
    "customLegalEntity",
    "customCostCenter",
}


class Employees(Table):
    """Employees by id."""

    def __init__(self, clock: Clock):
        super().__init__(clock, _stamp)
        self.hired: dict[str, datetime] = {}

    def create(self, values: Record, record_id: str | None = None) -> str:
        record_id = super().create({"status": "Active"} | _as_kept(values), record_id)
        self.rows[record_id]["id"] = record_id
        self.hired[record_id] = self.changed[record_id]
        return record_id

    def update(self, record_id: str, values: Record) -> None:
        super().update(record_id, _as_kept(values))


class Simulator:
    """One company's account.

    fields   what the key's owner may see; others are left out of answers
    unseen   ids of employees that the key's owner may not see
    """

    def __init__(self, clock: Clock):
        self.tables = {"employees": Employees(clock)}
        self.secrets = {"api_key": "demo-api-key"}
        self.fields, self.unseen = set(FIELDS), set()
        self.app = Starlette(
            routes=[
                Route("/api/v1/employees", self._authorised(self._create), methods=["POST"]),
                Route("/api/v1/employees/changed", self._authorised(self._changed)),
                Route("/api/v1/employees/{id}", self._authorised(self._employee), methods=["GET"]),
                Route("/api/v1/employees/{id}", self._authorised(self._update), methods=["POST"]),
                Route("/api/v1/reports/custom", self._authorised(self._report), methods=["POST"]),
            ]
        )

    @property
    def employees(self) -> Employees:
        return self.tables["employees"]

    def _authorised(self, answer):
        async def checked(request: Request) -> Response:
            expected = base64.b64encode(f"{self.secrets['api_key']}:x".encode()).decode()
            if request.headers.get("authorization") != f"Basic {expected}":
                return _refused(401, "Invalid API key")
            return answer(request, await request.body())

        return checked

    def _create(self, request: Request, body: bytes) -> Response:
        values = _object(body)
        if values is None or not values.get("firstName") or not values.get("lastName"):
            return _refused(400, "First name and last name are required")
        if wrong := self._wrong(values, None):
            return _refused(409, wrong)
        key = self.employees.create(self._writable(values))
        return Response(status_code=201, headers={"Location": str(request.url.replace(query="")) + f"/{key}"})

    def _update(self, request: Request, body: bytes) -> Response:
        key, values = request.path_params["id"], _object(body)
        if refusal := self._hidden(key):
            return refusal
        if values is None:
            return _refused(400, "Malformed JSON")
        if wrong := self._wrong(values, key):
            return _refused(409, wrong)
        self.employees.update(key, self._writable(values))
        return Response(status_code=200)

    def _employee(self, request: Request, body: bytes) -> Response:
        key = request.path_params["id"]
        if refusal := self._hidden(key):
            return refusal
        wanted = request.query_params.get("fields", "firstName,lastName").split(",")
        return JSONResponse({"id": key} | {field: self._shown(key, field) for field in wanted if field in self.fields})

    def _changed(self, request: Request, body: bytes) -> Response:
        since = _instant(request.query_params.get("since", ""))
        if since is None:
            return _refused(400, "since is not an ISO 8601 date")
        table, found = self.employees, {}
        for key, _ in table.since(since):
            found[key] = ("Inserted" if table.changed[key] == table.hired[key] else "Updated", table.changed[key])
        found |= {key: ("Deleted", at) for key, (at, _) in table.gone.items() if at >= since}
        employees = {key: {"id": key, "action": action, "lastChanged": _text(at)} for key, (action, at) in found.items()}
        return JSONResponse({"latest": _text(max((at for _, at in found.values()), default=since)), "employees": employees})

    def _report(self, request: Request, body: bytes) -> Response:
        # Any other content type is read as XML, says the contract.
        asked = _object(body) if request.headers.get("content-type") == "application/json" else None
        if asked is None:
            return _refused(400, "Malformed XML")
        filters, wanted = asked.get("filters", {}), [field for field in asked.get("fields", []) if field in self.fields]
        since = _instant(filters["lastChanged"]["value"]) if "lastChanged" in filters else None
        shown = [
            {"id": key} | {field: self._shown(key, field) or "" for field in wanted}
            for key, _ in self.employees.since(since)
            if key not in self.unseen
        ]
        columns = [{"id": field, "type": "text", "name": field} for field in wanted]
        return JSONResponse({"title": asked.get("title", ""), "fields": columns, "employees": shown})

    def _hidden(self, key: str) -> Response | None:
        if key not in self.employees.rows:
            return _refused(404, "The employee does not exist")
        return _refused(403, "No permission to see the employee") if key in self.unseen else None

    def _shown(self, key: str, field: str) -> Any:
        return self.employees.rows[key].get(field) or ("0000-00-00" if field in DATES else None)

    def _writable(self, values: Record) -> Record:
        return {field: value for field, value in values.items() if field in self.fields - READ_ONLY}

    def _wrong(self, values: Record, key: str | None) -> str | None:
        taken = {row.get("workEmail") for other, row in self.employees.rows.items() if other != key} - {None, ""}
        if values.get("workEmail") in taken:
            return "Duplicate email"
        bad = [field for field in DATES & values.keys() if values[field] and not re.fullmatch(r"\d{4}-\d\d-\d\d", str(values[field]))]
        return f"Invalid value for {bad[0]}" if bad else None


def _stamp(record: Record, at: datetime, created: bool) -> None:
    record["fullName1"] = f"{record.get('firstName') or ''} {record.get('lastName') or ''}".strip()
    record["lastChanged"] = _text(at)


def _as_kept(values: Record) -> Record:
    """Every value is text, as the vendor shows it, and a full name is two."""
    values = {field: value if value is None else str(value) for field, value in values.items()}
    if "fullName1" not in values or {"firstName", "lastName"} & values.keys():
        return values
    first, _, last = values["fullName1"].rpartition(" ")
    return values | {"firstName": first, "lastName": last}


def _refused(status: int, message: str) -> Response:
    return Response(status_code=status, headers={"X-BambooHR-Error-Message": message})


def _object(body: bytes) -> Record | None:
    try:
        found = json.loads(body)
    except json.JSONDecodeError:
        return None
    return found if isinstance(found, dict) else None


def _instant(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _text(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S+00:00")
