"""Sends writes to Salesforce, each batch once, and reads what became of each record."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any
from wsgiref.handlers import format_date_time

import httpx
import orjson

from hub.errors import SystemUnavailable
from hub.mapping import Object
from hub.systems.connector import Outcome, Record, Write
from hub.systems.http import Http, InDoubt, NotSent

CONDITIONAL = 25  # subrequests of one Composite request ("Composite Resource")

Send = Callable[[Http, Object, Sequence[Write], str], httpx.Response]


def send(http: Http, each: Object, writes: Sequence[Write], api: str) -> list[Outcome]:
    """One outcome for each write, in order."""
    found: dict[int, Outcome] = {}
    for request, batch in _batches(each, writes):
        found |= zip([number for number, _ in batch], _outcomes(http, each, [write for _, write in batch], request, api), strict=True)
    return [found[number] for number in range(len(writes))]


def parsed(response: httpx.Response) -> Any:
    """The JSON of an answer, or None when it holds none."""
    try:
        return orjson.loads(response.content)
    except ValueError:
        return None


def error(body: Any) -> tuple[str, str]:
    """The errorCode and message of Salesforce's error body, empty when it is none."""
    first = body[0] if isinstance(body, list) and body and isinstance(body[0], dict) else {}
    return str(first.get("errorCode", "")), str(first.get("message", ""))


def _batches(each: Object, writes: Sequence[Write]) -> Iterator[tuple[Send, list[tuple[int, Write]]]]:
    numbered = list(enumerate(writes))
    creates = [pair for pair in numbered if pair[1].action == "create"]
    updates = [pair for pair in numbered if pair[1].action == "update" and not pair[1].version]
    conditional = [pair for pair in numbered if pair[1].action == "update" and pair[1].version]
    for request, chosen, size in (
        (_upsert, creates, each.write.batch),
        (_update, updates, each.write.batch),
        (_update_if, conditional, CONDITIONAL),
    ):
        for start in range(0, len(chosen), size):
            yield request, chosen[start : start + size]


def _outcomes(http: Http, each: Object, batch: Sequence[Write], request: Send, api: str) -> list[Outcome]:
    if request is _upsert and not each.external_id:
        message = f"not sent: {each.name} has no external_id, so a repeat could duplicate it; map one in system.yaml"
        return [Outcome(write.key, "rejected", message=message) for write in batch]
    try:
        response = request(http, each, batch, api)
    except (NotSent, SystemUnavailable) as failure:  # the latter when no token could be had
        return [Outcome(write.key, "rejected", message=f"not sent: {failure}") for write in batch]
    except InDoubt as doubt:
        return [Outcome(write.key, "in_doubt", message=str(doubt)) for write in batch]
    body = parsed(response)
    if 400 <= response.status_code < 500 and response.status_code != 408:
        message = " ".join([str(response.status_code), *error(body)]).strip()
        return [Outcome(write.key, "rejected", message=message) for write in batch]
    answers = body.get("compositeResponse") if isinstance(body, dict) else body
    if not isinstance(answers, list) or len(answers) != len(batch) or not all(isinstance(answer, dict) for answer in answers):
        return [
            Outcome(write.key, "in_doubt", message=f"answered {response.status_code} without a result for each record") for write in batch
        ]
    return [_outcome(write, answer) for write, answer in zip(batch, answers)]


def _upsert(http: Http, each: Object, batch: Sequence[Write], api: str) -> httpx.Response:
    """Creates, so that a repeat finds the first one ("Upsert Records Using sObject Collections")."""
    records = [{"attributes": {"type": each.name}, **_body(each, write), each.external_id: write.hub_id} for write in batch]
    url = f"{api}/composite/sobjects/{each.name}/{each.external_id}"
    return http.send("PATCH", url, batch[0].key, json={"allOrNone": False, "records": records})


def _update(http: Http, each: Object, batch: Sequence[Write], api: str) -> httpx.Response:
    records = [{"attributes": {"type": each.name}, "id": write.record_id, **_body(each, write)} for write in batch]
    return http.send("PATCH", f"{api}/composite/sobjects", batch[0].key, json={"allOrNone": False, "records": records})


def _update_if(http: Http, each: Object, batch: Sequence[Write], api: str) -> httpx.Response:
    """Updates that fail with 412 when the record was modified after its version ("Composite Subrequest", httpHeaders)."""
    requests = [
        {
            "method": "PATCH",
            "url": f"{api}/sobjects/{each.name}/{write.record_id}",
            "referenceId": f"write{number}",
            "httpHeaders": {"If-Unmodified-Since": _http_date(write.version)},
            "body": _body(each, write),
        }
        for number, write in enumerate(batch)
    ]
    return http.send("POST", f"{api}/composite", batch[0].key, json={"allOrNone": False, "compositeRequest": requests})


def _body(each: Object, write: Write) -> Record:
    """What Salesforce takes: a contact's Name is computed, so its last word is written as LastName and the rest as FirstName."""
    if each.name != "Contact" or "Name" not in write.body:
        return write.body
    first, _, last = (write.body["Name"] or "").strip().rpartition(" ")
    return {name: value for name, value in write.body.items() if name != "Name"} | {"FirstName": first or None, "LastName": last or None}


def _outcome(write: Write, answer: Record) -> Outcome:
    if "httpStatusCode" in answer:
        return _conditional_outcome(write, answer["httpStatusCode"], error(answer.get("body")))
    if answer.get("success") is True:
        return Outcome(write.key, "acknowledged", answer.get("id") or write.record_id)
    if answer.get("success") is False:
        told = "; ".join(f"{each.get('statusCode')} {each.get('message')}" for each in answer.get("errors", ()))
        return Outcome(write.key, "rejected", message=told)
    return Outcome(write.key, "in_doubt", message="answered neither yes nor no")


def _conditional_outcome(write: Write, status: int, told: tuple[str, str]) -> Outcome:
    message = " ".join([str(status), *told]).strip()
    if status < 300:
        return Outcome(write.key, "acknowledged", write.record_id)
    if status == 412 or told[0] == "ENTITY_IS_DELETED":
        return Outcome(write.key, "moved", message=message)
    return Outcome(write.key, "in_doubt" if status >= 500 else "rejected", message=message)


def _http_date(stamp: str) -> str:
    return format_date_time(datetime.fromisoformat(stamp).timestamp())
