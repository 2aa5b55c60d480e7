"""Gives clusters their hub ids: decides in sets, remembers in the journal.

A cluster's label is not an identity. Ids follow the largest overlap with the clusters before, an unmerge gives back
the id that its records held, and ids are never reused.
"""

from collections.abc import Iterable

import polars as pl
import rustworkx as rx

from reconcile import assignment, claims

PAIRS = {"left_ref": pl.String, "right_ref": pl.String}
TIES = {"record_ref": pl.String, "hub_id": pl.String}


def clusters(records: pl.Series, links: pl.DataFrame, apart: pl.DataFrame) -> pl.DataFrame:
    """Connected components of the links, without uniting two records that must stay apart.

    records  record_refs
    links    left_ref, right_ref, match_weight: the strongest are followed first where it matters
    apart    left_ref, right_ref that must not end in one cluster
    returns  record_ref, cluster: a number, the same for the records of one cluster
    """
    numbers = pl.DataFrame({"record_ref": records.unique().sort()}).with_row_index("node")
    edges = _numbered(links, numbers)
    graph = rx.PyGraph(multigraph=False)
    graph.add_nodes_from(range(len(numbers)))
    graph.extend_from_edge_list(list(edges.select("left", "right").iter_rows()))
    components = list(rx.connected_components(graph))
    found = (
        pl.DataFrame({"node": [list(component) for component in components]}, schema={"node": pl.List(pl.UInt32)})
        .with_row_index("cluster")
        .explode("node")
    )
    forbidden = _numbered(apart, numbers)
    torn = _torn(found, edges, forbidden, len(components))
    return numbers.join(torn, on="node").select("record_ref", "cluster").sort("record_ref")


def _numbered(pairs: pl.DataFrame, numbers: pl.DataFrame) -> pl.DataFrame:
    left = numbers.rename({"record_ref": "left_ref", "node": "left"})
    right = numbers.rename({"record_ref": "right_ref", "node": "right"})
    return pairs.join(left, on="left_ref").join(right, on="right_ref")


def _torn(found: pl.DataFrame, edges: pl.DataFrame, forbidden: pl.DataFrame, next_cluster: int) -> pl.DataFrame:
    """Cluster anew, link by link, the few components that hold a pair which must stay apart."""
    at = found.rename({"node": "left"})
    inside = (
        forbidden.join(at, on="left")
        .join(found.rename({"node": "right", "cluster": "other"}), on="right")
        .filter(pl.col("cluster") == pl.col("other"))
    )
    wrong = inside.get_column("cluster").unique().to_list()
    if not wrong:
        return found
    nodes = found.filter(pl.col("cluster").is_in(wrong)).get_column("node").to_list()
    links = (
        edges.filter(pl.col("left").is_in(nodes))
        .sort(["match_weight", "left_ref", "right_ref"], descending=[True, False, False])
        .select("left", "right")
        .rows()
    )
    anew = carefully_united(nodes, links, set(inside.select("left", "right").rows()))
    redone = pl.DataFrame(
        {"node": nodes, "cluster": [next_cluster + anew[node] for node in nodes]}, schema={"node": pl.UInt32, "cluster": pl.UInt32}
    )
    return pl.concat([found.filter(~pl.col("cluster").is_in(wrong)).select("node", "cluster"), redone])


def carefully_united(nodes: Iterable[int], links: Iterable[tuple[int, int]], apart: set[tuple[int, int]]) -> dict[int, int]:
    """Union by links, strongest first, skipping each that would bring two nodes together which must stay apart."""
    group = {node: {node} for node in nodes}
    for left, right in links:
        one, other = group[left], group[right]
        if one is not other and not any((a, b) in apart or (b, a) in apart for a in one for b in other):
            one |= other
            group.update(dict.fromkeys(other, one))
    return {node: min(members) for node, members in group.items()}


def carry_ids(now: pl.DataFrame, before: pl.DataFrame, former: pl.DataFrame, prefix: str, issued: int) -> pl.DataFrame:
    """Give clusters hub ids so that as few records as can be change theirs.

    now     record_ref, cluster: this run
    before  record_ref, hub_id: as of the last run
    former  record_ref, hub_id, seq: every tie there ever was
    issued  how many ids of this prefix were ever issued
    returns record_ref, hub_id: one row for each record of `now`

    When a cluster splits, the larger part keeps the id; equal parts, the one with the smallest record_ref. But records that
    came with an id of their own when two clusters were merged get that one back, whatever came to either side since. A part
    that is left without an id gets back one that its records held before, if nobody holds it; else a fresh one.
    """
    kept = assignment.best(_claimed(now, before, claims.of(before, former)))
    free = former.join(pl.concat([before["hub_id"], kept["hub_id"]]).unique().to_frame(), on="hub_id", how="anti")
    left = free.join(now.join(kept, on="cluster", how="anti"), on="record_ref")
    returned = assignment.best(assignment.edges(left.with_columns(kept=1, own=0)))
    return named(now, pl.concat([kept, returned]), prefix, issued)


def lend_ids(now: pl.DataFrame, before: pl.DataFrame, own: pl.DataFrame, prefix: str, issued: int) -> pl.DataFrame:
    """Give clusters that stewards' words unite one of the hub ids that their records would hold without: as few as can be change theirs.

    own  record_ref, hub_id: what each record would hold had no steward said `same`
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
