"""Finds words of stewards that can't all hold, and says in plain ones which these are: never more of them than it takes."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import polars as pl
import rustworkx as rx

PHRASES = {
    "same": "{0} and {1} are the same",
    "different": "{0} and {1} are different",
    "parent_of": "{0} is the parent of {1}",
    "successor_of": "{0} followed {1}",
}


@dataclass(frozen=True)
class Word:
    """What one person said of two records.

    left_ref, right_ref   the records that it holds for today: those that the ones it was said of were merged into
    said_left, said_right the records that it was said of
    subject_ref           of a relation: the record that is the parent, or that followed
    """

    entity: str
    left_ref: str
    right_ref: str
    verdict: str
    actor: str
    at: datetime | None
    seq: int
    decision: str
    said_left: str
    said_right: str
    subject_ref: str | None = None

    def phrase(self) -> str:
        """The word as a sentence without its end."""
        pair = (self.said_left, self.said_right) if self.subject_ref in (None, self.said_left) else (self.said_right, self.said_left)
        return PHRASES[self.verdict].format(*pair)

    def told(self) -> str:
        """The word with who said it, when, and by which decision."""
        when = f", {self.at:%Y-%m-%d %H:%M} UTC" if self.at else ""
        merged = [
            f"; {said} was merged into {now}"
            for said, now in ((self.said_left, self.left_ref), (self.said_right, self.right_ref))
            if now not in (self.said_left, self.said_right)
        ]
        return f"{self.phrase()} ({self.actor}{when}, {self.decision}{''.join(merged)})"


def words(said: pl.DataFrame) -> list[Word]:
    """The rows of a table of words, the oldest first."""
    return [Word(**row) for row in said.sort("seq").select(Word.__dataclass_fields__.keys()).to_dicts()]


def smallest(said: Iterable[Word]) -> list[Word]:
    """A smallest set of words that can't all hold: two records are kept apart that others make one. Empty when all can.

    Of several that are as small, the one of the oldest words.
    """
    said = sorted(said, key=lambda word: word.seq)
    graph, nodes = _united(said)
    group = {graph[node]: number for number, found in enumerate(rx.connected_components(graph)) for node in found}
    apart = [word for word in said if word.verdict != "same" and group.get(word.left_ref, -1) == group.get(word.right_ref, -2)]
    found = [[word, *_shortest(graph, nodes[word.left_ref], nodes[word.right_ref])] for word in apart]
    best = min(found, key=lambda words: (len(words), [word.seq for word in words]), default=[])
    return sorted(best, key=lambda word: word.seq)


def _united(said: Iterable[Word]) -> tuple[rx.PyGraph, dict[str, int]]:
    """The records that words make one, as a graph whose edges are these words; and the number of each record in it."""
    same = [word for word in said if word.verdict == "same"]
    graph = rx.PyGraph(multigraph=False)
    refs = sorted({ref for word in same for ref in (word.left_ref, word.right_ref)})
    nodes = dict(zip(refs, graph.add_nodes_from(refs)))
    for word in reversed(same):  # of two words on one pair, the older stands on the edge
        graph.add_edge(nodes[word.left_ref], nodes[word.right_ref], word)
    return graph, nodes


def _shortest(graph: rx.PyGraph, start: int, end: int) -> list[Word]:
    steps = list(rx.dijkstra_shortest_paths(graph, start, end)[end])
    return [graph.get_edge_data(one, other) for one, other in zip(steps, steps[1:])]


def sift(said: pl.DataFrame) -> tuple[pl.DataFrame, dict[str, list[Word]]]:
    """The words that hold together, and those that wait: {decision: the smallest set that it is part of}.

    Decisions are taken up in the order in which they were made, each as a whole: one that contradicts older ones waits.
    """
    doubtful = _doubtful(said)
    held, waiting = words(said.filter(~pl.col("decision").is_in(doubtful))), {}
    for decision in doubtful:
        more = words(said.filter(pl.col("decision") == decision))
        if conflict := smallest([*held, *more]):
            waiting[decision] = conflict
        else:
            held += more
    return said.filter(~pl.col("decision").is_in(list(waiting))), waiting


def _doubtful(said: pl.DataFrame) -> list[str]:
    """The decisions that have to do with records of a contradiction, the oldest first; none in all but the rarest cycles."""
    same = said.filter(pl.col("verdict") == "same")
    refs = pl.concat([said["left_ref"], said["right_ref"]]).unique().sort()
    numbers = dict(zip(refs, range(len(refs))))
    graph = rx.PyGraph(multigraph=False)
    graph.add_nodes_from(refs.to_list())
    graph.add_edges_from_no_data([(numbers[left], numbers[right]) for left, right in same.select("left_ref", "right_ref").rows()])
    group = {graph[node]: number for number, nodes in enumerate(rx.connected_components(graph)) for node in nodes}
    placed = said.with_columns(pl.col("left_ref").replace_strict(group, default=None).alias("group"))
    placed = placed.with_columns(pl.col("right_ref").replace_strict(group, default=None).alias("other"))
    apart = (pl.col("verdict") != "same") & (pl.col("group") == pl.col("other"))
    wrong = placed.filter(apart).get_column("group").unique()
    touching = placed.filter(pl.col("group").is_in(wrong.implode()) | pl.col("other").is_in(wrong.implode()))
    return touching.group_by("decision").agg(pl.col("seq").min()).sort("seq").get_column("decision").to_list()


def advice(conflict: Iterable[Word], decision: str = "") -> str:
    """What to do about a set of words that can't all hold: which decisions to take back, any one of them."""
    ids = list(dict.fromkeys(word.decision for word in conflict if word.decision != decision))
    return "take one back first: " + " or ".join(f"`hub decide undo {each}`" for each in ids)
