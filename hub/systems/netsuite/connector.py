"""NetSuite, SuiteTalk REST web services: SuiteQL reads, the record service (record/v1) writes.

Manual: NetSuite's help, "SuiteTalk REST Web Services API Guide", "SuiteQL", "OAuth 2.0 Client Credentials Flow".

SuiteQL leaves empty values out of its rows, sends all values as text, and shows dates without the time of day, in the
account's format. So every query names its columns, asks for dates through TO_CHAR, and gives rows that name every field.
NetSuite has no ETag and no transaction over a read and a write: the precondition is to look again just before the write,
and to compare the time of the last change, which NetSuite keeps to the second.
"""

import logging
from collections.abc import Collection, Iterator, Sequence

import httpx

from hub import mapping, nested
from hub.errors import ContractBroken, HubError, SystemUnavailable
from hub.systems import connector
from hub.systems.connector import Outcome, Page, Record, Seen, Write
from hub.systems.http import Http, InDoubt, NotSent, Token
from hub.systems.netsuite import query
from hub.systems.netsuite.assertion import private_key, signed
from hub.systems.netsuite.query import Query

log = logging.getLogger(__name__)
QUERY, RECORDS, TOKEN = "/services/rest/query/v1/suiteql", "/services/rest/record/v1", "/services/rest/auth/oauth2/v1/token"
ROWS = 1000  # the largest page, "Collection Paging"
LISTED = 500  # ids in one IN list, which may hold 1000
ADDRESS = "billingAddress/internalId"  # what is asked of a record just before it is written, beside its stamp


def connect(system: mapping.System, connection: connector.Connection) -> "NetSuite":
    """A connector to the account at `connection.url`. Options: `rows` a page, `verify` as httpx takes it."""
    return NetSuite(system, connection)


