"""A NetSuite account for tests and the demo: SuiteQL, the record service, and both ways to get in.

Modelled on NetSuite's help ("SuiteTalk REST Web Services API Guide"); judged by the PyPI client `netsuite` and the npm
client `netsuite-rest`, unchanged (tests/systems/test_netsuite.py).
"""

import itertools
from collections.abc import Awaitable, Callable
from datetime import datetime

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from hub.systems.netsuite.addresses import AddressBook
from hub.systems.netsuite.answers import Refusal, page, window
from hub.systems.netsuite.catalogue import KINDS
from hub.systems.netsuite.gate import Gate
from hub.systems.netsuite.recordservice import PATH, RecordService
from hub.systems.netsuite.suiteql import INSTANT, QueryWrong, SuiteQL
from hub.systems.simulator import Clock, Record, Table

ENTITIES, TRANSACTIONS = ("customer", "employee", "job"), ("salesOrder", "invoice")
Answer = Callable[[Request], Awaitable[Response]]


class Simulator:
    """A NetSuite account.

    tables   {record type: Table}; records as the record service shows them, except that who seeds or edits may write
             `billingAddress` for the address of the address book's default billing line
    secrets  for OAuth 2.0 client credentials; `tba` for token-based authentication
    app      what to serve
    """

    def __init__(self, clock: Clock):
        self.gate, self.addresses, self.busy_for = Gate(), AddressBook(), 0
        self.secrets, self.tba = self.gate.secrets, self.gate.tba
        self.tables = {name: Table(clock, self._stamp) for name in KINDS}
        for names in (ENTITIES, TRANSACTIONS):  # no two entities share an internal id, nor do two transactions
            numbers = itertools.count(1001)
            for name in names:
                self.tables[name].numbers = numbers
        self.suiteql = SuiteQL(self.tables)
        records = RecordService(self.tables, self.addresses)
        self.app = Starlette(
            routes=[
                Route("/services/rest/auth/oauth2/v1/token", self.gate.token, methods=["POST"]),
                Route("/services/rest/query/v1/suiteql", self._guarded(self._query), methods=["POST"]),
                Route(PATH + "/{name}", self._guarded(records.collection), methods=["GET", "POST"]),
                Route(PATH + "/{name}/{key}", self._guarded(records.record), methods=["GET", "PATCH", "PUT", "DELETE"]),
            ]
        )

    def expire_tokens(self) -> None:
        """Every bearer token that is out becomes invalid."""
        self.gate.tokens.clear()

    def be_busy(self, times: int) -> None:
        """The next requests exceed the account's concurrency limit ("Web Services and RESTlet Concurrency Governance")."""
        self.busy_for = times

    def _stamp(self, record: Record, at: datetime, created: bool) -> None:
        record["lastModifiedDate"] = at.strftime(INSTANT)
        address = record.pop("billingAddress", None) or {}
        if any(address.values()):
            self.addresses.set_billing(record, address)

    def _guarded(self, answer: Answer) -> Answer:
        async def guarded(request: Request) -> Response:
            try:
                if not self.gate.admits(request):
                    raise Refusal(
                        401, "INVALID_LOGIN", "Invalid login attempt. For more details, see the Login Audit Trail in the NetSuite UI."
                    )
                if self.busy_for:
                    self.busy_for -= 1
                    raise Refusal(429, "CONCURRENCY_LIMIT_EXCEEDED", "Concurrent request limit exceeded. Request blocked.")
                return await answer(request)
            except Refusal as refusal:
                return JSONResponse(refusal.body, refusal.status, media_type="application/vnd.oracle.resource+json; type=error")

        return guarded

    async def _query(self, request: Request) -> Response:
        if "transient" not in request.headers.get("prefer", ""):
            raise Refusal(400, "INVALID_HEADER", "A query needs the header Prefer: transient.", {"o:errorHeader": "Prefer"})
        try:
            return JSONResponse(page(request, *self.suiteql.answer((await request.json())["q"], *window(request))))
        except QueryWrong as wrong:
            raise Refusal(400, "INVALID_PARAMETER", str(wrong), {"o:errorPath": "q"}) from wrong
