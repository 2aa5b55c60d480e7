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

from hub.systems.salesforce import batches, org, query, soql
from hub.systems.salesforce.records import Answer, Records, Refusal
from hub.systems.simulator import Clock, Record

DATA = "/services/data/{version}"


class Simulator:
    """One org.

    tables          records by object, as the API shows them; deleted ones are in each table's `bin`
    secrets         what a client must present for a token
    user            what the org calls who changes a record with such a token
    page_size       most records in a page
    instance_url    where the org says it is; blank, where it was asked
    daily_requests  how many requests the org may get until it answers REQUEST_LIMIT_EXCEEDED
    """

    def __init__(self, clock: Clock):
        self.tables: dict[str, org.SObject] = {}
        self.tables |= {name: org.SObject(clock, kind, self.tables) for name, kind in org.kinds().items()}
        self.user = org.INTEGRATION
        self.tables["User"].rows |= org.users(self.tables["User"].kind)
        self.secrets = {"client_id": "demo-client-id", "client_secret": "demo-client-secret"}
        self.records, self.page_size, self.daily_requests, self.requests = Records(self.tables), 2000, 100_000, 0
        self.instance_url = ""
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
            ("POST", "/composite/sobjects/{object}"): self._retrieve,
        }
        return [
            Route("/services/oauth2/token", self._token, methods=["POST"]),
            Route("/services/data", _versions),
            *(Route(DATA + path, self._guarded(handler), methods=[method]) for (method, path), handler in guarded.items()),
        ]

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
        instance = self.instance_url or str(request.base_url).rstrip("/")
        return JSONResponse({"access_token": token, "instance_url": instance, "token_type": "Bearer", "scope": "api"})

    async def _limits(self, request: Request) -> Response:
        return JSONResponse(
            {
                "DailyApiRequests": {"Max": self.daily_requests, "Remaining": self.daily_requests - self.requests},
                "DailyBulkV2QueryJobs": {"Max": 10_000, "Remaining": 10_000},
            }
        )

    async def _describe_global(self, request: Request) -> Response:
        return JSONResponse(
            {"encoding": "UTF-8", "maxBatchSize": 200, "sobjects": [table.kind.described() for table in self.tables.values()]}
        )

    async def _describe(self, request: Request) -> Response:
        kind = self.records.table(request.path_params["object"]).kind
        return JSONResponse(kind.described() | {"fields": [field.described() for field in kind.fields.values()]})

    async def _row(self, request: Request) -> Response:
        body = await request.json() if request.method in ("POST", "PATCH") else {}
        return _response(batches.row(self.records, request.method, request.path_params, body, request.headers, request.query_params))

    async def _collection(self, request: Request) -> Response:
        body = (
            await request.json() if request.method != "DELETE" else {**request.query_params, "ids": request.query_params["ids"].split(",")}
        )
        return _response(batches.collection(self.records, request.method, request.path_params, body))

    async def _retrieve(self, request: Request) -> Response:
        return _response(batches.retrieved(self.records, request.path_params["object"], await request.json()))

    async def _composite(self, request: Request) -> Response:
        return _response(batches.composite(self.records, await request.json()))

    async def _query(self, request: Request) -> Response:
        try:
            rows, total = query.answer(soql.parse(request.query_params["q"]), self.tables, deleted=request.url.path.endswith("/queryAll"))
        except soql.Malformed as wrong:
            raise Refusal(400, *wrong.args) from wrong
        cursor = f"01g5e{next(self.numbers):013}"
        self.cursors[cursor] = rows, total
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
