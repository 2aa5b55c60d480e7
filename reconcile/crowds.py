"""Says which records must be weighed again although they did not change: so many now share a value of theirs, or so few.

What a value weighs, and whether it brings records together at all, depends on how many have it (hub/pairs.py). That
changes in steps; a record whose value took a step counts as touched. So what a cycle weighs is what a full run would.
"""

import duckdb

from hub import pairs
from hub.matching import Matching, hash_of
from hub.pairs import COMMON, NUMBER
from hub.rules import Rules

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
    """Touch the records whose values took a step: between the models of keys and of pairs."""
    for name in matched(rules):
        if anew and not connection.execute(f"SELECT 1 FROM identity.{name}_pair LIMIT 1").fetchone():
            continue  # they are built whole
        if anew:
            connection.execute(f"CREATE OR REPLACE TABLE work.touched_{name}_key AS {_numbers(f'identity.{name}_key')}")
        else:
            connection.execute(f"CREATE OR REPLACE TABLE work.touched_{name}_key AS {_numbers(f'new_{name}_key')}")
            _touch_stepped(connection, name, rules.matching(name))


def _numbers(keys: str) -> str:
    """Records by what is counted of them: far fewer bytes than their keys."""
    return f"SELECT k.record_ref, COLUMNS('_hash$') FROM {keys} AS k"


def _touch_stepped(connection: duckdb.DuckDBPyConnection, name: str, how: Matching) -> None:
    """Touch the records that have a value which so many more, or fewer, have now that it weighs otherwise."""
    connection.execute("CREATE OR REPLACE TEMP TABLE holder (number BIGINT)")
    if _took_step(connection, name):
        connection.execute(f"INSERT INTO holder SELECT {NUMBER} FROM identity.{name}_key")
    else:
        for column in _stepped(connection, name, _tests(how)):
            connection.execute(
                f"INSERT INTO holder SELECT k.{NUMBER} FROM identity.{name}_key AS k SEMI JOIN stepped AS s ON s.value = k.{column}"
            )
    if not connection.execute("SELECT 1 FROM holder LIMIT 1").fetchone():
        return
    connection.execute(f"""
      CREATE OR REPLACE TEMP TABLE also_touched AS {_numbers(f"identity.{name}_key")}
      SEMI JOIN holder AS h ON h.number = k.{NUMBER} ANTI JOIN work.touched_{name}_key AS t ON t.{NUMBER} = k.{NUMBER}""")
    connection.execute("INSERT INTO work.touched_record SELECT record_ref, 'update' FROM also_touched")
    connection.execute(f"INSERT INTO work.touched_{name}_key FROM also_touched")


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


def _stepped(connection: duckdb.DuckDBPyConnection, name: str, tests: dict[str, str]) -> list[str]:
    """Make the temporary table stepped (name, value) of the values that took a step; returns the columns that have any."""
    values = lambda table, shift: (
        f"SELECT name, value, {shift} AS shift FROM (UNPIVOT {table} ON {', '.join(tests)} INTO NAME name VALUE value)"
    )
    connection.execute(f"""
      CREATE OR REPLACE TEMP TABLE shifted AS
      SELECT name, value, sum(shift) AS shift FROM ({values(f"old_{name}_key", -1)} UNION ALL {values(f"work.touched_{name}_key", 1)})
      GROUP BY ALL HAVING sum(shift) <> 0""")
    shifted = [column for (column,) in connection.execute("SELECT DISTINCT name FROM shifted").fetchall()]
    if not shifted:
        return []
    # A number is a value of one column alone: so all of them are counted at once.
    held = " UNION ALL ".join(f"SELECT {column} AS value FROM identity.{name}_key" for column in shifted)
    took_step = " ".join(f"WHEN '{column}' THEN {test}" for column, test in tests.items())
    connection.execute(f"""
      CREATE OR REPLACE TEMP TABLE stepped AS
      WITH counted AS (SELECT k.value, count(*) AS n FROM ({held}) AS k SEMI JOIN shifted AS s ON s.value = k.value GROUP BY k.value)
      SELECT s.name, s.value FROM shifted AS s JOIN counted AS c ON c.value = s.value WHERE CASE s.name {took_step} END""")
    return [column for (column,) in connection.execute("SELECT DISTINCT name FROM stepped").fetchall()]


def _took_step(connection: duckdb.DuckDBPyConnection, name: str) -> bool:
    """Whether the number of all records, by which shares are reckoned, did."""
    now, fewer, more = connection.execute(f"""
      SELECT (SELECT count(*) FROM identity.{name}_key), (SELECT count(*) FROM old_{name}_key), (SELECT count(*) FROM work.touched_{name}_key)""").fetchone()
    step = "floor(2 * log2(greatest($1, 1))) <> floor(2 * log2(greatest($2, 1)))"
    return connection.execute(f"SELECT {step}", [now, now + fewer - more]).fetchone()[0]
