"""Redmine's REST: pages that overlap by one record, so that a list that moved under the reader is noticed."""

import logging
from collections.abc import Iterator
from typing import Any

import httpx

from hub.errors import ContractBroken, SystemUnavailable
from hub.systems.connector import Record
from hub.systems.http import Http

log = logging.getLogger(__name__)
LIMIT = 100  # the most that Redmine gives
ORDER = {"projects": "identifier", "users": "login", "time_entries": "created_on:asc"}  # Redmine breaks the ties of time entries by id


def answer(http: Http, path: str, **params: Any) -> Record:
    """The JSON object at a path. Raises SystemUnavailable when Redmine refuses, ContractBroken when there is no object."""
    response = http.read("GET", f"{path}.json", params=params)
    if response.status_code != 200:
        raise SystemUnavailable(f"redmine {path} answered {response.status_code}; see if REST is on and the API key is an administrator's")
    return body(path, response)


def body(path: str, response: httpx.Response) -> Record:
    try:
        content = response.json()
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise ContractBroken(f"redmine {path} answered no JSON object; see what stands between us and it")
    return content


def require_administrator(http: Http) -> None:
    """Raises SystemUnavailable unless our key is an administrator's.

    Redmine answers a wrong key as it answers a visitor, with 200 and the public projects: a short list that looks complete.
    """
    if not answer(http, "users/current").get("user", {}).get("admin"):
        raise SystemUnavailable("redmine: the API key is no administrator's, so lists may leave records out; use one of an administrator")


def pages(http: Http, name: str, **params: Any) -> Iterator[tuple[list[Record], bool]]:
    """Pages of a list in an order without ties, each with whether it is the last; the last never comes when the list moved meanwhile.

    Lists have offsets and no cursor: a deletion shifts the rest to the front, and a record slips through between two pages.
    """
    before, offset = None, 0
    while True:
        content = answer(http, name, **params, sort=ORDER[name], limit=LIMIT, offset=offset)
        try:
            records, total = content[name], content["total_count"]
        except KeyError as missing:
            raise ContractBroken(f"redmine {name}: no {missing} in the answer; see which Redmine this is") from missing
        if before is not None and (not records or records[0]["id"] != before):
            log.warning("redmine %s: the list moved while we read it, at record %d; it is read again next time", name, offset)
            return
        fresh = records if before is None else records[1:]
        last = offset + len(records) >= total
        yield fresh, last
        if last or not fresh:
            return
        before, offset = records[-1]["id"], offset + len(records) - 1
