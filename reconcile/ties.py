"""Ties records to hub ids: by the evidence of matching, or by the number that a document carries."""

import duckdb
import polars as pl

from hub import projection, tie_numbers
from hub.entity import Entity
from hub.journal import Event, Journal
from reconcile import affected, clusters, identity, lent

CHUNK = 10_000  # ties in one journal event
KNOWN, SAID, MERGED = 500, clusters.SAID, 10_000  # in place of a match weight: an equal strong key, a steward's word, a system's own merge


def derive(connection: duckdb.DuckDBPyConnection, entity: Entity, anew: bool) -> int:
    """Tie the records of documents; returns how many ties changed.

    A document's number tells it apart: its hub id follows from the number, and needs no journal. Where a steward said that
    two numbers are one thing's, all records of both have the smaller of the two ids.
    """
    own = derived_id(entity)
    _one(connection, entity.entity, own)
    touched = "" if anew else f"SEMI JOIN ({TOUCHED.format(own=own, entity=entity.entity)}) AS t ON t.record_ref = c.record_ref"
    connection.execute(f"""
      CREATE OR REPLACE TEMP TABLE tied AS
      SELECT c.record_ref, '{entity.entity}' AS entity, coalesce(o.hub_id, {own}) AS hub_id
      FROM canonical.{entity.entity} AS c {touched} LEFT JOIN one AS o ON o.own = {own}""")
    connection.execute("DELETE FROM tied AS n USING journal.crossref AS x WHERE x.record_ref = n.record_ref AND x.hub_id = n.hub_id")
    connection.execute("DELETE FROM journal.crossref WHERE record_ref IN (SELECT record_ref FROM tied)")
    connection.execute(f"INSERT INTO journal.crossref BY NAME SELECT *, {NUMBERS} FROM tied")
    return connection.execute("SELECT count(*) FROM tied").fetchone()[0]


def derived_id(entity: Entity) -> str:
    """SQL for the hub id that follows from the number of a document c."""
    number = ", ".join(f"'{key}:' || {key}" for key in entity.identity.strong)
    return f"'{entity.prefix or entity.entity}-' || left(md5(coalesce({number}, c.record_ref)), 12)"


NUMBERS = tie_numbers.OF.format(record_ref="record_ref", hub_id="hub_id")
# What changed, and what shares a number or a hub id with what was decided on.
TOUCHED = """
SELECT record_ref FROM work.touched_record
UNION SELECT x.record_ref FROM journal.crossref AS x SEMI JOIN (
  SELECT x.hub_id FROM journal.crossref AS x JOIN work.touched_record AS t ON t.record_ref = x.record_ref WHERE t.kind = 'decision') AS d ON d.hub_id = x.hub_id
UNION SELECT c.record_ref FROM canonical.{entity} AS c SEMI JOIN one AS o ON o.own = {own}"""


def _one(connection: duckdb.DuckDBPyConnection, entity: str, own: str) -> None:
    """The temporary table one (own, hub_id): the ids that follow from numbers which stewards said to be one thing's."""
    said = connection.execute(
        f"""
      SELECT l.own AS left_ref, r.own AS right_ref, {SAID}::DOUBLE AS match_weight FROM work.decided AS d
      JOIN (SELECT c.record_ref, {own} AS own FROM canonical.{entity} AS c) AS l ON l.record_ref = d.left_ref
      JOIN (SELECT c.record_ref, {own} AS own FROM canonical.{entity} AS c) AS r ON r.record_ref = d.right_ref
      WHERE d.entity = ? AND d.verdict = 'same'""",
        [entity],
    ).pl()
    ids = pl.concat([said.select(record_ref="left_ref"), said.select(record_ref="right_ref")])
    found = clusters.clusters(ids, said, said.select("left_ref", "right_ref").clear())
    one = found.select(own="record_ref", hub_id=pl.col("record_ref").min().over("cluster"))
    connection.register("said_one", one)
    connection.execute("CREATE OR REPLACE TEMP TABLE one AS SELECT own::VARCHAR AS own, hub_id::VARCHAR AS hub_id FROM said_one")
    connection.unregister("said_one")


