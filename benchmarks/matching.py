"""What it costs to say who is who among organisations of five systems: ours and Splink's, each in a process of its own."""

import json
from pathlib import Path

import duckdb
import polars as pl

from assets import evaluation, sqlmesh_models
from benchmarks import organisations, splink_peer, synthetic
from benchmarks.agreement import agreement
from benchmarks.measure import Clock
from hub import capture, entity, firm, journal, matching, pairs, projection, rules, store
from hub.matching import Matching
from reconcile import clusters, crowds, decided, learn, resolve, ties

HEAD = "record_ref, source, hub_id_said"
STRONG = entity.all_entities()["customer"].identity.strong
COLUMNS = entity.all_entities()["customer"].columns()


def prepare(clock: Clock, folder: str, records: str) -> None:
    with store.connect() as connection:
        organisations.make(connection, int(records))
        connection.execute(f"COPY record TO '{Path(folder) / 'record.parquet'}'")


def ours(clock: Clock, folder: str) -> None:
    """Keys, weights learned from the records, pairs, clusters."""
    with _fresh(Path(folder) / "ours.duckdb") as connection:
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
    """Our keys, for it has none of its own; training, prediction and clusters."""
    with _fresh(Path(folder) / "splink.duckdb") as connection:
        connection.execute(f"CREATE TABLE record AS FROM '{Path(folder) / 'record.parquet'}'")
        with clock.part("keys"):
            connection.execute(f"CREATE TABLE key AS {_how().select(HEAD, 'record', COLUMNS)}")
        with clock.part("the rest"):
            found = splink_peer.clusters(connection, splink_peer.ORGANISATIONS)
        _tell(connection, folder, "splink", found)


def edits(clock: Clock, folder: str, records: str) -> None:
    """Identity in a hub of five systems: a first run over all records, then one in a hundred changed: the models' tables, hub ids, questions."""
    from assets.cycle import loaded_for_good  # here and not above: with it comes Dagster, whose memory is none of matching's

    the_firm = _firm(Path(folder) / "firm")
    the_rules, book = rules.of(str(the_firm.folder.resolve())), journal.open(the_firm.journal)
    with store.connect(the_firm.hub_file) as connection:
        capture.prepare(connection, the_rules.systems)
        projection.prepare(connection)
    models = {model.name: model for model in sqlmesh_models.compiled(the_firm)}
    with store.connect(the_firm.hub_file) as connection:
        organisations.make(connection, int(records))
        _hold(connection, models["canonical.customer"], "SELECT * FROM record")
        for turn, name in enumerate(("first", "1 % changed", "again 1 %")):
            if turn:
                organisations.edit(connection, turn)
                _hold(
                    connection,
                    models["canonical.customer"],
                    "SELECT r.* FROM record AS r SEMI JOIN edited AS e ON e.record_ref = r.record_ref",
                )
            # As a cycle does: what is loaded stays, and to follow a few changes takes one thread.
            with clock.part(name), loaded_for_good(), store.one_thread(connection, bool(turn)):
                _turn(connection, the_rules, book, models, anew=not turn)
            resolve.done(connection, "measured")


def _firm(folder: Path) -> firm.Firm:
    systems = "".join(f"  s{number}: {{kind: ./s{number}, url: drop}}\n" for number in range(5))
    texts = {"concord.yaml": f"firm: Synthetic\nsystems:\n{systems}"}
    texts |= {
        f"s{number}/system.yaml": f"system: s{number}\nrole: r{number}\nobjects:\n  Account:\n{synthetic.CUSTOMER}" for number in range(5)
    }
    for name, text in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    found = firm.read(folder)
    found.state.mkdir(parents=True, exist_ok=True)
    return found


def _hold(connection: duckdb.DuckDBPyConnection, model: sqlmesh_models.Compiled, records: str) -> None:
    """Make these records the canonical ones, and pending, as capture and the canonical model would."""
    connection.execute(f"CREATE OR REPLACE TEMP TABLE new_customer AS FROM {model.table} LIMIT 0")  # as the model's evaluation leaves it
    connection.execute(f"""
      INSERT INTO new_customer BY NAME SELECT * EXCLUDE (truth, source), split_part(source, ':', 1) AS system, 'Account' AS object,
        split_part(record_ref, ':', 3) AS record_id, TRUE AS is_live FROM ({records})""")
    connection.execute(f"DELETE FROM {model.table} WHERE record_ref IN (SELECT record_ref FROM new_customer)")
    connection.execute(f"INSERT INTO {model.table} FROM new_customer")
    connection.execute("INSERT INTO capture.pending SELECT record_ref, 'update' FROM new_customer")


def _turn(connection: duckdb.DuckDBPyConnection, the_rules: rules.Rules, book: journal.Journal, models: dict, anew: bool) -> None:
    resolve.begin(connection, the_rules, book)
    crowds.remember_around(connection, the_rules)
    crowds.touch_around(connection, the_rules, anew)
    evaluation.evaluate(connection, [models["identity.customer_key"]], "identity", anew=anew)
    crowds.touch(connection, the_rules, anew)
    evaluation.evaluate(connection, [models["identity.customer_pair"]], "identity", anew=anew)
    decided.bind(connection, the_rules)
    ties.match(connection, the_rules.entities["customer"], book, anew)
    ties.ask(connection, the_rules.entities["customer"], anew)


def _fresh(file: Path) -> duckdb.DuckDBPyConnection:
    file.unlink(missing_ok=True)
    return store.connect(file)


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
