"""The simulator's record service, record/v1: get, list, create, update, upsert, delete.

After "SuiteTalk REST Web Services API Guide". It refuses what an account would refuse: fields of the wrong type, missing
mandatory fields, an external id or a name that is taken, any change of a posted invoice.
"""

import re
from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from hub.systems.netsuite.addresses import AddressBook
from hub.systems.netsuite.answers import Refusal, page, window
from hub.systems.netsuite.catalogue import KINDS, SUBLISTS
from hub.systems.simulator import Record, Table

PATH = "/services/rest/record/v1"
POSTED = {"A", "B", "V"}  # Open, Paid In Full, Voided; what is not yet approved is not in the ledger
FITS: dict[str, Callable[[Any], bool]] = {
    "text": lambda value: isinstance(value, str),
    "number": lambda value: isinstance(value, (int, float)) and not isinstance(value, bool),
    "boolean": lambda value: isinstance(value, bool),
    "date": lambda value: isinstance(value, str) and bool(re.fullmatch(r"\d{4}-\d\d-\d\d", value)),
    "datetime": lambda value: False,  # NetSuite sets it itself
    "ref": lambda value: isinstance(value, dict) and isinstance(value.get("id"), str),
}


class RecordService:
    """Answers requests for records of these tables."""

    def __init__(self, tables: dict[str, Table], addresses: AddressBook):
        self.tables, self.addresses = tables, addresses

    async def collection(self, request: Request) -> Response:
        name = _name(request)
        if request.method == "POST":
            return self._create(request, name, await request.json())
        (limit, offset), ids = window(request), sorted(self.tables[name].rows, key=int)
        return JSONResponse(page(request, [{"id": each} for each in ids[offset : offset + limit]], len(ids)))

    async def record(self, request: Request) -> Response:
        name, key = _name(request), request.path_params["key"]
        record_id = self._find(name, key)
        if request.method == "PUT":
            return self._upsert(request, name, key, record_id, await request.json())
        if record_id is None:
            raise Refusal(
                404, "NONEXISTENT_ID", "The record instance does not exist. Provide a valid record instance ID.", {"o:urlPath": key}
            )
        if request.method == "GET":
            return JSONResponse(_shown(request, name, record_id, self.tables[name].rows[record_id]))
        self._refuse_posted(name, record_id)
        if request.method == "PATCH":
            return self._change(request, name, record_id, await request.json())
        self.tables[name].delete(record_id)
        return _done(request, name, record_id)

    def _find(self, name: str, key: str) -> str | None:
        """The internal id that the end of a URL means, an internal id or eid:EXTERNALID; None if there is none."""
        rows = self.tables[name].rows
        if key.startswith("eid:"):
            return next((each for each, row in rows.items() if row.get("externalId") == key[4:]), None)
        return key if key in rows else None

    def _upsert(self, request: Request, name: str, key: str, record_id: str | None, values: Record) -> Response:
        """PUT takes external ids only, and creates or updates ("The Upsert Operation")."""
        if not key.startswith("eid:"):
            raise Refusal(400, "INVALID_PARAMETER", "The PUT method takes an external ID, written eid: and the ID.", {"o:urlPath": key})
        if record_id is None:
            return self._create(request, name, values | {"externalId": key[4:]})
        self._refuse_posted(name, record_id)
        return self._change(request, name, record_id, values)

    def _create(self, request: Request, name: str, values: Record) -> Response:
        values = _checked(request, name, values)
        # A time entry for a customer or project needs a service item.
        required = KINDS[name].required + (("item",) if name == "timeBill" and values.get("customer") else ())
        if missing := [each for each in required if not values.get(each)]:
            raise Refusal(400, "USER_ERROR", f"Error while accessing a resource. Please enter value(s) for: {', '.join(missing)}.")
        self._refuse_taken(name, values)
        lines = values.pop("addressBook", {}).get("items", [])
        record_id = self.tables[name].create(values)
        self.addresses.set_lines(self.tables[name].rows[record_id], lines)
        return _done(request, name, record_id)

    def _change(self, request: Request, name: str, record_id: str, values: Record) -> Response:
        values = _checked(request, name, values)
        self.addresses.set_lines(self.tables[name].rows[record_id], values.pop("addressBook", {}).get("items", []))
        self.tables[name].update(record_id, values)
        return _done(request, name, record_id)

    def _refuse_posted(self, name: str, record_id: str) -> None:
        status = self.tables[name].rows[record_id].get("status") or {}
        if name == "invoice" and status.get("id") in POSTED:
            raise Refusal(
                400, "USER_ERROR", "Error while accessing a resource. You cannot change a transaction in a closed accounting period."
            )

    def _refuse_taken(self, name: str, values: Record) -> None:
        for field in ("externalId", "entityId"):
            if values.get(field) and any(row.get(field) == values[field] for row in self.tables[name].rows.values()):
                raise Refusal(400, "USER_ERROR", "Error while accessing a resource. This entity already exists.")


def _name(request: Request) -> str:
    name = request.path_params["name"]
    if name not in KINDS:
        raise Refusal(404, "NONEXISTENT_RECORD_TYPE", f"Record type '{name}' does not exist.", {"o:urlPath": name})
    return name


def _checked(request: Request, name: str, values: Record) -> Record:
    """The fields of a body that NetSuite takes. What it does not know it refuses or passes over, as the header says."""
    fields = KINDS[name].fields
    unknown = sorted(values.keys() - fields.keys() - set(SUBLISTS))
    if unknown and request.headers.get("x-netsuite-propertynamevalidation", "").lower() == "error":
        raise Refusal(400, "INVALID_CONTENT", f"Unknown property '{unknown[0]}' in the request body.", {"o:errorPath": unknown[0]})
    for field, value in values.items():
        if field in fields and value is not None and not FITS[fields[field]](value):
            raise Refusal(
                400, "INVALID_VALUE", f"Invalid value for the property '{field}': {fields[field]} expected.", {"o:errorPath": field}
            )
    return {field: value for field, value in values.items() if field not in unknown}


def _shown(request: Request, name: str, record_id: str, row: Record) -> Record:
    """A record as GET shows it: empty fields left out, sublists as links unless asked for."""
    here = _place(request, name, record_id)
    expanded = request.query_params.get("expandSubResources", "").lower() == "true"
    shown = {
        field: {"links": [{"rel": "self", "href": f"{here}/{field}"}]} if field in SUBLISTS and not expanded else value
        for field, value in row.items()
        if value is not None
    }
    return {"links": [{"rel": "self", "href": here}], **shown, "id": record_id}


def _done(request: Request, name: str, record_id: str) -> Response:
    return Response(status_code=204, headers={"Location": _place(request, name, record_id)})


def _place(request: Request, name: str, record_id: str) -> str:
    return str(request.url.replace(path=f"{PATH}/{name}/{record_id}", query=""))
