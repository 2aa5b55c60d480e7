"""NetSuite's SuiteTalk REST web services and SuiteQL, as far as Concord and other people's clients use them.

Modelled on NetSuite's help ("SuiteTalk REST Web Services API Guide"); judged by the PyPI client `netsuite` and the npm
client `netsuite-rest`, unchanged (tests/systems/test_netsuite.py). Records are kept as the record service shows them.
For those who seed and edit, `billingAddress` is short for the address book's default billing line.
"""

import itertools
import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from hub.systems.netsuite.catalogue import KINDS, SUBLISTS, Kind
from hub.systems.netsuite.gate import Gate
from hub.systems.netsuite.suiteql import QueryWrong, SuiteQL
from hub.systems.simulator import Clock, Record, Table

RECORDS = "/services/rest/record/v1"
POSTED = {"A", "B", "V"}  # Open, Paid In Full, Voided; what is not yet approved is not in the ledger
TITLES = {400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found"}
FITS: dict[str, Callable[[Any], bool]] = {
    "text": lambda value: isinstance(value, str),
    "number": lambda value: isinstance(value, (int, float)) and not isinstance(value, bool),
    "boolean": lambda value: isinstance(value, bool),
    "date": lambda value: isinstance(value, str) and bool(re.fullmatch(r"\d{4}-\d\d-\d\d", value)),
    "datetime": lambda value: False,  # set by NetSuite itself
    "ref": lambda value: isinstance(value, dict) and isinstance(value.get("id"), str),
}


class Refusal(Exception):
    """An answer that says no, in NetSuite's form ("Error Handling in REST Web Services")."""

    def __init__(self, status: int, code: str, detail: str, **where: str):
        self.status = status
        self.body = {"type": f"https://www.rfc-editor.org/rfc/rfc9110.html#section-15.5.{status - 399}", "title": TITLES[status], "status": status,
                     "o:errorDetails": [{"detail": detail, **where, "o:errorCode": code}]}


class Simulator:
    """A NetSuite account.

    tables   {record type: Table}
    secrets  for OAuth 2.0 client credentials; `tba` for token-based authentication
    app      what to serve
    """

    def __init__(self, clock: Clock):
        self.gate = Gate()
        self.secrets, self.tba = self.gate.secrets, self.gate.tba
        entities, transactions, times, self.lines = itertools.count(1001), itertools.count(1001), itertools.count(1001), itertools.count(501)
        numbers = {"customer": entities, "employee": entities, "job": entities, "salesOrder": transactions, "invoice": transactions, "timeBill": times}
        self.tables = {name: Table(clock, self._stamp) for name in KINDS}
        for name, table in self.tables.items():
            table.numbers = numbers[name]  # entities never share an internal id, nor do transactions
        self.suiteql = SuiteQL(self.tables)
        self.app = Starlette(routes=[
            Route("/services/rest/auth/oauth2/v1/token", self.gate.token, methods=["POST"]),
            Route("/services/rest/query/v1/suiteql", self._guarded(self._query), methods=["POST"]),
            Route(RECORDS + "/{kind}", self._guarded(self._collection), methods=["GET", "POST"]),
            Route(RECORDS + "/{kind}/{key}", self._guarded(self._record), methods=["GET", "PATCH", "PUT", "DELETE"]),
        ])

    def expire_tokens(self) -> None:
        """Every bearer token that is out becomes invalid."""
        self.gate.tokens.clear()

    def _stamp(self, record: Record, at: datetime, created: bool) -> None:
        record["lastModifiedDate"] = at.strftime("%Y-%m-%dT%H:%M:%SZ")
        address = {name: value for name, value in (record.pop("billingAddress", None) or {}).items() if name != "id"}
        if address:
            book = record.setdefault("addressBook", {"items": []})["items"]
            self._line(book, {"defaultBilling": True, "addressBookAddress": address}, lambda line: line.get("defaultBilling"))

    def _line(self, book: list[Record], values: Record, is_it: Callable[[Record], bool]) -> None:
        """Set values of the address line that `is_it`, or add a line."""
        line = next((line for line in book if is_it(line)), None)
        if line is None:
            number = next(self.lines)
            line = {"id": number, "internalId": number, "addressId": str(number), "defaultBilling": False, "defaultShipping": False, "addressBookAddress": {}}
            book.append(line)
        if values.get("defaultBilling"):
            for other in book:
                other["defaultBilling"] = False
        line |= values | {"addressBookAddress": line["addressBookAddress"] | values.get("addressBookAddress", {})}

    def _guarded(self, answer: Callable) -> Callable:
        async def guarded(request: Request) -> Response:
            try:
                if not self.gate.admits(request):
                    raise Refusal(401, "INVALID_LOGIN", "Invalid login attempt. For more details, see the Login Audit Trail in the NetSuite UI.")
                return await answer(request)
            except Refusal as refusal:
                return JSONResponse(refusal.body, refusal.status, media_type="application/vnd.oracle.resource+json; type=error")
        return guarded

    async def _query(self, request: Request) -> Response:
        if "transient" not in request.headers.get("prefer", ""):
            raise Refusal(400, "INVALID_HEADER", "The required request header 'Prefer: transient' is missing.", **{"o:errorHeader": "Prefer"})
        try:
            found = self.suiteql.rows((await request.json())["q"])
        except QueryWrong as wrong:
            raise Refusal(400, "INVALID_PARAMETER", str(wrong), **{"o:errorPath": "q"}) from wrong
        return JSONResponse(_page(request, found))

    async def _collection(self, request: Request) -> Response:
        kind = _kind(request)
        if request.method == "POST":
            return self._create(request, kind, await request.json())
        name = request.path_params["kind"]
        return JSONResponse(_page(request, [{"id": each} for each in sorted(self.tables[name].rows, key=int)]))

    async def _record(self, request: Request) -> Response:
        kind, name = _kind(request), request.path_params["kind"]
        record_id = self._find(name, request.path_params["key"])
        if request.method == "PUT":
            return self._upsert(request, kind, record_id, await request.json())
        if record_id is None:
            raise Refusal(404, "NONEXISTENT_ID", "The record instance does not exist. Provide a valid record instance ID.", **{"o:urlPath": request.path_params["key"]})
        if request.method == "GET":
            return JSONResponse(_shown(request, name, record_id, self.tables[name].rows[record_id]))
        self._refuse_posted(name, record_id)
        if request.method == "DELETE":
            self.tables[name].delete(record_id)
        else:
            self._change(request, kind, record_id, await request.json())
        return _no_content(request, name, record_id)

    def _find(self, name: str, key: str) -> str | None:
        """The internal id that a key of a URL means, an internal id or eid:EXTERNALID; None if there is none."""
        rows = self.tables[name].rows
        if key.startswith("eid:"):
            return next((each for each, row in rows.items() if row.get("externalId") == key[4:]), None)
        return key if key in rows else None

    def _upsert(self, request: Request, kind: Kind, record_id: str | None, values: Record) -> Response:
        """PUT is for external ids only; it creates or updates ("The Upsert Operation")."""
        name, key = request.path_params["kind"], request.path_params["key"]
        if not key.startswith("eid:"):
            raise Refusal(400, "INVALID_PARAMETER", "The PUT method needs an external ID: use eid: followed by the external ID.", **{"o:urlPath": key})
        if record_id is None:
            return self._create(request, kind, values | {"externalId": key[4:]})
        self._refuse_posted(name, record_id)
        self._change(request, kind, record_id, values)
        return _no_content(request, name, record_id)

    def _create(self, request: Request, kind: Kind, values: Record) -> Response:
        name = request.path_params["kind"]
        values = _checked(request, kind, values)
        required = kind.required + (("item",) if name == "timeBill" and values.get("customer") else ())
        if missing := [each for each in required if not values.get(each)]:
            raise Refusal(400, "USER_ERROR", f"Error while accessing a resource. Please enter value(s) for: {', '.join(missing)}.")
        self._refuse_twins(name, values)
        book = values.pop("addressBook", {}).get("items", [])
        record_id = self.tables[name].create(values)
        self._set_lines(self.tables[name].rows[record_id], book)
        return _no_content(request, name, record_id)

    def _change(self, request: Request, kind: Kind, record_id: str, values: Record) -> None:
        name = request.path_params["kind"]
        values = _checked(request, kind, values)
        book = values.pop("addressBook", {}).get("items", [])
        self._set_lines(self.tables[name].rows[record_id], book)
        self.tables[name].update(record_id, values)

    def _set_lines(self, record: Record, lines: list[Record]) -> None:
        """Lines with a known key are changed, the others added ("Updating a Sublist")."""
        for values in lines:
            key = values.get("internalId")
            self._line(record.setdefault("addressBook", {"items": []})["items"], values, lambda line, key=key: line["internalId"] == key)

    def _refuse_posted(self, name: str, record_id: str) -> None:
        if name == "invoice" and self.tables[name].rows[record_id].get("status", {}).get("id") in POSTED:
            raise Refusal(400, "USER_ERROR", "Error while accessing a resource. You cannot change a transaction in a closed accounting period.")

    def _refuse_twins(self, name: str, values: Record) -> None:
        for field, detail in (("externalId", "This entity already exists."), ("entityId", "A record with this ID already exists. Enter a unique ID.")):
            if values.get(field) and any(row.get(field) == values[field] for row in self.tables[name].rows.values()):
                raise Refusal(400, "USER_ERROR", f"Error while accessing a resource. {detail}")


def _kind(request: Request) -> Kind:
    name = request.path_params["kind"]
    if name not in KINDS:
        raise Refusal(404, "NONEXISTENT_RECORD_TYPE", f"Record type '{name}' does not exist.", **{"o:urlPath": name})
    return KINDS[name]


def _checked(request: Request, kind: Kind, values: Record) -> Record:
    """The fields of a body that NetSuite takes. What it does not know it refuses or passes over, as the header says."""
    strict = request.headers.get("x-netsuite-propertynamevalidation", "").lower() == "error"
    known = {name: value for name, value in values.items() if name in kind.fields or name in SUBLISTS}
    if strict and (unknown := sorted(values.keys() - known.keys())):
        raise Refusal(400, "INVALID_CONTENT", f"Unknown property '{unknown[0]}' in the request body.", **{"o:errorPath": unknown[0]})
    for name, value in known.items():
        if name in kind.fields and value is not None and not FITS[kind.fields[name]](value):
            raise Refusal(400, "INVALID_VALUE", f"Invalid value for the property '{name}': {kind.fields[name]} expected.", **{"o:errorPath": name})
    return known


def _page(request: Request, found: list[Record]) -> Record:
    """One page of a collection ("Collection Paging")."""
    limit, offset = (int(request.query_params.get(name, default)) for name, default in (("limit", 1000), ("offset", 0)))
    if not 1 <= limit <= 1000 or offset % limit:
        raise Refusal(400, "INVALID_PARAMETER", "The limit is 1 to 1000, the offset a multiple of it.", **{"o:errorQueryParam": "offset" if 1 <= limit <= 1000 else "limit"})
    items = found[offset:offset + limit]
    more = offset + limit < len(found)
    links = [{"rel": "self", "href": str(request.url)}]
    if more:
        links.append({"rel": "next", "href": str(request.url.include_query_params(limit=limit, offset=offset + limit))})
    return {"links": links, "count": len(items), "hasMore": more, "items": [{"links": [], **item} for item in items], "offset": offset, "totalResults": len(found)}


def _shown(request: Request, name: str, record_id: str, row: Record) -> Record:
    """A record as GET shows it: empty fields left out, sublists as links unless asked for."""
    here = f"{request.url.replace(path=f'{RECORDS}/{name}/{record_id}', query='')}"
    expanded = request.query_params.get("expandSubResources", "").lower() == "true"
    shown = {field: {"links": [{"rel": "self", "href": f"{here}/{field}"}]} if field in SUBLISTS and not expanded else value
             for field, value in row.items() if value is not None}
    return {"links": [{"rel": "self", "href": here}], **shown, "id": record_id}


def _no_content(request: Request, name: str, record_id: str) -> Response:
    return Response(status_code=204, headers={"Location": str(request.url.replace(path=f"{RECORDS}/{name}/{record_id}", query=""))})
