"""What would be, if the evidence were another: the same records under other values, weighed and clustered by the product's own rules."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import duckdb
import polars as pl

from hub.matching import Matching
from hub.pairs import candidates, weighed
from reconcile import clusters

FOREVER = 1000  # as heavy as a steward's word
MARK = "\x1f"  # between the number of a trial and a reference
EVERYTHING = -1e6  # a threshold below any weight


@dataclass(frozen=True)
class Change:
    """One piece of evidence that is otherwise.

    what      a comparison, a strong key, `hub_id` or `decision`
    to        agrees, silent or differs; of a decision same, different or undone
    sets      {record_ref: {key: value}}
    columns   the canonical columns whose values would be others
    """

    what: str
    to: str
    sets: dict[str, dict[str, str | None]] = field(default_factory=dict)
    columns: tuple[str, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """What came of a trial. weight, verdict: those of the pair; no verdict when no block would bring the two together."""

    weight: float
    verdict: str | None
    together: bool


@dataclass(frozen=True)
class Field:
    """Where a trial takes place: the pair, the keys of the records around it, and what stewards said of them."""

    of: str
    how: Matching
    strong: tuple[str, ...]
    left: str
    right: str
    keys: pl.DataFrame  # record_ref, hub_id_said and the keys: the rows of identity.<entity>_key
    decisions: pl.DataFrame  # left_ref, right_ref, verdict

    def row(self, ref: str) -> dict[str, str | None]:
        return self.keys.row(by_predicate=pl.col("record_ref") == ref, named=True)


def heaviest(
    connection: duckdb.DuckDBPyConnection, how: Matching, strong: tuple[str, ...], keys: pl.DataFrame, left: list[str]
) -> tuple[str, str]:
    """The pair across two sides that the most speaks for."""
    alike = how.model_copy(update={"blocks": (("trial",),), "review": EVERYTHING})
    pairs = _weighed(connection, _marked(keys.with_columns(trial=pl.lit(0, pl.Int64))), alike, strong).filter(
        pl.col("left").is_in(left) != pl.col("right").is_in(left)
    )
    return pairs.sort(["match_weight", "left", "right"], descending=[True, False, False]).select("left", "right").row(0)


def run(connection: duckdb.DuckDBPyConnection, where: Field, trials: Sequence[tuple[Change, ...]]) -> list[Outcome]:
    """The outcome of each set of changes, all of them evaluated at once."""
    keys = _keys(where, trials)
    only = [where.left, where.right]
    alone = keys.filter(_ref("record_ref").is_in(only))
    alike = where.how.model_copy(update={"blocks": (("trial",),), "review": EVERYTHING})
    apart = where.how.model_copy(update={"blocks": tuple((*block, "trial") for block in where.how.blocks)})
    weights = _weighed(connection, alone, alike, where.strong).select("trial", "match_weight")
    pairs = _weighed(connection, keys, apart, where.strong)
    this = pairs.filter(pl.col("left").is_in(only) & pl.col("right").is_in(only)).select("trial", "verdict")
    met = _met(connection, alone, apart)
    found = weights.join(this, on="trial", how="left").join(_together(where, keys, pairs, trials), on="trial").sort("trial")
    # A pair that is too light is not kept: its verdict is `apart` all the same.
    verdict = pl.coalesce("verdict", pl.when(pl.col("trial").is_in(met)).then(pl.lit("apart")))
    return [Outcome(*row) for row in found.select("match_weight", verdict, "together").iter_rows()]


def _keys(where: Field, trials: Sequence[tuple[Change, ...]]) -> pl.DataFrame:
    """The keys once for each trial: `trial` in front of every reference, so that records of one trial meet no others."""
    copies = pl.DataFrame({"trial": range(len(trials))}, schema={"trial": pl.Int64}).join(where.keys, how="cross")
    changed: dict[tuple[int, str], dict] = {}
    for number, changes in enumerate(trials):
        for change in changes:
            for ref, sets in change.sets.items():
                changed[number, ref] = changed.get((number, ref), where.row(ref) | {"trial": number}) | sets
    if changed:
        anew = pl.DataFrame(list(changed.values()), schema=copies.schema)
        copies = pl.concat([copies.join(anew, on=["trial", "record_ref"], how="anti"), anew])
    return _marked(copies)


def _marked(copies: pl.DataFrame) -> pl.DataFrame:
    return copies.with_columns(pl.concat_str("trial", name, separator=MARK).alias(name) for name in ("record_ref", "hub_id_said"))


def _weighed(connection: duckdb.DuckDBPyConnection, keys: pl.DataFrame, how: Matching, strong: tuple[str, ...]) -> pl.DataFrame:
    connection.register("trial_key", keys)
    found = connection.execute(weighed("trial_key", how, strong, False)).pl()
    connection.unregister("trial_key")
    return found.with_columns(_trial("left_ref"), _ref("left_ref").alias("left"), _ref("right_ref").alias("right"))


def _met(connection: duckdb.DuckDBPyConnection, pair: pl.DataFrame, how: Matching) -> list[int]:
    """The trials in which a block brings the two records together."""
    connection.register("trial_key", pair)
    found = connection.execute(candidates("trial_key", how, "trial_key")).pl()
    connection.unregister("trial_key")
    return found.select(_trial("left_ref")).get_column("trial").to_list()


def _trial(column: str) -> pl.Expr:
    return pl.col(column).str.split(MARK).list.first().cast(pl.Int64).alias("trial")


def _ref(column: str) -> pl.Expr:
    return pl.col(column).str.split(MARK).list.last()


def _together(where: Field, keys: pl.DataFrame, pairs: pl.DataFrame, trials: Sequence[tuple[Change, ...]]) -> pl.DataFrame:
    """Whether the two records end in one cluster, trial by trial."""
    said = _decisions(where, trials)
    told = pairs.join(said.select("left_ref", "right_ref", pl.col("verdict").alias("said")), on=["left_ref", "right_ref"], how="left")
    same, different = said.filter(pl.col("verdict") == "same"), said.filter(~pl.col("verdict").is_in(["same", "undone"]))
    links = pl.concat(
        [
            told.filter((pl.col("verdict") == "link") & (pl.col("said").is_null() | pl.col("said").is_in(["same", "undone"]))).select(
                "left_ref", "right_ref", "match_weight"
            ),
            same.select("left_ref", "right_ref", pl.lit(float(FOREVER)).alias("match_weight")),
        ]
    )
    apart = pl.concat(
        [
            told.filter(pl.col("has_unequal_key") & pl.col("said").ne_missing("same")).select("left_ref", "right_ref"),
            different.select("left_ref", "right_ref"),
        ]
    )
    found = clusters.clusters(keys.select("record_ref"), links, apart)
    ends = [
        found.filter(_ref("record_ref") == ref).select(_trial("record_ref"), pl.col("cluster").alias(name))
        for name, ref in (("one", where.left), ("other", where.right))
    ]
    return ends[0].join(ends[1], on="trial").select("trial", (pl.col("one") == pl.col("other")).alias("together"))


def _decisions(where: Field, trials: Sequence[tuple[Change, ...]]) -> pl.DataFrame:
    """What stewards said, in each trial."""
    schema = {"trial": pl.Int64, "left_ref": pl.String, "right_ref": pl.String, "verdict": pl.String}
    new = [
        (number, where.left, where.right, change.to)
        for number, changes in enumerate(trials)
        for change in changes
        if change.what == "decision"
    ]
    anew = pl.DataFrame(new, schema=schema, orient="row")
    copies = pl.DataFrame({"trial": range(len(trials))}, schema={"trial": pl.Int64}).join(where.decisions, how="cross").select(list(schema))
    said = pl.concat([copies.join(anew, on=["trial", "left_ref", "right_ref"], how="anti"), anew])
    named = [pl.concat_str("trial", end, separator=MARK).alias(end) for end in ("left_ref", "right_ref")]
    return said.with_columns(named)
