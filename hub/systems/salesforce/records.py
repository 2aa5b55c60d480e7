"""What the simulated org does with one record: checks as Salesforce checks, and answers in its words.

Error codes and their statuses: "Status Codes and Error Responses" and the StatusCode list of the SOAP API Developer Guide.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from hub.systems.salesforce.org import INTEGRATION, Field, Kind, SObject, long_id, user_id
from hub.systems.simulator import Record

JSON_TYPES = {"boolean": bool, "currency": (int, float), "percent": (int, float), "int": int}


class Refusal(Exception):
    """Salesforce says no."""

    def __init__(self, status: int, code: str, message: str, fields: tuple[str, ...] = ()):
        self.status, self.code, self.message, self.fields = status, code, message, fields
        super().__init__(f"{code} {message}")

    def body(self) -> list[Record]:
        return [{"message": self.message, "errorCode": self.code, **({"fields": list(self.fields)} if self.fields else {})}]


@dataclass(frozen=True)
class Answer:
    """What one request on one record gives back."""

    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)


class Records:
    """Create, read, update, upsert and delete, on the tables of an org."""

    def __init__(self, tables: dict[str, SObject]):
        self.tables = tables

    def table(self, name: str) -> SObject:
        if name not in self.tables:
            raise Refusal(404, "NOT_FOUND", "The requested resource does not exist")
        return self.tables[name]

    def get(self, name: str, record_id: str, fields: list[str] = (), headers: Mapping[str, str] | None = None) -> Answer:
        row = self._row(self.table(name), record_id)
        if refused := _precondition(name, row, headers or {}):
            return refused
        return Answer(200, shown(name, row, fields), {"ETag": etag(row)} if name == "Account" else {})

    def create(self, name: str, values: Record) -> Answer:
        table = self.table(name)
        record_id = table.create(self._checked(table, readable(table.kind, values), None))
        table.rows[record_id]["LastModifiedById"] = user_id(INTEGRATION)
        return Answer(
            201, {"id": record_id, "success": True, "errors": []}, {"Location": f"/services/data/v61.0/sobjects/{name}/{record_id}"}
        )

    def update(self, name: str, record_id: str, values: Record, headers: Mapping[str, str] | None = None) -> Answer:
        table = self.table(name)
        values = readable(table.kind, values)
        row = self._row(table, record_id)
        if refused := _precondition(name, row, headers or {}):
            return refused
        table.update(row["Id"], self._checked(table, values, row["Id"]))
        row["LastModifiedById"] = user_id(INTEGRATION)
        return Answer(204)

    def upsert(self, name: str, key: str, value: str, values: Record) -> Answer:
        """Update the record whose external id has this value, else create it."""
        found = self.matching(name, key, value)
        if not found:
            made = self.create(name, {**values, key: value})
            return Answer(201, {**made.body, "created": True})
        self.update(name, found[0]["Id"], values)
        return Answer(200, {"id": found[0]["Id"], "success": True, "errors": [], "created": False})

    def delete(self, name: str, record_id: str) -> Answer:
        table = self.table(name)
        table.delete(self._row(table, record_id)["Id"])
        return Answer(204)

    def matching(self, name: str, key: str, value: str) -> list[Record]:
        table = self.table(name)
        column = table.kind.fields.get(key.lower())
        if not column or not column.unique:
            raise Refusal(404, "NOT_FOUND", f"Provided external ID field does not exist or is not accessible: {key}")
        return table.carrying(column, value)

    def _row(self, table: SObject, record_id: str) -> Record:
        record_id = long_id(record_id)
        if record_id in table.bin:
            raise Refusal(404, "ENTITY_IS_DELETED", "entity is deleted")
        if record_id not in table.rows:
            raise Refusal(404, "NOT_FOUND", "Provided external ID field does not exist or is not accessible: " + record_id)
        return table.rows[record_id]

    def _checked(self, table: SObject, values: Record, record_id: str | None) -> Record:
        columns = [(table.kind.fields[name.lower()], value) for name, value in values.items()]
        if wrong := tuple(column.name for column, _ in columns if column.reads):
            raise Refusal(
                400,
                "INVALID_FIELD_FOR_INSERT_UPDATE",
                f"Unable to create/update fields: {', '.join(wrong)}. Please check the security settings of this field "
                f"and verify that it is read/write for your profile or permission set.",
                wrong,
            )
        kept = {column.name: None if value == "" else value for column, value in columns}
        needed = [column.name for column in table.kind.fields.values() if column.required and (not record_id or column.name in kept)]
        if missing := tuple(name for name in needed if kept.get(name) is None):
            raise Refusal(400, "REQUIRED_FIELD_MISSING", f"Required fields are missing: [{', '.join(missing)}]", missing)
        for column, _ in columns:
            if kept[column.name] is not None:
                self._check(table, column, kept[column.name], record_id)
        return kept

    def _check(self, table: SObject, column: Field, value: Any, record_id: str | None) -> None:
        if isinstance(value, str) and len(value) > column.length:
            raise Refusal(
                400, "STRING_TOO_LONG", f"{column.name}: data value too large: {value[:40]} (max length={column.length})", (column.name,)
            )
        if column.type == "email" and "@" not in value:
            raise Refusal(400, "INVALID_EMAIL_ADDRESS", f"{column.name}: invalid email address: {value}", (column.name,))
        if column.to and long_id(value) not in self.tables[column.to].rows:
            raise Refusal(400, "INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", (column.name,))
        if column.unique and (
            others := [row["Id"] for row in self.matching(table.kind.name, column.name, value) if row["Id"] != record_id]
        ):
            message = f"duplicate value found: {column.name} duplicates value on record with id: {others[0]}"
            raise Refusal(400, "DUPLICATE_VALUE", message, (column.name,))


def readable(kind: Kind, values: Record) -> Record:
    """The fields of a request. Raises Refusal for what can't be deserialized, which in a collection refuses the whole request."""
    values = {name: value for name, value in values.items() if name not in ("attributes", "id", "Id")}
    for name, value in values.items():
        if name.lower() not in kind.fields:
            raise Refusal(400, "INVALID_FIELD", f"No such column '{name}' on sobject of type {kind.name}")
        if value is not None and not _fits(column := kind.fields[name.lower()], value):
            raise Refusal(400, "JSON_PARSER_ERROR", f"Cannot deserialize instance of {column.type} from {json.dumps(value)}")
    return values


