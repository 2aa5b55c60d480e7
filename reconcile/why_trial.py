"""What would be, if the evidence were another: the same records under other values, weighed and clustered by the product's own rules."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import duckdb
import polars as pl

from hub import entity
from hub.matching import Matching, hash_of, hashed
from hub.pairs import candidates, crowds, weighed
from reconcile import clusters, ties

MARK = "\x1f"  # between the number of a trial and a reference
NOBODY = pl.DataFrame(
    schema={"record_ref": pl.String, "survivor_ref": pl.String, "entity": pl.String}
)  # what was merged away goes where another goes
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
    among: str  # the table of the keys of all records: identity.<entity>_key
    keys: pl.DataFrame  # its rows of the records around the pair
    decisions: pl.DataFrame  # left_ref, right_ref, verdict
    owners: pl.DataFrame  # record_ref, and a column for each reference to a record of the same entity: its parent

    @property
    def known(self) -> list[str]:
        """All keys, also those of what refers to a record."""
        return [key for key in (*self.how.keys, *self.how.around) if key in self.keys.columns]

    def row(self, ref: str) -> dict[str, str | None]:
        return self.keys.row(by_predicate=pl.col("record_ref") == ref, named=True)


def heaviest(connection: duckdb.DuckDBPyConnection, where: Field, left: list[str]) -> tuple[str, str]:
    """The pair across two sides, `left` and the others, that the most speaks for."""
    keys = _marked(connection, where, where.keys.with_columns(trial=pl.lit(0, pl.Int64)))
    pairs = _weighed(connection, where, keys, _all_pairs(where.how)).filter(pl.col("left").is_in(left) != pl.col("right").is_in(left))
    return pairs.sort(["match_weight", "left", "right"], descending=[True, False, False]).select("left", "right").row(0)


def run(connection: duckdb.DuckDBPyConnection, where: Field, trials: Sequence[tuple[Change, ...]]) -> list[Outcome]:
    """The outcome of each set of changes, all of them evaluated at once."""
    keys, how = _blocked(connection, where, _keys(connection, where, trials))
    only = [where.left, where.right]
    alone = keys.filter(_ref("record_ref").is_in(only))
    weights = _weighed(connection, where, alone, _all_pairs(where.how)).select("trial", "match_weight")
    pairs = _weighed(connection, where, keys, how)
    this = pairs.filter(pl.col("left").is_in(only) & pl.col("right").is_in(only)).select("trial", "verdict")
    found = weights.join(this, on="trial", how="left").join(_together(connection, where, keys, pairs, trials), on="trial").sort("trial")
    # A pair that is too light is not kept: its verdict is `apart` all the same.
    verdict = pl.coalesce("verdict", pl.when(pl.col("trial").is_in(_met(connection, alone, how))).then(pl.lit("apart")))
    return [Outcome(*row) for row in found.select("match_weight", verdict, "together").iter_rows()]


def _all_pairs(how: Matching) -> Matching:
    """The same weights, for all pairs of a trial and however light they are."""
    return how.model_copy(update={"blocks": (("trial",),), "most": 10**9, "review": EVERYTHING, "apart": _related(how)})


def _related(how: Matching) -> str:
    """SQL of the relation that two records of one thing can't have: a key names the other record as it is called outside of trials."""
    return how.apart.replace("l.record_ref", "l.plain_ref").replace("r.record_ref", "r.plain_ref")


def _blocked(connection: duckdb.DuckDBPyConnection, where: Field, keys: pl.DataFrame) -> tuple[pl.DataFrame, Matching]:
    """The keys with a column for each block, and the matching by these: what a crowd shares among all records brings nobody together."""
    connection.register("trial_key", keys)
    made = []
    blocks = {hash_of((f"block_{number}",)): hash_of(block) for number, block in enumerate(where.how.blocks)}
    for block, column in blocks.items():
        crowd = f"SELECT * FROM ({crowds(where.among, column, where.how.most, 'trial_key')}) AS c WHERE c.{column} = t.{column}"
        made.append(
            f"CASE WHEN t.{column} IS NOT NULL AND NOT EXISTS ({crowd}) THEN (hash(t.{column}, t.trial) >> 1)::BIGINT END AS {block}"
        )
    found = connection.execute(f"SELECT t.*, {', '.join(made)} FROM trial_key AS t").pl()
    connection.unregister("trial_key")
    blocks = tuple((f"block_{number}",) for number in range(len(made)))
    return found, where.how.model_copy(update={"blocks": blocks, "apart": _related(where.how)})


