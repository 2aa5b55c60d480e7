"""Answers SuiteQL over the simulator's records: SQLite runs the query, this module adds what SuiteQL does differently.

After "SuiteQL Syntax and Examples" and "Executing SuiteQL Queries Through REST Web Services" of NetSuite's help: every
value is text, booleans are T and F, dates come in the account's format (M/D/YYYY here), empty values are left out.
"""

import re
import sqlite3
from datetime import datetime
from typing import Any

from hub.systems.netsuite.catalogue import ADDRESS, KINDS, Kind
from hub.systems.simulator import Record, Table

INSTANT = "%Y-%m-%dT%H:%M:%SZ"
# A part of a date format: how strptime writes it, and where it stands in an instant.
PARTS = {
    "YYYY": ("%Y", slice(0, 4)),
    "MM": ("%m", slice(5, 7)),
    "DD": ("%d", slice(8, 10)),
    "HH24": ("%H", slice(11, 13)),
    "MI": ("%M", slice(14, 16)),
    "SS": ("%S", slice(17, 19)),
}
PART = re.compile("|".join(PARTS))
# Keys are INTEGER as the ids that they are joined with, else SQLite compares text with numbers.
LINES = {
    "transactionline": "transaction INTEGER PRIMARY KEY, mainline TEXT, subsidiary TEXT, createdfrom TEXT",
    "customeraddressbook": "entity INTEGER, internalid INTEGER, defaultbilling TEXT, addressbookaddress INTEGER, UNIQUE (entity, internalid)",
    "customeraddressbookentityaddress": ", ".join(["nkey INTEGER PRIMARY KEY", *ADDRESS]),
    "deletedrecord": "recordid INTEGER, type TEXT, name TEXT, deleteddate TEXT, UNIQUE (recordid, type)",
}


class QueryWrong(Exception):
    """What SuiteQL says of a query that it can't run."""


class SuiteQL:
    """The records as SuiteQL's tables, brought up to date before each query."""

    def __init__(self, tables: dict[str, Table]):
        self.tables = tables
        self.known = dict.fromkeys(tables, 0)  # how many of the changes of each table are in the database
        self.db = sqlite3.connect(":memory:", check_same_thread=False)
        self.db.row_factory = sqlite3.Row
        self.db.create_function("TO_CHAR", 2, _to_char, deterministic=True)
        self.db.create_function("TO_DATE", 2, _to_date, deterministic=True)
        for table, columns in (_tables() | LINES).items():
            self.db.execute(_named(f"CREATE TABLE {table} ({columns})"))

    def answer(self, query: str, limit: int, offset: int) -> tuple[list[dict[str, str]], int]:
        """Some rows of the query's answer, and how many it has in all. Raises QueryWrong."""
        if not re.match(r"\s*SELECT\b", query, re.IGNORECASE):
            raise QueryWrong("Invalid search query. Only SELECT statements are supported.")
        self._refresh()
        try:
            (total,) = self.db.execute(f"SELECT COUNT(*) FROM ({_named(query)})").fetchone()
            found = self.db.execute(f"{_named(query)} LIMIT {limit} OFFSET {offset}").fetchall()
        except sqlite3.Error as wrong:
            raise QueryWrong(f"Invalid search query. Detailed unprocessed description follows. {_reason(str(wrong))}") from wrong
        return [
            {name.lower(): _shown(value) for name, value in zip(row.keys(), row, strict=True) if value is not None} for row in found
        ], total

    def _refresh(self) -> None:
        for name, table in self.tables.items():
            for record_id in dict.fromkeys(table.touched[self.known[name] :]):
                self._forget(KINDS[name], record_id)
                if record_id in table.rows:
                    self._keep(KINDS[name], record_id, table.rows[record_id])
                else:
                    at, _ = table.gone[record_id]
                    self._insert("deletedrecord", {"recordid": record_id, "type": KINDS[name].label, "deleteddate": at.strftime(INSTANT)})
            self.known[name] = len(table.touched)

    def _keep(self, kind: Kind, record_id: str, row: Record) -> None:
        values = {kind.column(name): _stored(row.get(name), of) for name, of in kind.fields.items()}
        on_line = {name.lower(): values.pop(name.lower()) for name in kind.on_line}
        self._insert(kind.table, {"id": record_id, "type": kind.type, **values})
        if kind.type:
            self._insert("transactionline", {"transaction": record_id, "mainline": "T", **on_line})
        for line in row.get("addressBook", {}).get("items", []):
            self._insert(
                "customeraddressbook",
                {
                    "entity": record_id,
                    "internalid": line["internalId"],
                    "addressbookaddress": line["addressId"],
                    "defaultbilling": _stored(line["defaultBilling"], "boolean"),
                },
            )
            address = {name: _stored(line["addressBookAddress"].get(name), "text") for name in ADDRESS}
            self._insert("customeraddressbookentityaddress", {"nkey": line["addressId"], **address})

    def _forget(self, kind: Kind, record_id: str) -> None:
        self.db.execute(_named(f"DELETE FROM {kind.table} WHERE id = ?"), [record_id])
        self.db.execute("DELETE FROM deletedrecord WHERE type = ? AND recordid = ?", [kind.label, record_id])
        if kind.type:
            self.db.execute(_named("DELETE FROM transactionline WHERE transaction = ?"), [record_id])
        if kind.table == "customer":
            lines = "SELECT addressbookaddress FROM customeraddressbook WHERE entity = ?"
            self.db.execute(f"DELETE FROM customeraddressbookentityaddress WHERE nkey IN ({lines})", [record_id])
            self.db.execute("DELETE FROM customeraddressbook WHERE entity = ?", [record_id])

    def _insert(self, table: str, values: dict[str, Any]) -> None:
        self.db.execute(_named(f"INSERT INTO {table} ({', '.join(values)}) VALUES ({', '.join('?' * len(values))})"), list(values.values()))


