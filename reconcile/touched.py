"""Says which hub ids a cycle has to look at again, and gathers their records for the models."""

import duckdb

from hub.entity import Entity
from hub.rules import Rules


def touch(connection: duckdb.DuckDBPyConnection, rules: Rules) -> None:
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
    # A record that was edited in place leaves its id's shape as it was, unless the edit took it to another id.
    connection.execute("""
      CREATE OR REPLACE TEMP TABLE reshaped AS
      SELECT DISTINCT m.hub_id FROM moved AS m LEFT JOIN work.touched_record AS t ON t.record_ref = m.record_ref
      WHERE t.kind IS DISTINCT FROM 'update' OR m.record_ref IN (SELECT record_ref FROM journal.former WHERE seq > (SELECT coalesce(max(seq), 0) FROM work.resolved))""")
    _touch_referring(connection, rules)
    for name, entity in rules.entities.items():
        # What a discrepancy puts at stake may be reckoned at the rate of another record.
        if rate := _rated_by(entity):
            connection.execute(f"""
              INSERT INTO work.touched SELECT DISTINCT i.hub_id FROM identity.{name} AS i SEMI JOIN discrepancy.found AS f ON f.hub_id = i.hub_id
              WHERE i.{rate}_id IN (SELECT hub_id FROM moved)""")
        # Where it goes in a cut-over may follow from where another record goes.
        if entity.follows and rules.cut(name):
            connection.execute(
                f"INSERT INTO work.touched SELECT DISTINCT hub_id FROM identity.{name} WHERE {entity.follows}_id IN (SELECT hub_id FROM moved)"
            )
    touch_references(connection, rules)
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


def touch_references(connection: duckdb.DuckDBPyConnection, rules: Rules) -> None:
    """Touch the hub ids that touched records refer to: their sums and counts may have changed."""
    connection.execute("CREATE OR REPLACE TEMP TABLE found_near (record_ref VARCHAR)")
    for name, entity in rules.entities.items():
        if said := ", ".join(f"c.{reference}_ref" for reference in _references(entity)):
            connection.execute(
                f"INSERT INTO found_near SELECT unnest([{said}]) FROM canonical.{name} AS c SEMI JOIN work.touched_record AS t ON t.record_ref = c.record_ref WHERE coalesce({said}) IS NOT NULL"
            )
    _touch_near(connection)


def _touch_near(connection: duckdb.DuckDBPyConnection) -> None:
    # By way of a few records, not through the views of identity: these tie all records before they leave most of them out.
    connection.execute(
        "INSERT INTO work.touched SELECT DISTINCT x.hub_id FROM journal.crossref AS x SEMI JOIN found_near AS f ON f.record_ref = x.record_ref"
    )


def gather(connection: duckdb.DuckDBPyConnection, rules: Rules, anew: bool) -> None:
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
        references = _references(entity)
        said = ", ".join(f"{reference}_ref" for reference in references) or "NULL::VARCHAR"
        ids = "".join(f", {reference}_x.hub_id AS {reference}_id" for reference in references)
        joins = " ".join(f"LEFT JOIN aimed AS {reference}_x ON {reference}_x.record_ref = m.{reference}_ref" for reference in references)
        # The ties of all references at once: each join with journal.crossref would read all of it again.
        connection.execute(f"""
          CREATE OR REPLACE TEMP TABLE member_{name} AS
          WITH member AS MATERIALIZED (SELECT c.*, t.hub_id FROM canonical.{name} AS c JOIN touched_tie AS t ON t.record_ref = c.record_ref),
          said AS (SELECT DISTINCT unnest([{said}]) AS record_ref FROM member),
          aimed AS MATERIALIZED (SELECT x.record_ref, x.hub_id FROM journal.crossref AS x SEMI JOIN said AS s ON s.record_ref = x.record_ref)
          SELECT m.*{ids} FROM member AS m {joins}""")


def _references(entity: Entity) -> list[str]:
    return [name for name, field in entity.fields.items() if field.type == "reference"]


def _rated_by(entity: Entity) -> str | None:
    """The reference in `quantity * reference.rate`, when that is what is at stake."""
    return entity.at_stake.split(" * ")[1].split(".")[0] if entity.at_stake and " * " in entity.at_stake else None
