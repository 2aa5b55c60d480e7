"""Which records are one thing: what links connect, unless something speaks against the whole."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

import numpy as np
import polars as pl

PAIRS = {"left_ref": pl.String, "right_ref": pl.String}
SAID = 1_000.0  # the weight of a link that a steward or a system made: what speaks against the whole does not undo it
SURE = 9.97  # a probability of 0.999: such a link is no weak bridge
MANY = 20  # more records than one thing has anywhere: only sure links are followed then


@dataclass
class Group:
    """Records united so far, and what they carry that another group must not contradict."""

    members: set[int]
    sources: set[str] = field(default_factory=set)  # those of its records' sources that hold no duplicates
    marks: dict[str, set[str]] = field(default_factory=dict)  # the values of each strong key

    def contradicts(self, other: "Group") -> bool:
        """Whether a strong key differs and none is equal, or a source without duplicates would have one."""
        both = [(self.marks[key], other.marks[key]) for key in self.marks.keys() & other.marks.keys()]
        return bool(self.sources & other.sources) or (bool(both) and not any(mine & theirs for mine, theirs in both))

    def take(self, other: "Group") -> None:
        self.members |= other.members
        self.sources |= other.sources
        for key, values in other.marks.items():
            self.marks.setdefault(key, set()).update(values)


def clusters(records: pl.DataFrame, links: pl.DataFrame, apart: pl.DataFrame, unique: Collection[str] = ()) -> pl.DataFrame:
    """Connected components of the links; those that something speaks against are put together anew, strongest links first.

    records  record_ref; source, where `unique` is not empty; further columns are strong keys, whose values forbid a union when they differ
    links    left_ref, right_ref, match_weight; SAID for those that are beyond evidence
    apart    left_ref, right_ref that must not end in one cluster
    unique   sources that hold each thing once
    returns  record_ref, cluster: a number, the same for the records of one cluster

    What speaks against a component: two records that must stay apart, different strong keys, two records of a source
    that holds no duplicates, two groups that one weak link alone holds together, or an abnormal number of records.
    A link that is not followed is a question to a steward: its records have different hub ids (`identity.doubt`).
    """
    known = records.unique("record_ref").sort("record_ref").with_row_index("node")
    edges, forbidden = _numbered(links, known), _numbered(apart, known)
    found = _components(len(known), edges)
    wrong = _suspicious(known.join(found, on="node"), edges.join(found.rename({"node": "left"}), on="left"), forbidden, found, unique)
    if wrong:
        found = _anew(known, found, edges, forbidden, wrong, unique)
    return known.join(found, on="node").select("record_ref", "cluster").sort("record_ref")


def _numbered(pairs: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    node = known.select("record_ref", "node")
    left, right = node.rename({"record_ref": "left_ref", "node": "left"}), node.rename({"record_ref": "right_ref", "node": "right"})
    return pairs.join(left, on="left_ref").join(right, on="right_ref")


def _components(nodes: int, edges: pl.DataFrame) -> pl.DataFrame:
    """node, cluster: the smallest node that edges lead to."""
    left, right = (edges.get_column(end).to_numpy() for end in ("left", "right"))
    label, before = np.arange(nodes, dtype=np.uint32), None
    while before is None or not np.array_equal(before, label):
        before = label.copy()
        for one, other in ((left, right), (right, left)):  # take the smaller label of a neighbour, and what that one has by now
            np.minimum.at(label, label[one], label[other])
            np.minimum.at(label, one, label[other])
        label = label[label]
    return pl.DataFrame({"node": np.arange(nodes, dtype=np.uint32), "cluster": label})


def _suspicious(
    known: pl.DataFrame, edges: pl.DataFrame, forbidden: pl.DataFrame, found: pl.DataFrame, unique: Collection[str]
) -> set[int]:
    """The components that something speaks against."""
    several = known.filter(pl.len().over("cluster") > 1)
    marks = [name for name in several.columns if name not in ("node", "record_ref", "source", "cluster")]
    counted = several.group_by("cluster").agg(
        *((pl.col(mark).drop_nulls().n_unique() > 1).alias(f"differs_{mark}") for mark in marks),
        **({"twice": pl.col("source").filter(pl.col("source").is_in(list(unique))).is_duplicated().any()} if unique else {}),
        many=pl.len() > MANY,
    )
    inside = forbidden.join(found.rename({"node": "left"}), on="left").join(found.rename({"node": "right", "cluster": "other"}), on="right")
    return {
        *counted.filter(pl.any_horizontal(pl.all().exclude("cluster"))).get_column("cluster").to_list(),
        *inside.filter(pl.col("cluster") == pl.col("other")).get_column("cluster").to_list(),
        *_bridged(several, edges),
    }


def _bridged(several: pl.DataFrame, edges: pl.DataFrame) -> list[int]:
    """Components in which sure links make two or more groups of several records, so that weak links alone hold these together."""
    weak = edges.filter(pl.col("match_weight") < SURE).select("cluster").unique()
    nodes = several.join(weak, on="cluster", how="semi").filter(pl.len().over("cluster") > 3).select("node", "cluster")
    numbers = nodes.select("node").with_row_index("number")
    sure = edges.filter(pl.col("match_weight") >= SURE).select("left", "right")
    for end in ("left", "right"):
        sure = sure.join(numbers.rename({"node": end, "number": f"{end}_number"}), on=end)
    sure = sure.select(left="left_number", right="right_number")
    groups = _components(len(numbers), sure).rename({"cluster": "group", "node": "number"}).filter(pl.len().over("group") > 1)
    held = nodes.join(numbers, on="node").join(groups, on="number").group_by("cluster").agg(pl.col("group").n_unique().alias("groups"))
    return held.filter(pl.col("groups") > 1).get_column("cluster").to_list()


def _anew(
    known: pl.DataFrame, found: pl.DataFrame, edges: pl.DataFrame, forbidden: pl.DataFrame, wrong: set[int], unique: Collection[str]
) -> pl.DataFrame:
    """Put the few components that something speaks against together again, link by link."""
    inside = known.join(found.filter(pl.col("cluster").is_in(list(wrong))), on="node")
    nodes = inside.get_column("node").to_list()
    marks = [name for name in inside.columns if name not in ("node", "record_ref", "source", "cluster")]
    groups = {
        row["node"]: Group(
            {row["node"]}, {row["source"]} & {*unique} if unique else set(), {mark: {row[mark]} for mark in marks if row[mark] is not None}
        )
        for row in inside.to_dicts()
    }
    links = edges.join(inside.select(left="node"), on="left", how="semi").sort(
        ["match_weight", "left_ref", "right_ref"], descending=[True, False, False]
    )
    crowded = inside.filter(pl.len().over("cluster") > MANY).get_column("node").to_list()
    united = carefully_united(
        groups, links.select("left", "right", "match_weight").rows(), {*forbidden.select("left", "right").rows()}, {*crowded}
    )
    start = found.get_column("cluster").max() + 1
    redone = pl.DataFrame(
        {"node": nodes, "cluster": [start + united[node] for node in nodes]}, schema={"node": pl.UInt32, "cluster": pl.UInt32}
    )
    return pl.concat([found.filter(~pl.col("cluster").is_in(list(wrong))).select("node", "cluster"), redone])


def carefully_united(
    groups: dict[int, Group], links: Iterable[tuple[int, int, float]], apart: set[tuple[int, int]], crowded: Collection[int] = ()
) -> dict[int, int]:
    """Union by links, strongest first, skipping each that something speaks against; {node: the smallest node of its group}.

    crowded  nodes of components that are too large to be one thing: weak links do not count there
    """
    links = list(links)
    joined = _neighbours(links)
    for left, right, weight in links:
        one, other = groups[left], groups[right]
        if one is other or _is_apart(one, other, apart) or (weight < SAID and one.contradicts(other)):
            continue
        if weight < SURE and (left in crowded or not _is_held(one, other, joined)):
            continue
        one.take(other)
        groups.update(dict.fromkeys(other.members, one))
    return {node: min(group.members) for node, group in groups.items()}


def _neighbours(links: list[tuple[int, int, float]]) -> dict[int, set[int]]:
    near: dict[int, set[int]] = {}
    for left, right, _ in links:
        near.setdefault(left, set()).add(right)
        near.setdefault(right, set()).add(left)
    return near


def _is_apart(one: Group, other: Group, apart: set[tuple[int, int]]) -> bool:
    return any((a, b) in apart or (b, a) in apart for a in one.members for b in other.members)


def _is_held(one: Group, other: Group, near: dict[int, set[int]]) -> bool:
    """Whether more than one link holds two groups of several records together, or one of them is a single record."""
    small, large = sorted((one.members, other.members), key=len)
    return len(small) == 1 or sum(len(near[each] & large) for each in small) > 1
