"""Salesforce REST API v61.0, https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/. Pages hold up to 2,000 records.

Reads use SOQL (queryAll, so that deleted and merged records are seen until the recycle bin is emptied). Records are looked at
by their ids, 2,000 a request, through sObject Collections; what that does not return, a query tells. Creates are
upserts by external id, so that a repeat can't duplicate. Updates that carry a version go through the Composite
resource, 25 at a time, each with its own If-Unmodified-Since header ("Conditional Request Headers": sObject Rows of
every object honour it, collections do not, If-Match works for accounts only); updates without one go 200 at a time
through sObject Collections. HTTP dates have whole seconds, so an edit within the second of the look is not noticed.
"""

from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from hub import mapping
from hub.errors import ConfigurationWrong, ContractBroken, SystemUnavailable
from hub.systems.connector import Connection, Connector, Outcome, Page, Record, Seen, Write
from hub.systems.http import Http, Token
from hub.systems.salesforce import writes as sending

API = "/services/data/v61.0"
VALUES = 200  # in one IN (...): the query travels in the URL, and URL with headers may have 16,384 bytes
RETRIEVED = 2000  # records in one request by id
OVERLAP_SECONDS = 600  # an Apex transaction may run 10 minutes, and its stamps are older than its commit ("Apex Governor Limits")
BROKEN = {"INVALID_FIELD", "INVALID_TYPE", "MALFORMED_QUERY", "NOT_FOUND"}


def connect(system: mapping.System, connection: Connection) -> Connector:
    """A connector for the org at `connection.url` (its My Domain); option `overlap_seconds` is how far incremental reads step back."""
    return Salesforce(system, connection)


