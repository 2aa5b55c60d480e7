"""Answers a parsed query from the tables of the simulated org."""

import operator as operators
from collections.abc import Callable
from datetime import date, datetime
from typing import Any

from hub.systems.salesforce.org import Field, Kind, SObject, long_id
from hub.systems.salesforce.records import attributes
from hub.systems.salesforce.soql import Malformed, Query
from hub.systems.simulator import Record

COMPARE = {"<": operators.lt, "<=": operators.le, ">": operators.gt, ">=": operators.ge}
Column = tuple[Field | None, Field]  # a field of the object; or a reference, and a field of the record that it points at


def answer(query: Query, tables: dict[str, SObject], deleted: bool) -> tuple[list[Record], int]:
    """The records as an answer holds them, and how many there are; the former is empty for COUNT(). Raises Malformed."""
    if query.object not in tables:
        raise Malformed("INVALID_TYPE", f"sObject type '{query.object}' is not supported.")
    table = tables[query.object]
    columns = [_column(tables, table.kind, name) for name in query.fields]
    rows = _chosen(query, table.kind, _among(query, table, deleted))
    return [_selected(tables, table.kind, columns, row) for row in rows] if columns else [], len(rows)


def _among(query: Query, table: SObject, deleted: bool) -> list[Record]:
    """The rows to look at: those with the ids that are asked for, where the query names ids, as an org finds them by its index; else all."""
    held = (table.rows, table.bin) if deleted else (table.rows,)
    named = next((value for name, operator, value in query.where if (name.lower(), operator) == ("id", "in")), None)
    if named is None:
        return [row for rows in held for row in rows.values()]
    ids = dict.fromkeys(long_id(each) for each in named if isinstance(each, str))
    return [rows[record_id] for rows in held for record_id in ids if record_id in rows]


def _chosen(query: Query, kind: Kind, rows: list[Record]) -> list[Record]:
    """The rows that a query is about, in its order. Nulls come first; text is compared without regard to case."""
    tests = [(field.name, _holds(field, operator, value)) for name, operator, value in query.where for field in [_field(kind, name)]]
    found = [row for row in rows if all(holds(row[name]) for name, holds in tests)]
    for name, descending in reversed(query.order):
        field = _field(kind, name)
        found.sort(
            key=lambda row, field=field: () if row[field.name] is None else (_comparable(field, row[field.name]),), reverse=descending
        )
    return found[: query.limit]


def _selected(tables: dict[str, SObject], kind: Kind, columns: list[Column], row: Record) -> Record:
    selected = {"attributes": attributes(kind.name, row), **{field.name: row[field.name] for reference, field in columns if not reference}}
    for reference, field in columns:
        if reference:
            other = tables[reference.to]
            found = other.rows.get(row[reference.name]) or other.bin.get(row[reference.name])
            related = selected.setdefault(reference.relationship, {"attributes": attributes(reference.to, found)} if found else None)
            if found:
                related[field.name] = found[field.name]
    return selected


def _column(tables: dict[str, SObject], kind: Kind, name: str) -> Column:
    parent, _, field = name.rpartition(".")
    reference = next((each for each in kind.fields.values() if parent and each.relationship.lower() == parent.lower()), None)
    if parent and not reference:
        raise Malformed("INVALID_FIELD", f"Didn't understand relationship '{parent}' in field path.")
    return reference, _field(tables[reference.to].kind if reference else kind, field)


def _field(kind: Kind, name: str) -> Field:
    if name.lower() not in kind.fields:
        raise Malformed(
            "INVALID_FIELD",
            f"No such column '{name}' on entity '{kind.name}'. If you are attempting to use a custom field, "
            f"be sure to append the '__c' after the custom field name.",
        )
    return kind.fields[name.lower()]


def _holds(field: Field, operator: str, wanted: Any) -> Callable[[Any], bool]:
    """A test of a field's value."""
    if operator in ("in", "=", "!=", "<>"):
        values = {_comparable(field, each) for each in (wanted if operator == "in" else [wanted])}
        return lambda found: (_comparable(field, found) in values) == (operator in ("in", "="))
    limit, compare = _comparable(field, wanted), COMPARE[operator]

    def holds(found: Any) -> bool:
        try:
            return found is not None and limit is not None and compare(_comparable(field, found), limit)
        except TypeError:
            raise Malformed("INVALID_FIELD", f"value of filter criterion for field '{field.name}' must be of type {field.type}") from None

    return holds


def _comparable(field: Field, value: Any) -> Any:
    if value is None or isinstance(value, (bool, float, int, date)):
        return value
    if field.type in ("id", "reference"):
        return long_id(value)
    if field.type in ("date", "datetime"):
        return {"date": date, "datetime": datetime}[field.type].fromisoformat(value)
    return value.casefold()
