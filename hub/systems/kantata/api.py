"""Kantata's protocol: pages that must add up, errors in its words."""

from collections.abc import Iterator
from typing import Any

import httpx

from hub.errors import ContractBroken, SystemUnavailable
from hub.systems.connector import Record
from hub.systems.http import Http

PAGE = 200  # the most that a page holds


def path(name: str, record_id: str | None = None) -> str:
    return f"/api/v1/{name}.json" if record_id is None else f"/api/v1/{name}/{record_id}.json"


def pages(http: Http, name: str, ask: dict[str, Any]) -> Iterator[Record]:
    """All answers to a listing, to the last page that Kantata itself counts.

    Raises ContractBroken when a page does not hold what it announces, SystemUnavailable when it is refused.
    """
    number, announced = 1, 1
    while number <= announced:
        answer = parsed(http, http.read("GET", path(name), params=ask | {"page": number, "per_page": PAGE}))
        announced = _checked(http, name, number, answer)
        yield answer
        number += 1


def records(name: str, answer: Record) -> list[Record]:
    """The records of an answer in its own order; what is only included beside them is left out."""
    return [answer[name][each["id"]] for each in answer["results"]]


def parsed(http: Http, response: httpx.Response) -> Record:
    """The JSON of a read that went well."""
    where = f"{http.system} {response.request.url.path}"
    if response.status_code in (401, 403):
        raise SystemUnavailable(f"{where}: answered {response.status_code} {errors(http, response)}; it needs more rights, or a new token")
    answer = _json(response)
    if response.status_code != 200 or answer is None:
        raise ContractBroken(f"{where}: answered {response.status_code} {errors(http, response)}; see if the object is still there")
    return answer


def errors(http: Http, response: httpx.Response) -> str:
    """What Kantata gives as reasons."""
    told = (_json(response) or {}).get("errors") or []
    return http.redact("; ".join(str(each.get("message", each)) for each in told) or response.text[:200])


def record_id(response: httpx.Response) -> str | None:
    """The id of the record that a write answers with; None when the answer does not tell."""
    results = (_json(response) or {}).get("results") or [{}]
    return results[0].get("id")


def _checked(http: Http, name: str, number: int, answer: Record) -> int:
    """The number of pages. Offset paging tells a truncated page only by its own figures, so these must agree."""
    meta, results, found = answer.get("meta") or {}, answer.get("results"), answer.get(name, {})
    if results is None or not {"count", "page_count", "page_number", "page_size"} <= meta.keys():
        raise ContractBroken(f"{http.system} {name}: page {number} has no results or no meta; see if the API changed")
    due = min(meta["page_size"], max(meta["count"] - (number - 1) * meta["page_size"], 0))
    sent = [each["id"] for each in results if each["key"] == name and each["id"] in found]
    if meta["page_number"] != number or len(sent) != due:
        raise ContractBroken(f"{http.system} {name}: page {number} announces {due} records and brings {len(sent)}; run again")
    return meta["page_count"]


def _json(response: httpx.Response) -> Record | None:
    try:
        answer = response.json()
    except ValueError:
        return None
    return answer if isinstance(answer, dict) else None
