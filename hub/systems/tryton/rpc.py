"""Tryton's JSON-RPC, series 8.2 (https://docs.tryton.org): sessions, and errors that arrive inside HTTP 200."""

import base64
from typing import Any

import httpx

from hub.errors import ContractBroken, HubError, SystemUnavailable
from hub.systems.connector import Connection
from hub.systems.http import Http, InDoubt, Token
from hub.systems.tryton import typed

# What Tryton raises on purpose; it rolls the transaction back before it answers. Any other error may come from after the commit.
ROLLED_BACK = {"UserError", "UserWarning", "ConcurrencyException", "LoginException"}


class Refusal(HubError):
    """Tryton said no, and nothing changed. `kind` is the name of its exception."""

    def __init__(self, kind: str, message: str):
        self.kind = kind
        super().__init__(message)


class Rpc:
    """Calls methods of one database's models. Reads are retried, a send is sent once."""

    def __init__(self, http: Http):
        self.http = http
        self._context: dict[str, Any] = {}

    @property
    def context(self) -> dict[str, Any]:
        """What goes with every call: the user's company, messages in English, inactive records too."""
        if not self._context:
            mine = self.read("res.user.get_preferences", True, {})
            self._context = {"company": mine["company"], "language": "en", "active_test": False}
        return self._context

    def read(self, method: str, *params: Any) -> Any:
        """A method's result. Raises Refusal, ContractBroken when Tryton does not know what we ask for, SystemUnavailable."""
        response = self.http.read("POST", "rpc/", json=_call(method, params))
        if response.status_code != 200:
            raise SystemUnavailable(f"tryton {method} answered {response.status_code}; see if the user may use the API")
        kind, answer = _answer(response)
        if kind == "result":
            return answer
        if kind in ROLLED_BACK:
            raise Refusal(kind, answer)
        raise ContractBroken(f"tryton {method}: {kind} {answer}; see that its modules are active and system.yaml fits its series")

    def send(self, about: str, method: str, *params: Any) -> Any:
        """The result of a method that writes. Raises Refusal (nothing changed), NotSent or InDoubt."""
        response = self.http.send("POST", "rpc/", about, json=_call(method, params))
        if response.status_code != 200:
            raise Refusal(f"HTTP {response.status_code}", f"answered {response.status_code}")
        try:
            kind, answer = _answer(response)
        except ContractBroken as unreadable:
            raise InDoubt(f"tryton {method}: {unreadable}") from unreadable
        if kind == "result":
            return answer
        if kind in ROLLED_BACK:
            raise Refusal(kind, answer)
        raise InDoubt(f"tryton {method}: {kind} {answer}")

    def search_read(self, model: str, domain: list, fields: list[str], limit: int | None = None) -> list[dict]:
        """Records in the order of their ids. A dotted field reads the related records too, under `name.`."""
        try:
            found = self.read(f"{model}.search_read", domain, 0, limit, [["id", "ASC"]], fields, self.context)
        except Refusal as refusal:
            raise SystemUnavailable(f"tryton {model}: {refusal}; give the user the right to read it") from refusal
        if not isinstance(found, list):
            raise ContractBroken(
                f"tryton {model}: search_read answered {type(found).__name__}, not a list; see what stands between us and it"
            )
        return found


def session(connection: Connection, http: list[Http]) -> Token:
    """Signs in when first needed, and again when Tryton has let the session go (401). `http` holds the client once it is made."""
    user = connection.secrets["user"]

    def log_in() -> str:
        call = {"id": 0, "method": "common.db.login", "params": [user, {"password": connection.secrets["password"]}, "en"]}
        response = http[0].read("POST", "rpc/", json=call, auth=None)
        if response.status_code != 200:
            raise SystemUnavailable(f"tryton refuses user {user} with {response.status_code}; check the user and the secret `password`")
        _, (user_id, token, *_) = _answer(response)
        return f"{user_id}:{token}"

    return Token(log_in, header=lambda token: "Session " + base64.b64encode(f"{user}:{token}".encode()).decode())


def _call(method: str, params: tuple) -> dict[str, Any]:
    return {"id": 1, "method": f"model.{method}", "params": list(params)}


def _answer(response: httpx.Response) -> tuple[str, Any]:
    """("result", value), or the name of Tryton's exception and its message without what a person typed."""
    try:
        answer = typed.plain(response.json())
        if "error" not in answer:
            return "result", answer["result"]
    except (ValueError, KeyError, TypeError) as unreadable:
        raise ContractBroken("no JSON-RPC answer; see what stands between us and Tryton") from unreadable
    kind, message = (*answer["error"], "")[:2]
    return str(kind), str(message[0] if isinstance(message, list) else message).splitlines()[0] if message else ""