def _keys(connection: duckdb.DuckDBPyConnection, where: Field, trials: Sequence[tuple[Change, ...]]) -> pl.DataFrame:
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
    return _marked(connection, where, copies)


def _marked(connection: duckdb.DuckDBPyConnection, where: Field, copies: pl.DataFrame) -> pl.DataFrame:
    marked = (pl.concat_str("trial", name, separator=MARK).alias(name) for name in ("record_ref", "hub_id_said"))
    hashes = where.how.hashes()
    plain = copies.drop(*hashes, strict=False).with_columns(pl.col("record_ref").alias("plain_ref"), *marked)
    connection.register("trial_key", plain)
    anew = ", ".join(f"{hashed(keys)} AS {column}" for column, keys in hashes.items())
    found = connection.execute(f"SELECT *, {anew}, trial AS {hash_of(['trial'])} FROM trial_key").pl()
    connection.unregister("trial_key")
    return found


def _weighed(connection: duckdb.DuckDBPyConnection, where: Field, keys: pl.DataFrame, how: Matching) -> pl.DataFrame:
    connection.register("trial_key", keys)
    found = connection.execute(weighed("trial_key", how, where.strong, False, where.among)).pl()
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


def _together(
    connection: duckdb.DuckDBPyConnection, where: Field, keys: pl.DataFrame, pairs: pl.DataFrame, trials: Sequence[tuple[Change, ...]]
) -> pl.DataFrame:
    """Whether the two records end in one cluster, trial by trial."""
    records = keys.select("record_ref", *where.strong)
    tables = {
        "affected": records,
        "survivor": NOBODY,
        "trial_pair": pairs,
        "trial_decided": _decisions(where, trials),
        "trial_owner": _owners(where, trials),
    }
    own = entity.all_entities()[where.of]
    for name, rows in tables.items():
        connection.register(name, rows)
    links, apart = (_told(connection, where.of, sql) for sql in (ties.links_of(where.of), ties.apart_of(own)))
    for name in tables:
        connection.unregister(name)
    found = clusters.clusters(records, links, apart)
    ends = [
        found.filter(_ref("record_ref") == ref).select(_trial("record_ref"), pl.col("cluster").alias(name))
        for name, ref in (("one", where.left), ("other", where.right))
    ]
    return ends[0].join(ends[1], on="trial").select("trial", (pl.col("one") == pl.col("other")).alias("together"))


def _told(connection: duckdb.DuckDBPyConnection, of: str, sql: str) -> pl.DataFrame:
    """What a query of reconcile.ties gives, with the trials in place of the hub's tables."""
    for table, trial in ((f"identity.{of}_pair", "trial_pair"), ("work.decided", "trial_decided"), (f"canonical.{of}", "trial_owner")):
        sql = re.sub(rf"\b{table}\b", trial, sql)
    return connection.execute(sql).pl()


def _owners(where: Field, trials: Sequence[tuple[Change, ...]]) -> pl.DataFrame:
    copies = pl.DataFrame({"trial": range(len(trials))}, schema={"trial": pl.Int64}).join(where.owners, how="cross")
    return copies.with_columns(pl.concat_str("trial", each, separator=MARK).alias(each) for each in where.owners.columns)


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
    said = pl.concat([copies.join(anew, on=["trial", "left_ref", "right_ref"], how="anti"), anew]).filter(pl.col("verdict") != "undone")
    named = [pl.concat_str("trial", end, separator=MARK).alias(end) for end in ("left_ref", "right_ref")]
    return said.with_columns(*named, entity=pl.lit(where.of))
