"""Ironclad's protocol: a token for a client, pages that must add up, errors in its words."""

from collections.abc import Iterator, Mapping
from typing import Any

import httpx

from hub.errors import ContractBroken, SystemUnavailable
from hub.systems.connector import Record
from hub.systems.http import Http

PAGE = 100  # the most that a page holds
SCOPES = (
    "public.records.readRecords public.records.readSchemas public.records.updateRecords "
    "public.entities.readEntities public.entities.createEntities public.entities.updateEntities"
)


def path(*parts: str) -> str:
    return "/".join(["/public/api/v1", *parts])


def fetch_token(url: str, secrets: Mapping[str, str]) -> str:
    """A token that is good for some hours. Raises SystemUnavailable when none is given."""
    form, client = {"grant_type": "client_credentials", "scope": SCOPES}, (secrets["client_id"], secrets["client_secret"])
    try:
        response = httpx.post(f"{url}/oauth/token", data=form, auth=client, timeout=30, trust_env=False)
        return response.raise_for_status().json()["access_token"]
    except (httpx.HTTPError, ValueError, KeyError) as failure:
        wrong = "client and secret are right" if isinstance(failure, httpx.HTTPStatusError) else "the system is up and its url is right"
        raise SystemUnavailable(f"ironclad gave no token: {type(failure).__name__}; see if {wrong}") from failure


def pages(http: Http, name: str, ask: Mapping[str, Any]) -> Iterator[Record]:
    """All answers to a listing, up to a page that is not full; `count` in each is of the whole listing.

    Raises ContractBroken when a page does not hold what its count announces, SystemUnavailable when it is refused.
    """
    number, full = 0, True
    while full:
        answer = _counted(http, name, number, parsed(http, http.read("GET", path(name), params={**ask, "page": number, "pageSize": PAGE})))
        full = len(answer["list"]) == answer["pageSize"]
        yield answer
        number += 1


def parsed(http: Http, response: httpx.Response) -> Record:
    """The JSON of a read that went well."""
    where = f"{http.system} {response.request.url.path}"
    if response.status_code in (401, 403):
        raise SystemUnavailable(
            f"{where}: answered {response.status_code} {reason(http, response)}; the client or its user needs more rights"
        )
    answer = body(response)
    if response.status_code != 200 or answer is None:
        raise ContractBroken(f"{where}: answered {response.status_code} {reason(http, response)}; see if the object is still there")
    return answer


def reason(http: Http, response: httpx.Response) -> str:
    """What Ironclad gives as reason."""
    told = body(response) or {}
    return http.redact(" ".join(told[part] for part in ("code", "message", "param") if told.get(part)) or response.text[:200])


def body(response: httpx.Response) -> Record | None:
    """The JSON object of an answer; None when there is none."""
    try:
        answer = response.json()
    except ValueError:
        return None
    return answer if isinstance(answer, dict) else None


def _counted(http: Http, name: str, number: int, answer: Record) -> Record:
    """A page that brings what it announces, with the count of the whole listing. Only its own figures tell a truncated page."""
    if not {"page", "pageSize", "count", "list"} <= answer.keys():
        raise ContractBroken(f"{http.system} {name}: page {number} has no list or no count; see if the API changed")
    size, sent = answer["pageSize"], len(answer["list"])
    # The count of entities is documented as 100 at most, as if it were the page's; records are counted as a whole.
    count = number * size + sent if number and sent == answer["count"] else answer["count"]
    due = min(size, max(count - number * size, 0))
    if answer["page"] != number or sent != due:
        raise ContractBroken(f"{http.system} {name}: page {number} announces {due} and brings {sent}; run again")
    return answer | {"count": count}
