"""Finds who is who in files alone: no project, no systems, weights learned from the files themselves."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb
import polars as pl

from hub import entity, matching, store
from hub.errors import ContractBroken
from hub.matching import Matching
from hub.normal import normal
from hub.pairs import weighed
from hub.systems.files import guess, table
from hub.systems.files.folder import Options
from reconcile import clusters, learn, match_columns, ties
from reconcile.match_columns import Chosen

FEW = 0.01
# What is put before the columns of a file.
RESULT = ("cluster_id", "match_probability", "band", "source_file", "source_row")

# Rows by number. Equal strong keys, such as a tax number, are no matter of probability.
PAIRS = """
SELECT left_ref::UINTEGER AS one, right_ref::UINTEGER AS other, match_weight, evidence, has_equal_key, has_unequal_key, verdict,
  CASE WHEN has_equal_key THEN 1 ELSE 1 / (1 + pow(2, -match_weight)) END AS match_probability
FROM ({weighed}) ORDER BY match_probability DESC, one, other"""


@dataclass(frozen=True)
class File:
    """One file as read: its rows as text, and which columns are what."""

    path: Path
    records: pl.DataFrame
    chosen: list[Chosen]


@dataclass(frozen=True)
class Matched:
    """rows   one a row read: RESULT, then the columns of the files
    pairs  those that a person should look at: one, other (row numbers of `rows`, from 0), match_probability, evidence
    wrong  how many linked pairs are none, and `missed` how many that are not linked are one: by their weights, without labels
    """

    rows: pl.DataFrame
    pairs: pl.DataFrame
    wrong: float
    missed: float

    @property
    def clusters(self) -> int:
        return self.rows["cluster_id"].n_unique()


def read(path: Path, of: str, said: Mapping[str, str]) -> File:
    """A file and what its columns are. Raises ContractBroken and ConfigurationWrong with line or column, cause and next step."""
    if not path.is_file():
        raise ContractBroken(f"{path}: there is no such file; see the path")
    records = table.read(path.name, path, Options(**guess.how_to_read(path)))
    return File(path, records, match_columns.choose(path.name, of, records, said))


def match(files: list[File], of: str, id_column: str | None = None) -> Matched:
    """Clusters over all rows of the files, and the pairs in doubt.

    id_column  what calls a row in the result instead of its number; refused when it is missing, empty or twice in one file
    """
    rows = pl.concat([_rows(each, id_column) for each in files], how="diagonal").with_row_index("record_ref")
    with store.connect() as connection:
        how = _load(connection, files, of)
        strong = entity.all_entities()[of].identity.strong
        learned = learn.learn(connection, "key", how, strong)
        pairs = connection.execute(PAIRS.format(weighed=weighed("key", learned, strong, False))).pl()
        keys = connection.execute(f"SELECT {', '.join(['record_ref', 'source', *strong])} FROM key").pl()
    grouped = _grouped(keys, pairs)
    across = pairs.join(grouped, left_on="one", right_on="record_ref").join(
        grouped, left_on="other", right_on="record_ref", suffix="_right"
    )
    across = across.with_columns(together=pl.col("cluster_id") == pl.col("cluster_id_right"))
    doubtful = across.filter(pl.col("verdict").is_in(["review", "link"]) & ~pl.col("together"))
    probable = pl.col("match_probability")
    wrong = across.filter(pl.col("together") & (pl.col("verdict") == "link")).select((1 - probable).sum()).item()
    missed = across.filter(~pl.col("together") & ~pl.col("has_unequal_key")).select(probable.sum()).item()
    return Matched(_told(rows, grouped, across), doubtful.select("one", "other", "match_probability", "evidence"), wrong, missed)


def _rows(file: File, id_column: str | None) -> pl.DataFrame:
    taken = {name: f"{name}_in_file" for name in file.records.columns if name in (*RESULT, "record_ref")}
    called = pl.Series([str(number) for number in range(1, file.records.height + 1)])
    if id_column is not None:
        called = _ids(file, id_column)
    return file.records.rename(taken).select(pl.lit(file.path.name).alias("source_file"), called.alias("source_row"), pl.all())


def _ids(file: File, column: str) -> pl.Series:
    if column not in file.records.columns:
        raise ContractBroken(f"{file.path.name}: has no column {column!r} for --id; it has {', '.join(file.records.columns)}")
    ids = file.records[column]
    if ids.null_count():
        raise ContractBroken(f"{file.path.name} row {ids.is_null().arg_true()[0] + 1}: {column} is empty; fill it, or leave --id out")
    if twice := ids.filter(ids.is_duplicated()).head(1).to_list():
        numbers = (ids == twice[0]).arg_true() + 1
        raise ContractBroken(
            f"{file.path.name}: {column} {twice[0]} stands in rows {numbers[0]} and {numbers[1]}; mend one, or leave --id out"
        )
    return ids


def _load(connection: duckdb.DuckDBPyConnection, files: list[File], of: str) -> Matching:
    """The table `key`: one row a row of the files, its narrow keys in normal form. Returns how these columns are matched."""
    kinds = _kinds(of)
    frames = [
        file.records.select(
            *(
                pl.concat_str(each.sources, separator=" ", ignore_nulls=True).alias(each.column)
                for each in file.chosen
                if each.column in kinds
            )
        )
        for file in files
    ]
    said = pl.concat([frame.with_columns(source=pl.lit(str(number))) for number, frame in enumerate(frames)], how="diagonal")
    connection.register("said", said.with_row_index("record_ref"))
    columns = ", ".join(
        f"{normal(kind, f'''nullif(trim({column}), '')''')} AS {column}" if column in said.columns else f"NULL::VARCHAR AS {column}"
        for column, kind in kinds.items()
    )
    head = "record_ref::TEXT AS record_ref, source, NULL::TEXT AS hub_id_said"
    how = matching.read(of)
    connection.execute(f"CREATE TABLE key AS {how.select(head, f'(SELECT record_ref, source, {columns} FROM said)', kinds)}")
    return how.of(said.columns).model_copy(update={"copies": len(files) - 1})


def _kinds(of: str) -> dict[str, str]:
    """{canonical column: field type} of what is text in an entity; only that is compared."""
    each = entity.all_entities()[of]
    own = {column: field.type for name, field in each.fields.items() for column, kind in field.columns(name).items() if kind == "VARCHAR"}
    return own | matching.read(of).beside


def _grouped(keys: pl.DataFrame, pairs: pl.DataFrame) -> pl.DataFrame:
    """record_ref, cluster_id: numbered from 1 in the order in which the clusters begin.

    keys  record_ref (row number), source (its file), strong keys
    """
    named = pairs.with_columns(left_ref=pl.col("one").cast(pl.String), right_ref=pl.col("other").cast(pl.String))
    weight = pl.when("has_equal_key").then(ties.KNOWN).otherwise("match_weight").alias("match_weight")
    links = named.filter(pl.col("verdict") == "link").select("left_ref", "right_ref", weight)
    apart = named.filter("has_unequal_key").select("left_ref", "right_ref")
    found = clusters.clusters(keys, links, apart, _without_duplicates(keys, links))
    found = found.with_columns(pl.col("record_ref").cast(pl.UInt32))
    first = found.group_by("cluster").agg(pl.col("record_ref").min()).sort("record_ref").with_row_index("cluster_id", offset=1)
    return found.join(first.select("cluster", "cluster_id"), on="cluster").select("record_ref", "cluster_id")


def _without_duplicates(keys: pl.DataFrame, links: pl.DataFrame) -> list[str]:
    """The files that seem to hold each thing once: hardly any of their rows are linked with each other, and many with other files' rows."""
    source = keys.select("record_ref", "source")
    ends = links.join(source.rename({"record_ref": "left_ref"}), on="left_ref").join(
        source.rename({"record_ref": "right_ref"}), on="right_ref", suffix="_right"
    )
    inside = pl.col("source") == pl.col("source_right")
    within = ends.filter(inside).group_by("source").len("within")
    across = pl.concat([ends.filter(~inside).select(source=side) for side in ("source", "source_right")]).group_by("source").len("across")
    counted = across.join(within, on="source", how="left").filter(pl.col("within").fill_null(0) <= FEW * pl.col("across"))
    return counted.get_column("source").sort().to_list()


def _told(rows: pl.DataFrame, grouped: pl.DataFrame, pairs: pl.DataFrame) -> pl.DataFrame:
    """The rows with their cluster, band and the probability of the strongest pair that speaks for it."""
    sides = pl.concat([pairs.with_columns(record_ref=pl.col(side)) for side in ("one", "other")])
    best = lambda which, name: sides.filter(which).group_by("record_ref").agg(pl.col("match_probability").max().alias(name))
    band = pl.when(pl.col("linked").is_not_null()).then(pl.lit("link")).when(pl.col("asked").is_not_null()).then(pl.lit("review"))
    return (
        rows.join(grouped, on="record_ref")
        .join(best(pl.col("together"), "linked"), on="record_ref", how="left")
        .join(best(~pl.col("together") & pl.col("verdict").is_in(["review", "link"]), "asked"), on="record_ref", how="left")
        .sort("record_ref")
        .with_columns(band=band.otherwise(pl.lit("single")), match_probability=pl.coalesce("linked", "asked").round(6))
        .select(*RESULT, pl.all().exclude(*RESULT, "record_ref", "linked", "asked"))
    )