class Salesforce:
    """One org."""

    def __init__(self, system: mapping.System, connection: Connection):
        self.name, self.url = system.system, connection.url.rstrip("/")
        self.secrets = {name: connection.secrets.get(name, "") for name in ("client_id", "client_secret")}
        self.overlap = timedelta(seconds=connection.options.get("overlap_seconds", OVERLAP_SECONDS))
        self.login = Http(self.url, system=self.name, secrets=self.secrets.values())
        self.http = Http(
            self.url,
            system=self.name,
            auth=Token(self._token),
            limits=system.limits,
            budget=connection.budget,
            secrets=self.secrets.values(),
        )

    def read(self, each: mapping.Object, since: str | None) -> Iterator[Page]:
        fields, newest = self._offered(each), since or ""
        where = f"{each.changed} >= {_literal(since)}" if since and each.changed else ""
        for rows, done in self._query(each, _select(each), where, f"{each.changed}, {each.key}" if each.changed else each.key):
            newest = max([newest, *(row[each.changed] for row in rows if each.changed)])
            yield Page(rows, done, self._next_start(newest, since) if done else None, fields)

    def look(self, each: mapping.Object, record_ids: Sequence[str], fields: Collection[str] = ()) -> dict[str, Seen]:
        # A record that the query does not return is purged or not shared with us: Salesforce does not say which.
        seen = dict.fromkeys(record_ids, Seen("unknown"))
        needed = {each.key, each.changed, each.gone.deleted, each.gone.merged_into, *fields}
        asked = [path for path in _select(each) if path in needed or not fields]
        try:
            for row in self._retrieved(each, asked, record_ids):
                seen[row[each.key]] = _seen(each, row)
            # What was deleted or merged only a query tells.
            unseen = [record_id for record_id, found in seen.items() if found.state == "unknown"]
            for row in self._matching(each, asked, each.key, unseen):
                seen[row[each.key]] = _seen(each, row)
        except SystemUnavailable:
            pass  # what no answer told about stays unknown
        return seen

    def find(self, each: mapping.Object, hub_ids: Sequence[str]) -> dict[str, list[str]]:
        live: dict[str, list[str]] = {}
        gone: dict[str, list[str]] = {}
        deleted = [each.gone.deleted] if each.gone.deleted else []
        for row in self._matching(each, [each.key, each.external_id, *deleted], each.external_id, hub_ids):
            (gone if deleted and row[deleted[0]] else live).setdefault(row[each.external_id], []).append(row[each.key])
        # A record that was created and then deleted was created all the same.
        return gone | live

    def write(self, each: mapping.Object, writes: Sequence[Write]) -> list[Outcome]:
        return sending.send(self.http, each, writes, API)

    def usage(self) -> dict[str, tuple[int, int]]:
        """How much of each limit of the org is used up, {limit: (used, allowed)}."""
        said = self._said(self.http.read("GET", f"{API}/limits"), "limits")
        return {name: (limit["Max"] - limit["Remaining"], limit["Max"]) for name, limit in said.items()}

    def close(self) -> None:
        self.http.close()
        self.login.close()

    def _offered(self, each: mapping.Object) -> frozenset[str]:
        """Every field of the object that we may see. Raises ContractBroken when a promised one is not among them."""
        said = self._said(self.http.read("GET", f"{API}/sobjects/{each.name}/describe"), each.name)
        offered = frozenset(field["name"] for field in said.get("fields", ()))
        related = {field["relationshipName"] for field in said.get("fields", ()) if field.get("relationshipName")}
        if missing := _tops(_select(each)) - offered - related:
            raise ContractBroken(
                f"{self.name} {each.name} has no field {', '.join(sorted(missing))} that we may read; "
                f"give the integration user access to it, or correct system.yaml"
            )
        return offered

    def _retrieved(self, each: mapping.Object, fields: list[str], record_ids: Sequence[str]) -> Iterator[Record]:
        """The live records among these, two thousand a request ("Get Records With a Request Body Using sObject Collections").

        None where a field of what they refer to is asked for: only a query tells it.
        """
        if _tops(fields) != set(fields):
            return
        for start in range(0, len(record_ids), RETRIEVED):
            asked = {"ids": list(record_ids[start : start + RETRIEVED]), "fields": fields}
            rows = self._said(self.http.read("POST", f"{API}/composite/sobjects/{each.name}", json=asked), each.name, list)
            if len(rows) != len(asked["ids"]):
                raise ContractBroken(f"{self.name} {each.name} answers {len(rows)} of {len(asked['ids'])} records; read it again")
            yield from self._whole(each, fields, [row for row in rows if row])

    def _matching(self, each: mapping.Object, fields: list[str], field: str, values: Sequence[str]) -> Iterator[Record]:
        for start in range(0, len(values), VALUES):
            wanted = ", ".join(map(_quoted, values[start : start + VALUES]))
            for rows, _ in self._query(each, fields, f"{field} IN ({wanted})", each.key):
                yield from rows

    def _query(self, each: mapping.Object, fields: list[str], where: str, order: str) -> Iterator[tuple[list[Record], bool]]:
        """Pages of rows, and whether Salesforce said that this is the last."""
        query = " ".join(
            ["SELECT", ", ".join(fields).replace("/", "."), "FROM", each.name, *(["WHERE", where] if where else []), "ORDER BY", order]
        )
        url, request, fetched, done = f"{API}/{'queryAll' if each.gone.deleted else 'query'}", {"params": {"q": query}}, 0, False
        while not done:
            said = self._said(self.http.read("GET", url, **request), each.name)
            rows, done, url, request = said.get("records"), said.get("done"), said.get("nextRecordsUrl"), {}
            if not isinstance(rows, list) or not isinstance(done, bool) or not (done or url):
                raise ContractBroken(
                    f"{self.name} {each.name} sends a page without records, done or nextRecordsUrl; compare {API} with its manual"
                )
            fetched += len(rows)
            if done and fetched != said.get("totalSize"):
                raise ContractBroken(f"{self.name} {each.name} sent {fetched} of {said.get('totalSize')} records; read it again")
            yield self._whole(each, fields, rows), done

    def _whole(self, each: mapping.Object, fields: list[str], rows: list[Record]) -> list[Record]:
        """The rows without what Salesforce adds. Raises ContractBroken when one lacks a field that was asked for."""
        asked = _tops(fields)
        if cut := [row for row in rows if not row.keys() >= asked]:
            raise ContractBroken(f"{self.name} {each.name} {cut[0].get(each.key)} lacks a field that we asked for; read it again")
        for row in rows:
            row.pop("attributes", None)
        return rows

    def _said(self, response: httpx.Response, of: str, kind: type = dict) -> Any:
        """The answer to a read. Raises ContractBroken when Salesforce does not know what we ask for, else SystemUnavailable."""
        body = sending.parsed(response)
        if response.status_code == 200 and isinstance(body, kind) and body:
            return body
        code, message = sending.error(body)
        said = f"{self.name} {of} answered {response.status_code} {code} {self.http.redact(message)}".rstrip()
        if code in BROKEN:
            raise ContractBroken(f"{said}; correct system.yaml, or bring it back")
        raise SystemUnavailable(f"{said}; see the org's limits and the integration user's permissions, then run again")

    def _next_start(self, newest: str, since: str | None) -> str | None:
        if not newest:
            return None
        return max(since or "", _stamp(datetime.fromisoformat(newest) - self.overlap))

    def _token(self) -> str:
        """A session of the client-credentials flow ("OAuth 2.0 Client Credentials Flow for Server-to-Server Integration")."""
        response = self.login.read("POST", "/services/oauth2/token", data={"grant_type": "client_credentials", **self.secrets})
        said = sending.parsed(response)
        if not isinstance(said, dict) or not said.get("access_token"):
            why = said.get("error_description", "") if isinstance(said, dict) else ""
            raise SystemUnavailable(
                f"{self.name} gave no token: {response.status_code} {self.http.redact(why)}; check client_id and client_secret"
            )
        if (instance := said.get("instance_url", self.url).rstrip("/")) != self.url:
            raise ConfigurationWrong(f"{self.name} answers at {instance}; set that as its url")
        return said["access_token"]


def _select(each: mapping.Object) -> list[str]:
    return list(each.source_fields())


def _tops(fields: Sequence[str]) -> set[str]:
    """The fields of the record itself; a/b is a field of what it refers to."""
    return {field.split("/")[0] for field in fields}


def _seen(each: mapping.Object, row: Record) -> Seen:
    if into := each.gone.merged_into and row[each.gone.merged_into]:
        return Seen("merged", into=into)
    if each.gone.deleted and row[each.gone.deleted]:
        return Seen("deleted")
    return Seen("there", row, row[each.changed] if each.changed else None)


def _quoted(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _literal(stamp: str) -> str:
    """SOQL wants a colon or a Z in the zone, and answers without."""
    return datetime.fromisoformat(stamp).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000+0000")
