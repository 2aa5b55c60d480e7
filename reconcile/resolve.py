"""Ties records to hub ids, and says which records and hub ids a cycle has to look at again."""

import duckdb
import polars as pl

from hub import projection
from hub.entity import Entity
from hub.errors import HubError
from hub.journal import Event, Journal
from hub.rules import Rules
from reconcile import identity

CHUNK = 10_000  # ties in one journal event


def begin(connection: duckdb.DuckDBPyConnection, rules: Rules, journal: Journal) -> int:
    """Note what changed since the models last ran: records, and the hub ids that these referred to until now."""
    projection.load(connection, journal)
    connection.execute(
        "CREATE OR REPLACE TABLE work.touched_record AS SELECT record_ref, any_value(kind ORDER BY kind) AS kind FROM capture.pending GROUP BY record_ref"
    )
    if connection.execute("SELECT 1 FROM work.built").fetchone():
        connection.execute("DELETE FROM work.touched")  # what a run that was cut off touched, is touched still
    connection.execute("DELETE FROM work.built")
    _touch_references(connection, rules)
    return connection.execute("SELECT count(*) FROM work.touched_record").fetchone()[0]


def resolve(connection: duckdb.DuckDBPyConnection, rules: Rules, journal: Journal, anew: bool, remembered: bool = False) -> dict[str, int]:
    """Tie every touched record to a hub id; returns how many ties changed, by entity.

    anew        match all records again, because the rules changed
    remembered  match none: the ties are those of the journal
    """
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE old_tie AS SELECT x.* FROM journal.crossref AS x SEMI JOIN work.touched_record AS t ON t.record_ref = x.record_ref"
    )
    connection.execute("INSERT INTO work.touched SELECT DISTINCT hub_id FROM old_tie")  # before it is forgotten: a run may be cut off
    moved = {name: _derive(connection, entity, anew) for name, entity in rules.entities.items() if not rules.is_resolved(name)}
    moved |= {
        name: _match(connection, entity, journal, anew)
        for name, entity in rules.entities.items()
        if rules.is_resolved(name) and not remembered
    }
    _touch(connection, rules)
    _gather(connection, rules, anew)
    return moved


def done(connection: duckdb.DuckDBPyConnection, version: str) -> None:
    """The models have seen what was pending."""
    connection.execute("BEGIN")
    connection.execute("DELETE FROM capture.pending")
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


def _match(connection: duckdb.DuckDBPyConnection, entity: Entity, journal: Journal, anew: bool) -> int:
    _affected(connection, entity.entity, anew)
    links, apart = (connection.execute(sql, [entity.entity] * 2).pl() for sql in (_links(entity.entity), _apart(entity.entity)))
    records = connection.execute("SELECT record_ref FROM affected").pl().get_column("record_ref")
    if records.is_empty():
        return 0
    before = connection.execute(
        "SELECT x.record_ref, x.hub_id FROM journal.crossref AS x SEMI JOIN affected AS a ON a.record_ref = x.record_ref"
    ).pl()
    former = connection.execute(
        """
      SELECT f.record_ref, f.hub_id, f.seq FROM journal.former AS f SEMI JOIN affected AS a ON a.record_ref = f.record_ref
      WHERE f.hub_id NOT IN (SELECT x.hub_id FROM journal.crossref AS x ANTI JOIN affected AS a ON a.record_ref = x.record_ref WHERE x.entity = ?)""",
        [entity.entity],
    ).pl()
    issued = connection.execute(
        "SELECT coalesce(max(regexp_extract(hub_id, '(\\d+)$', 1)::BIGINT), 0) FROM journal.former WHERE entity = ?", [entity.entity]
    ).fetchone()[0]
    after = identity.carry_ids(identity.clusters(records, links, apart), before, former, entity.prefix or entity.entity, issued)
    moved = identity.changed(after, before)
    journal.append(_events(entity.entity, moved, identity.redirects(after, before)))
    projection.load(connection, journal)
    return len(moved)


