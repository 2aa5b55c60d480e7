"""Says which records must be weighed again although they did not change: so many now share a value of theirs, or so few.

What a value weighs, and whether it brings records together at all, depends on how many have it (hub/pairs.py). That
changes in steps; a record whose value took a step counts as touched. So what a cycle weighs is what a full run would.
"""

import duckdb

from hub import pairs
from hub.matching import Matching
from hub.pairs import COMMON
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
        connection.execute(f"""
          CREATE OR REPLACE TEMP TABLE old_{name}_key AS SELECT t.record_ref, k.* EXCLUDE (record_ref) FROM work.touched_record AS t
          LEFT JOIN identity.{name}_key AS k ON k.record_ref = t.record_ref""")


def touch(connection: duckdb.DuckDBPyConnection, rules: Rules, anew: bool) -> None:
    """Touch the records whose values took a step, and note what touched records were linked to: between the models of keys and of pairs."""
    connection.execute("CREATE OR REPLACE TEMP TABLE old_near (record_ref VARCHAR)")
    for name in matched(rules):
        for columns, tests in _counted(rules.matching(name)).items():
            if not anew:
                _touch_shifted(connection, name, columns, tests)
        if not anew and _took_step(connection, name):
            connection.execute(f"INSERT INTO work.touched_record SELECT record_ref, 'update' FROM identity.{name}_key AS k {NEW}")
        connection.execute(f"""
          CREATE OR REPLACE TABLE work.touched_{name}_key AS
          SELECT k.* FROM identity.{name}_key AS k SEMI JOIN work.touched_record AS t ON t.record_ref = k.record_ref""")
        for this, other in (("left", "right"), ("right", "left")):
            connection.execute(f"""
              INSERT INTO old_near SELECT p.{other}_ref FROM identity.{name}_pair AS p
              SEMI JOIN work.touched_record AS t ON t.record_ref = p.{this}_ref WHERE p.verdict = 'link'""")


NEW = "ANTI JOIN work.touched_record AS t ON t.record_ref = k.record_ref"


def _counted(how: Matching) -> dict[tuple[str, ...], list[str]]:
    """{columns: what of their number of records matters}, as SQL of {n}."""
    found = {columns: [f"{{n}} > {how.most}"] for columns in (*how.blocks, ("hub_id_said",))}
    for term in how.terms():
        found.setdefault((term,), []).append(STEP.format(n="{n}", copies=how.copies, common=COMMON))
    return found


def _touch_shifted(connection: duckdb.DuckDBPyConnection, name: str, columns: tuple[str, ...], tests: list[str]) -> None:
    listed, said = ", ".join(columns), " AND ".join(f"{each} IS NOT NULL" for each in columns)
    equal = " AND ".join(f"k.{each} = s.{each}" for each in columns)
    stepped = " OR ".join(f"({test.format(n='n')}) <> ({test.format(n='(n - shift)')})" for test in tests)
    # How many records more, or fewer, have each value now.
    connection.execute(f"""
      CREATE OR REPLACE TEMP TABLE shifted AS
      SELECT {listed}, sum(shift) AS shift FROM (
        SELECT {listed}, -1 AS shift FROM old_{name}_key
        UNION ALL
        SELECT {listed}, 1 FROM identity.{name}_key AS k SEMI JOIN old_{name}_key AS o ON o.record_ref = k.record_ref
      ) WHERE {said} GROUP BY ALL HAVING sum(shift) <> 0""")
    connection.execute(f"""
      INSERT INTO work.touched_record
      SELECT k.record_ref, 'update' FROM identity.{name}_key AS k SEMI JOIN (
        SELECT {listed} FROM (
          SELECT {", ".join(f"s.{each}" for each in columns)}, any_value(s.shift) AS shift, count(*) AS n
          FROM shifted AS s JOIN identity.{name}_key AS k ON {equal} GROUP BY {", ".join(f"s.{each}" for each in columns)}
        ) WHERE {stepped}
      ) AS s ON {equal} {NEW}""")


def _took_step(connection: duckdb.DuckDBPyConnection, name: str) -> bool:
    """Whether the number of all records, by which shares are reckoned, did."""
    now, fewer, more = connection.execute(f"""
      SELECT (SELECT count(*) FROM identity.{name}_key), (SELECT count(*) FROM old_{name}_key WHERE source IS NOT NULL),
        (SELECT count(*) FROM identity.{name}_key AS k SEMI JOIN old_{name}_key AS o ON o.record_ref = k.record_ref)""").fetchone()
    step = "floor(2 * log2(greatest($1, 1))) <> floor(2 * log2(greatest($2, 1)))"
    return connection.execute(f"SELECT {step}", [now, now + fewer - more]).fetchone()[0]
