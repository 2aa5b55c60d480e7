"""Which cluster bears which hub id: the best assignment there is, each id to one cluster and each cluster one id."""

import polars as pl
import rustworkx as rx

ORDER, DESCENDING = ["weight", "recency", "smallest", "hub_id", "cluster"], [True, True, False, False, False]


def edges(overlap: pl.DataFrame) -> pl.DataFrame:
    """What speaks for each cluster and hub id, counted: from rows cluster, record_ref, hub_id, kept, own, seq.

    returns  cluster, hub_id, kept: records that hold the id already, own: records that claim it, recency, smallest: record_ref
    """
    return overlap.group_by("cluster", "hub_id").agg(
        pl.col("kept").sum(), pl.col("own").sum(), pl.col("seq").max().alias("recency"), pl.col("record_ref").min().alias("smallest")
    )


def best(counted: pl.DataFrame) -> pl.DataFrame:
    """cluster, hub_id, so that most records keep their id; then, that most claims are met; then the newest and the smallest go first.

    Where an id goes with one cluster alone, or a cluster with one id, the largest overlap is best. The few groups in which both
    have a choice are solved exactly, as matchings of maximum weight.
    """
    above = counted.get_column("own").sum() + 1  # one record that keeps its id counts for more than all claims
    ranked = (
        counted.with_columns((pl.col("kept") * above + pl.col("own")).alias("weight"))
        .sort(ORDER, descending=DESCENDING)
        .with_row_index("edge")
        .with_columns(pl.len().over("cluster").alias("ids"), pl.len().over("hub_id").alias("clusters"))
    )
    grouped = _grouped(ranked)
    several = (pl.col("cluster").n_unique().over("group") > 1) & (pl.col("hub_id").n_unique().over("group") > 1)
    hard, easy = grouped.filter(several), grouped.filter(~several)
    first = easy.unique("hub_id", keep="first", maintain_order=True).unique("cluster", keep="first", maintain_order=True)
    chosen = [edge for group in hard.partition_by("group", maintain_order=True) for edge in _matched(group)]
    return pl.concat([first, hard.filter(pl.col("edge").is_in(chosen))]).select("cluster", "hub_id")


def _grouped(ranked: pl.DataFrame) -> pl.DataFrame:
    """The edges with `group`: what hangs together by a cluster or an id. Edges that have neither end in common stand alone."""
    joined = ranked.filter((pl.col("ids") > 1) | (pl.col("clusters") > 1))
    ids = joined.get_column("hub_id").unique().sort()
    clusters = joined.get_column("cluster").unique().sort()
    numbers = {
        **{("id", each): number for number, each in enumerate(ids)},
        **{("cluster", each): len(ids) + number for number, each in enumerate(clusters)},
    }
    graph = rx.PyGraph(multigraph=False)
    graph.add_nodes_from(range(len(numbers)))
    graph.add_edges_from_no_data(
        [(numbers["cluster", cluster], numbers["id", hub_id]) for cluster, hub_id in joined.select("cluster", "hub_id").rows()]
    )
    group = {node: number for number, nodes in enumerate(rx.connected_components(graph)) for node in nodes}
    named = pl.DataFrame(
        {"cluster": clusters, "group": [group[numbers["cluster", each]] for each in clusters]},
        schema={"cluster": ranked.schema["cluster"], "group": pl.Int64},
    )
    # An edge that stands alone is a group of its own, with a number that no other bears.
    return ranked.join(named, on="cluster", how="left", maintain_order="left").with_columns(
        pl.coalesce("group", -1 - pl.col("edge").cast(pl.Int64))
    )


def _matched(group: pl.DataFrame) -> list[int]:
    """The edges of the best matching in a group."""
    rows = group.select("edge", "cluster", "hub_id", "weight").rows()
    graph = rx.PyGraph(multigraph=False)
    nodes = {
        end: graph.add_node(end)
        for end in dict.fromkeys(end for _, cluster, hub_id, _ in rows for end in (("cluster", cluster), ("id", hub_id)))
    }
    above = len(rows) ** 2 + 1  # the order of the edges decides between matchings that keep as many
    for place, (edge, cluster, hub_id, weight) in enumerate(rows):
        graph.add_edge(nodes["cluster", cluster], nodes["id", hub_id], (edge, weight * above + len(rows) - place))
    return [graph.get_edge_data(*pair)[0] for pair in rx.max_weight_matching(graph, weight_fn=lambda held: held[1])]
