"""Says which records may change cluster in a cycle, and gathers their ties and pairs: all by number, for of all records no text is read but theirs."""

import duckdb
import polars as pl

from hub.entity import Entity
from hub.matching import numbered
from hub.pairs import NUMBER
from reconcile import decided


def gather(connection: duckdb.DuckDBPyConnection, entity: Entity, anew: bool) -> tuple[str, str]:
    """Make the table affected (record_ref, number, strong keys): the live records that may change cluster, and those merged into them.
    These are the touched ones, and all that links, decisions or hub ids connect with them, now or before.

    returns  the tables of their pairs and of their ties; each may hold more
    """
    name, live = entity.entity, ", ".join(f"k.{key}" for key in ("record_ref", *entity.identity.strong))
    keys = f"SELECT {live}, k.{NUMBER} AS number FROM identity.{name}_key AS k"
    if anew:
        connection.execute(f"CREATE OR REPLACE TEMP TABLE affected AS {keys}")
        decided.follow(connection, entity)
        return f"identity.{name}_pair", "journal.crossref"
    _reach(connection, name)
    _bind(connection, name)
    connection.execute(f"""
      CREATE OR REPLACE TEMP TABLE affected AS {keys} SEMI JOIN (
        FROM reached UNION SELECT id FROM bound_id UNION SELECT x.number FROM near_tie AS x SEMI JOIN bound_id AS b ON b.id = x.hub_number
      ) AS r ON r.number = k.{NUMBER}""")
    decided.follow(connection, entity)
    _pair(connection, name)
    return "near_pair", "near_tie"


def follow(connection: duckdb.DuckDBPyConnection, moved: pl.DataFrame, anew: bool) -> None:
    """Bring the ties of affected records up to date with those that changed."""
    if anew:
        return
    connection.register("moved_tie", moved)
    connection.execute(f"""
      CREATE OR REPLACE TEMP TABLE near_tie AS
      FROM near_tie AS x ANTI JOIN moved_tie AS m ON m.record_ref = x.record_ref
      UNION ALL SELECT record_ref, hub_id, {numbered("record_ref")}, {numbered("hub_id", "hub_id")} FROM moved_tie""")
    connection.unregister("moved_tie")


def _reach(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    """The tables reached (number): the touched records, and what links connect with them; and tie (number, hub_number): the ties of
    these, of what decisions are about, and of all that the touched records are compared with."""
    # What evidence ties has one hub id, but for the links that were not followed: these are open questions. So of all pairs, only
    # those of touched records are looked for, and the rest is a matter of hub ids, which are few.
    linked = " UNION ALL ".join(
        f"SELECT unnest([left_number, right_number]) FROM {which}_{name}_pair WHERE verdict = 'link'" for which in ("old", "new")
    )
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE reached AS SELECT {numbered('record_ref')} AS number FROM work.touched_record UNION ({linked})"
    )
    connection.execute(f"""
      CREATE OR REPLACE TEMP TABLE decided_end AS
      SELECT {numbered("left_ref")} AS left_number, {numbered("right_ref")} AS right_number FROM work.decided WHERE entity = '{name}'""")
    connection.execute(f"""
      CREATE OR REPLACE TEMP TABLE tie AS SELECT x.number, x.hub_number FROM journal.crossref AS x SEMI JOIN (
        FROM reached UNION ALL SELECT unnest([left_number, right_number]) FROM decided_end
        UNION ALL SELECT unnest([left_number, right_number]) FROM new_{name}_pair
      ) AS e ON e.number = x.number""")


def _bind(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    """The tables bound_id (id): the hub ids that open questions and decisions connect with reached records, as numbers, and the records that
    have none; and near_tie: all ties to these ids, and to those of the records that touched ones are compared with."""
    end = lambda side: f"coalesce({numbered(f'{side}_id', 'hub_id')}, {numbered(f'{side}_ref')})"
    connection.execute(f"""
      CREATE OR REPLACE TEMP TABLE bound_id AS
      WITH RECURSIVE end_of AS MATERIALIZED (
        SELECT {end("left")} AS one, {end("right")} AS other FROM work.question WHERE entity = '{name}'
        UNION ALL SELECT coalesce(l.hub_number, d.left_number), coalesce(r.hub_number, d.right_number) FROM decided_end AS d
        LEFT JOIN tie AS l ON l.number = d.left_number LEFT JOIN tie AS r ON r.number = d.right_number
      ),
      edge AS MATERIALIZED (FROM end_of UNION ALL SELECT other, one FROM end_of),
      node AS (
        SELECT DISTINCT coalesce(x.hub_number, r.number) AS id FROM reached AS r LEFT JOIN tie AS x ON x.number = r.number
        UNION SELECT e.other FROM node AS n JOIN edge AS e ON e.one = n.id
      )
      SELECT id FROM node""")
    connection.execute(f"""
      CREATE OR REPLACE TEMP TABLE near_tie AS SELECT x.record_ref, x.hub_id, x.number, x.hub_number FROM journal.crossref AS x
      SEMI JOIN (FROM bound_id UNION ALL SELECT hub_number FROM tie) AS n ON n.id = x.hub_number WHERE x.entity = '{name}'""")


def _pair(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    """The table near_pair: the pairs of affected records, and those that touched ones have with any others."""
    said = ", ".join(f"p.{each}" for each in ("left_number", "right_number", "match_weight", "has_equal_key", "has_unequal_key", "verdict"))
    # Other pairs that lead out of the affected records, no link and no open question holds: nothing changes in them.
    connection.execute(f"""
      CREATE OR REPLACE TEMP TABLE near_pair AS
      SELECT l.record_ref AS left_ref, r.record_ref AS right_ref, {said} FROM identity.{name}_pair AS p
      JOIN affected AS l ON l.number = p.left_number JOIN affected AS r ON r.number = p.right_number
      UNION ALL SELECT p.left_ref, p.right_ref, {said} FROM new_{name}_pair AS p
      WHERE NOT (p.left_number IN (SELECT number FROM affected) AND p.right_number IN (SELECT number FROM affected))""")