def shown(name: str, row: Record, fields: list[str] = ()) -> Record:
    """A record as an answer holds it."""
    return {"attributes": attributes(name, row), **{key: value for key, value in row.items() if not fields or key in fields}}


def attributes(name: str, row: Record) -> Record:
    return {"type": name, "url": f"/services/data/v61.0/sobjects/{name}/{row['Id']}"}


def etag(row: Record) -> str:
    return f'"{hashlib.sha256(json.dumps(row, sort_keys=True).encode()).hexdigest()[:28]}"'


def _fits(column: Field, value: Any) -> bool:
    if column.type in JSON_TYPES:
        return isinstance(value, JSON_TYPES[column.type]) and (column.type == "boolean" or not isinstance(value, bool))
    if column.type in ("date", "datetime"):
        try:
            return bool({"date": date, "datetime": datetime}[column.type].fromisoformat(value))
        except (TypeError, ValueError):
            return False
    return isinstance(value, str)


def _precondition(name: str, row: Record, headers: Mapping[str, str]) -> Answer | None:
    """The answer 412 when a conditional header forbids the request: "Conditional Request Headers". Header names in lower case."""
    if (unmodified := headers.get("if-unmodified-since")) and datetime.fromisoformat(row["LastModifiedDate"]) > _http_date(unmodified):
        return Answer(412)
    if name == "Account" and (wanted := headers.get("if-match")) and etag(row) not in wanted:
        return Answer(412)
    return None


def _http_date(text: str) -> datetime:
    try:
        return parsedate_to_datetime(text)
    except ValueError:
        raise Refusal(400, "INVALID_HEADER", f"Invalid date in header: {text}") from None