def _tables() -> dict[str, str]:
    """The record types' tables, {name: columns}; the types of one table have their columns together."""
    tables: dict[str, dict[str, str]] = {}
    for kind in KINDS.values():
        columns = tables.setdefault(kind.table, {"id": "INTEGER PRIMARY KEY", "type": "TEXT"})
        columns |= {kind.column(name): "REAL" if of == "number" else "TEXT" for name, of in kind.fields.items() if name not in kind.on_line}
    return {table: ", ".join(f"{name} {of}" for name, of in columns.items()) for table, columns in tables.items()}


def _named(query: str) -> str:
    """The query with the table `transaction` in quotes: to SQLite it is a keyword."""
    return re.sub(r"(?i)(?<![\w'\"])transaction\b(?!')", '"transaction"', query)


def _stored(value: Any, of: str) -> Any:
    """A record's value as the database keeps it: dates as instants, so that they sort and compare."""
    if isinstance(value, dict):
        return value.get("id")
    if of == "boolean":
        return "T" if value else "F"
    return f"{value}T00:00:00Z" if of == "date" and value else value


def _shown(value: Any) -> str:
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(value)
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", value):
        at = datetime.strptime(value, INSTANT)
        return f"{at.month}/{at.day}/{at.year}"
    return str(value)


def _to_char(value: str | None, form: str) -> str | None:
    return value and PART.sub(lambda part: value[PARTS[part[0]][1]], form)


def _to_date(value: str | None, form: str) -> str | None:
    return value and datetime.strptime(value, PART.sub(lambda part: PARTS[part[0]][0], form)).strftime(INSTANT)


def _reason(wrong: str) -> str:
    if found := re.match(r"no such column: (.*)", wrong):
        return f"Search error occurred: Field '{found[1]}' was not found. Reason: REMOVED - Field is removed"
    if found := re.match(r"no such table: (.*)", wrong):
        return f"Search error occurred: Record '{found[1]}' was not found."
    return f"Search error occurred: {wrong}"
