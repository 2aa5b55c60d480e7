"""Which hub ids records have a claim to: the one that they hold, or those that they came with when clusters were merged."""

import polars as pl


def of(before: pl.DataFrame, former: pl.DataFrame) -> pl.DataFrame:
    """record_ref, hub_id: none for a record that came to a merged cluster after the merge, for it may belong to either side.

    before  record_ref, hub_id: as of the last run
    former  record_ref, hub_id, seq, is_taken: every tie there ever was, and whether records beyond this run hold the id
    """
    moved = former.filter(pl.col("hub_id").n_unique().over("record_ref") > 1)
    if moved.is_empty():
        return before.select("record_ref", "hub_id")
    merged_ids = before.join(moved, on="record_ref", how="semi").select("hub_id").unique()
    ties = _runs(before.join(merged_ids, on="hub_id", how="semi"), former, before)
    came_with = ties.filter("is_claim").select("record_ref", "hub_id").unique()
    since = ties.filter("is_now").group_by("record_ref").agg(pl.col("seq").min().alias("since"))
    merged = (
        before.join(since.join(came_with, on="record_ref", how="semi"), on="record_ref")
        .group_by("hub_id")
        .agg(pl.col("since").min().alias("merged"))
    )
    settled = (
        before.join(came_with, on="record_ref", how="anti")
        .join(merged, on="hub_id", how="left")
        .join(since, on="record_ref", how="left")
        .filter(pl.col("merged").is_null() | (pl.col("since").fill_null(0) < pl.col("merged")))
        .select("record_ref", "hub_id")
    )
    return pl.concat([settled, came_with])


def _runs(looked_at: pl.DataFrame, former: pl.DataFrame, before: pl.DataFrame) -> pl.DataFrame:
    """The ties of each record, the newest first: is_now while it held the id that it holds, is_claim for those before which nobody holds any more."""
    held = looked_at.select("record_ref", now="hub_id")
    ids = before.select("hub_id").unique().with_columns(is_held=True)
    rows = (
        former.join(held, on="record_ref")
        .join(ids, on="hub_id", how="left")
        .sort(["record_ref", "seq", "hub_id"], descending=[False, True, False])
        .with_columns((pl.col("hub_id") == pl.col("now")).cast(pl.Int8).cum_min().over("record_ref").cast(pl.Boolean).alias("is_now"))
        .with_columns(
            (pl.col("is_now") | (pl.col("is_held").is_null() & ~pl.col("is_taken")))
            .cast(pl.Int8)
            .cum_min()
            .over("record_ref")
            .cast(pl.Boolean)
            .alias("is_whole")
        )
    )
    return rows.with_columns((pl.col("is_whole") & ~pl.col("is_now")).alias("is_claim"))
