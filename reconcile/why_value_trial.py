"""Which value would survive, if records said other things: the golden record of a thing made again, many ways at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import duckdb

from hub.entity import all_entities
from reconcile.why_remade import Remade
from reconcile.why_value import Value, columns

MARK = "\x1f"  # between the number of a trial and an id
LATER = "TIMESTAMP '9999-01-01'"
EARLIER = "TIMESTAMP '1900-01-01'"


@dataclass(frozen=True, order=True)
class Change:
    """One thing that is otherwise.

    what        silent: the record never said it; cleared: it said it and does no longer; gone: the record is not there;
                newer, older: it changed last, or has stood for longest; agrees: it says what another one says;
                state: the thing is at another point of its life cycle; unpinned, pinned: a steward's word
    record_ref  which record; empty for a state and a pin that is lifted
    to          the state, or the value that is said or pinned
    """

    what: str
    record_ref: str = ""
    to: str = ""


def run(
    connection: duckdb.DuckDBPyConnection, queries: Mapping[str, str], value: Value, trials: Sequence[tuple[Change, ...]]
) -> list[tuple]:
    """The value that survives in each set of changes and the record that it is from; None and None where nothing does."""
    remade = Remade(connection, queries, value.of, value.hub_id)
    _copy(connection, remade, value, len(trials))
    where: dict[Change, list[int]] = {}
    for number, changes in enumerate(trials):
        for change in changes:
            where.setdefault(change, []).append(number)
    for change, numbers in sorted(where.items()):
        _apply(connection, remade, value, change, numbers)
    model = f"golden.{value.of}"
    remade.put(model, queries[model])
    rows = remade.rows(
        f"SELECT split_part(hub_id, '{MARK}', 1)::INT AS n, {_text(value)} AS said, {value.field}_from AS given FROM {model}"
    )
    found = {row["n"]: (row["said"], row["given"] and row["given"].split(MARK)[-1]) for row in rows}
    return [found.get(number, (None, None)) for number in range(len(trials))]


def _copy(connection: duckdb.DuckDBPyConnection, remade: Remade, value: Value, trials: int) -> None:
    """The thing's records, ties and pins once for each trial, under ids of its own."""
    numbered = lambda column: f"n || '{MARK}' || {column} AS {column}"
    connection.execute(f"""
      CREATE OR REPLACE TEMP TABLE member_{value.of} AS
      SELECT m.* REPLACE ({", ".join(numbered(each) for each in ("record_ref", "hub_id", "hub_id_said"))})
      FROM member_{value.of} AS m, range({trials}) AS t(n)""")
    ties = f"SELECT {numbered('record_ref')}, entity, {numbered('hub_id')} FROM journal.crossref, range({trials}) AS t(n) WHERE hub_id = ?"
    remade.put(
        "journal.pin",
        f"SELECT p.* REPLACE ({numbered('record_ref')}) FROM journal.pin AS p, range({trials}) AS t(n) WHERE record_ref IN (SELECT record_ref FROM journal.crossref WHERE hub_id = ?)",
        value.hub_id,
    )
    remade.put("journal.crossref", ties, value.hub_id)


def _apply(connection: duckdb.DuckDBPyConnection, remade: Remade, value: Value, change: Change, numbers: list[int]) -> None:
    """Make one change in the trials that want it."""
    member, refs = f"member_{value.of}", [f"{number}{MARK}{change.record_ref}" for number in numbers]
    hubs = [f"{number}{MARK}{value.hub_id}" for number in numbers]
    its_columns = list(all_entities()[value.of].fields[value.field].columns(value.field))
    empty = ", ".join(f"{column} = NULL" for column in dict.fromkeys([*columns(value.of, value.field), *its_columns]))
    stamp = lambda when: (
        f"map_concat(COALESCE(field_changed_at, MAP {{}}), MAP {{{', '.join(f'{each!r}: {when}' for each in its_columns)}}})"
    )
    on_record = {
        "silent": f"UPDATE {member} SET {empty}, field_changed_at = NULL",
        "cleared": f"UPDATE {member} SET {empty}, field_changed_at = {stamp(LATER)}",
        "gone": f"DELETE FROM {member}",
        "newer": f"UPDATE {member} SET changed_at = {LATER}",
        "older": f"UPDATE {member} SET first_at = {EARLIER}, field_changed_at = NULL",
    }
    if change.what in on_record:
        connection.execute(f"{on_record[change.what]} WHERE list_contains(?, record_ref)", [refs])
    elif change.what == "agrees":
        (column,) = columns(value.of, value.field)
        connection.execute(f"UPDATE {member} SET {column} = ? WHERE list_contains(?, record_ref)", [change.to, refs])
    elif change.what == "state":
        connection.execute(
            f"UPDATE {member} SET life_cycle = ? WHERE life_cycle IS NOT NULL AND list_contains(?, hub_id)", [change.to, hubs]
        )
    elif change.what == "unpinned":
        left = "SELECT * FROM journal.pin WHERE NOT (list_contains(?, column_name) AND list_contains(?, split_part(record_ref, ?, 1)::INT))"
        remade.put("journal.pin", left, columns(value.of, value.field), numbers, MARK)
    else:
        _pin(remade, value, change, refs)


def _pin(remade: Remade, value: Value, change: Change, refs: list[str]) -> None:
    names = columns(value.of, value.field)
    said = "json_extract_string(?, '$.' || c.column_name)" if len(names) > 1 else "?"
    remade.put(
        "journal.pin",
        f"""FROM journal.pin UNION ALL BY NAME
      SELECT r.record_ref, c.column_name, {said} AS value, 'somebody' AS actor, {2**62} AS seq
      FROM (SELECT unnest(?) AS record_ref) AS r, (SELECT unnest(?) AS column_name) AS c""",
        change.to,
        refs,
        names,
    )


def _text(value: Value) -> str:
    """SQL for the value as golden.cell writes it."""
    names = columns(value.of, value.field)
    if len(names) == 1:
        return f"{names[0]}::TEXT"
    some, parts = " OR ".join(f"{name} IS NOT NULL" for name in names), ", ".join(f"'{name}': {name}" for name in names)
    return f"CASE WHEN {some} THEN to_json({{{parts}}})::TEXT END"