def _affected(connection: duckdb.DuckDBPyConnection, entity: str, anew: bool) -> None:
    """The live records that may change cluster: the touched ones, what they are paired with, and all that share a hub id with these."""
    if anew:
        connection.execute(f"CREATE OR REPLACE TEMP TABLE affected AS SELECT record_ref FROM canonical.{entity} WHERE is_live")
        return
    ends = " UNION ALL ".join(
        f"SELECT {end} FROM {pairs} AS p SEMI JOIN work.touched_record AS t ON t.record_ref = p.{other}"
        for pairs in (f"identity.{entity}_pair", "journal.decision")
        for end, other in (("left_ref", "right_ref"), ("right_ref", "left_ref"))
    )
    connection.execute(f"""
      CREATE OR REPLACE TEMP TABLE affected AS
      WITH near AS (SELECT record_ref FROM work.touched_record UNION {ends}),
      shared AS (SELECT DISTINCT x.hub_id FROM journal.crossref AS x SEMI JOIN near AS n ON n.record_ref = x.record_ref)
      SELECT c.record_ref FROM canonical.{entity} AS c
      WHERE c.is_live AND c.record_ref IN (
        SELECT record_ref FROM near UNION ALL SELECT x.record_ref FROM journal.crossref AS x SEMI JOIN shared AS s ON s.hub_id = x.hub_id)""")


def _links(entity: str) -> str:
    return f"""
      SELECT p.left_ref, p.right_ref, p.match_weight FROM identity.{entity}_pair AS p
      SEMI JOIN affected AS l ON l.record_ref = p.left_ref
      WHERE p.verdict = 'link' AND NOT EXISTS (
        SELECT 1 FROM journal.decision AS d WHERE d.entity = ? AND d.left_ref = p.left_ref AND d.right_ref = p.right_ref AND d.verdict = 'different')
      UNION ALL
      SELECT left_ref, right_ref, 1000 FROM journal.decision WHERE entity = ? AND verdict = 'same'"""


def _apart(entity: str) -> str:
    return f"""
      SELECT p.left_ref, p.right_ref FROM identity.{entity}_pair AS p
      SEMI JOIN affected AS l ON l.record_ref = p.left_ref
      WHERE p.has_unequal_key AND NOT EXISTS (
        SELECT 1 FROM journal.decision AS d WHERE d.entity = ? AND d.left_ref = p.left_ref AND d.right_ref = p.right_ref AND d.verdict = 'same')
      UNION ALL
      SELECT left_ref, right_ref FROM journal.decision WHERE entity = ? AND verdict = 'different'"""


def _events(entity: str, moved: pl.DataFrame, redirects: list[tuple[str, str]]) -> list[Event]:
    assigned = [Event("hub_ids.assigned", entity, {"entity": entity, "assigned": chunk.rows()}) for chunk in moved.iter_slices(CHUNK)]
    return [*assigned, *([Event("hub_ids.redirected", entity, {"entity": entity, "redirects": redirects})] if redirects else [])]


def _derive(connection: duckdb.DuckDBPyConnection, entity: Entity, anew: bool) -> int:
    """Documents that carry a number are told apart by it: their hub id follows from the number, and needs no journal."""
    touched = "" if anew else "SEMI JOIN work.touched_record AS t ON t.record_ref = c.record_ref"
    number = ", ".join(f"'{key}:' || {key}" for key in entity.identity.strong)
    connection.execute(f"""
      CREATE OR REPLACE TEMP TABLE tied AS
      SELECT c.record_ref, '{entity.entity}' AS entity, '{entity.prefix or entity.entity}-' || left(md5(coalesce({number}, c.record_ref)), 12) AS hub_id
      FROM canonical.{entity.entity} AS c {touched}""")
    connection.execute("DELETE FROM tied AS n USING journal.crossref AS x WHERE x.record_ref = n.record_ref AND x.hub_id = n.hub_id")
    connection.execute("DELETE FROM journal.crossref WHERE record_ref IN (SELECT record_ref FROM tied)")
    connection.execute("INSERT INTO journal.crossref SELECT * FROM tied")
    return connection.execute("SELECT count(*) FROM tied").fetchone()[0]


def _touch(connection: duckdb.DuckDBPyConnection, rules: Rules) -> None:
    """Fill work.touched: the hub ids whose records, ties or references changed."""
    connection.execute("""
      CREATE OR REPLACE TEMP TABLE moved AS
      SELECT record_ref, hub_id FROM old_tie
      UNION SELECT x.record_ref, x.hub_id FROM journal.crossref AS x SEMI JOIN work.touched_record AS t ON t.record_ref = x.record_ref
      UNION SELECT record_ref, hub_id FROM journal.former WHERE seq > (SELECT coalesce(max(seq), 0) FROM work.resolved)""")
    # Records moved to another id without being touched: both the id they left and the one they joined.
    connection.execute("""
      INSERT INTO moved SELECT f.record_ref, f.hub_id FROM journal.former AS f
      SEMI JOIN (SELECT record_ref FROM journal.former WHERE seq > (SELECT coalesce(max(seq), 0) FROM work.resolved)) AS n ON n.record_ref = f.record_ref""")
    connection.execute("INSERT INTO work.touched SELECT DISTINCT hub_id FROM moved")
    connection.execute("""
      CREATE OR REPLACE TEMP TABLE reshaped AS
      SELECT DISTINCT m.hub_id FROM moved AS m LEFT JOIN work.touched_record AS t ON t.record_ref = m.record_ref WHERE t.kind IS DISTINCT FROM 'update'""")
    _touch_referring(connection, rules)
    for name, entity in rules.entities.items():
        # What a discrepancy puts at stake may be reckoned at the rate of another record.
        if rate := _rated_by(entity):
            connection.execute(f"""
              INSERT INTO work.touched SELECT DISTINCT i.hub_id FROM identity.{name} AS i SEMI JOIN discrepancy.found AS f ON f.hub_id = i.hub_id
              WHERE i.{rate}_id IN (SELECT hub_id FROM moved)""")
    _touch_references(connection, rules)
    connection.execute("CREATE OR REPLACE TABLE work.touched AS SELECT DISTINCT hub_id FROM work.touched WHERE hub_id IS NOT NULL")