def match(connection: duckdb.DuckDBPyConnection, entity: Entity, journal: Journal, anew: bool) -> int:
    """Tie the records of an entity that is matched by evidence; returns how many ties changed. The journal is told."""
    pairs, held = affected.gather(connection, entity, anew)
    records = connection.execute("SELECT * EXCLUDE (number) FROM affected").pl()
    if records.is_empty():
        return 0
    before = lent.held(connection, held)
    own, after = _ids(connection, entity, records, before, pairs)
    before, own, after = lent.follow(connection, entity.entity, before, own, after)
    told = lent.events(entity.entity, own, after, before, CHUNK)  # before the ties, so that these are known to be lent
    until_now = before.select("record_ref", "hub_id")
    moved = identity.changed(after, until_now)
    journal.append(told + _events(entity.entity, moved, identity.redirects(after, until_now)))
    projection.load(connection, journal)
    affected.follow(connection, moved, anew)
    return len(moved)


def _ids(
    connection: duckdb.DuckDBPyConnection, entity: Entity, records: pl.DataFrame, before: pl.DataFrame, pairs: str
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """record_ref, hub_id twice: what each record would hold had no steward said `same`, and what it holds."""
    name, prefix = entity.entity, entity.prefix or entity.entity
    links, said, apart, unless = (
        connection.execute(sql).pl() for sql in (_links(name, pairs), _said(name, pairs), _apart(entity, pairs), _unless(name))
    )
    # What another record stands for by now has no say in the id of the two.
    voters = before.join(connection.execute("SELECT record_ref FROM survivor").pl(), on="record_ref", how="anti")
    issued = lent.issued(connection, name, prefix)
    alone = clusters.clusters(records, links, apart)
    own = identity.carry_ids(alone, voters.select("record_ref", hub_id="own_id"), lent.former(connection), prefix, issued)
    if said.is_empty():
        return own, own
    united = clusters.clusters(records, pl.concat([links, said]), apart.join(unless, on=["left_ref", "right_ref"], how="anti"))
    part = f"{prefix}-{lent.PART}"
    return own, identity.lend_ids(united, voters.select("record_ref", "hub_id"), own, part, lent.issued(connection, name, part))


def ask(connection: duckdb.DuckDBPyConnection, entity: Entity, everything: bool) -> None:
    """Bring work.question up to date for the records that may have changed cluster: undecided pairs of two things."""
    name = entity.entity
    if everything or entity.identity.fallback:
        connection.execute(f"DELETE FROM work.question WHERE entity = '{name}'")
        pairs, held = f"identity.{name}_pair", "journal.crossref"
    else:
        near = "(SELECT record_ref FROM affected UNION ALL SELECT record_ref FROM work.touched_record)"
        connection.execute(f"DELETE FROM work.question WHERE entity = '{name}' AND (left_ref IN {near} OR right_ref IN {near})")
        pairs, held = "near_pair", "near_tie"
    # What a number tells apart is asked about where each of the two lacks its like in the other's system.
    alone = "".join(
        f""" AND NOT EXISTS (
          SELECT 1 FROM journal.crossref AS x JOIN canonical.{name} AS c ON c.record_ref = x.record_ref AND c.is_live
          WHERE x.hub_id = p.{this}_id AND c.system = split_part(p.{other}_ref, ':', 1))"""
        for this, other in ((("left", "right"), ("right", "left")) if entity.identity.fallback else ())
    )
    connection.execute(f"""
      INSERT INTO work.question
      WITH tied AS (
        SELECT p.left_ref, p.right_ref, l.hub_id AS left_id, r.hub_id AS right_id FROM {pairs} AS p
        JOIN {held} AS l ON l.number = p.left_number JOIN {held} AS r ON r.number = p.right_number
        WHERE p.verdict IN ('link', 'review') AND l.hub_number <> r.hub_number
      )
      SELECT '{name}', p.left_ref, p.right_ref, p.left_id, p.right_id FROM tied AS p
      ANTI JOIN journal.decision AS d ON d.left_ref = p.left_ref AND d.right_ref = p.right_ref WHERE TRUE{alone}""")


def links_of(entity: str) -> str:
    """SQL for the links between records: by evidence, by a steward, by their own system."""
    pairs = f"identity.{entity}_pair"
    return f"{_links(entity, pairs)} UNION ALL ({_said(entity, pairs)})"


def apart_of(entity: Entity) -> str:
    """SQL for the pairs of records that must not share a hub id."""
    return f"SELECT a.* FROM ({_apart(entity, f'identity.{entity.entity}_pair')}) AS a ANTI JOIN ({_unless(entity.entity)}) AS u ON u.left_ref = a.left_ref AND u.right_ref = a.right_ref"


def _links(entity: str, pairs: str) -> str:
    return f"""
      SELECT p.left_ref, p.right_ref, CASE WHEN p.has_equal_key THEN {KNOWN} ELSE p.match_weight END AS match_weight FROM {pairs} AS p
      SEMI JOIN affected AS l ON l.record_ref = p.left_ref
      WHERE p.verdict = 'link' AND NOT EXISTS (
        SELECT 1 FROM work.decided AS d WHERE d.entity = '{entity}' AND d.left_ref = p.left_ref AND d.right_ref = p.right_ref AND d.verdict <> 'same')
      UNION ALL
      SELECT record_ref, survivor_ref, {MERGED} FROM survivor WHERE entity = '{entity}'"""


def _said(entity: str, pairs: str) -> str:
    # Of several that can't all be followed, the ones that evidence speaks for.
    return f"""
      SELECT d.left_ref, d.right_ref, {SAID} + greatest(coalesce(p.match_weight, 0), 0) AS match_weight FROM work.decided AS d
      SEMI JOIN affected AS a ON a.record_ref = d.left_ref
      LEFT JOIN {pairs} AS p ON p.left_ref = d.left_ref AND p.right_ref = d.right_ref
      WHERE d.entity = '{entity}' AND d.verdict = 'same'
      ORDER BY d.left_ref, d.right_ref"""


def _apart(entity: Entity, pairs: str) -> str:
    name = entity.entity
    own = [field for field, each in entity.fields.items() if each.to == name]  # its parent: no record of the same thing
    related = "".join(
        f""" UNION SELECT least(c.record_ref, c.{field}_ref), greatest(c.record_ref, c.{field}_ref) FROM canonical.{name} AS c
        SEMI JOIN affected AS l ON l.record_ref = c.record_ref WHERE c.{field}_ref IS NOT NULL AND c.{field}_ref <> c.record_ref"""
        for field in own
    )
    return f"""
      SELECT p.left_ref, p.right_ref FROM {pairs} AS p SEMI JOIN affected AS l ON l.record_ref = p.left_ref WHERE p.has_unequal_key{related}
      UNION SELECT left_ref, right_ref FROM work.decided WHERE entity = '{name}' AND verdict <> 'same'"""


def _unless(entity: str) -> str:
    """Pairs that what the systems say of them does not keep apart, for a steward said that they are one."""
    return f"SELECT left_ref, right_ref FROM work.decided WHERE entity = '{entity}' AND verdict = 'same'"


def _events(entity: str, moved: pl.DataFrame, redirects: list[tuple[str, str]]) -> list[Event]:
    assigned = [Event("hub_ids.assigned", entity, {"entity": entity, "assigned": chunk.rows()}) for chunk in moved.iter_slices(CHUNK)]
    return [*assigned, *([Event("hub_ids.redirected", entity, {"entity": entity, "redirects": redirects})] if redirects else [])]
