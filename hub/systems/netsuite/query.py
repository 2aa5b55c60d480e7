"""The SuiteQL that reads an object, and its answer as rows under the record service's names.

SuiteQL calls a field as the record service does, in lower case and without /id; `read.columns` of system.yaml has the others.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from hub import mapping, nested
from hub.systems.connector import Record

DAY, INSTANT = "YYYY-MM-DD", "YYYY-MM-DD HH24:MI:SS"
BOOLEANS = {"T": True, "F": False}


@dataclass(frozen=True)
class Query:
    """A query whose rows can be had in the order of a numeric key."""

    select: str
    where: tuple[str, ...]
    key: str
    alias: str  # the key's name in the rows

    def narrowed(self, condition: str) -> "Query":
        return replace(self, where=(*self.where, condition))

    def after(self, key: int) -> str:
        """The query's text for the rows with a greater key."""
        return f"{self.select} WHERE {' AND '.join([*self.where, f'{self.key} > {key}'])} ORDER BY {self.key}"


def live(each: mapping.Object, since: str | None = None, fields: Collection[str] = ()) -> Query:
    """The records that are there, changed at or after `since`; of their fields these, with key and stamp, or all."""
    columns = ", ".join(f"{_shown(each, path)} AS {_alias(path)}" for path in _paths(each, fields))
    conditions = [each.read["where"]] if "where" in each.read else []
    conditions += [_at_or_after(expression(each, each.changed), since)] if since else []
    return Query(f"SELECT {columns} FROM {_from(each)}", tuple(conditions), key(each), _alias(each.key))


def deleted(each: mapping.Object, since: str | None = None) -> Query:
    """The records that were deleted at or after `since`."""
    select = f"SELECT recordid AS recordid, TO_CHAR(deleteddate, '{INSTANT}') AS deleteddate FROM deletedrecord"
    conditions = [f"type = {_quoted(each.read['deleted'])}"] + ([_at_or_after("deleteddate", since)] if since else [])
    return Query(select, tuple(conditions), "recordid", "recordid")


def newest(each: mapping.Object) -> str:
    """The text of a query for the last change of any record, as `newest`."""
    where = f" WHERE {each.read['where']}" if "where" in each.read else ""
    return f"SELECT MAX({_shown(each, each.changed)}) AS newest FROM {_from(each)}{where}"


def key(each: mapping.Object) -> str:
    return expression(each, each.key)


def expression(each: mapping.Object, path: str) -> str:
    """What SuiteQL calls a field of the record service."""
    return each.read.get("columns", {}).get(path) or f"{each.read['table']}.{path.split('/')[0].lower()}"


def among(expression: str, values: Sequence[str]) -> str:
    return f"{expression} IN ({', '.join(_quoted(value) for value in values)})"


def records(each: mapping.Object, rows: Sequence[dict[str, str]], fields: Collection[str] = ()) -> list[Record]:
    """Rows of `live` as the record service would nest them, with every field asked for, None where SuiteQL left it out."""
    booleans = _booleans(each)
    shown = [(path, _alias(path), path in booleans) for path in _paths(each, fields)]
    return [_record(each, shown, row) for row in rows]


def tombstones(each: mapping.Object, rows: Sequence[dict[str, str]]) -> list[Record]:
    """Rows of `deleted` as records that are gone: nothing but their ids and the times of their deletion."""
    names = {_alias(each.key): "recordid", _alias(each.changed): "deleteddate"}
    found = records(each, [{name: row.get(theirs) for name, theirs in names.items()} for row in rows])
    return [record | {each.gone.deleted: True} for record in found]


def _record(each: mapping.Object, fields: list[tuple[str, str, bool]], row: dict[str, str]) -> Record:
    record: Record = {each.gone.deleted: False}
    for path, alias, is_boolean in fields:
        value = row.get(alias)
        nested.put(record, path, BOOLEANS.get(value, value) if is_boolean else value)
    return record


def _paths(each: mapping.Object, fields: Collection[str]) -> list[str]:
    """The fields to ask for: all those promised, and those that only the connector needs; or of these the ones that are asked for."""
    paths = dict.fromkeys([*each.source_fields(), *each.read.get("columns", {})])
    wanted = {each.key, each.changed, *(fields or paths)} - {each.gone.deleted}
    return [path for path in paths if path in wanted]


def _booleans(each: mapping.Object) -> set[str]:
    return {column.source for kind, column in each.columns().values() if kind == "BOOLEAN" or set(column.codes or "-") <= {"true", "false"}}


def _shown(each: mapping.Object, path: str) -> str:
    """A field as text that does not depend on the account's date format."""
    if path == each.changed:
        return f"TO_CHAR({expression(each, path)}, '{INSTANT}')"
    return f"TO_CHAR({expression(each, path)}, '{DAY}')" if each.source_fields().get(path) == "DATE" else expression(each, path)


def _at_or_after(expression: str, since: str) -> str:
    return f"{expression} >= TO_DATE({_quoted(since)}, '{INSTANT}')"


def _from(each: mapping.Object) -> str:
    return f"{each.read['table']} {each.read.get('joins', '')}".strip()


def _alias(path: str) -> str:
    return path.lower().replace("/", "_")


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
