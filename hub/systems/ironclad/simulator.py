"""An Ironclad account over HTTP: tokens, listings by page and formula, typed changes. Sources: head of system.yaml."""

import base64
import re
from copy import deepcopy

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from hub.systems.ironclad.documents import PROPERTIES, Documents
from hub.systems.simulator import Clock, Record

CHANGES = {"name", "type", "status", "relationshipTypeKey", "addProperties", "removeProperties", "setParent", "removeParent"}
EQUALS = re.compile(r"Equals\(\[(\w+)\], '([^']*)'\)")


class Simulator:
    """One account, in which one user's permissions count.

    counts_pages   whether the count of entities is the page's, as their maximum of 100 suggests, or the whole listing's
    """

    def __init__(self, clock: Clock):
        self.tables = {name: Documents(clock, name) for name in PROPERTIES}
        self.secrets = {"client_id": "demo-client-id", "client_secret": "demo-client-secret", "as_user_email": "hub@firm.example"}
        self.properties = deepcopy(PROPERTIES)
        self.counts_pages = False
        self.tokens: set[str] = set()
        self.issued = 0
        self.app = Starlette(
            routes=[
                Route("/oauth/token", self._token, methods=["POST"]),
                Route("/public/api/v1/records/metadata", self._authorised(self._metadata)),
                Route("/public/api/v1/entities", self._authorised(self._create), methods=["POST"]),
                Route("/public/api/v1/{name:str}", self._authorised(self._list)),
                Route("/public/api/v1/{name:str}/{id}", self._authorised(self._retrieve), methods=["GET"]),
                Route("/public/api/v1/{name:str}/{id}", self._authorised(self._change), methods=["PATCH"]),
            ]
        )

    def expire_tokens(self) -> None:
        """Refuse every token that was issued."""
        self.tokens.clear()

    async def _token(self, request: Request) -> Response:
        expected = base64.b64encode(f"{self.secrets['client_id']}:{self.secrets['client_secret']}".encode()).decode()
        if request.headers.get("authorization") != f"Basic {expected}":
            return JSONResponse({"error": "invalid_client"}, status_code=401)
        if (await request.form()).get("grant_type") != "client_credentials":
            return JSONResponse({"error": "unsupported_grant_type"}, status_code=400)
        self.issued += 1
        self.tokens.add(f"demo-token-{self.issued}")
        return JSONResponse({"access_token": f"demo-token-{self.issued}", "token_type": "Bearer", "expires_in": 21600})

    def _authorised(self, endpoint):
        async def answer(request: Request) -> Response:
            if request.headers.get("authorization", "").removeprefix("Bearer ") not in self.tokens:
                return _refused(401, "UNAUTHORIZED", "token has expired")
            if request.headers.get("x-as-user-email") != self.secrets["as_user_email"]:
                return _refused(403, "FORBIDDEN", "access forbidden")
            if request.path_params.get("name", "records") not in self.tables:
                return _refused(404, "NOT_FOUND", "not found")
            return await endpoint(request)

        return answer

    async def _metadata(self, request: Request) -> Response:
        told = {name: {"displayName": name, "type": kind, "visible": True} for name, kind in self.properties["records"].items()}
        types = sorted({row["type"] for row in self.tables["records"].rows.values()})
        return JSONResponse(
            {"recordTypes": {name: {"displayName": name} for name in types}, "properties": told, "attachments": {}, "links": {}}
        )

    async def _list(self, request: Request) -> Response:
        asked, name = request.query_params, request.path_params["name"]
        number, size = int(asked.get("page", 0)), int(asked.get("pageSize", 20))
        if not 1 <= size <= 100:
            return _refused(400, "INVALID_PARAM", "must be between 1 and 100", "pageSize")
        found = self._filtered(name, asked.get("filter"))
        if found is None:
            return _refused(400, "INVALID_PARAM", "the formula could not be read", "filter")
        field = asked.get("sortField", "name")
        found.sort(key=lambda row: row.get(field) or "", reverse=asked.get("sortDirection", "DESC") == "DESC")
        page = found[number * size : (number + 1) * size]
        count = len(page if self.counts_pages and name == "entities" else found)
        return JSONResponse({"page": number, "pageSize": size, "count": count, "list": page})

    def _filtered(self, name: str, formula: str | None) -> list[Record] | None:
        """The records that a formula of equalities lets through; None when it is another formula."""
        rows = list(self.tables[name].rows.values())
        if formula is None:
            return rows
        equal = EQUALS.findall(formula)
        if (
            not equal
            or EQUALS.sub("", formula).replace("Or(", "").strip("(), ")
            or any(field not in self.properties[name] for field, _ in equal)
        ):
            return None
        return [row for row in rows if any(row["properties"].get(field, {}).get("value") == value for field, value in equal)]

    async def _retrieve(self, request: Request) -> Response:
        row = self.tables[request.path_params["name"]].rows.get(request.path_params["id"])
        return JSONResponse(row) if row else _refused(404, "NOT_FOUND", "not found")

    async def _create(self, request: Request) -> Response:
        sent = await request.json()
        if not sent.get("name"):
            return _refused(400, "MISSING_PARAM", "name is required", "name")
        if refusal := self._misfit("entities", sent.get("properties", {})):
            return refusal
        values = {part: sent[part] for part in ("name", "status", "properties") if part in sent}
        key = self.tables["entities"].create(values | ({"parentId": sent["parent"]["recordId"]} if "parent" in sent else {}))
        return JSONResponse(self.tables["entities"].rows[key], status_code=201)

    async def _change(self, request: Request) -> Response:
        name, key, sent = request.path_params["name"], request.path_params["id"], await request.json()
        if key not in self.tables[name].rows:
            return _refused(404, "NOT_FOUND", "not found")
        if unknown := sorted(sent.keys() - CHANGES):
            return _refused(400, "INVALID_PARAM", f"unknown field {unknown[0]}", unknown[0])
        if refusal := self._misfit(name, sent.get("addProperties", {})):
            return refusal
        row = self.tables[name].rows[key]
        for gone in [*sent.get("removeProperties", []), *sent.get("addProperties", {})]:  # what is added replaces, it does not merge
            row["properties"].pop(gone, None)
        if sent.get("removeParent"):
            row.pop("parentId", None)
        values = {part: sent[part] for part in ("name", "type", "status") if part in sent}
        values |= {"parentId": sent["setParent"]["recordId"]} if "setParent" in sent else {}
        self.tables[name].update(key, values | {"properties": sent.get("addProperties", {})})
        return JSONResponse(row)

    def _misfit(self, name: str, properties: Record) -> Response | None:
        """The refusal of a property that the account does not have, or that is of another type."""
        for field, one in properties.items():
            if self.properties[name].get(field) != one.get("type"):
                said = "unknown property" if field not in self.properties[name] else "wrong type of"
                return _refused(400, "INVALID_PARAM", f"{said} {field}", f"properties.{field}")
        return None


def _refused(status: int, code: str, message: str, param: str | None = None) -> Response:
    return JSONResponse({"code": code, "message": message} | ({"param": param} if param else {}), status_code=status)
