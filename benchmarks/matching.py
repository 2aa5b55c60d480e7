"""What it costs to say who is who among organisations of five systems: ours and Splink's, each in a process of its own."""

import json
from pathlib import Path

import duckdb
import polars as pl

from benchmarks import organisations, splink_peer
from benchmarks.agreement import agreement
from benchmarks.measure import Clock
from hub import entity, matching, pairs, store
from hub.matching import Matching
from reconcile import clusters, learn, ties

HEAD = "record_ref, source, hub_id_said"
STRONG = entity.all_entities()["customer"].identity.strong
COLUMNS = entity.all_entities()["customer"].columns()


def prepare(clock: Clock, folder: str, records: str) -> None:
    with store.connect() as connection:
        organisations.make(connection, int(records))
        connection.execute(f"COPY record TO '{Path(folder) / 'record.parquet'}'")


def ours(clock: Clock, folder: str) -> None:
    """Keys, weights learned from the records, pairs, clusters."""
    with store.connect(Path(folder) / "ours.duckdb") as connection:
        connection.execute(f"CREATE TABLE record AS FROM '{Path(folder) / 'record.parquet'}'")
        with clock.part("keys"):
            connection.execute(f"CREATE TABLE key AS {_how().select(HEAD, 'record', COLUMNS)}")
        with clock.part("learn"):
            how = learn.learn(connection, "key", _how(), STRONG)
        with clock.part("pairs"):
            connection.execute(f"CREATE TABLE pair AS {pairs.weighed('key', how, STRONG, False)}")
        with clock.part("clusters"):
            found = _clusters(connection)
        _tell(connection, folder, "ours", found)


def splink(clock: Clock, folder: str) -> None:
    """Training, prediction and clusters, on our keys, which it gets for nothing."""
    with store.connect(Path(folder) / "splink.duckdb") as connection:
        connection.execute(f"CREATE TABLE record AS FROM '{Path(folder) / 'record.parquet'}'")
        connection.execute(f"CREATE TABLE key AS {_how().select(HEAD, 'record', COLUMNS)}")
        with clock:
            found = splink_peer.clusters(connection, splink_peer.ORGANISATIONS)
        _tell(connection, folder, "splink", found)


def _how() -> Matching:
    """Each organisation once in each of five sources."""
    return matching.read("customer").of(COLUMNS).model_copy(update={"copies": 4})


def _clusters(connection: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    records = connection.execute(f"SELECT record_ref, {', '.join(STRONG)} FROM key").pl()
    weight = f"CASE WHEN has_equal_key THEN {ties.KNOWN} ELSE match_weight END AS match_weight"
    links = connection.execute(f"SELECT left_ref, right_ref, {weight} FROM pair WHERE verdict = 'link'").pl()
    return clusters.clusters(records, links, connection.execute("SELECT left_ref, right_ref FROM pair WHERE has_unequal_key").pl())


def _tell(connection: duckdb.DuckDBPyConnection, folder: str, name: str, found: pl.DataFrame) -> None:
    right = agreement(found, connection.execute("SELECT record_ref, truth FROM record").pl())
    (Path(folder) / f"{name}.json").write_text(
        json.dumps({"precision": right.precision, "recall": right.recall, "f1": right.f1, "b_f1": right.b_f1})
    )
