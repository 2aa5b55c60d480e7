"""Says which records must be weighed again although they did not change: so many now share a value of theirs, or so few.

What a value weighs, and whether it brings records together at all, depends on how many have it (hub/pairs.py). That
changes in steps; a record whose value took a step counts as touched. So what a cycle weighs is what a full run would.
"""

from collections.abc import Collection

import duckdb

from hub import pairs
from hub.matching import Matching, hash_of
from hub.pairs import COMMON
from hub.rules import Rules
from reconcile import ties

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
      INSERT INTO work.touched_record SELECT DISTINCT k.record_ref, 'update' FROM (
        ({new} EXCEPT ALL FROM old_around) UNION ALL (FROM old_around EXCEPT ALL {new})) AS k {NEW}""")
    for name in matched(rules) if anew else []:  # after a run that was cut off, nobody knows what had been said and counted
        connection.execute(f"INSERT INTO work.touched_record SELECT record_ref, 'update' FROM canonical.{name} AS k {NEW}")


def _around(rules: Rules) -> str:
    held = sorted({each for name in matched(rules) for several in rules.around(name).values() for each in several})
    return (
        pairs.around(held, "c.record_ref IN (SELECT record_ref FROM work.touched_record)")
        or "SELECT NULL::VARCHAR AS record_ref, NULL::VARCHAR AS value WHERE FALSE"
    )


def remember(connection: duckdb.DuckDBPyConnection, rules: Rules) -> None:
    """Keep the keys that touched records had when the models last ran: before the models of keys."""
    for name in matched(rules):
        connection.execute(f"CREATE OR REPLACE TEMP TABLE old_{name}_key AS {_touched(name, rules)}")


def _touched(name: str, rules: Rules) -> str:
    return f"{_counts(name, _counted(rules.matching(name)))} SEMI JOIN work.touched_record AS t ON t.record_ref = k.record_ref"


def _counts(name: str, counted: Collection[str]) -> str:
    """Records by what is counted of them: far fewer bytes than their keys."""
    return f"SELECT {', '.join(f'k.{column}' for column in ('record_ref', *counted))} FROM identity.{name}_key AS k"


def touch(connection: duckdb.DuckDBPyConnection, rules: Rules, anew: bool) -> None:
    """Touch the records whose values took a step, and note what touched records were linked to: between the models of keys and of pairs."""
    connection.execute("CREATE OR REPLACE TEMP TABLE old_near (record_ref VARCHAR)")
    for name in matched(rules):
        if anew and not connection.execute(f"SELECT 1 FROM identity.{name}_pair LIMIT 1").fetchone():
            continue  # they are built whole
        connection.execute(f"CREATE OR REPLACE TABLE work.touched_{name}_key AS {_touched(name, rules)}")
        if not anew:
            _touch_stepped(connection, name, _counted(rules.matching(name)))
        connection.execute(f"INSERT INTO old_near {ties.linked(name)}")


def _touch_stepped(connection: duckdb.DuckDBPyConnection, name: str, counted: dict[str, list[str]]) -> None:
    """Touch the records that have a value which so many more, or fewer, have now that it weighs otherwise."""
    connection.execute("CREATE OR REPLACE TEMP TABLE stepped (record_ref VARCHAR)")
    for column, tests in counted.items():
        _step(connection, name, column, tests)
    if _took_step(connection, name):
        connection.execute(f"INSERT INTO stepped SELECT record_ref FROM identity.{name}_key")
    connection.execute(f"CREATE OR REPLACE TEMP TABLE stepped AS SELECT DISTINCT record_ref FROM stepped AS k {NEW}")
    connection.execute("INSERT INTO work.touched_record SELECT record_ref, 'update' FROM stepped")
    connection.execute(
        f"INSERT INTO work.touched_{name}_key {_counts(name, counted)} SEMI JOIN stepped AS t ON t.record_ref = k.record_ref"
    )


NEW = "ANTI JOIN work.touched_record AS t ON t.record_ref = k.record_ref"


def _counted(how: Matching) -> dict[str, list[str]]:
    """{column: what of the number of records with a value of it matters}, as SQL of {n}."""
    found = {hash_of(block): [f"{{n}} > {how.most}"] for block in (*how.blocks, ("hub_id_said",))}
    for term in how.terms():
        found.setdefault(hash_of([term]), []).append(STEP.format(n="{n}", copies=how.copies, common=COMMON))
    return found


def _step(connection: duckdb.DuckDBPyConnection, name: str, column: str, tests: list[str]) -> None:
    took_step = " OR ".join(f"({test.format(n='n')}) <> ({test.format(n='(n - shift)')})" for test in tests)
    # How many records more, or fewer, have each value now.
    connection.execute(f"""
      CREATE OR REPLACE TEMP TABLE shifted AS
      SELECT value, sum(shift) AS shift
      FROM (SELECT {column} AS value, -1 AS shift FROM old_{name}_key UNION ALL SELECT {column}, 1 FROM work.touched_{name}_key)
      WHERE value IS NOT NULL GROUP BY ALL HAVING sum(shift) <> 0""")
    # Looked for among all records once, and kept: the few that have such a value, which mostly took no step.
    connection.execute(f"""
      INSERT INTO stepped
      WITH holder AS MATERIALIZED (
        SELECT k.record_ref, s.value, s.shift FROM identity.{name}_key AS k JOIN shifted AS s ON s.value = k.{column}
      ), counted AS (SELECT value, any_value(shift) AS shift, count(*) AS n FROM holder GROUP BY value)
      SELECT h.record_ref FROM holder AS h
      SEMI JOIN (FROM counted WHERE {took_step}) AS c ON c.value = h.value""")


def _took_step(connection: duckdb.DuckDBPyConnection, name: str) -> bool:
    """Whether the number of all records, by which shares are reckoned, did."""
    now, fewer, more = connection.execute(f"""
      SELECT (SELECT count(*) FROM identity.{name}_key), (SELECT count(*) FROM old_{name}_key), (SELECT count(*) FROM work.touched_{name}_key)""").fetchone()
    step = "floor(2 * log2(greatest($1, 1))) <> floor(2 * log2(greatest($2, 1)))"
    return connection.execute(f"SELECT {step}", [now, now + fewer - more]).fetchone()[0]
