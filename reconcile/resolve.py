"""Ties records to hub ids, and says which records and hub ids a cycle has to look at again."""

import duckdb

from hub import projection
from hub.errors import HubError
from hub.journal import Journal
from hub.rules import Rules
from reconcile import crowds, decided, evidence, exceptions, ties, touched

# What people decided while the cycle was under way is brought in with the ids that it issues, and is for the next one to act on.
LATER = """
INSERT INTO capture.pending
SELECT unnest(CASE kind WHEN 'value.pinned' THEN [body ->> 'record_ref'] ELSE [body ->> 'left_ref', body ->> 'right_ref'] END), if(kind = 'value.pinned', 'pin', 'decision')
FROM journal.event WHERE seq > (SELECT seq FROM work.begun) AND kind IN ('match.decided', 'value.pinned')"""


def begin(connection: duckdb.DuckDBPyConnection, rules: Rules, journal: Journal) -> int:
    """Note what changed since the models last ran: records, and the hub ids that these referred to until now."""
    projection.load(connection, journal)
    connection.execute("CREATE OR REPLACE TABLE work.begun AS SELECT coalesce(max(seq), 0) AS seq FROM journal.event")
    connection.execute(
        "CREATE OR REPLACE TABLE work.touched_record AS SELECT record_ref, any_value(kind ORDER BY kind) AS kind FROM capture.pending GROUP BY record_ref"
    )
    if connection.execute("SELECT 1 FROM work.built").fetchone():
        connection.execute("DELETE FROM work.touched")  # what a run that was cut off touched, is touched still
    connection.execute("DELETE FROM work.built")
    touched.touch_references(connection, rules)
    return connection.execute("SELECT count(*) FROM work.touched_record").fetchone()[0]


def resolve(connection: duckdb.DuckDBPyConnection, rules: Rules, journal: Journal, anew: bool, remembered: bool = False) -> dict[str, int]:
    """Tie every touched record to a hub id; returns how many ties changed, by entity.

    anew        match all records again, because the rules changed
    remembered  match none: the ties are those of the journal
    """
    contradictions = decided.bind(connection, rules)
    evidence.reopen(connection, rules)
    if not remembered:
        exceptions.settle(connection, journal, "", ("contradiction",), contradictions)
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE old_tie AS SELECT x.* FROM journal.crossref AS x SEMI JOIN work.touched_record AS t ON t.record_ref = x.record_ref"
    )
    connection.execute("INSERT INTO work.touched SELECT DISTINCT hub_id FROM old_tie")  # before it is forgotten: a run may be cut off
    moved = {name: ties.derive(connection, entity, anew) for name, entity in rules.entities.items() if not rules.is_resolved(name)}
    for name in crowds.matched(rules):
        if rules.is_resolved(name) and not remembered:
            moved[name] = ties.match(connection, rules.entities[name], journal, anew)
        ties.ask(connection, rules.entities[name], anew or remembered)
    touched.touch(connection, rules)
    touched.gather(connection, rules, anew)
    return moved


def done(connection: duckdb.DuckDBPyConnection, version: str) -> None:
    """The models have seen what was pending."""
    connection.execute("BEGIN")
    connection.execute("DELETE FROM capture.pending")
    connection.execute(LATER)
    connection.execute("CREATE OR REPLACE TABLE work.resolved AS SELECT coalesce(max(seq), 0) AS seq FROM journal.former")
    connection.execute("CREATE OR REPLACE TABLE work.built AS SELECT ? AS rules", [version])
    connection.execute("COMMIT")


def check_whole(connection: duckdb.DuckDBPyConnection) -> None:
    """Nothing, when the tables follow from each other. Raises HubError when a run was cut off while it built them."""
    if connection.execute("SELECT 1 FROM work.touched_record").fetchone() and not connection.execute("SELECT 1 FROM work.built").fetchone():
        raise HubError("the last run was cut off while it built the tables, so they are not published; `hub run` finishes it")


def is_built(connection: duckdb.DuckDBPyConnection, version: str) -> bool:
    """Whether the tables were built under this version of the rules."""
    return connection.execute("SELECT rules FROM work.built").fetchone() == (version,)
