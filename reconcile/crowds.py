"""Says which records must be weighed again although they did not change: so many now share a value of theirs, or so few.

What a value weighs, and whether it brings records together at all, depends on how many have it (hub/pairs.py). That
changes in steps; a record whose value took a step counts as touched. So what a cycle weighs is what a full run would.
"""

import duckdb
import polars as pl

from hub import pairs
from hub.matching import Matching, hash_of
from hub.pairs import COMMON, NUMBER
from hub.rules import Rules
from reconcile import meeting

STEP = "CASE WHEN {n} - {copies} < {common} THEN -1 ELSE floor(2 * log2({n} - {copies})) END"


def matched(rules: Rules) -> list[str]:
    """The entities whose records are compared."""
    return [name for name in rules.entities if rules.is_matched(name)]


def remember_around(connection: duckdb.DuckDBPyConnection, rules: Rules) -> None:
    """Keep what touched records said of those that they refer to: before the canonical models."""
    connection.execute("CREATE OR REPLACE TEMP TABLE old_around (record_ref VARCHAR, value VARCHAR)")
    connection.execute(f"INSERT INTO old_around {_around(rules)}")


def touch_around(connection: duckdb.DuckDBPyConnection, rules: Rules, anew: bool) -> None:
    """Touch the records of which something else is said now: after the canonical models."""
    new = f"SELECT * FROM ({_around(rules)}) AS said"
    connection.execute(f"""
      CREATE OR REPLACE TEMP TABLE also_touched AS SELECT DISTINCT k.record_ref FROM (
        ({new} EXCEPT ALL FROM old_around) UNION ALL (FROM old_around EXCEPT ALL {new})) AS k {NEW}""")
    connection.execute("INSERT INTO work.touched_record SELECT record_ref, 'update' FROM also_touched")
    for name in matched(rules) if anew else []:  # after a run that was cut off, nobody knows what had been said and counted
        connection.execute(f"INSERT INTO work.touched_record SELECT record_ref, 'update' FROM canonical.{name} AS k {NEW}")
    for name in matched(rules):
        _gather(connection, name, anew)


def _gather(connection: duckdb.DuckDBPyConnection, name: str, anew: bool) -> None:
    """See that new_<entity>, of which the touched keys are made, holds all touched records in canonical words."""
    records = f"SELECT c.* FROM canonical.{name} AS c SEMI JOIN {{}} AS t ON t.record_ref = c.record_ref"
    if anew and connection.execute(f"SELECT 1 FROM identity.{name}_key LIMIT 1").fetchone():
        connection.execute(f"CREATE OR REPLACE TEMP TABLE new_{name} AS {records.format('work.touched_record')}")
    # Else the canonical model has just made those that were touched by then: to read them among all takes as long as to make their keys.
    elif not anew and connection.execute("SELECT 1 FROM also_touched LIMIT 1").fetchone():
        connection.execute(f"INSERT INTO new_{name} BY NAME {records.format('also_touched')}")


def _around(rules: Rules) -> str:
    held = sorted({each for name in matched(rules) for several in rules.around(name).values() for each in several})
    return (
        pairs.around(held, "c.record_ref IN (SELECT record_ref FROM work.touched_record)")
        or "SELECT NULL::VARCHAR AS record_ref, NULL::VARCHAR AS value WHERE FALSE"
    )


def touch(connection: duckdb.DuckDBPyConnection, rules: Rules, anew: bool) -> None:
    """Touch the records whose values took a step, and find all that touched records meet: between the models of keys and of pairs."""
    for name in matched(rules):
        if anew and not connection.execute(f"SELECT 1 FROM identity.{name}_pair LIMIT 1").fetchone():
            continue  # they are built whole
        how, key = rules.matching(name), f"identity.{name}_key"
        # Read once, for a dozen questions to come: DuckDB takes twice as long to ask as Polars.
        held = _numbers(connection, key)
        touched = held if anew else _numbers(connection, f"new_{name}_key")
        if not anew:
            touched = _with_stepped(connection, name, how, held, touched)
        holders = {block: meeting.holders(held, touched, hash_of(block)) for block in how.all_blocks()}
        _keep(connection, pairs.met_of(key), meeting.met(touched, holders, how.most))
        _keep(connection, pairs.counted_of(key), meeting.counted(held, touched, holders, how.terms()))


