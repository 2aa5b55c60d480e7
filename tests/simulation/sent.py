"""What a request to Salesforce or NetSuite asks to be written, record by record."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from hub.systems.connector import Record

CHANGING = ("POST", "PATCH", "PUT", "DELETE")
ASKING = re.compile(r"/token$|/suiteql$|/composite/sobjects/\w+$")  # what is posted only to ask
SALESFORCE_ROW = re.compile(r"/sobjects/(\w+)/(\w+)$")
EXTERNAL_ID = {"salesforce": "Concord_Id__c", "netsuite": "externalId"}


@dataclass(frozen=True)
class Sent:
    """One write of one record as its system saw it. `made` is the id of the record that came of it, where one was new."""

    system: str
    object: str
    record_id: str | None
    hub_id: str | None
    body: Record
    made: str | None = None

    @property
    def key(self) -> tuple:
        return self.system, self.object, self.record_id or self.hub_id


def is_write(method: str, path: str) -> bool:
    """Whether a request could change a record."""
    return method in CHANGING and not ASKING.search(path)


def of(system: str, path: str, body: bytes, status: int = 0, answer: bytes = b"") -> list[Sent]:
    """The writes of one request, and with its answer what was made."""
    return list((_salesforce if system == "salesforce" else _netsuite)(path, body, status, answer))


def _salesforce(path: str, body: bytes, status: int, answer: bytes) -> Iterator[Sent]:
    said, answered = json.loads(body), _parsed(answer)
    for one in said.get("compositeRequest", ()):
        name, record_id = SALESFORCE_ROW.search(one["url"]).groups()
        yield Sent("salesforce", name, record_id, None, one["body"])
    for number, one in enumerate(said.get("records", ())):
        values = {name: value for name, value in one.items() if name not in ("attributes", "id")}
        made = answered[number] if status == 200 and answered else {}
        hub_id = None if "id" in one else values[EXTERNAL_ID["salesforce"]]
        yield Sent("salesforce", one["attributes"]["type"], one.get("id"), hub_id, values, made["id"] if made.get("created") else None)


def _netsuite(path: str, body: bytes, status: int, answer: bytes) -> Iterator[Sent]:
    name, _, record_id = path.partition("/record/v1/")[2].partition("/")
    values = json.loads(body)
    yield Sent(
        "netsuite",
        name,
        record_id or None,
        None if record_id else values["externalId"],
        values,
        values["externalId"] if not record_id and status == 204 else None,
    )


def _parsed(answer: bytes) -> list:
    return json.loads(answer or b"null") or []