class NetSuite:
    """Reads and writes one NetSuite account."""

    def __init__(self, system: mapping.System, connection: connector.Connection):
        self.name, self.url, self.secrets = system.system, connection.url.rstrip("/"), connection.secrets
        self.key = private_key(self.secrets)
        self.rows = int(connection.options.get("rows", ROWS))
        shared = {"system": self.name, "secrets": self.secrets.values(), "verify": connection.options.get("verify", True)}
        # Without the header NetSuite passes over a field that it does not know.
        headers = {"X-NetSuite-PropertyNameValidation": "Error"}
        self.http = Http(self.url, auth=Token(self._token), headers=headers, limits=system.limits, budget=connection.budget, **shared)
        self.door = Http(self.url, **shared)

    def close(self) -> None:
        self.http.close()
        self.door.close()

    def read(self, each: mapping.Object, since: str | None) -> Iterator[Page]:
        # What changes on the pages behind us while we read has a stamp that is not before the newest of now.
        rows, _ = self._ask(query.newest(each))
        watermark = rows[0].get("newest") if rows else None
        for rows, _ in self._pages(query.deleted(each, since)):
            yield Page(query.tombstones(each, rows), last=False, watermark=watermark or since)
        for rows, last in self._pages(query.live(each, since)):
            yield Page(query.records(each, rows), last, watermark=watermark or since)

    def look(self, each: mapping.Object, record_ids: Sequence[str], fields: Collection[str] = ()) -> dict[str, Seen]:
        seen = {record_id: Seen("unknown") for record_id in record_ids}
        try:
            for record in self._among(each, query.key(each), record_ids, fields):
                seen[record[each.key]] = Seen("there", record, version=record[each.changed])
            # A record that is not there may be one that we may not see. Only the list of deleted records tells.
            absent = [record_id for record_id, found in seen.items() if found.state == "unknown"]
            for record in self._buried(each, absent):
                seen[record[each.key]] = Seen("deleted")
        except SystemUnavailable as failure:
            log.warning("%s %s: %s", self.name, each.name, failure)
        return seen

    def find(self, each: mapping.Object, hub_ids: Sequence[str]) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for record in self._among(each, query.expression(each, each.external_id), hub_ids):
            found.setdefault(record[each.external_id], []).append(record[each.key])
        return found

    def write(self, each: mapping.Object, writes: Sequence[Write]) -> list[Outcome]:
        # One record a request: NetSuite's batches are asynchronous jobs ("Batch Operations"), too late for a precondition.
        # As many are looked at together as are then sent at once, so that each look is as fresh as one request is long.
        size = self.http.at_once
        return [outcome for start in range(0, len(writes), size) for outcome in self._look_and_write(each, writes[start : start + size])]

    def _look_and_write(self, each: mapping.Object, writes: Sequence[Write]) -> list[Outcome]:
        try:
            seen = self.look(each, [write.record_id for write in writes if write.record_id], [ADDRESS])
        except HubError as failure:
            return [Outcome(write.key, "rejected", write.record_id, f"not sent: {failure}") for write in writes]
        return self.http.each(lambda write: self._write(each, write, seen.get(write.record_id, Seen("there", {}))), writes)

    def _write(self, each: mapping.Object, write: Write, seen: Seen) -> Outcome:
        if seen.state == "unknown":
            message = f"not sent: {each.name} {write.record_id} is not to be seen; see the role's permissions"
            return Outcome(write.key, "rejected", write.record_id, message)
        if seen.state != "there" or write.version not in (None, seen.version):
            return Outcome(write.key, "moved", write.record_id, f"{seen.state}, last modified {seen.version}, expected {write.version}")
        return self._send(each, write, _body(each, write, seen.row))

    def _send(self, each: mapping.Object, write: Write, body: Record) -> Outcome:
        """Send a write once. A create bears the hub id as external id: NetSuite refuses a second record with it."""
        method, url = ("PATCH", f"{RECORDS}/{each.name}/{write.record_id}") if write.record_id else ("POST", f"{RECORDS}/{each.name}")
        try:
            response = self.http.send(method, url, write.key, json=body)
        except InDoubt as failure:
            return Outcome(write.key, "in_doubt", write.record_id, str(failure))
        except (NotSent, SystemUnavailable) as failure:  # no connection, or no token
            return Outcome(write.key, "rejected", write.record_id, f"not sent: {failure}")
        if response.status_code >= 400:
            return Outcome(write.key, "rejected", write.record_id, _said(response))
        record_id = write.record_id or response.headers.get("location", "").rpartition("/")[2]
        if response.status_code != 204 or not record_id:
            return Outcome(write.key, "in_doubt", write.record_id, f"answered {response.status_code} without saying where the record is")
        return Outcome(write.key, "acknowledged", record_id)

    def _among(self, each: mapping.Object, expression: str, values: Sequence[str], fields: Collection[str] = ()) -> Iterator[Record]:
        """The records whose `expression` is one of these values, with some of their fields, or all."""
        for rows in self._narrowed(query.live(each, fields=fields), expression, values):
            yield from query.records(each, rows, fields)

    def _buried(self, each: mapping.Object, record_ids: Sequence[str]) -> Iterator[Record]:
        """The tombstones of deleted records."""
        for rows in self._narrowed(query.deleted(each), "recordid", record_ids):
            yield from query.tombstones(each, rows)

    def _narrowed(self, wanted: Query, expression: str, values: Sequence[str]) -> Iterator[list[dict[str, str]]]:
        for start in range(0, len(values), LISTED):
            for rows, _ in self._pages(wanted.narrowed(query.among(expression, values[start : start + LISTED]))):
                yield rows

    def _pages(self, wanted: Query) -> Iterator[tuple[list[dict[str, str]], bool]]:
        """Pages of rows in the order of the query's numeric key, and whether each is the last.

        Each page is asked for after the last key of the one before. An offset would skip a row whenever an earlier one
        is deleted meanwhile, and ends at 100,000 rows.
        """
        after, last = 0, False
        while not last:
            rows, last = self._ask(wanted.after(after))
            if not all(row.get(wanted.alias) for row in rows):
                raise ContractBroken(f"{self.name} sends a row without {wanted.alias}; see the role's permissions, then run again")
            yield rows, last
            if not last:
                after = int(rows[-1][wanted.alias])

    def _ask(self, text: str) -> tuple[list[dict[str, str]], bool]:
        """One page of a query's answer, and whether NetSuite says that it is the last."""
        response = self.http.read(
            "POST", QUERY, params={"limit": self.rows, "offset": 0}, headers={"Prefer": "transient"}, json={"q": text}
        )
        if response.status_code == 400:
            raise ContractBroken(
                f"{self.name} refuses a query: {_said(response)} Correct system.yaml or the role's permissions. The query: {text}"
            )
        if response.status_code != 200:
            raise SystemUnavailable(
                f"{self.name} answers {response.status_code} to a query: {_said(response)} See the role and its permissions"
            )
        try:
            page = response.json()
            rows, more, said = page["items"], page["hasMore"], (page["count"], page["totalResults"])
        except (ValueError, KeyError, TypeError) as wrong:
            raise ContractBroken(f"{self.name} answers a query with {response.text[:80]!r}, which is no page of rows; run again") from wrong
        if said[0] != len(rows) or more != (said[1] > said[0]) or (more and not rows):
            raise ContractBroken(
                f"{self.name} sends {len(rows)} rows of a page of {said[0]}, of {said[1]} in all; the page is cut, run again"
            )
        return rows, not more

    def _token(self) -> str:
        """A bearer token, bought with a signed assertion. Raises SystemUnavailable when the account refuses it."""
        response = self.door.read("POST", TOKEN, data=signed(self.secrets, self.key, self.url + TOKEN))
        if response.status_code != 200:
            raise SystemUnavailable(
                f"{self.name} answers {response.status_code} instead of a token; see client_id, certificate_id and private_key"
            )
        try:
            return response.json()["access_token"]
        except (ValueError, KeyError, TypeError) as wrong:
            raise SystemUnavailable(
                f"{self.name} gave no token: {response.text[:80]!r}; see if the account is up, then run again"
            ) from wrong


def _body(each: mapping.Object, write: Write, seen: Record) -> Record:
    """What to send: nothing for a cleared reference, the billing address as a line of the address book, on creates the external id."""
    body = _cleared(write.body)
    if "billingAddress" in body:
        # A line that names its key is changed, the other lines stay ("Updating a Sublist").
        key = nested.get(seen, ADDRESS)
        line = {"defaultBilling": True, "addressBookAddress": body.pop("billingAddress")}
        body["addressBook"] = {"items": [line | ({"internalId": int(key)} if key else {})]}
    return body if write.record_id else each.read.get("create", {}) | body | {each.external_id: write.hub_id}


def _cleared(body: Record) -> Record:
    """The body with null for each reference to nothing: NetSuite clears a field by null."""
    return {name: None if value == {"id": None} else _cleared(value) if isinstance(value, dict) else value for name, value in body.items()}


def _said(response: httpx.Response) -> str:
    """NetSuite's own words for a refusal ("Error Handling in REST Web Services")."""
    try:
        details = response.json()["o:errorDetails"]
        return "; ".join(f"{each.get('detail')} ({each.get('o:errorCode')})" for each in details)
    except (ValueError, KeyError, TypeError):
        return f"{response.status_code} {response.text[:200]}"
