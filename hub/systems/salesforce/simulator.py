"""A Salesforce org that answers as REST API v61.0 does, as far as our connector and others' clients ask.

Judges: simple-salesforce and jsforce, unchanged. Source: REST API Developer Guide. Collections and composite requests
save partially (allOrNone=false); a request for all or none is refused rather than half kept.
"""

import itertools
from collections.abc import Awaitable, Callable

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from hub.systems.salesforce import batches, org, soql
from hub.systems.salesforce.records import Answer, Records, Refusal, attributes
from hub.systems.simulator import Clock, Record

DATA = "/services/data/{version}"


class Simulator:
    """One org.

    tables          records by object, as the API shows them; deleted ones are in each table's `bin`
    secrets         what a client must present for a token
    page_size       most records in a page
    daily_requests  how many requests the org may get until it answers REQUEST_LIMIT_EXCEEDED
    """

    def __init__(self, clock: Clock):
        self.tables: dict[str, org.SObject] = {}
        self.tables |= {name: org.SObject(clock, kind, self.tables) for name, kind in org.kinds().items()}
        self.secrets = {"client_id": "demo-client-id", "client_secret": "demo-client-secret"}
        self.records, self.page_size, self.daily_requests, self.requests = Records(self.tables), 2000, 100_000, 0
        self.sessions: set[str] = set()
        self.cursors: dict[str, tuple[list[Record], int]] = {}
        self.numbers = itertools.count(1)
        self.app = _without_last_slash(Starlette(routes=self._routes(), exception_handlers={Refusal: _refused}))

    def expire_tokens(self) -> None:
        """Make every session invalid, as when its time is up."""
        self.sessions.clear()

    def _routes(self) -> list[Route]:
        guarded = {
            ("GET", "/limits"): self._limits,
            ("GET", "/sobjects"): self._describe_global,
            ("GET", "/sobjects/{object}/describe"): self._describe,
            ("POST", "/sobjects/{object}"): self._row,
            ("GET", "/sobjects/{object}/{id}"): self._row,
            ("PATCH", "/sobjects/{object}/{id}"): self._row,
            ("DELETE", "/sobjects/{object}/{id}"): self._row,
            ("GET", "/sobjects/{object}/{key}/{value}"): self._row,
            ("PATCH", "/sobjects/{object}/{key}/{value}"): self._row,
            ("DELETE", "/sobjects/{object}/{key}/{value}"): self._row,
            ("GET", "/query"): self._query,
            ("GET", "/queryAll"): self._query,
            ("GET", "/query/{cursor}"): self._more,
            ("GET", "/queryAll/{cursor}"): self._more,
            ("POST", "/composite"): self._composite,
            ("POST", "/composite/sobjects"): self._collection,
            ("PATCH", "/composite/sobjects"): self._collection,
            ("DELETE", "/composite/sobjects"): self._collection,
            ("PATCH", "/composite/sobjects/{object}/{key}"): self._collection,
        }
        return [Route("/services/oauth2/token", self._token, methods=["POST"]), Route("/services/data", _versions),
                *(Route(DATA + path, self._guarded(handler), methods=[method]) for (method, path), handler in guarded.items())]

    def _guarded(self, handler: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
        async def checked(request: Request) -> Response:
            if request.headers.get("authorization", "").removeprefix("Bearer ") not in self.sessions:
                raise Refusal(401, "INVALID_SESSION_ID", "Session expired or invalid")
            if self.requests >= self.daily_requests:
                raise Refusal(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
            self.requests += 1
            response = await handler(request)
            response.headers["Sforce-Limit-Info"] = f"api-usage={self.requests}/{self.daily_requests}"
            return response
        return checked

    async def _token(self, request: Request) -> Response:
        form = await request.form()
        if form.get("grant_type") != "client_credentials":
            return JSONResponse({"error": "unsupported_grant_type", "error_description": "grant type not supported"}, 400)
        if any(form.get(name) != secret for name, secret in self.secrets.items()):
            return JSONResponse({"error": "invalid_client", "error_description": "invalid client credentials"}, 400)
        token = f"session-{next(self.numbers)}"
        self.sessions.add(token)
        instance = str(request.base_url).rstrip("/")
        return JSONResponse({"access_token": token, "instance_url": instance, "id": f"{instance}/id/org/user", "token_type": "Bearer", "scope": "api"})

    async def _limits(self, request: Request) -> Response:
        return JSONResponse({"DailyApiRequests": {"Max": self.daily_requests, "Remaining": self.daily_requests - self.requests},
                             "DailyBulkV2QueryJobs": {"Max": 10_000, "Remaining": 10_000}})

    async def _describe_global(self, request: Request) -> Response:
        return JSONResponse({"encoding": "UTF-8", "maxBatchSize": 200, "sobjects": [table.kind.described() for table in self.tables.values()]})

    async def _describe(self, request: Request) -> Response:
        kind = self.records.table(request.path_params["object"]).kind
        return JSONResponse(kind.described() | {"fields": [field.described() for field in kind.fields.values()]})

    async def _row(self, request: Request) -> Response:
        body = await request.json() if request.method in ("POST", "PATCH") else {}
        return _response(batches.row(self.records, request.method, request.path_params, body, request.headers, request.query_params))

    async def _collection(self, request: Request) -> Response:
        body = await request.json() if request.method != "DELETE" else {**request.query_params, "ids": request.query_params["ids"].split(",")}
        return _response(batches.collection(self.records, request.method, request.path_params, body))

    async def _composite(self, request: Request) -> Response:
        return _response(batches.composite(self.records, await request.json()))

    async def _query(self, request: Request) -> Response:
        try:
            query = soql.parse(request.query_params["q"])
            if query.object not in self.tables:
                raise soql.Malformed("INVALID_TYPE", f"sObject type '{query.object}' is not supported.")
            table = self.tables[query.object]
            binned = table.bin.values() if request.url.path.endswith("/queryAll") else ()
            found = soql.chosen(query, table.kind, [*table.rows.values(), *binned])
            columns = self._columns(table, query.fields)
            rows = [self._selected(table, columns, row) for row in found] if columns else []
        except soql.Malformed as wrong:
            raise Refusal(400, *wrong.args) from wrong
        cursor = f"01g5e{next(self.numbers):013}"
        self.cursors[cursor] = rows, len(found)
        return JSONResponse(self._page(request.url.path, cursor, 0))

    async def _more(self, request: Request) -> Response:
        cursor, _, start = request.path_params["cursor"].rpartition("-")
        if cursor not in self.cursors or not start.isdigit():
            raise Refusal(400, "INVALID_QUERY_LOCATOR", "invalid query locator")
        return JSONResponse(self._page(request.url.path.rpartition("/")[0], cursor, int(start)))

    def _page(self, path: str, cursor: str, start: int) -> Record:
        rows, total = self.cursors[cursor]
        end = start + self.page_size
        page = {"totalSize": total, "done": end >= len(rows), "records": rows[start:end]}
        if page["done"]:
            del self.cursors[cursor]  # Salesforce keeps it for two days, and only the last few of a user
            return page
        return page | {"nextRecordsUrl": f"{path}/{cursor}-{end}"}

    def _columns(self, table: org.SObject, names: tuple[str, ...]) -> list[tuple[org.Field | None, org.Field]]:
        """What a SELECT names: fields of the object, or (reference, field) of the record that it points at."""
        columns: list[tuple[org.Field | None, org.Field]] = []
        for name in names:
            parent, _, field = name.rpartition(".")
            reference = next((each for each in table.kind.fields.values() if parent and each.relationship.lower() == parent.lower()), None)
            if parent and not reference:
                raise soql.Malformed("INVALID_FIELD", f"Didn't understand relationship '{parent}' in field path.")
            columns.append((reference, soql.field_of(self.tables[reference.to].kind if reference else table.kind, field)))
        return columns

    def _selected(self, table: org.SObject, columns: list[tuple[org.Field | None, org.Field]], row: Record) -> Record:
        selected = {"attributes": attributes(table.kind.name, row), **{field.name: row[field.name] for reference, field in columns if not reference}}
        for reference, field in columns:
            if reference:
                other = self.tables[reference.to]
                found = other.rows.get(row[reference.name]) or other.bin.get(row[reference.name])
                related = selected.setdefault(reference.relationship, {"attributes": attributes(reference.to, found)} if found else None)
                if found:
                    related[field.name] = found[field.name]
        return selected


async def _versions(request: Request) -> Response:
    return JSONResponse([{"label": "Summer '24", "url": "/services/data/v61.0", "version": "61.0"}])


async def _refused(request: Request, refusal: Refusal) -> Response:
    return JSONResponse(refusal.body(), refusal.status)


def _response(answer: Answer) -> Response:
    if answer.body is None:
        return Response(status_code=answer.status, headers=answer.headers)
    return JSONResponse(answer.body, answer.status, answer.headers)


def _without_last_slash(app: ASGIApp) -> ASGIApp:
    async def stripped(scope: Scope, receive: Receive, send: Send) -> None:
        await app(scope | {"path": scope["path"].rstrip("/")}, receive, send)
    return stripped