def _numbers(connection: duckdb.DuckDBPyConnection, keys: str) -> pl.DataFrame:
    """Records by what is counted of them, as numbers."""
    return connection.execute(f"SELECT COLUMNS('_hash$') FROM {keys}").pl()


def _keep(connection: duckdb.DuckDBPyConnection, table: str, rows: pl.DataFrame) -> None:
    connection.register("kept_rows", rows)
    connection.execute(f"CREATE OR REPLACE TEMP TABLE {table} AS FROM kept_rows")
    connection.unregister("kept_rows")


def _with_stepped(
    connection: duckdb.DuckDBPyConnection, name: str, how: Matching, held: pl.DataFrame, touched: pl.DataFrame
) -> pl.DataFrame:
    """The touched records with those that have a value which so many more, or fewer, have now that it weighs otherwise; these are touched too."""
    old = _numbers(connection, f"old_{name}_key")
    if _took_step(connection, len(held), len(held) + len(old) - len(touched)):
        also = held
    else:
        stepped = _stepped(connection, meeting.shifted(held, old, touched, list(_tests(how))), _tests(how))
        also = held.filter(
            pl.any_horizontal(pl.lit(False), *(pl.col(column).is_in(values.implode()) for column, values in stepped.items()))
        )
    also = also.filter(~pl.col(NUMBER).is_in(touched.get_column(NUMBER).implode()))
    if also.is_empty():
        return touched
    _keep(connection, "also_touched", also.select(NUMBER))
    connection.execute(f"""
      INSERT INTO work.touched_record
      SELECT k.record_ref, 'update' FROM identity.{name}_key AS k SEMI JOIN also_touched AS a ON a.{NUMBER} = k.{NUMBER}""")
    return pl.concat([touched, also])


NEW = "ANTI JOIN work.touched_record AS t ON t.record_ref = k.record_ref"


def _tests(how: Matching) -> dict[str, str]:
    """{column: whether a value of it weighs otherwise or crowds now}: SQL of n, the records that have it, and of shift, how many more these are."""
    matters = {hash_of(block): [f"{{n}} > {how.most}"] for block in how.all_blocks()}
    for term in how.terms():
        matters.setdefault(hash_of([term]), []).append(STEP.format(n="({n})", copies=how.copies, common=COMMON))
    return {
        column: " OR ".join(f"({each.format(n='n')}) <> ({each.format(n='(n - shift)')})" for each in said)
        for column, said in matters.items()
    }


def _stepped(connection: duckdb.DuckDBPyConnection, shifted: pl.DataFrame, tests: dict[str, str]) -> dict[str, pl.Series]:
    """The values that took a step, by column: of those whose number of records (n) is another by so many (shift)."""
    # By DuckDB, which gives values their weights: another logarithm may be rounded to another step.
    took_step = " ".join(f"WHEN '{column}' THEN {test}" for column, test in tests.items())
    connection.register("shifted", shifted)
    found = connection.execute(f"SELECT name, value FROM shifted WHERE CASE name {took_step} END").pl()
    connection.unregister("shifted")
    return {column: rows.get_column("value") for (column,), rows in found.group_by("name")}


def _took_step(connection: duckdb.DuckDBPyConnection, now: int, before: int) -> bool:
    """Whether the number of all records, by which shares are reckoned, did."""
    step = "floor(2 * log2(greatest($1, 1))) <> floor(2 * log2(greatest($2, 1)))"
    return connection.execute(f"SELECT {step}", [now, before]).fetchone()[0]
