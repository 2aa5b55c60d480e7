"""Gives clusters their hub ids: decides in sets, remembers in the journal.

A cluster's label is not an identity. Ids follow the largest overlap with the clusters before, an unmerge gives back
the id that its records held, and ids are never reused.
"""

import polars as pl

from reconcile import assignment, claims

TIES = {"record_ref": pl.String, "hub_id": pl.String}


def carry_ids(now: pl.DataFrame, before: pl.DataFrame, former: pl.DataFrame, prefix: str, issued: int) -> pl.DataFrame:
    """Give clusters hub ids so that as few records as can be change theirs.

    now     record_ref, cluster: this run
    before  record_ref, hub_id: as of the last run
    former  record_ref, hub_id, seq, is_taken: every tie there ever was, and whether records beyond this run hold the id
    issued  how many ids of this prefix were ever issued
    returns record_ref, hub_id: one row for each record of `now`

    When a cluster splits, the larger part keeps the id; equal parts, the one with the smallest record_ref. But records that
    came with an id of their own when two clusters were merged get that one back, whatever came to either side since. A part
    that is left without an id gets back one that its records held before, if nobody holds it; else a fresh one.
    """
    kept = assignment.best(_claimed(now, before, claims.of(before, former)))
    free = former.filter(~pl.col("is_taken")).join(
        pl.concat([before["hub_id"], kept["hub_id"]]).unique().to_frame(), on="hub_id", how="anti"
    )
    left = free.join(now.join(kept, on="cluster", how="anti"), on="record_ref")
    returned = assignment.best(assignment.edges(left.with_columns(kept=1, own=0)))
    return named(now, pl.concat([kept, returned]), prefix, issued)


def lend_ids(now: pl.DataFrame, before: pl.DataFrame, own: pl.DataFrame, prefix: str, issued: int) -> pl.DataFrame:
    """Give clusters that stewards' words unite one of the hub ids that their records would hold without: as few as can be change theirs.

    own     record_ref, hub_id: what each record would hold had no steward said `same`
    prefix  of ids for parts that are left without, as when a steward's word parts what evidence alone would hold together
    """
    kept = assignment.best(_claimed(now, before, own))
    return named(now, kept, prefix, issued)


def named(now: pl.DataFrame, have: pl.DataFrame, prefix: str, issued: int) -> pl.DataFrame:
    """The records of `now` with the hub ids that their clusters have; a cluster that has none gets the next one."""
    without = (
        now.join(have, on="cluster", how="anti")
        .group_by("cluster")
        .agg(pl.col("record_ref").min())
        .sort("record_ref")
        .with_row_index("rank", offset=issued + 1)
    )
    fresh = without.select("cluster", pl.format(f"{prefix}-{{}}", pl.col("rank").cast(pl.String).str.zfill(6)).alias("hub_id"))
    return now.join(pl.concat([have, fresh]), on="cluster").select("record_ref", "hub_id").sort("record_ref")


def _claimed(now: pl.DataFrame, before: pl.DataFrame, claimed: pl.DataFrame) -> pl.DataFrame:
    """Which cluster could bear which id: those of its records now, and those that these claim."""
    held = now.join(before, on="record_ref").select("cluster", "record_ref", "hub_id", kept=1, own=0)
    own = now.join(claimed, on="record_ref").select("cluster", "record_ref", "hub_id", kept=0, own=1)
    edges = assignment.edges(pl.concat([held, own]).with_columns(seq=0))
    # A cluster whose records came with another id leaves this one to those who claim it.
    claims_some = pl.col("own").max().over("cluster") > 0
    is_claimed = pl.col("own").max().over("hub_id") > 0
    return edges.filter((pl.col("own") > 0) | ~claims_some | ~is_claimed)


def changed(after: pl.DataFrame, before: pl.DataFrame) -> pl.DataFrame:
    """The ties that are new or different: record_ref, hub_id."""
    return after.join(before, on=["record_ref", "hub_id"], how="anti").sort("record_ref")


def redirects(after: pl.DataFrame, before: pl.DataFrame) -> list[tuple[str, str]]:
    """Hub ids that no record holds any more, and the id that most of their records hold now."""
    lost = before.join(after.select("hub_id").unique(), on="hub_id", how="anti")
    moved = lost.rename({"hub_id": "old"}).join(after, on="record_ref").group_by("old", "hub_id").agg(pl.len().alias("records"))
    best = moved.sort(["old", "records", "hub_id"], descending=[False, True, False]).unique("old", keep="first", maintain_order=True)
    return best.select("old", "hub_id").rows()
