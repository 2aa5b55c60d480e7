"""Remembers which hub ids records would hold had no steward said `same`: while they are united, that id is lent another.

So the ids of a merged cluster's parts go on as if the merge had never been: they split, gain records and get new ids of their
own in the cycle in which it happens, out of sight. When the merge is taken back they are simply shown again.
"""

import duckdb
import polars as pl

from hub.journal import Event
from hub.matching import numbered

OWN = {"record_ref": pl.String, "own_id": pl.String}
# What is lent now: NULLs end it.
LENT = "SELECT record_ref, entity, hub_id FROM (FROM journal.own QUALIFY row_number() OVER (PARTITION BY record_ref ORDER BY seq DESC) = 1) WHERE hub_id IS NOT NULL"
# The id that each affected record bears, and the one that it would.
HELD = f"""
SELECT x.record_ref, x.hub_id, coalesce(o.hub_id, x.hub_id) AS own_id
FROM {{ties}} AS x SEMI JOIN affected AS a ON a.number = x.number LEFT JOIN ({LENT}) AS o ON o.record_ref = x.record_ref"""
# The same of records that are gone: nothing ties them any more, so they go where those of their own id go, or stay with it.
GONE = f"""
SELECT x.record_ref, x.hub_id, o.hub_id AS own_id
FROM ({LENT}) AS o JOIN journal.crossref AS x ON x.record_ref = o.record_ref ANTI JOIN affected AS a ON a.record_ref = x.record_ref
WHERE o.entity = ? AND o.record_ref NOT IN (SELECT record_ref FROM identity.{{entity}}_key)"""
# Every id that affected records had of their own, and whether other records hold it.
FORMER = f"""
WITH held AS MATERIALIZED (
  SELECT a.record_ref, f.hub_id, f.hub_number, f.seq FROM journal.former AS f JOIN affected AS a ON a.number = f.number
),
own AS MATERIALIZED (
  SELECT o.record_ref, o.hub_id, {numbered("o.hub_id", "hub_id")} AS hub_number, o.seq FROM journal.own AS o SEMI JOIN affected AS a ON a.record_ref = o.record_ref
),
ever AS (
  SELECT h.record_ref, h.hub_id, h.hub_number, h.seq FROM held AS h ASOF LEFT JOIN own AS o ON o.record_ref = h.record_ref AND h.seq >= o.seq WHERE o.hub_id IS NULL
  UNION ALL SELECT record_ref, hub_id, hub_number, seq FROM own WHERE hub_id IS NOT NULL
),
lent AS MATERIALIZED ({LENT}),
taken AS (
  SELECT x.hub_number FROM journal.crossref AS x SEMI JOIN ever AS e ON e.hub_number = x.hub_number
  ANTI JOIN affected AS a ON a.number = x.number ANTI JOIN (SELECT {numbered("record_ref")} AS number FROM lent) AS l ON l.number = x.number
  UNION SELECT {numbered("l.hub_id", "hub_id")} FROM lent AS l ANTI JOIN affected AS a ON a.record_ref = l.record_ref
)
SELECT record_ref, hub_id, seq, hub_number IN (SELECT hub_number FROM taken) AS is_taken FROM ever"""
# The highest number that an id with this prefix bears, shown or not. Parts that only a steward's word makes have a prefix of their own,
# so that no number is missing when it is taken back.
PART = "L"
ISSUED = "SELECT coalesce(max(number), 0) FROM journal.issued WHERE entity = $entity AND prefix = $prefix"


def held(connection: duckdb.DuckDBPyConnection, ties: str) -> pl.DataFrame:
    """record_ref, hub_id, own_id of the affected records that have been tied, in the table `ties`."""
    return connection.execute(HELD.format(ties=ties)).pl()


def follow(
    connection: duckdb.DuckDBPyConnection, entity: str, before: pl.DataFrame, own: pl.DataFrame, after: pl.DataFrame
) -> tuple[pl.DataFrame, ...]:
    """The same three tables, with the records that are gone and whose own id is now lent another, or no longer."""
    if not connection.execute(f"{LENT} LIMIT 1").fetchone():
        return before, own, after  # mostly: and DuckDB would read all records to find none of them gone
    shown = own.rename({"hub_id": "own_id"}).join(after, on="record_ref").group_by("own_id", "hub_id").len()
    most = shown.sort(["own_id", "len", "hub_id"], descending=[False, True, False]).unique("own_id", keep="first", maintain_order=True)
    gone = connection.execute(GONE.format(entity=entity), [entity]).pl().join(before.select("hub_id").unique(), on="hub_id", how="semi")
    gone = gone.join(most.select("own_id", now="hub_id"), on="own_id", how="left").with_columns(pl.coalesce("now", "own_id").alias("now"))
    return (
        pl.concat([before, gone.drop("now")]),
        pl.concat([own, gone.select("record_ref", hub_id="own_id")]),
        pl.concat([after, gone.select("record_ref", hub_id="now")]),
    )


def former(connection: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """record_ref, hub_id, seq, is_taken: every tie that the affected records had of their own, and whether others hold that id."""
    return connection.execute(FORMER).pl()


def issued(connection: duckdb.DuckDBPyConnection, entity: str, prefix: str) -> int:
    """How many ids of an entity and prefix were ever issued."""
    return connection.execute(ISSUED, {"entity": entity, "prefix": prefix}).fetchone()[0]


def events(entity: str, own: pl.DataFrame, after: pl.DataFrame, before: pl.DataFrame, chunk: int) -> list[Event]:
    """What to journal of ids that are lent from now on, another than until now, or no longer (null)."""
    now = own.rename({"hub_id": "own_id"}).join(after, on="record_ref").filter(pl.col("own_id") != pl.col("hub_id")).select(OWN.keys())
    until_now = before.filter(pl.col("own_id") != pl.col("hub_id")).select(OWN.keys())
    ended = until_now.join(now, on="record_ref", how="anti").with_columns(pl.lit(None, pl.String).alias("own_id"))
    told = pl.concat([now.join(until_now, on=list(OWN), how="anti"), ended]).sort("record_ref")
    return [Event("hub_ids.lent", entity, {"entity": entity, "own": part.rows()}) for part in told.iter_slices(chunk)]