def _touch_referring(connection: duckdb.DuckDBPyConnection, rules: Rules) -> None:
    """Touch what refers to a hub id of another shape, or to a record that came into quarantine or left it: an orphan until now, or no longer."""
    connection.execute("""
      CREATE OR REPLACE TEMP TABLE aimed_at AS
      SELECT x.record_ref FROM journal.crossref AS x SEMI JOIN reshaped AS r ON r.hub_id = x.hub_id
      UNION SELECT record_ref FROM work.touched_record WHERE kind = 'quarantine'""")
    connection.execute("CREATE OR REPLACE TEMP TABLE found_near (record_ref VARCHAR)")
    for name, entity in rules.entities.items():
        for reference in _references(entity):
            connection.execute(
                f"INSERT INTO found_near SELECT c.record_ref FROM canonical.{name} AS c SEMI JOIN aimed_at AS a ON a.record_ref = c.{reference}_ref"
            )
    _touch_near(connection)


def _touch_references(connection: duckdb.DuckDBPyConnection, rules: Rules) -> None:
    """Touch the hub ids that touched records refer to: their sums and counts may have changed."""
    connection.execute("CREATE OR REPLACE TEMP TABLE found_near (record_ref VARCHAR)")
    for name, entity in rules.entities.items():
        if said := ", ".join(f"c.{reference}_ref" for reference in _references(entity)):
            connection.execute(
                f"INSERT INTO found_near SELECT unnest([{said}]) FROM canonical.{name} AS c SEMI JOIN work.touched_record AS t ON t.record_ref = c.record_ref"
            )
    _touch_near(connection)


def _touch_near(connection: duckdb.DuckDBPyConnection) -> None:
    # By way of a few records, not through the views of identity: these tie all records before they leave most of them out.
    connection.execute(
        "INSERT INTO work.touched SELECT DISTINCT x.hub_id FROM journal.crossref AS x SEMI JOIN found_near AS f ON f.record_ref = x.record_ref"
    )


def _gather(connection: duckdb.DuckDBPyConnection, rules: Rules, anew: bool) -> None:
    """Make member_<entity> for the models: identity's rows of the touched hub ids. A view when that is nearly all of them."""
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE touched_tie AS SELECT x.record_ref, x.hub_id FROM journal.crossref AS x SEMI JOIN work.touched AS t ON t.hub_id = x.hub_id"
    )
    for name, entity in rules.entities.items():
        if anew:
            connection.execute(
                f"CREATE OR REPLACE TEMP VIEW member_{name} AS SELECT * FROM identity.{name} WHERE hub_id IN (SELECT hub_id FROM work.touched)"
            )
            continue
        ids = "".join(f", {reference}_x.hub_id AS {reference}_id" for reference in _references(entity))
        joins = " ".join(
            f"LEFT JOIN journal.crossref AS {reference}_x ON {reference}_x.record_ref = m.{reference}_ref"
            for reference in _references(entity)
        )
        connection.execute(f"""
          CREATE OR REPLACE TEMP TABLE member_{name} AS
          WITH member AS MATERIALIZED (SELECT c.*, t.hub_id FROM canonical.{name} AS c JOIN touched_tie AS t ON t.record_ref = c.record_ref)
          SELECT m.*{ids} FROM member AS m {joins}""")


def _references(entity: Entity) -> list[str]:
    return [name for name, field in entity.fields.items() if field.type == "reference"]


def _rated_by(entity: Entity) -> str | None:
    """The reference in `quantity * reference.rate`, when that is what is at stake."""
    return entity.at_stake.split(" * ")[1].split(".")[0] if entity.at_stake and " * " in entity.at_stake else None
